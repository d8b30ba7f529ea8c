-- Why a crawl was not whole, by name; which of the source's routes it went; and the posts' own times it saw.
ALTER TABLE crawls ADD COLUMN cause TEXT NOT NULL DEFAULT '';

ALTER TABLE crawls ADD COLUMN route TEXT NOT NULL DEFAULT 'api';

ALTER TABLE crawls ADD COLUMN seen_from TEXT;

CREATE INDEX crawls_finished ON crawls (finished_at);

DROP VIEW latest_crawls;

CREATE VIEW latest_crawls AS
SELECT c.* FROM crawls c WHERE c.id = (SELECT max(id) FROM crawls WHERE watch = c.watch);

-- An answer that was not for us, as it may be kept: its beginning, with what is secret masked.
CREATE TABLE samples (
  id INTEGER PRIMARY KEY, platform TEXT NOT NULL, watch TEXT NOT NULL, cause TEXT NOT NULL, url TEXT NOT NULL,
  status INTEGER NOT NULL, sha256 TEXT NOT NULL, at TEXT NOT NULL
) STRICT;

CREATE INDEX samples_platform ON samples (platform, at);

-- A platform's own word that a post is gone.
CREATE TABLE removals (
  post TEXT NOT NULL REFERENCES posts(id), because TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (post, because)
) STRICT, WITHOUT ROWID;

-- What a question with a known answer brought, the last time it was asked.
CREATE TABLE canaries (
  platform TEXT NOT NULL, site TEXT NOT NULL, route TEXT NOT NULL, verdict TEXT NOT NULL, why TEXT NOT NULL,
  at TEXT NOT NULL, PRIMARY KEY (platform, site, route)
) STRICT, WITHOUT ROWID;

-- From a source's first blind cycle to the first one that is not: one row, one alert.
CREATE TABLE incidents (
  id INTEGER PRIMARY KEY, platform TEXT NOT NULL, site TEXT NOT NULL, route TEXT NOT NULL, cause TEXT NOT NULL,
  why TEXT NOT NULL, cycles INTEGER NOT NULL, opened_at TEXT NOT NULL, last_at TEXT NOT NULL, closed_at TEXT
) STRICT;

CREATE UNIQUE INDEX incidents_open ON incidents (platform, site, route) WHERE closed_at IS NULL;
