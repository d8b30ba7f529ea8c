-- How far each stream was read: what was seen up to there is written in the same transaction.
CREATE TABLE streams (name TEXT PRIMARY KEY, cursor INTEGER NOT NULL, at TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- A stretch of a stream is one row that grows: the latest crawl is the one that ended last, not the newest row.
DROP VIEW latest_crawls;

CREATE INDEX crawls_latest ON crawls (watch, finished_at);

CREATE VIEW latest_crawls AS
SELECT c.* FROM watches w JOIN crawls c ON c.id =
  (SELECT id FROM crawls WHERE watch = w.id ORDER BY finished_at DESC, id DESC LIMIT 1);
