-- A post's file is looked at sparsely first, and closely when something asks for it; of a post that is a proved copy
-- the best rendition is fetched too. Nothing here is written by hand but closer_looks of near matches.
-- NOT EXISTS where OR IGNORE would do: the conflict clause of the statement that fires a trigger overrules the trigger's.
-- 0.5 is core.findings.HIT_SCORE and the three classes are its NEVER_HITS: tests/app/test_cascade.py holds them together.

-- sparse 1: made by the first look. It is a whole successor until a closer look is asked for.
ALTER TABLE receipts ADD COLUMN sparse INTEGER NOT NULL DEFAULT 0;

CREATE TABLE closer_looks (sha256 TEXT PRIMARY KEY, because TEXT NOT NULL) STRICT, WITHOUT ROWID;

INSERT INTO closer_looks SELECT DISTINCT sha256, 'reference' FROM refs WHERE size_bytes > 0;

CREATE TRIGGER closer_look_arrives AFTER INSERT ON closer_looks BEGIN
  DELETE FROM work WHERE stage = 'near' AND subject = NEW.sha256;
  INSERT INTO work (stage, subject, method)
    SELECT 'fingerprint', NEW.sha256, r.method FROM receipts r JOIN methods m ON m.name = r.method
      AND m.version = r.version WHERE r.stage = 'fingerprint' AND r.subject = NEW.sha256 AND r.sparse
      AND NOT EXISTS (SELECT 1 FROM failures f WHERE f.stage = 'fingerprint' AND f.subject = NEW.sha256)
      AND NOT EXISTS
      (SELECT 1 FROM work w WHERE w.stage = 'fingerprint' AND w.subject = NEW.sha256 AND w.method = r.method);
END;

CREATE TRIGGER reference_asks AFTER INSERT ON refs WHEN NEW.size_bytes > 0 BEGIN
  INSERT INTO closer_looks SELECT NEW.sha256, 'reference'
    WHERE NOT EXISTS (SELECT 1 FROM closer_looks WHERE sha256 = NEW.sha256);
END;

CREATE TRIGGER match_asks AFTER INSERT ON matches WHEN NEW.basis = 'copy' BEGIN
  INSERT INTO closer_looks SELECT NEW.sha256, 'match' WHERE EXISTS
    (SELECT 1 FROM receipts WHERE stage = 'fingerprint' AND subject = NEW.sha256 AND sparse)
    AND NOT EXISTS (SELECT 1 FROM closer_looks WHERE sha256 = NEW.sha256);
END;

-- What a denser look no longer finds is judged again.
CREATE TRIGGER match_leaves AFTER DELETE ON matches BEGIN
  INSERT OR IGNORE INTO work (stage, subject) SELECT 'find', post FROM media WHERE sha256 = OLD.sha256;
END;

-- near: compare once more by a looser rule, when the first look found nothing.
CREATE TRIGGER first_match_ends AFTER INSERT ON receipts WHEN NEW.stage = 'match' BEGIN
  INSERT OR IGNORE INTO work (stage, subject, method) SELECT 'near', NEW.subject, NEW.method WHERE EXISTS
    (SELECT 1 FROM receipts WHERE stage = 'fingerprint' AND subject = NEW.subject AND method = NEW.method AND sparse)
    AND NOT EXISTS (SELECT 1 FROM closer_looks WHERE sha256 = NEW.subject);
END;

CREATE VIEW hit_posts AS
SELECT DISTINCT post, basis = 'copy' AND author_class NOT IN ('own', 'licensed', 'press') AS proved
FROM findings WHERE score >= 0.5;

INSERT INTO work (stage, subject) SELECT DISTINCT 'original', post FROM hit_posts JOIN media USING (post) WHERE proved;

CREATE TRIGGER finding_arrives AFTER INSERT ON findings WHEN NEW.score >= 0.5 BEGIN
  INSERT INTO closer_looks SELECT DISTINCT m.sha256, 'hit' FROM media m WHERE m.post = NEW.post AND EXISTS
    (SELECT 1 FROM receipts WHERE stage = 'fingerprint' AND subject = m.sha256 AND sparse)
    AND NOT EXISTS (SELECT 1 FROM closer_looks WHERE sha256 = m.sha256);
  INSERT INTO work (stage, subject) SELECT 'original', post FROM hit_posts WHERE post = NEW.post AND proved
    AND EXISTS (SELECT 1 FROM media WHERE post = NEW.post)
    AND NOT EXISTS (SELECT 1 FROM unfinished WHERE stage = 'original' AND subject = NEW.post)
    AND NOT EXISTS (SELECT 1 FROM media WHERE post = NEW.post AND rendition = 'original')
    AND NOT EXISTS (SELECT 1 FROM failures WHERE stage = 'original' AND subject = NEW.post);
