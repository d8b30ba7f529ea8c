-- People of the desk: who they are, how they come in, and the chain of all that was done.

-- A name is never given twice and no account is ever deleted: what a person did stands under the name.
-- totp_next waits for its first code; totp_step is the last one used, so that no code counts twice.
-- issuer, subject: who this is at the company's own sign-in.
CREATE TABLE people (
  name TEXT PRIMARY KEY, shown TEXT NOT NULL, role TEXT NOT NULL, password TEXT, totp TEXT, totp_next TEXT,
  totp_step INTEGER NOT NULL DEFAULT 0, issuer TEXT, subject TEXT, made_at TEXT NOT NULL, disabled_at TEXT,
  CHECK ((issuer IS NULL) = (subject IS NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX people_company ON people (issuer, subject) WHERE issuer IS NOT NULL;

-- Of every key, here and below, only the digest is kept.
CREATE TABLE recovery_codes (
  person TEXT NOT NULL REFERENCES people(name), sha256 TEXT NOT NULL, PRIMARY KEY (person, sha256)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  sha256 TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES people(name), address TEXT NOT NULL, made_at TEXT NOT NULL,
  seen_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_person ON sessions (person);

-- A link that signs one person in, once.
CREATE TABLE sign_in_links (
  sha256 TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES people(name), until_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Sign-ins that are with the company's provider now.
CREATE TABLE company_sign_ins (
  sha256 TEXT PRIMARY KEY, browser TEXT NOT NULL, verifier TEXT NOT NULL, nonce TEXT NOT NULL, next TEXT NOT NULL,
  until_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX company_sign_ins_until ON company_sign_ins (until_at);

-- What programs come in with; scopes are rights.
CREATE TABLE tokens (
  id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,
  scopes TEXT NOT NULL CHECK (json_valid(scopes)), made_by TEXT NOT NULL REFERENCES people(name),
  made_at TEXT NOT NULL, until_at TEXT NOT NULL, used_at TEXT, ended_at TEXT
) STRICT;

-- Attempts to sign in that did not succeed, by account and by address.
CREATE TABLE attempts (key TEXT PRIMARY KEY, failures INTEGER NOT NULL, last_at TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE INDEX attempts_last ON attempts (last_at);

-- Every act of a person or a program, each row chained to the one before it by its hash: store.audit.
CREATE TABLE audit (
  id INTEGER PRIMARY KEY, at TEXT NOT NULL, person TEXT NOT NULL, act TEXT NOT NULL,
  detail TEXT NOT NULL CHECK (json_valid(detail)), hash TEXT NOT NULL CHECK (length(hash) = 64)
) STRICT;

CREATE INDEX audit_person ON audit (person, id);

CREATE INDEX audit_act ON audit (act, id);

-- INSERT OR REPLACE would take a row away without asking the trigger that forbids it.
CREATE TRIGGER audit_follows BEFORE INSERT ON audit
WHEN NEW.id IS NOT (SELECT coalesce(max(id), 0) + 1 FROM audit) BEGIN
  SELECT RAISE(ABORT, 'the audit log only grows, row after row');
END;

CREATE TRIGGER audit_keeps BEFORE UPDATE ON audit BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;
