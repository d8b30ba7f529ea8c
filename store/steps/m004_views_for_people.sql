-- Named views, so that any SQLite browser shows what the screens show.

CREATE VIEW latest_decisions AS
SELECT d.* FROM decisions d WHERE d.id = (SELECT max(id) FROM decisions WHERE finding = d.finding);

CREATE VIEW latest_crawls AS
SELECT c.* FROM crawls c WHERE c.id = (SELECT max(id) FROM crawls WHERE watch = c.watch);

CREATE VIEW hits AS
SELECT f.id, f.score, f.basis, fr.title AS franchise, e.name AS element, p.platform, p.author_handle AS author,
       p.url, p.text, p.posted_at, f.found_at, f.author_class, f.reasons, f.ai_evidence, d.verdict, d.reviewer
FROM findings f JOIN posts p ON p.id = f.post JOIN franchises fr ON fr.id = f.franchise
LEFT JOIN elements e ON e.id = f.element LEFT JOIN latest_decisions d ON d.finding = f.id
ORDER BY f.score DESC;

CREATE VIEW fingerprints_hex AS
SELECT sha256, method, version, region, offset_s, lower(hex(value)) AS value, quality FROM fingerprints;

CREATE VIEW unfinished AS
SELECT stage, subject, method, NULL AS due_at FROM work UNION ALL SELECT stage, subject, method, due_at FROM waiting;

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
       (SELECT count(*) FROM unfinished WHERE stage IN ('match', 'sweep')),
       (SELECT count(*) FROM failures WHERE stage IN ('match', 'sweep'))
UNION ALL SELECT 'find', (SELECT count(*) FROM receipts WHERE stage = 'find'), (SELECT count(*) FROM posts),
       (SELECT count(*) FROM unfinished WHERE stage = 'find'), (SELECT count(*) FROM failures WHERE stage = 'find');