END;

CREATE TRIGGER finding_changes AFTER UPDATE ON findings WHEN NEW.score >= 0.5 BEGIN
  INSERT INTO closer_looks SELECT DISTINCT m.sha256, 'hit' FROM media m WHERE m.post = NEW.post AND EXISTS
    (SELECT 1 FROM receipts WHERE stage = 'fingerprint' AND subject = m.sha256 AND sparse)
    AND NOT EXISTS (SELECT 1 FROM closer_looks WHERE sha256 = m.sha256);
  INSERT INTO work (stage, subject) SELECT 'original', post FROM hit_posts WHERE post = NEW.post AND proved
    AND EXISTS (SELECT 1 FROM media WHERE post = NEW.post)
    AND NOT EXISTS (SELECT 1 FROM unfinished WHERE stage = 'original' AND subject = NEW.post)
    AND NOT EXISTS (SELECT 1 FROM media WHERE post = NEW.post AND rendition = 'original')
    AND NOT EXISTS (SELECT 1 FROM failures WHERE stage = 'original' AND subject = NEW.post);
END;

DROP TRIGGER media_arrives;

-- Of an original only the marks are read: what it shows, the triage file has proved.
CREATE TRIGGER media_arrives AFTER INSERT ON media BEGIN
  DELETE FROM work WHERE stage IN ('download', NEW.rendition) AND subject = NEW.post;
  DELETE FROM waiting WHERE stage IN ('download', NEW.rendition) AND subject = NEW.post;
  DELETE FROM failures WHERE stage IN ('download', NEW.rendition) AND subject = NEW.post;
  INSERT INTO closer_looks SELECT NEW.sha256, 'hit' WHERE NEW.rendition = 'triage'
    AND EXISTS (SELECT 1 FROM hit_posts WHERE post = NEW.post)
    AND NOT EXISTS (SELECT 1 FROM closer_looks WHERE sha256 = NEW.sha256);
  INSERT OR IGNORE INTO work (stage, subject, method)
    SELECT 'fingerprint', NEW.sha256, name FROM methods WHERE (NEW.rendition = 'triage' OR NOT compares) AND NOT EXISTS
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

DROP VIEW stage_counts;

CREATE VIEW stage_counts AS
SELECT 'discover' AS stage, (SELECT count(*) FROM posts) AS done,
       (SELECT count(*) FROM watches WHERE enabled) AS subjects, 0 AS pending,
       (SELECT count(*) FROM failures WHERE stage = 'discover') AS failed
UNION ALL SELECT 'download', (SELECT count(DISTINCT post) FROM media), (SELECT count(*) FROM posts),
       (SELECT count(*) FROM unfinished WHERE stage = 'download'),
       (SELECT count(*) FROM failures WHERE stage = 'download')
UNION ALL SELECT 'fingerprint', (SELECT count(*) FROM receipts WHERE stage = 'fingerprint'),
       (SELECT count(*) FROM (SELECT sha256 FROM media UNION SELECT sha256 FROM refs)),
       (SELECT count(*) FROM unfinished WHERE stage = 'fingerprint'),
       (SELECT count(*) FROM failures WHERE stage = 'fingerprint')
UNION ALL SELECT 'match', (SELECT count(*) FROM receipts WHERE stage IN ('match', 'sweep')),
       (SELECT count(*) FROM receipts WHERE stage = 'fingerprint'),
       (SELECT count(*) FROM unfinished WHERE stage IN ('match', 'sweep', 'near')),
       (SELECT count(*) FROM failures WHERE stage IN ('match', 'sweep'))
UNION ALL SELECT 'find', (SELECT count(*) FROM receipts WHERE stage = 'find'), (SELECT count(*) FROM posts),
       (SELECT count(*) FROM unfinished WHERE stage = 'find'), (SELECT count(*) FROM failures WHERE stage = 'find')
UNION ALL SELECT 'original', (SELECT count(DISTINCT post) FROM media WHERE rendition = 'original'),
       (SELECT count(DISTINCT post) FROM hit_posts WHERE proved),
       (SELECT count(*) FROM unfinished WHERE stage = 'original'),
       (SELECT count(*) FROM failures WHERE stage = 'original')
