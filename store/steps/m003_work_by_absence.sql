-- What is left to do, kept as an index by triggers: no row of it is written by hand.
-- A receipt says that a stage looked at a subject, and how much it found: "nothing" is a fact too.
-- work holds what has no successor and no failure; waiting, what a failure that may pass holds back until due_at.

CREATE TABLE receipts (
  stage TEXT NOT NULL, subject TEXT NOT NULL, method TEXT NOT NULL, version INTEGER NOT NULL, found INTEGER NOT NULL,
  at TEXT NOT NULL, PRIMARY KEY (stage, subject, method)
) STRICT, WITHOUT ROWID;

CREATE TABLE failures (
  stage TEXT NOT NULL, subject TEXT NOT NULL, error TEXT NOT NULL, message TEXT NOT NULL, retry_at TEXT,
  attempts INTEGER NOT NULL, at TEXT NOT NULL, PRIMARY KEY (stage, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE work (
  stage TEXT NOT NULL, subject TEXT NOT NULL, method TEXT NOT NULL DEFAULT '', PRIMARY KEY (stage, subject, method)
) STRICT, WITHOUT ROWID;

CREATE TABLE waiting (
  stage TEXT NOT NULL, subject TEXT NOT NULL, method TEXT NOT NULL, due_at TEXT NOT NULL,
  PRIMARY KEY (stage, subject, method)
) STRICT, WITHOUT ROWID;

CREATE INDEX waiting_due ON waiting (stage, due_at);

CREATE TRIGGER post_arrives AFTER INSERT ON posts BEGIN
  INSERT OR IGNORE INTO work (stage, subject) SELECT 'download', NEW.id WHERE NEW.attachments <> '[]';
  INSERT OR IGNORE INTO work (stage, subject) VALUES ('find', NEW.id);
END;

CREATE TRIGGER media_arrives AFTER INSERT ON media BEGIN
  DELETE FROM work WHERE stage = 'download' AND subject = NEW.post;
  DELETE FROM waiting WHERE stage = 'download' AND subject = NEW.post;
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
  DELETE FROM waiting WHERE stage = NEW.stage AND subject = NEW.subject AND method = NEW.method;
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
  INSERT OR REPLACE INTO waiting SELECT stage, subject, method, NEW.retry_at FROM work
    WHERE stage = NEW.stage AND subject = NEW.subject AND NEW.retry_at IS NOT NULL;
  DELETE FROM work WHERE stage = NEW.stage AND subject = NEW.subject;
  DELETE FROM waiting WHERE stage = NEW.stage AND subject = NEW.subject AND NEW.retry_at IS NULL;
END;
