-- What files say of their own origin, an element's own thresholds, and methods that look without comparing.

ALTER TABLE elements ADD COLUMN thresholds TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(thresholds));

CREATE TABLE marks (
  sha256 TEXT NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL CHECK
    (state IN ('present', 'absent', 'invalid')),
  claim TEXT NOT NULL, generator TEXT, place TEXT NOT NULL, fields TEXT NOT NULL CHECK (json_valid(fields)),
  sentence TEXT NOT NULL, PRIMARY KEY (sha256, number)
) STRICT, WITHOUT ROWID;

-- compares 0: what it finds in a file is judged with the post, and never looked up among references.
ALTER TABLE methods ADD COLUMN compares INTEGER NOT NULL DEFAULT 1;

-- A reference of size 0 is an entry of a hash list: it has no file to look at.
DROP TRIGGER reference_arrives;

CREATE TRIGGER reference_arrives AFTER INSERT ON refs BEGIN
  INSERT OR IGNORE INTO work (stage, subject, method)
    SELECT 'fingerprint', NEW.sha256, name FROM methods WHERE compares AND NEW.size_bytes > 0 AND NOT EXISTS
      (SELECT 1 FROM receipts r WHERE r.stage = 'fingerprint' AND r.subject = NEW.sha256 AND r.method = methods.name
         AND r.version = methods.version)
      AND NOT EXISTS (SELECT 1 FROM failures f WHERE f.stage = 'fingerprint' AND f.subject = NEW.sha256);
  INSERT OR IGNORE INTO work (stage, subject, method)
    SELECT 'sweep', NEW.id, r.method FROM receipts r JOIN methods m ON m.name = r.method AND m.compares
      WHERE r.stage = 'fingerprint' AND r.subject = NEW.sha256;
END;

DROP TRIGGER media_arrives;

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
    SELECT 'match', NEW.sha256, r.method FROM receipts r
      JOIN methods m ON m.name = r.method AND m.version = r.version AND m.compares
      WHERE r.stage = 'fingerprint' AND r.subject = NEW.sha256 AND NOT EXISTS
      (SELECT 1 FROM receipts d WHERE d.stage = 'match' AND d.subject = NEW.sha256 AND d.method = r.method
         AND d.version = r.version);
  INSERT OR IGNORE INTO work (stage, subject) VALUES ('find', NEW.post);
END;

DROP TRIGGER receipt_arrives;

CREATE TRIGGER receipt_arrives AFTER INSERT ON receipts BEGIN
  DELETE FROM work WHERE stage = NEW.stage AND subject = NEW.subject AND method = NEW.method;
  DELETE FROM waiting WHERE stage = NEW.stage AND subject = NEW.subject AND method = NEW.method;
  DELETE FROM failures WHERE stage = NEW.stage AND subject = NEW.subject;
  INSERT OR IGNORE INTO work (stage, subject, method)
    SELECT 'match', NEW.subject, NEW.method WHERE NEW.stage = 'fingerprint'
      AND EXISTS (SELECT 1 FROM media WHERE sha256 = NEW.subject)
      AND EXISTS (SELECT 1 FROM methods WHERE name = NEW.method AND compares);
  INSERT OR IGNORE INTO work (stage, subject, method)
    SELECT 'sweep', refs.id, NEW.method FROM refs WHERE NEW.stage = 'fingerprint' AND refs.sha256 = NEW.subject
      AND EXISTS (SELECT 1 FROM methods WHERE name = NEW.method AND compares);
  INSERT OR IGNORE INTO work (stage, subject)
    SELECT 'find', post FROM media WHERE NEW.stage = 'fingerprint' AND sha256 = NEW.subject
      AND EXISTS (SELECT 1 FROM methods WHERE name = NEW.method AND NOT compares);
END;
