"""The ledger's shape, one small step after another.

A step that has landed is never edited; the next one follows it. No step touches a blob.
"""

from sqlite_utils import Database, Migrations

ledger_migrations = Migrations("clipwarden")


def _run(db: Database, script: str) -> None:
    """Run statements one by one: executescript would commit the migration's transaction."""
    for statement in script.split(";\n\n"):
        db.execute(statement)


@ledger_migrations(name="m001_words_of_the_brands")
def m001(db: Database) -> None:
    """What sync writes: brands, franchises, elements, references, accounts, watches."""
    _run(
        db,
        """
CREATE TABLE brands (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, generator_tags TEXT NOT NULL CHECK (json_valid(generator_tags))
) STRICT;

CREATE TABLE franchises (
  id TEXT PRIMARY KEY, brand TEXT NOT NULL REFERENCES brands(id), title TEXT NOT NULL, owner TEXT NOT NULL,
  aliases TEXT NOT NULL CHECK (json_valid(aliases)), hashtags TEXT NOT NULL CHECK (json_valid(hashtags)),
  registrations TEXT NOT NULL CHECK (json_valid(registrations)),
  original_urls TEXT NOT NULL CHECK (json_valid(original_urls))
) STRICT;

CREATE TABLE elements (
  id TEXT PRIMARY KEY, franchise TEXT NOT NULL REFERENCES franchises(id), name TEXT NOT NULL,
  nature TEXT NOT NULL, descriptions TEXT NOT NULL CHECK (json_valid(descriptions))
) STRICT;

CREATE TABLE accounts (
  brand TEXT NOT NULL REFERENCES brands(id), platform TEXT NOT NULL, handle TEXT NOT NULL,
  author_class TEXT NOT NULL CHECK (author_class IN ('own', 'licensed', 'press', 'respondent-official')),
  expires_at TEXT, PRIMARY KEY (brand, platform, handle)
) STRICT, WITHOUT ROWID;

CREATE TABLE watches (
  id TEXT PRIMARY KEY, brand TEXT NOT NULL REFERENCES brands(id), platform TEXT NOT NULL, site TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('hashtag', 'keyword', 'account', 'url')), query TEXT NOT NULL,
  every_s INTEGER NOT NULL, expect_least INTEGER, expect_most INTEGER, priority INTEGER NOT NULL,
  enabled INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE refs (
  id TEXT PRIMARY KEY, sha256 TEXT NOT NULL, franchise TEXT NOT NULL REFERENCES franchises(id),
  element TEXT REFERENCES elements(id), bank TEXT NOT NULL CHECK (bank IN ('positive', 'negative', 'licensed')),
  kind TEXT NOT NULL CHECK (kind IN ('image', 'video')), name TEXT NOT NULL, size_bytes INTEGER NOT NULL,
  added_at TEXT NOT NULL
) STRICT;

CREATE INDEX refs_sha256 ON refs (sha256)
""",
    )


