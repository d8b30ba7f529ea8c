-- References that were retired, with all they had found, and thresholds that a person accepted; both only ever grow.
-- A retired reference leaves refs, so that no stage has to ask; what it was stands here, and may come back.

CREATE TABLE retirements (
  id INTEGER PRIMARY KEY, reference TEXT NOT NULL, retired INTEGER NOT NULL CHECK (retired IN (0, 1)),
  was TEXT NOT NULL CHECK (json_valid(was)), person TEXT NOT NULL, why TEXT NOT NULL, at TEXT NOT NULL
) STRICT;

CREATE INDEX retirements_reference ON retirements (reference, id);

CREATE TRIGGER retirements_keep BEFORE UPDATE ON retirements BEGIN
  SELECT RAISE(ABORT, 'retirements are append-only: bringing back is a new row');
END;

CREATE TRIGGER retirements_stay BEFORE DELETE ON retirements BEGIN
  SELECT RAISE(ABORT, 'retirements are append-only: bringing back is a new row');
END;

-- What a reference matched up to its retirement. One that is back is compared anew, and its old matches stay here.
CREATE TABLE past_matches (
  retirement INTEGER NOT NULL REFERENCES retirements(id), sha256 TEXT NOT NULL, method TEXT NOT NULL,
  version INTEGER NOT NULL, distance INTEGER NOT NULL, threshold INTEGER NOT NULL, unit TEXT NOT NULL,
  segments TEXT NOT NULL CHECK (json_valid(segments)), probability REAL NOT NULL, basis TEXT NOT NULL,
  more_is_nearer INTEGER NOT NULL, PRIMARY KEY (retirement, sha256, method)
) STRICT, WITHOUT ROWID;

CREATE INDEX past_matches_sha256 ON past_matches (sha256);

CREATE TRIGGER past_matches_keep BEFORE UPDATE ON past_matches BEGIN
  SELECT RAISE(ABORT, 'past matches are append-only');
END;

CREATE TRIGGER past_matches_stay BEFORE DELETE ON past_matches BEGIN
  SELECT RAISE(ABORT, 'past matches are append-only');
END;

-- A stage at work may still hold a reference that a person has retired meanwhile: what it finds with it is no match.
CREATE TRIGGER match_of_nobody BEFORE INSERT ON matches
WHEN NOT EXISTS (SELECT 1 FROM refs WHERE id = NEW.reference) BEGIN
  SELECT RAISE(IGNORE);
END;

-- threshold NULL: what was accepted is taken back, and the brand file's or the method's own holds again.
CREATE TABLE accepted (
  id INTEGER PRIMARY KEY, element TEXT NOT NULL REFERENCES elements(id), method TEXT NOT NULL, threshold INTEGER,
  grounds TEXT NOT NULL CHECK (json_valid(grounds)), person TEXT NOT NULL, at TEXT NOT NULL
) STRICT;

CREATE INDEX accepted_element ON accepted (element, method, id);

CREATE TRIGGER accepted_keep BEFORE UPDATE ON accepted BEGIN
  SELECT RAISE(ABORT, 'accepted thresholds are append-only: another is a new row');
END;

CREATE TRIGGER accepted_stay BEFORE DELETE ON accepted BEGIN
  SELECT RAISE(ABORT, 'accepted thresholds are append-only: another is a new row');
END;

-- Elements as judging sees them: the brand file's thresholds, which each sync writes, under those a person accepted.
CREATE VIEW elements_in_force AS
SELECT e.id, e.franchise, e.name, e.nature, e.descriptions, json_patch(e.thresholds, coalesce(
    (SELECT json_group_object(a.method, a.threshold) FROM accepted a WHERE a.element = e.id
       AND a.threshold IS NOT NULL AND a.id = (SELECT max(id) FROM accepted b WHERE b.element = a.element
       AND b.method = a.method)), '{}')) AS thresholds
FROM elements e;
