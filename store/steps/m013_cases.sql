-- The desk: cases, what people did with them, and the queue they are shown in.
-- acts, decisions, moves, undone and allowed only ever grow; members, queue and found are made from them.

-- One thing a person did: a decision, a merge, a split ...; undoing one is another.
CREATE TABLE acts (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('decide', 'merge', 'split', 'undo')),
  case_id TEXT NOT NULL, person TEXT NOT NULL, at TEXT NOT NULL, undoes INTEGER UNIQUE REFERENCES acts(id)
) STRICT;

CREATE INDEX acts_person ON acts (person, id);

CREATE TRIGGER acts_keep BEFORE UPDATE ON acts BEGIN
  SELECT RAISE(ABORT, 'acts are append-only: an undo is a new row');
END;

CREATE TRIGGER acts_stay BEFORE DELETE ON acts BEGIN
  SELECT RAISE(ABORT, 'acts are append-only: an undo is a new row');
END;

ALTER TABLE decisions ADD COLUMN act INTEGER REFERENCES acts(id);

ALTER TABLE decisions ADD COLUMN element TEXT;

CREATE INDEX decisions_act ON decisions (act);

DROP VIEW hits;

DROP VIEW latest_decisions;

CREATE VIEW latest_decisions AS
SELECT d.* FROM decisions d WHERE d.id = (SELECT max(id) FROM decisions x WHERE x.finding = d.finding
  AND NOT EXISTS (SELECT 1 FROM acts a WHERE a.undoes = x.act));

CREATE VIEW hits AS
SELECT f.id, f.score, f.basis, fr.title AS franchise, e.name AS element, p.platform, p.author_handle AS author,
       p.url, p.text, p.posted_at, f.found_at, f.author_class, f.reasons, f.ai_evidence, d.verdict, d.reviewer
FROM findings f JOIN posts p ON p.id = f.post JOIN franchises fr ON fr.id = f.franchise
LEFT JOIN elements e ON e.id = f.element LEFT JOIN latest_decisions d ON d.finding = f.id
ORDER BY f.score DESC;