@ledger_migrations(name="m002_what_the_stages_find")
def m002(db: Database) -> None:
    """Posts, media, fingerprints, matches, findings, decisions, notices; one writer each."""
    _run(
        db,
        """
CREATE TABLE posts (
  id TEXT PRIMARY KEY, watch TEXT NOT NULL REFERENCES watches(id), platform TEXT NOT NULL, url TEXT NOT NULL,
  author_handle TEXT NOT NULL, author_id TEXT NOT NULL, text TEXT NOT NULL,
  hashtags TEXT NOT NULL CHECK (json_valid(hashtags)), language TEXT, posted_at TEXT NOT NULL,
  seen_at TEXT NOT NULL, attachments TEXT NOT NULL CHECK (json_valid(attachments)),
  ai_label TEXT CHECK (ai_label IS NULL OR json_valid(ai_label)), raw_sha256 TEXT NOT NULL
) STRICT;

CREATE INDEX posts_seen ON posts (seen_at);

CREATE TABLE sightings (
  post TEXT NOT NULL REFERENCES posts(id), watch TEXT NOT NULL REFERENCES watches(id), seen_at TEXT NOT NULL,
  views INTEGER, likes INTEGER, reposts INTEGER, comments INTEGER,
  PRIMARY KEY (watch, post, seen_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX sightings_post ON sightings (post, seen_at);

CREATE TABLE crawls (
  id INTEGER PRIMARY KEY, watch TEXT NOT NULL REFERENCES watches(id), started_at TEXT NOT NULL,
  finished_at TEXT NOT NULL, coverage TEXT NOT NULL CHECK (coverage IN ('ok', 'partial', 'blind')),
  why TEXT NOT NULL, pages INTEGER NOT NULL, posts INTEGER NOT NULL, ground INTEGER NOT NULL
) STRICT;

CREATE INDEX crawls_watch ON crawls (watch, finished_at);

CREATE TABLE media (
  post TEXT NOT NULL REFERENCES posts(id), position INTEGER NOT NULL, sha256 TEXT NOT NULL, container TEXT NOT NULL,
  duration_s REAL, width_px INTEGER, height_px INTEGER, size_bytes INTEGER NOT NULL, fetched_at TEXT NOT NULL,
  rendition TEXT NOT NULL CHECK (rendition IN ('triage', 'original')),
  PRIMARY KEY (post, position, rendition)
) STRICT, WITHOUT ROWID;

CREATE INDEX media_sha256 ON media (sha256);

CREATE TABLE methods (name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE fingerprints (
  sha256 TEXT NOT NULL, method TEXT NOT NULL, version INTEGER NOT NULL, region TEXT NOT NULL, offset_s REAL NOT NULL,
  value BLOB NOT NULL, quality INTEGER NOT NULL,
  PRIMARY KEY (sha256, method, version, region, offset_s)
) STRICT, WITHOUT ROWID;

CREATE TABLE matches (
  sha256 TEXT NOT NULL, reference TEXT NOT NULL REFERENCES refs(id) ON DELETE CASCADE, method TEXT NOT NULL,
  version INTEGER NOT NULL, distance INTEGER NOT NULL, threshold INTEGER NOT NULL, unit TEXT NOT NULL,
  segments TEXT NOT NULL CHECK (json_valid(segments)), PRIMARY KEY (sha256, reference, method)
) STRICT, WITHOUT ROWID;

CREATE INDEX matches_reference ON matches (reference);

CREATE TABLE findings (
  id TEXT PRIMARY KEY, post TEXT NOT NULL REFERENCES posts(id), franchise TEXT NOT NULL REFERENCES franchises(id),
  element TEXT REFERENCES elements(id), basis TEXT NOT NULL CHECK (basis IN ('copy', 'suggestion')),
  score REAL NOT NULL CHECK (score BETWEEN 0 AND 1), reasons TEXT NOT NULL CHECK (json_valid(reasons)),
  ai_evidence TEXT NOT NULL CHECK (json_valid(ai_evidence)), author_class TEXT NOT NULL, found_at TEXT NOT NULL,
  UNIQUE (post, franchise)
) STRICT;

CREATE INDEX findings_day ON findings (found_at, score);

CREATE TABLE decisions (
  id INTEGER PRIMARY KEY, finding TEXT NOT NULL REFERENCES findings(id),
  verdict TEXT NOT NULL CHECK (verdict IN ('infringing', 'licensed', 'fair-use', 'unrelated', 'unsure')),
  reviewer TEXT NOT NULL, note TEXT NOT NULL, fair_use TEXT, at TEXT NOT NULL
) STRICT;

CREATE INDEX decisions_finding ON decisions (finding, id);

CREATE TRIGGER decisions_keep BEFORE UPDATE ON decisions BEGIN
  SELECT RAISE(ABORT, 'decisions are append-only: a change of mind is a new row');
END;

CREATE TRIGGER decisions_stay BEFORE DELETE ON decisions BEGIN
  SELECT RAISE(ABORT, 'decisions are append-only: an undo is a new row');
END;

CREATE TABLE notices (
  id TEXT PRIMARY KEY, platform TEXT NOT NULL, host TEXT NOT NULL, regime TEXT NOT NULL,
  fields TEXT NOT NULL CHECK (json_valid(fields)), body TEXT NOT NULL, drafted_at TEXT NOT NULL,
  approved_by TEXT, sent_at TEXT
) STRICT;

CREATE TABLE notice_findings (
  notice TEXT NOT NULL REFERENCES notices(id), finding TEXT NOT NULL REFERENCES findings(id),
  PRIMARY KEY (notice, finding)
) STRICT, WITHOUT ROWID;

CREATE INDEX notice_findings_finding ON notice_findings (finding)
""",
    )


