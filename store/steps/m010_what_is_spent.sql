-- What was booked against each allowance of a platform: before the request, and settled after its answer.
-- thing names what is counted once a period, however often it is used (a hashtag); '' where each use counts.
CREATE TABLE spending (
  id INTEGER PRIMARY KEY, platform TEXT NOT NULL, allowance TEXT NOT NULL, thing TEXT NOT NULL DEFAULT '',
  units REAL NOT NULL CHECK (units >= 0), watch TEXT NOT NULL, at TEXT NOT NULL
) STRICT;

CREATE INDEX spending_period ON spending (platform, allowance, at);
