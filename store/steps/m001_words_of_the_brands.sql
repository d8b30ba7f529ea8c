-- What sync writes: brands, franchises, elements, references, accounts, watches.

CREATE TABLE brands (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, generator_tags TEXT NOT NULL CHECK (json_valid(generator_tags))
) STRICT;

CREATE TABLE franchises (
  id TEXT PRIMARY KEY, brand TEXT NOT NULL REFERENCES brands(id), title TEXT NOT NULL, owner TEXT NOT NULL,
  aliases TEXT NOT NULL CHECK (json_valid(aliases)), hashtags TEXT NOT NULL CHECK (json_valid(hashtags)),
  registrations TEXT NOT NULL CHECK (json_valid(registrations)),
  original_urls TEXT NOT NULL CHECK (json_valid(original_urls))
) STRICT;

CREATE TABLE elements (
  id TEXT PRIMARY KEY, franchise TEXT NOT NULL REFERENCES franchises(id), name TEXT NOT NULL,
  nature TEXT NOT NULL, descriptions TEXT NOT NULL CHECK (json_valid(descriptions))
) STRICT;

CREATE TABLE accounts (
  brand TEXT NOT NULL REFERENCES brands(id), platform TEXT NOT NULL, handle TEXT NOT NULL,
  author_class TEXT NOT NULL CHECK (author_class IN ('own', 'licensed', 'press', 'respondent-official')),
  expires_at TEXT, PRIMARY KEY (brand, platform, handle)
) STRICT, WITHOUT ROWID;

CREATE TABLE watches (
  id TEXT PRIMARY KEY, brand TEXT NOT NULL REFERENCES brands(id), platform TEXT NOT NULL, site TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('hashtag', 'keyword', 'account', 'url')), query TEXT NOT NULL,
  every_s INTEGER NOT NULL, expect_least INTEGER, expect_most INTEGER, priority INTEGER NOT NULL,
  enabled INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE refs (
  id TEXT PRIMARY KEY, sha256 TEXT NOT NULL, franchise TEXT NOT NULL REFERENCES franchises(id),
  element TEXT REFERENCES elements(id), bank TEXT NOT NULL CHECK (bank IN ('positive', 'negative', 'licensed')),
  kind TEXT NOT NULL CHECK (kind IN ('image', 'video')), name TEXT NOT NULL, size_bytes INTEGER NOT NULL,
  added_at TEXT NOT NULL
) STRICT;

CREATE INDEX refs_sha256 ON refs (sha256);