@ledger_migrations(name="m003_work_by_absence")
def m003(db: Database) -> None:
    """What is left to do, kept as an index by triggers: no row of it is written by hand.

    A receipt says that a stage looked at a subject, and how much it found: "nothing" is a fact too.
    work holds what has no successor and no final failure; due_at moves while a failure waits.
    """
    _run(
        db,
        """
CREATE TABLE receipts (
  stage TEXT NOT NULL, subject TEXT NOT NULL, method TEXT NOT NULL, version INTEGER NOT NULL, found INTEGER NOT NULL,
  at TEXT NOT NULL, PRIMARY KEY (stage, subject, method)
) STRICT, WITHOUT ROWID;

CREATE TABLE failures (
  stage TEXT NOT NULL, subject TEXT NOT NULL, error TEXT NOT NULL, message TEXT NOT NULL, retry_at TEXT,
  attempts INTEGER NOT NULL, at TEXT NOT NULL, PRIMARY KEY (stage, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE work (
  stage TEXT NOT NULL, subject TEXT NOT NULL, method TEXT NOT NULL DEFAULT '', due_at TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (stage, subject, method)
) STRICT, WITHOUT ROWID;

CREATE INDEX work_due ON work (stage, due_at, subject);

CREATE TRIGGER post_arrives AFTER INSERT ON posts BEGIN
  INSERT OR IGNORE INTO work (stage, subject) SELECT 'download', NEW.id WHERE NEW.attachments <> '[]';
  INSERT OR IGNORE INTO work (stage, subject) VALUES ('find', NEW.id);
END;

CREATE TRIGGER media_arrives AFTER INSERT ON media BEGIN
  DELETE FROM work WHERE stage = 'download' AND subject = NEW.post;
  DELETE FROM failures WHERE stage = 'download' AND subject = NEW.post;
  INSERT OR IGNORE INTO work (stage, subject, method)
    SELECT 'fingerprint', NEW.sha256, name FROM methods WHERE NOT EXISTS
      (SELECT 1 FROM receipts r WHERE r.stage = 'fingerprint' AND r.subject = NEW.sha256 AND r.method = methods.name
         AND r.version = methods.version)
      AND NOT EXISTS (SELECT 1 FROM failures f WHERE f.stage = 'fingerprint' AND f.subject = NEW.sha256);
  INSERT OR IGNORE INTO work (stage, subject, method)
    SELECT 'match', NEW.sha256, r.method FROM receipts r JOIN methods m ON m.name = r.method AND m.version = r.version
      WHERE r.stage = 'fingerprint' AND r.subject = NEW.sha256 AND NOT EXISTS
      (SELECT 1 FROM receipts d WHERE d.stage = 'match' AND d.subject = NEW.sha256 AND d.method = r.method
         AND d.version = r.version);
  INSERT OR IGNORE INTO work (stage, subject) VALUES ('find', NEW.post);
END;

CREATE TRIGGER reference_arrives AFTER INSERT ON refs BEGIN
  INSERT OR IGNORE INTO work (stage, subject, method)
    SELECT 'fingerprint', NEW.sha256, name FROM methods WHERE NOT EXISTS
      (SELECT 1 FROM receipts r WHERE r.stage = 'fingerprint' AND r.subject = NEW.sha256 AND r.method = methods.name
         AND r.version = methods.version)
      AND NOT EXISTS (SELECT 1 FROM failures f WHERE f.stage = 'fingerprint' AND f.subject = NEW.sha256);
  INSERT OR IGNORE INTO work (stage, subject, method)
    SELECT 'sweep', NEW.id, r.method FROM receipts r JOIN methods m ON m.name = r.method AND m.version = r.version
      WHERE r.stage = 'fingerprint' AND r.subject = NEW.sha256;
END;

CREATE TRIGGER reference_leaves BEFORE DELETE ON refs BEGIN
  INSERT OR IGNORE INTO work (stage, subject)
    SELECT 'find', media.post FROM matches JOIN media USING (sha256) WHERE matches.reference = OLD.id;
  DELETE FROM work WHERE stage = 'sweep' AND subject = OLD.id;
  DELETE FROM receipts WHERE stage = 'sweep' AND subject = OLD.id;
END;

CREATE TRIGGER receipt_arrives AFTER INSERT ON receipts BEGIN
  DELETE FROM work WHERE stage = NEW.stage AND subject = NEW.subject AND method = NEW.method;
  DELETE FROM failures WHERE stage = NEW.stage AND subject = NEW.subject;
  INSERT OR IGNORE INTO work (stage, subject, method)
    SELECT 'match', NEW.subject, NEW.method WHERE NEW.stage = 'fingerprint'
      AND EXISTS (SELECT 1 FROM media WHERE sha256 = NEW.subject);
  INSERT OR IGNORE INTO work (stage, subject, method)
    SELECT 'sweep', refs.id, NEW.method FROM refs WHERE NEW.stage = 'fingerprint' AND refs.sha256 = NEW.subject;
END;

CREATE TRIGGER match_arrives AFTER INSERT ON matches BEGIN
  INSERT OR IGNORE INTO work (stage, subject) SELECT 'find', post FROM media WHERE sha256 = NEW.sha256;
END;

CREATE TRIGGER failure_arrives AFTER INSERT ON failures BEGIN
  UPDATE work SET due_at = NEW.retry_at
    WHERE stage = NEW.stage AND subject = NEW.subject AND NEW.retry_at IS NOT NULL;
  DELETE FROM work WHERE stage = NEW.stage AND subject = NEW.subject AND NEW.retry_at IS NULL;
END
""",
    )