-- A clip and all its re-uploads that take from one franchise.
CREATE TABLE cases (
  id TEXT PRIMARY KEY, franchise TEXT NOT NULL REFERENCES franchises(id), opened_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Into which case a finding was put, by the rule (act NULL) or by a person. differs: why it keeps its own verdict.
CREATE TABLE moves (
  id INTEGER PRIMARY KEY, finding TEXT NOT NULL REFERENCES findings(id) ON DELETE CASCADE,
  case_id TEXT NOT NULL REFERENCES cases(id), differs TEXT NOT NULL, why TEXT NOT NULL,
  act INTEGER REFERENCES acts(id), at TEXT NOT NULL
) STRICT;

CREATE INDEX moves_finding ON moves (finding, id);

CREATE INDEX moves_act ON moves (act);

CREATE TABLE members (
  finding TEXT PRIMARY KEY REFERENCES findings(id) ON DELETE CASCADE, case_id TEXT NOT NULL REFERENCES cases(id),
  differs TEXT NOT NULL, why TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX members_case ON members (case_id);

CREATE TRIGGER move_arrives AFTER INSERT ON moves BEGIN
  DELETE FROM members WHERE finding = NEW.finding;
  INSERT INTO members VALUES (NEW.finding, NEW.case_id, NEW.differs, NEW.why);
END;

-- Accounts that a reviewer called licensed, until when; beside those of the brand file.
CREATE TABLE allowed (
  id INTEGER PRIMARY KEY, act INTEGER NOT NULL REFERENCES acts(id), brand TEXT NOT NULL REFERENCES brands(id),
  platform TEXT NOT NULL, handle TEXT NOT NULL, until_at TEXT NOT NULL
) STRICT;

-- References that a decision made: a clip that was no hit joins the negative bank.
CREATE TABLE learned (
  act INTEGER NOT NULL REFERENCES acts(id), reference TEXT NOT NULL, PRIMARY KEY (act, reference)
) STRICT, WITHOUT ROWID;

CREATE TABLE leases (case_id TEXT PRIMARY KEY REFERENCES cases(id), person TEXT NOT NULL, until_at TEXT NOT NULL)
  STRICT, WITHOUT ROWID;

-- What the queue shows of a case, kept so that a page of it is one walk along an index; rank: core.priority.
CREATE TABLE queue (
  id INTEGER PRIMARY KEY, case_id TEXT NOT NULL UNIQUE REFERENCES cases(id), status TEXT NOT NULL, rank REAL NOT NULL,
  franchise TEXT NOT NULL, element TEXT, day TEXT NOT NULL, basis TEXT NOT NULL, score REAL NOT NULL,
  views INTEGER NOT NULL, ai INTEGER NOT NULL, lead TEXT NOT NULL, members INTEGER NOT NULL,
  platforms TEXT NOT NULL CHECK (json_valid(platforms)), decided_at TEXT
) STRICT;

CREATE INDEX queue_rank ON queue (status, rank DESC);

CREATE INDEX queue_franchise ON queue (status, franchise, rank DESC);

CREATE INDEX queue_day ON queue (day, rank DESC);

CREATE INDEX queue_decided ON queue (decided_at);

CREATE TABLE queue_platforms (
  platform TEXT NOT NULL, status TEXT NOT NULL, rank REAL NOT NULL, case_id TEXT NOT NULL,
  PRIMARY KEY (platform, status, rank, case_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX queue_platforms_case ON queue_platforms (case_id);

-- Captions, authors and notes of a case, folded as core.words does: found by any three letters of
-- any script.
CREATE VIRTUAL TABLE found USING fts5(text, author, note, tokenize = 'trigram');

-- A hit is put into a case; one that is looked at anew stays where it is.
CREATE TRIGGER hit_wants_a_case AFTER INSERT ON findings WHEN NEW.score >= 0.5 BEGIN
  INSERT INTO work (stage, subject) SELECT 'case', NEW.id WHERE NOT EXISTS
    (SELECT 1 FROM work WHERE stage = 'case' AND subject = NEW.id);
END;

CREATE TRIGGER hit_changes_its_case AFTER UPDATE ON findings WHEN NEW.score >= 0.5 OR OLD.score >= 0.5 BEGIN
  INSERT INTO work (stage, subject) SELECT 'case', NEW.id WHERE NOT EXISTS
    (SELECT 1 FROM work WHERE stage = 'case' AND subject = NEW.id);
END;

INSERT INTO work (stage, subject) SELECT 'case', id FROM findings WHERE score >= 0.5;

-- A hit of words alone is put into a case before its file is there; the file may show that it is a re-upload.
CREATE TRIGGER file_finds_its_case AFTER INSERT ON receipts WHEN NEW.stage = 'fingerprint' BEGIN
  INSERT INTO work (stage, subject) SELECT DISTINCT 'case', f.id FROM media m JOIN findings f ON f.post = m.post
    JOIN members x ON x.finding = f.id AND x.why = 'no file yet'
    WHERE m.sha256 = NEW.subject AND NOT EXISTS (SELECT 1 FROM work WHERE stage = 'case' AND subject = f.id);
END;

-- The hits of each account. An index on posts would serve too, and slow every crawl down.
CREATE TABLE hit_authors (
  platform TEXT NOT NULL, author_id TEXT NOT NULL, finding TEXT NOT NULL REFERENCES findings(id) ON DELETE CASCADE,
  PRIMARY KEY (platform, author_id, finding)
) STRICT, WITHOUT ROWID;

CREATE INDEX hit_authors_finding ON hit_authors (finding);

CREATE TRIGGER finding_has_an_author AFTER INSERT ON findings BEGIN
  INSERT INTO hit_authors SELECT p.platform, p.author_id, NEW.id FROM posts p WHERE p.id = NEW.post
    AND NOT EXISTS (SELECT 1 FROM hit_authors WHERE finding = NEW.id);
END;

INSERT INTO hit_authors SELECT p.platform, p.author_id, f.id FROM findings f JOIN posts p ON p.id = f.post;
