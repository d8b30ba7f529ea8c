-- Whose verdict it is: of what spoke for a hit when a person decided, the one kind that the verdict can be pinned to.

-- speaking: kinds as m015 has them. lead: the kind that spoke alone; or of a copy, whose score is that of its surest
-- picture, the first of the surest. NULL for a suggestion of several kinds, whose weights add up: they share the verdict.
CREATE VIEW speaking AS
SELECT f.id AS finding,
  (SELECT json_group_array(kind) FROM (SELECT DISTINCT json_extract(value, '$.kind') AS kind FROM json_each(f.reasons)
     WHERE json_extract(value, '$.weight') > 0.05)) AS kinds,
  coalesce(
    (SELECT min(json_extract(value, '$.kind')) FROM json_each(f.reasons) WHERE json_extract(value, '$.weight') > 0.05
       HAVING count(DISTINCT json_extract(value, '$.kind')) = 1),
    (SELECT json_extract(value, '$.kind') FROM json_each(f.reasons) WHERE f.basis = 'copy'
       AND json_extract(value, '$.weight') > 0.05 AND json_extract(value, '$.kind') NOT IN
         ('words', 'element', 'label', 'mark', 'tag', 'account', 'start', 'likeness', 'sound')
       ORDER BY json_extract(value, '$.weight') DESC, key LIMIT 1)) AS lead
FROM findings f;

-- Kept with the decision: judging anew after a false hit takes away the very reasons that it was about.
CREATE TABLE spoke (
  finding TEXT PRIMARY KEY REFERENCES findings(id) ON DELETE CASCADE,
  kinds TEXT NOT NULL CHECK (json_valid(kinds)), lead TEXT
) STRICT, WITHOUT ROWID;

INSERT INTO spoke SELECT s.* FROM (SELECT DISTINCT finding FROM decisions) d JOIN speaking s ON s.finding = d.finding;

ALTER TABLE outcomes ADD COLUMN lead TEXT;

-- n counts what a kind spoke for, pinned those of them whose verdict is this kind's own.
ALTER TABLE method_tallies ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;

UPDATE outcomes SET lead = (SELECT lead FROM speaking s WHERE s.finding = outcomes.finding);

UPDATE method_tallies SET pinned = g.n FROM (
  SELECT substr(decided_at, 1, 10) AS day, lead, verdict, platform, franchise, count(*) AS n FROM outcomes
  WHERE verdict IS NOT NULL AND lead IS NOT NULL GROUP BY 1, 2, 3, 4, 5) g
WHERE g.day = method_tallies.day AND g.lead = method_tallies.kind AND g.verdict = method_tallies.verdict
  AND g.platform = method_tallies.platform AND g.franchise = method_tallies.franchise;

DROP TRIGGER tally_method;

DROP VIEW method_due;

CREATE VIEW method_due AS
SELECT '' AS day, '' AS kind, '' AS verdict, '' AS platform, '' AS franchise, 0 AS step, 0 AS pinned;

CREATE TRIGGER tally_method INSTEAD OF INSERT ON method_due BEGIN
  INSERT INTO method_tallies SELECT NEW.day, NEW.kind, NEW.verdict, NEW.platform, NEW.franchise, 0, 0 WHERE NOT EXISTS
    (SELECT 1 FROM method_tallies WHERE day = NEW.day AND kind = NEW.kind AND verdict = NEW.verdict
       AND platform = NEW.platform AND franchise = NEW.franchise);
  UPDATE method_tallies SET n = n + NEW.step, pinned = pinned + NEW.pinned WHERE day = NEW.day AND kind = NEW.kind
    AND verdict = NEW.verdict AND platform = NEW.platform AND franchise = NEW.franchise;
END;

DROP TRIGGER outcome_counts;

CREATE TRIGGER outcome_counts AFTER INSERT ON outcomes BEGIN
  INSERT INTO tally_due SELECT substr(at, 1, 10), what, NEW.platform, NEW.franchise, 1 FROM
    (SELECT 'found' AS what, NEW.found_at AS at UNION ALL SELECT NEW.verdict, NEW.decided_at
     UNION ALL SELECT 'noticed', NEW.noticed_at UNION ALL SELECT 'sent', NEW.sent_at
     UNION ALL SELECT 'gone', NEW.gone_at);
  INSERT INTO method_due SELECT substr(NEW.decided_at, 1, 10), value, NEW.verdict, NEW.platform, NEW.franchise, 1,
    value IS NEW.lead FROM json_each(NEW.kinds) WHERE NEW.verdict IS NOT NULL;
END;

DROP TRIGGER outcome_no_longer_counts;

CREATE TRIGGER outcome_no_longer_counts AFTER DELETE ON outcomes BEGIN
  INSERT INTO tally_due SELECT substr(at, 1, 10), what, OLD.platform, OLD.franchise, -1 FROM
    (SELECT 'found' AS what, OLD.found_at AS at UNION ALL SELECT OLD.verdict, OLD.decided_at
     UNION ALL SELECT 'noticed', OLD.noticed_at UNION ALL SELECT 'sent', OLD.sent_at
     UNION ALL SELECT 'gone', OLD.gone_at);
  INSERT INTO method_due SELECT substr(OLD.decided_at, 1, 10), value, OLD.verdict, OLD.platform, OLD.franchise, -1,
    -(value IS OLD.lead) FROM json_each(OLD.kinds) WHERE OLD.verdict IS NOT NULL;
END;

DROP TRIGGER outcome_anew;

CREATE TRIGGER outcome_anew INSTEAD OF INSERT ON outcome_due BEGIN
  DELETE FROM outcomes WHERE finding = NEW.finding;
  INSERT INTO outcomes
    SELECT f.id, p.platform, f.franchise, coalesce(k.kinds, s.kinds), f.found_at, d.verdict, d.at,
      CASE WHEN d.at >= f.found_at THEN CAST(round((julianday(d.at) - julianday(f.found_at)) * 86400) AS INTEGER) END,
      (SELECT min(n.drafted_at) FROM notice_findings x JOIN notices n ON n.id = x.notice WHERE x.finding = f.id),
      (SELECT min(n.sent_at) FROM notice_findings x JOIN notices n ON n.id = x.notice WHERE x.finding = f.id),
      (SELECT min(r.at) FROM removals r WHERE r.post = f.post),
      CASE WHEN k.finding IS NULL THEN s.lead ELSE k.lead END
    FROM findings f JOIN posts p ON p.id = f.post JOIN speaking s ON s.finding = f.id
    LEFT JOIN latest_decisions d ON d.finding = f.id
    LEFT JOIN spoke k ON k.finding = f.id AND d.verdict IS NOT NULL
    WHERE f.id = NEW.finding AND (f.score >= 0.5 OR d.verdict IS NOT NULL);
END;

-- Of a second decision what speaks by then counts, if anything still does.
DROP TRIGGER decision_is_an_outcome;

CREATE TRIGGER decision_is_an_outcome AFTER INSERT ON decisions BEGIN
  DELETE FROM spoke WHERE finding = NEW.finding
    AND (SELECT kinds FROM speaking WHERE finding = NEW.finding) <> '[]';
  INSERT INTO spoke SELECT s.* FROM speaking s WHERE s.finding = NEW.finding
    AND NOT EXISTS (SELECT 1 FROM spoke WHERE finding = NEW.finding);
  INSERT INTO outcome_due VALUES (NEW.finding);
END;