@ledger_migrations(name="m004_views_for_people")
def m004(db: Database) -> None:
    """Named views, so that any SQLite browser shows what the screens show."""
    _run(
        db,
        """
CREATE VIEW latest_decisions AS
SELECT d.* FROM decisions d WHERE d.id = (SELECT max(id) FROM decisions WHERE finding = d.finding);

CREATE VIEW latest_crawls AS
SELECT c.* FROM crawls c WHERE c.id = (SELECT max(id) FROM crawls WHERE watch = c.watch);

CREATE VIEW hits AS
SELECT f.id, f.score, f.basis, fr.title AS franchise, e.name AS element, p.platform, p.author_handle AS author,
       p.url, p.text, p.posted_at, f.found_at, f.author_class, f.reasons, f.ai_evidence, d.verdict, d.reviewer
FROM findings f JOIN posts p ON p.id = f.post JOIN franchises fr ON fr.id = f.franchise
LEFT JOIN elements e ON e.id = f.element LEFT JOIN latest_decisions d ON d.finding = f.id
ORDER BY f.score DESC;

CREATE VIEW fingerprints_hex AS
SELECT sha256, method, version, region, offset_s, lower(hex(value)) AS value, quality FROM fingerprints;

CREATE VIEW stage_counts AS
SELECT 'discover' AS stage, (SELECT count(*) FROM posts) AS done,
       (SELECT count(*) FROM watches WHERE enabled) AS subjects, 0 AS pending,
       (SELECT count(*) FROM failures WHERE stage = 'discover') AS failed
UNION ALL SELECT 'download', (SELECT count(DISTINCT post) FROM media), (SELECT count(*) FROM posts),
       (SELECT count(*) FROM work WHERE stage = 'download'),
       (SELECT count(*) FROM failures WHERE stage = 'download')
UNION ALL SELECT 'fingerprint', (SELECT count(*) FROM receipts WHERE stage = 'fingerprint'),
       (SELECT count(*) FROM (SELECT sha256 FROM media UNION SELECT sha256 FROM refs)),
       (SELECT count(*) FROM work WHERE stage = 'fingerprint'),
       (SELECT count(*) FROM failures WHERE stage = 'fingerprint')
UNION ALL SELECT 'match', (SELECT count(*) FROM receipts WHERE stage IN ('match', 'sweep')),
       (SELECT count(*) FROM receipts WHERE stage = 'fingerprint'),
       (SELECT count(*) FROM work WHERE stage IN ('match', 'sweep')),
       (SELECT count(*) FROM failures WHERE stage IN ('match', 'sweep'))
UNION ALL SELECT 'find', (SELECT count(*) FROM receipts WHERE stage = 'find'), (SELECT count(*) FROM posts),
       (SELECT count(*) FROM work WHERE stage = 'find'), (SELECT count(*) FROM failures WHERE stage = 'find')
""",
    )
