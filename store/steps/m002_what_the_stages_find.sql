-- Posts, media, fingerprints, matches, findings, decisions, notices; one writer each.

CREATE TABLE posts (
  id TEXT PRIMARY KEY, watch TEXT NOT NULL REFERENCES watches(id), platform TEXT NOT NULL, url TEXT NOT NULL,
  author_handle TEXT NOT NULL, author_id TEXT NOT NULL, text TEXT NOT NULL,
  hashtags TEXT NOT NULL CHECK (json_valid(hashtags)), language TEXT, posted_at TEXT NOT NULL,
  seen_at TEXT NOT NULL, attachments TEXT NOT NULL CHECK (json_valid(attachments)),
  ai_label TEXT CHECK (ai_label IS NULL OR json_valid(ai_label)), raw_sha256 TEXT NOT NULL
) STRICT;

CREATE TABLE sightings (
  post TEXT NOT NULL REFERENCES posts(id), watch TEXT NOT NULL REFERENCES watches(id), seen_at TEXT NOT NULL,
  views INTEGER, likes INTEGER, reposts INTEGER, comments INTEGER,
  PRIMARY KEY (post, watch, seen_at)
) STRICT, WITHOUT ROWID;

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

CREATE INDEX notice_findings_finding ON notice_findings (finding);
