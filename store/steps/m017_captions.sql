-- What posts said before. A post's own row has what it says now; each text it had until then stands here, the first
-- fifty of them, and only ever grows. until_at: when another was first seen in its place.
CREATE TABLE captions (
  post TEXT NOT NULL REFERENCES posts(id), number INTEGER NOT NULL CHECK (number BETWEEN 0 AND 49), text TEXT NOT NULL,
  hashtags TEXT NOT NULL CHECK (json_valid(hashtags)), ai_label TEXT CHECK (ai_label IS NULL OR json_valid(ai_label)),
  watch TEXT NOT NULL REFERENCES watches(id), raw_sha256 TEXT NOT NULL, seen_at TEXT NOT NULL, until_at TEXT NOT NULL,
  PRIMARY KEY (post, number)
) STRICT;

CREATE TRIGGER captions_keep BEFORE UPDATE ON captions BEGIN
  SELECT RAISE(ABORT, 'captions are append-only: another is a new row');
END;

CREATE TRIGGER captions_stay BEFORE DELETE ON captions BEGIN
  SELECT RAISE(ABORT, 'captions are append-only: what was said stays said');
END;

-- How often a post's caption was seen to have changed; since when, by which watch and in which answer its present one.
CREATE TABLE edits (
  post TEXT PRIMARY KEY REFERENCES posts(id), times INTEGER NOT NULL, at TEXT NOT NULL,
  watch TEXT NOT NULL REFERENCES watches(id), raw_sha256 TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A post that says something else is judged anew; the cases of its hits are found by its new words too; and a label that
-- came later has the pictures read, as one that was there at once.
CREATE TRIGGER caption_changes AFTER INSERT ON edits BEGIN
  INSERT INTO work (stage, subject) SELECT 'find', NEW.post WHERE NOT EXISTS
    (SELECT 1 FROM work WHERE stage = 'find' AND subject = NEW.post);
  INSERT INTO work (stage, subject) SELECT 'case', m.finding FROM findings f JOIN members m ON m.finding = f.id
    WHERE f.post = NEW.post AND NOT EXISTS (SELECT 1 FROM work WHERE stage = 'case' AND subject = m.finding);
  INSERT INTO work (stage, subject) SELECT DISTINCT 'read', sha256 FROM to_read WHERE post = NEW.post
    AND EXISTS (SELECT 1 FROM posts WHERE id = NEW.post AND ai_label IS NOT NULL);
END;
