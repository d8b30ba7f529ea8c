-- What a match proves or suggests, how sure it is, and which way its distance counts.

ALTER TABLE matches ADD COLUMN probability REAL NOT NULL DEFAULT 0.9 CHECK (probability BETWEEN 0 AND 1);

ALTER TABLE matches ADD COLUMN basis TEXT NOT NULL DEFAULT 'copy' CHECK (basis IN ('copy', 'suggestion'));

ALTER TABLE matches ADD COLUMN more_is_nearer INTEGER NOT NULL DEFAULT 0;
