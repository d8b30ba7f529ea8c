-- What the dashboard counts, kept by triggers: a page of it reads a few thousand small rows, however long the ledger.
-- And who was sent which day's digest. No row of outcomes, tallies, method_tallies or case_tallies is written by hand.

-- What became of each hit. kinds: of the reasons that speak for it (0.05 is core.reasons.SILENCED). wait_s: from found
-- to the decision that holds; NULL where it was found anew since.
CREATE TABLE outcomes (
  finding TEXT PRIMARY KEY REFERENCES findings(id) ON DELETE CASCADE, platform TEXT NOT NULL, franchise TEXT NOT NULL,
  kinds TEXT NOT NULL CHECK (json_valid(kinds)), found_at TEXT NOT NULL, verdict TEXT, decided_at TEXT, wait_s INTEGER,
  noticed_at TEXT, sent_at TEXT, gone_at TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX outcomes_decided ON outcomes (decided_at, platform, franchise, wait_s) WHERE wait_s IS NOT NULL;

CREATE INDEX outcomes_gone ON outcomes (gone_at, platform, franchise, found_at, noticed_at, sent_at)
  WHERE gone_at IS NOT NULL;

-- what: found, a verdict, noticed (a draft names it), sent, gone; each on the UTC day when it happened.
CREATE TABLE tallies (
  day TEXT NOT NULL, what TEXT NOT NULL, platform TEXT NOT NULL, franchise TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (day, what, platform, franchise)
) STRICT, WITHOUT ROWID;

CREATE TABLE method_tallies (
  day TEXT NOT NULL, kind TEXT NOT NULL, verdict TEXT NOT NULL, platform TEXT NOT NULL, franchise TEXT NOT NULL,
  n INTEGER NOT NULL, PRIMARY KEY (day, kind, verdict, platform, franchise)
) STRICT, WITHOUT ROWID;

CREATE TABLE case_tallies (status TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- Writing into these three views is how triggers share what they do. NOT EXISTS where an upsert would do: the conflict
-- clause of the statement that fires a trigger overrules the trigger's.
CREATE VIEW tally_due AS SELECT '' AS day, '' AS what, '' AS platform, '' AS franchise, 0 AS step;

CREATE TRIGGER tally INSTEAD OF INSERT ON tally_due WHEN NEW.day IS NOT NULL BEGIN
  INSERT INTO tallies SELECT NEW.day, NEW.what, NEW.platform, NEW.franchise, 0 WHERE NOT EXISTS (SELECT 1 FROM tallies
    WHERE day = NEW.day AND what = NEW.what AND platform = NEW.platform AND franchise = NEW.franchise);
  UPDATE tallies SET n = n + NEW.step
    WHERE day = NEW.day AND what = NEW.what AND platform = NEW.platform AND franchise = NEW.franchise;
END;

CREATE VIEW method_due AS
SELECT '' AS day, '' AS kind, '' AS verdict, '' AS platform, '' AS franchise, 0 AS step;

CREATE TRIGGER tally_method INSTEAD OF INSERT ON method_due BEGIN
  INSERT INTO method_tallies SELECT NEW.day, NEW.kind, NEW.verdict, NEW.platform, NEW.franchise, 0 WHERE NOT EXISTS
    (SELECT 1 FROM method_tallies WHERE day = NEW.day AND kind = NEW.kind AND verdict = NEW.verdict
       AND platform = NEW.platform AND franchise = NEW.franchise);
  UPDATE method_tallies SET n = n + NEW.step WHERE day = NEW.day AND kind = NEW.kind AND verdict = NEW.verdict
    AND platform = NEW.platform AND franchise = NEW.franchise;
END;

CREATE VIEW outcome_due AS SELECT '' AS finding;

CREATE TRIGGER outcome_anew INSTEAD OF INSERT ON outcome_due BEGIN
  DELETE FROM outcomes WHERE finding = NEW.finding;
  INSERT INTO outcomes
    SELECT f.id, p.platform, f.franchise,
      (SELECT json_group_array(kind) FROM (SELECT DISTINCT json_extract(value, '$.kind') AS kind
         FROM json_each(f.reasons) WHERE json_extract(value, '$.weight') > 0.05)),
      f.found_at, d.verdict, d.at,
      CASE WHEN d.at >= f.found_at THEN CAST(round((julianday(d.at) - julianday(f.found_at)) * 86400) AS INTEGER) END,
      (SELECT min(n.drafted_at) FROM notice_findings x JOIN notices n ON n.id = x.notice WHERE x.finding = f.id),
      (SELECT min(n.sent_at) FROM notice_findings x JOIN notices n ON n.id = x.notice WHERE x.finding = f.id),
      (SELECT min(r.at) FROM removals r WHERE r.post = f.post)
    FROM findings f JOIN posts p ON p.id = f.post LEFT JOIN latest_decisions d ON d.finding = f.id
    WHERE f.id = NEW.finding AND (f.score >= 0.5 OR d.verdict IS NOT NULL);
END;

CREATE TRIGGER outcome_counts AFTER INSERT ON outcomes BEGIN
  INSERT INTO tally_due SELECT substr(at, 1, 10), what, NEW.platform, NEW.franchise, 1 FROM
    (SELECT 'found' AS what, NEW.found_at AS at UNION ALL SELECT NEW.verdict, NEW.decided_at
     UNION ALL SELECT 'noticed', NEW.noticed_at UNION ALL SELECT 'sent', NEW.sent_at
     UNION ALL SELECT 'gone', NEW.gone_at);
  INSERT INTO method_due SELECT substr(NEW.decided_at, 1, 10), value, NEW.verdict, NEW.platform, NEW.franchise, 1
    FROM json_each(NEW.kinds) WHERE NEW.verdict IS NOT NULL;
END;

CREATE TRIGGER outcome_no_longer_counts AFTER DELETE ON outcomes BEGIN
  INSERT INTO tally_due SELECT substr(at, 1, 10), what, OLD.platform, OLD.franchise, -1 FROM
    (SELECT 'found' AS what, OLD.found_at AS at UNION ALL SELECT OLD.verdict, OLD.decided_at
     UNION ALL SELECT 'noticed', OLD.noticed_at UNION ALL SELECT 'sent', OLD.sent_at
     UNION ALL SELECT 'gone', OLD.gone_at);
  INSERT INTO method_due SELECT substr(OLD.decided_at, 1, 10), value, OLD.verdict, OLD.platform, OLD.franchise, -1
    FROM json_each(OLD.kinds) WHERE OLD.verdict IS NOT NULL;
END;

CREATE TRIGGER found_has_an_outcome AFTER INSERT ON findings WHEN NEW.score >= 0.5 BEGIN
  INSERT INTO outcome_due VALUES (NEW.id);
END;

CREATE TRIGGER found_changes_its_outcome AFTER UPDATE OF score, reasons, found_at ON findings
WHEN NEW.score >= 0.5 OR OLD.score >= 0.5 BEGIN
  INSERT INTO outcome_due VALUES (NEW.id);
END;

CREATE TRIGGER decision_is_an_outcome AFTER INSERT ON decisions BEGIN
  INSERT INTO outcome_due VALUES (NEW.finding);
END;

CREATE TRIGGER undoing_is_an_outcome AFTER INSERT ON acts WHEN NEW.undoes IS NOT NULL BEGIN
  INSERT INTO outcome_due SELECT finding FROM decisions WHERE act = NEW.undoes;
END;

CREATE TRIGGER notice_is_an_outcome AFTER INSERT ON notice_findings BEGIN
  INSERT INTO outcome_due VALUES (NEW.finding);
END;

CREATE TRIGGER sending_is_an_outcome AFTER UPDATE OF sent_at ON notices BEGIN
  INSERT INTO outcome_due SELECT finding FROM notice_findings WHERE notice = NEW.id;
END;

CREATE TRIGGER removal_is_an_outcome AFTER INSERT ON removals BEGIN
  INSERT INTO outcome_due SELECT id FROM findings WHERE post = NEW.post;
END;

CREATE TRIGGER case_counts AFTER INSERT ON queue BEGIN
  INSERT INTO case_tallies SELECT NEW.status, 0 WHERE NOT EXISTS
    (SELECT 1 FROM case_tallies WHERE status = NEW.status);
  UPDATE case_tallies SET n = n + 1 WHERE status = NEW.status;
END;

CREATE TRIGGER case_no_longer_counts AFTER DELETE ON queue BEGIN
  UPDATE case_tallies SET n = n - 1 WHERE status = OLD.status;
END;

CREATE TRIGGER case_counts_elsewhere AFTER UPDATE OF status ON queue WHEN NEW.status <> OLD.status BEGIN
  UPDATE case_tallies SET n = n - 1 WHERE status = OLD.status;
  INSERT INTO case_tallies SELECT NEW.status, 0 WHERE NOT EXISTS
    (SELECT 1 FROM case_tallies WHERE status = NEW.status);
  UPDATE case_tallies SET n = n + 1 WHERE status = NEW.status;
END;

INSERT INTO outcome_due SELECT id FROM findings WHERE score >= 0.5
  UNION SELECT finding FROM decisions UNION SELECT finding FROM notice_findings;

INSERT INTO case_tallies SELECT status, count(*) FROM queue GROUP BY status;

-- Who was sent which day's digest, written before it leaves: a row that a killed run left at "sending" is "unknown",
-- and never sent again unless a person says so.
CREATE TABLE digests (
  day TEXT NOT NULL, channel TEXT NOT NULL CHECK (channel IN ('mail', 'webhook')), recipient TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('sending', 'sent', 'unknown', 'refused')), why TEXT NOT NULL, at TEXT NOT NULL,
  PRIMARY KEY (day, channel, recipient)
) STRICT, WITHOUT ROWID;
