-- What is written in the pictures of clips that already look interesting: a finding, the platform's AI label, or the
-- file's own mark. Work that stays until the extra `ocr` is there to do it.

CREATE TABLE texts (
  sha256 TEXT NOT NULL, offset_s REAL NOT NULL, number INTEGER NOT NULL, text TEXT NOT NULL, confidence REAL NOT NULL,
  PRIMARY KEY (sha256, offset_s, number)
) STRICT, WITHOUT ROWID;

CREATE VIEW to_read AS
SELECT m.sha256, m.post FROM media m WHERE m.rendition = 'triage' AND NOT EXISTS
  (SELECT 1 FROM receipts WHERE stage = 'read' AND subject = m.sha256)
  AND NOT EXISTS (SELECT 1 FROM failures WHERE stage = 'read' AND subject = m.sha256)
  AND NOT EXISTS (SELECT 1 FROM work WHERE stage = 'read' AND subject = m.sha256);

-- Triggers say NOT EXISTS and DISTINCT, and never rely on OR IGNORE: the statement that fires one overrules it.
INSERT INTO work (stage, subject)
  SELECT DISTINCT 'read', sha256 FROM findings f JOIN to_read USING (post);

CREATE TRIGGER finding_asks_to_read AFTER INSERT ON findings BEGIN
  INSERT INTO work (stage, subject) SELECT DISTINCT 'read', sha256 FROM to_read WHERE post = NEW.post;
END;

CREATE TRIGGER media_asks_to_read AFTER INSERT ON media BEGIN
  INSERT INTO work (stage, subject) SELECT DISTINCT 'read', sha256 FROM to_read WHERE post = NEW.post AND
    (EXISTS (SELECT 1 FROM findings WHERE post = NEW.post)
     OR EXISTS (SELECT 1 FROM posts WHERE id = NEW.post AND ai_label IS NOT NULL));
END;

CREATE TRIGGER mark_asks_to_read AFTER INSERT ON marks WHEN NEW.state = 'present' AND NEW.claim <> 'silent' BEGIN
  INSERT INTO work (stage, subject) SELECT DISTINCT 'read', sha256 FROM to_read WHERE sha256 = NEW.sha256;
END;

CREATE TRIGGER text_arrives AFTER INSERT ON texts BEGIN
  INSERT OR IGNORE INTO work (stage, subject) SELECT 'find', post FROM media WHERE sha256 = NEW.sha256;
END;
