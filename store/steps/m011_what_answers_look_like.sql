-- What is normal in the answers to each kind of question, as core/drift.py learned it: one document a place.
CREATE TABLE shapes (
  platform TEXT NOT NULL, site TEXT NOT NULL, route TEXT NOT NULL, place TEXT NOT NULL,
  learned TEXT NOT NULL CHECK (json_valid(learned)), at TEXT NOT NULL, PRIMARY KEY (platform, site, route, place)
) STRICT, WITHOUT ROWID;

-- What is not as it was, from when it was first seen until it is no more: one row, told once. said: 1 opened, 2 ended.
CREATE TABLE alerts (
  id INTEGER PRIMARY KEY, platform TEXT NOT NULL, site TEXT NOT NULL, route TEXT NOT NULL, place TEXT NOT NULL,
  subject TEXT NOT NULL, kind TEXT NOT NULL, told TEXT NOT NULL, cycles INTEGER NOT NULL, opened_at TEXT NOT NULL,
  last_at TEXT NOT NULL, closed_at TEXT, said INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX alerts_open ON alerts (platform, site, route, place, subject, kind) WHERE closed_at IS NULL;

-- How the answers came that posts were read from.
CREATE TABLE answers (
  sha256 TEXT NOT NULL, watch TEXT NOT NULL, platform TEXT NOT NULL, route TEXT NOT NULL, role TEXT NOT NULL,
  expects TEXT NOT NULL, url TEXT NOT NULL, status INTEGER NOT NULL, headers TEXT NOT NULL CHECK (json_valid(headers)),
  meta TEXT NOT NULL CHECK (json_valid(meta)), seen_at TEXT NOT NULL, PRIMARY KEY (seen_at, sha256, watch)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX answers_once ON answers (sha256, watch);

-- Posts that a watch had not seen before; NULL for a first crawl, and from before this step.
ALTER TABLE crawls ADD COLUMN fresh INTEGER;
