"""The ledger: one SQLite file that says what was seen, fetched, matched, found and decided.

Every write is one BEGIN IMMEDIATE transaction: a deferred read-then-write fails at once under a
second writer, whatever the timeout. Never deletes what a stage wrote; screens read through queries.py.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from core.records import Brand, Failure, Finding, Fingerprint, Mark, Match, Media, Post, Reference, Verdict
from core.times import to_text
from store.captions import save_edits
from store.migrations import ledger_migrations
from store.rows import brand_rows, dump, finding_row, mark_row, post_row

BUSY_TIMEOUT_S = 30  # a crawl child writes batches of 200 in milliseconds; 30 s means something is wrong
PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
    "temp_store = MEMORY",
    "wal_autocheckpoint = 16000",  # 64 MB: a checkpoint waits for the disk, and a crawl would meet one every second
    "cache_size = -65536",  # 64 MiB
)
FAR = "9999"  # later than any instant, as text


class Ledger:
    """An open ledger. Use as a context manager; `write()` wraps what must happen together."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        # isolation_level None: transactions begin where we say, not where the driver guesses.
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        self.db = Database(connection)
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        if ledger_migrations.pending(self.db):  # a reader of a finished ledger waits for no writer
            with self.write():
                ledger_migrations.apply(self.db)

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    @contextmanager
    def write(self) -> Iterator[None]:
        """One IMMEDIATE transaction; a write inside a write joins it."""
        if self.db.conn.in_transaction:
            yield
            return
        self.db.conn.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.conn.rollback()
            raise
        self.db.conn.commit()

    def rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[dict[str, Any]]:
        """The rows of a query, as plain dicts."""
        return list(self.db.query(sql, parameters))

    # ------------------------------------------------------------------ sync
    def sync(self, brand: Brand) -> bool:
        """Write a brand file's words; True when they changed, and every post is judged again."""
        tables = brand_rows(brand)
        with self.write():
            before = self._words(brand.id)
            for name, rows in tables.items():
                if name != "accounts":
                    self.db.table(name).upsert_all(rows, pk="id")
            self.db.execute("DELETE FROM accounts WHERE brand = ?", [brand.id])
            self.db.table("accounts").insert_all(tables["accounts"])
            wanted = [watch.id for watch in brand.watches]
            self.db.execute(
                "UPDATE watches SET enabled = id IN (SELECT value FROM json_each(?)) WHERE brand = ?",
                [dump(wanted), brand.id],
            )
            changed = self._words(brand.id) != before
            if changed:
                self.enqueue_find()
        return changed

    def _words(self, brand: str) -> list[tuple[Any, ...]]:
        return [
            row
            for sql in (
                "SELECT title, aliases, hashtags FROM franchises WHERE brand = ? ORDER BY id",
                "SELECT * FROM elements WHERE franchise IN (SELECT id FROM franchises WHERE brand = ?) ORDER BY id",
                "SELECT platform, handle, author_class, expires_at FROM accounts WHERE brand = ? ORDER BY 1, 2",
                "SELECT generator_tags FROM brands WHERE id = ?",
            )
            for row in self.db.execute(sql, [brand])
        ]

    def enqueue_find(self) -> None:
        """Judge every post again, from what is already known of it."""
        with self.write():
            self.db.execute("INSERT OR IGNORE INTO work (stage, subject) SELECT 'find', id FROM posts")

    def register_methods(self, versions: Mapping[str, int], *, looking: Mapping[str, int] | None = None) -> None:
        """Name the methods in force; a new version makes everything due again for that method.

        versions    of methods that compare with references
        looking     of those that only look at posts' files
        """
        looking = looking or {}
        wanted = {**versions, **looking}
        with self.write():
            known = dict(self.db.execute("SELECT name, version FROM methods").fetchall())
            for name in known.keys() - wanted.keys():
                self.db.execute("DELETE FROM methods WHERE name = ?", [name])
                self._forget_work(name)
            for name, version in wanted.items():
                if known.get(name) == version:
                    continue
                compares = int(name not in looking)
                self.db.execute("INSERT OR REPLACE INTO methods VALUES (?, ?, ?)", [name, version, compares])
                self._forget_work(name)
                self._take_up(name, version)
                self.db.execute(
                    "INSERT INTO work (stage, subject, method) SELECT 'fingerprint', sha256, ?1 FROM"
                    " (SELECT sha256 FROM media WHERE rendition = 'triage' OR NOT ?2"
                    " UNION SELECT sha256 FROM refs WHERE ?2 AND size_bytes > 0)",
                    [name, compares],
                )

    def _take_up(self, method: str, version: int) -> None:
        """Drop a method's receipts; hashes that came in a list, without a file to hash anew, go over as they are."""
        for sql in TAKE_UP:
            self.db.execute(sql, {"method": method, "version": version})

    def _forget_work(self, method: str) -> None:
        self.db.execute("DELETE FROM work WHERE method = ?", [method])
        self.db.execute("DELETE FROM waiting WHERE method = ?", [method])

    def save_references(self, references: Iterable[Reference]) -> int:
        """Add references that are not there yet; return how many are new."""
        rows = [asdict(reference) | {"added_at": to_text(reference.added_at)} for reference in references]
        with self.write():
            return self._insert("refs", rows)

    def remove_reference(self, reference: str) -> None:
        """Take a reference away, with its matches; the posts it matched are judged again."""
        with self.write():
            self.db.execute("DELETE FROM refs WHERE id = ?", [reference])

    # -------------------------------------------------------------- discover
    def save_posts(self, watch: str, posts: Sequence[tuple[Post, str]], *, seen_at: datetime) -> int:
        """Write a batch of (post, raw sha256) that a watch saw; return how many were new.

        A sighting is added when the watch never saw the post or its numbers moved, so seeing the
        same thing twice writes nothing. A known post that says something else says so from then on.
        """
        at = to_text(seen_at)
        # In the order of the keys: feeds come newest first, and walking the indexes backwards dirties twice the pages.
        posts = sorted(posts, key=lambda pair: pair[0].id)
        with self.write():
            rows = [post_row(post, watch=watch, seen_at=at, raw_sha256=raw) for post, raw in posts]
            new = self._insert("posts", rows)
            if new < len(rows):
                save_edits(self, rows)
            self.db.conn.executemany(SIGHTING, [_sighting(post, watch, at) for post, _ in posts])
        return new

    def seen_before(self, watch: str, posts: Sequence[str], *, at: datetime) -> set[str]:
        """Which of these posts the watch had seen by `at`."""
        sql = "SELECT DISTINCT post FROM json_each(?) JOIN sightings ON post = value WHERE watch = ? AND seen_at <= ?"
        return {row[0] for row in self.db.execute(sql, [dump(posts), watch, to_text(at)])}

    # --------------------------------------------------------- work to be done
    def pending(
        self, stage: str, *, now: datetime, limit: int = 100, after: tuple[str, str] = ("", "")
    ) -> list[tuple[str, str]]:
        """The next (subject, method) pairs of a stage, in the order of their names.

        after   the last one of the page before; a page costs the same however many came before it
        """
        self._wake(stage, to_text(now))
        sql = (
            "SELECT subject, method FROM work WHERE stage = ? AND (subject, method) > (?, ?)"
            " ORDER BY subject, method LIMIT ?"
        )
        return [(row[0], row[1]) for row in self.db.execute(sql, [stage, *after, limit])]

    def _wake(self, stage: str, now: str) -> None:
        """Put back to work what has waited long enough."""
        due = [stage, now]
        if not self.db.execute("SELECT 1 FROM waiting WHERE stage = ? AND due_at <= ? LIMIT 1", due).fetchone():
            return
        with self.write():
            self.db.execute(
                "INSERT OR IGNORE INTO work SELECT stage, subject, method FROM waiting WHERE stage = ? AND due_at <= ?",
                due,
            )
            self.db.execute("DELETE FROM waiting WHERE stage = ? AND due_at <= ?", due)

    def count_pending(self, stage: str, *, now: datetime) -> int:
        """How many pairs are due."""
        self._wake(stage, to_text(now))
        return int(self.db.execute("SELECT count(*) FROM work WHERE stage = ?", [stage]).fetchone()[0])

    def save_failure(self, failure: Failure, *, at: datetime) -> None:
        """Note why a subject is not done; a failure that is final takes it off the work."""
        with self.write():
            self.db.execute(
                "INSERT OR REPLACE INTO failures (stage, subject, error, message, retry_at, attempts, at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    failure.stage,
                    failure.subject,
                    failure.error,
                    failure.message[:1000],
                    to_text(failure.retry_at) if failure.retry_at else None,
                    failure.attempts,
                    to_text(at),
                ],
            )

    def forget_failures(self, stage: str) -> int:
        """Give every failed subject of a stage another chance now; return how many."""
        with self.write():
            self._wake(stage, FAR)
            self.db.execute(
                "INSERT OR IGNORE INTO work (stage, subject, method) SELECT f.stage, f.subject,"
                " iif(f.stage = 'fingerprint', m.name, '') FROM failures f JOIN methods m WHERE f.stage = ?",
                [stage],
            )
            return self.db.execute("DELETE FROM failures WHERE stage = ?", [stage]).rowcount

    def attempts(self, stage: str, subject: str) -> int:
        """How often a subject has failed so far."""
        sql = "SELECT attempts FROM failures WHERE stage = ? AND subject = ?"
        row = self.db.execute(sql, [stage, subject]).fetchone()
        return int(row[0]) if row else 0

    # ------------------------------------------------- what the stages write
    def save_media(self, media: Iterable[Media]) -> None:
        """Write all the files of a post together: the post is then downloaded."""
        rows = [asdict(item) | {"fetched_at": to_text(item.fetched_at)} for item in media]
        with self.write():
            self._insert("media", rows)

    def save_fingerprints(
        self,
        sha256: str,
        method: str,
        version: int,
        fingerprints: Sequence[Fingerprint],
        *,
        at: datetime,
        sparse: bool = False,
    ) -> None:
        """Write a file's fingerprints by one method in place of earlier ones; `sparse`: by the first look."""
        keys = {"sha256": sha256, "method": method, "version": version}
        with self.write():
            self.db.execute("DELETE FROM fingerprints WHERE sha256 = ? AND method = ?", [sha256, method])
            found = self._insert("fingerprints", [keys | asdict(fingerprint) for fingerprint in fingerprints])
            self._receipt("fingerprint", sha256, method, version, found=found, at=at, sparse=sparse)

    def save_marks(self, sha256: str, name: str, version: int, marks: Sequence[Mark], *, at: datetime) -> None:
        """Write what a file says of its own origin, and the receipt that it was read."""
        rows = [mark_row(sha256, number, mark) for number, mark in enumerate(marks)]
        with self.write():
            self.db.execute("DELETE FROM marks WHERE sha256 = ?", [sha256])
            found = self._insert("marks", rows)
            self._receipt("fingerprint", sha256, name, version, found=found, at=at)

    def save_matches(
        self, stage: str, subject: str, method: str, version: int, matches: Sequence[Match], *, at: datetime
    ) -> None:
        """Write what a file (stage match) or a reference (stage sweep) was found to equal, and the receipt."""
        rows = [
            asdict(match)
            | {"segments": dump([asdict(part) for part in match.segments]), "more_is_nearer": int(match.more_is_nearer)}
            for match in matches
        ]
        with self.write():
            if stage == "match":  # of all references; what an earlier, sparser look found is told anew or goes
                self.db.execute("DELETE FROM matches WHERE sha256 = ? AND method = ?", [subject, method])
            self._insert("matches", rows, else_do="REPLACE")
            self._receipt(stage, subject, method, version, found=len(rows), at=at)

    def save_findings(self, post: str, findings: Sequence[Finding], version: int, *, at: datetime) -> None:
        """Write what a post was found to take, and the receipt.

        A finding that no longer holds is kept with score 0 when a person has decided on it,
        and goes otherwise: a hit list shows what is true today, decisions never vanish.
        """
        kept = [finding.id for finding in findings]
        with self.write():
            self.db.execute(
                "DELETE FROM findings WHERE post = ? AND id NOT IN (SELECT value FROM json_each(?))"
                " AND id NOT IN (SELECT finding FROM decisions) AND id NOT IN (SELECT finding FROM notice_findings)",
                [post, dump(kept)],
            )
            self.db.execute(
                "UPDATE findings SET score = 0 WHERE post = ? AND id NOT IN (SELECT value FROM json_each(?))",
                [post, dump(kept)],
            )
            for finding in findings:
                row = finding_row(finding, found_at=to_text(at))
                self.db.conn.execute(FINDING_UPSERT, row)
            self._receipt("find", post, "", version, found=len(findings), at=at)

    def save_decision(
        self, finding: str, verdict: Verdict, *, reviewer: str, note: str, fair_use: str | None, at: datetime
    ) -> None:
        """Append a person's verdict; the latest one holds."""
        row = {
            "finding": finding,
            "verdict": verdict,
            "reviewer": reviewer,
            "note": note,
            "fair_use": fair_use,
            "at": to_text(at),
        }
        with self.write():
            self.db.table("decisions").insert(row, pk="id")

    def save_notice(self, row: Mapping[str, Any], findings: Sequence[str]) -> None:
        """Keep a drafted notice and the findings it names."""
        with self.write():
            self._insert("notices", [row])
            pairs = [{"notice": row["id"], "finding": finding} for finding in findings]
            self._insert("notice_findings", pairs)

    def _receipt(
        self, stage: str, subject: str, method: str, version: int, *, found: int, at: datetime, sparse: bool = False
    ) -> None:
        row = [stage, subject, method, version, found, to_text(at), int(sparse)]
        self.db.execute("INSERT OR REPLACE INTO receipts VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def _insert(self, table: str, rows: Sequence[Mapping[str, Any]], *, else_do: str = "IGNORE") -> int:
        """Insert rows, leaving those there alone (or replacing them); return how many were written.

        Half the time of insert_all, which also asks for a rowid that our WITHOUT ROWID tables lack.
        """
        if not rows:
            return 0
        columns, marks = ", ".join(rows[0]), ", ".join(":" + key for key in rows[0])
        sql = f"INSERT OR {else_do} INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 - our own names
        return self.db.conn.executemany(sql, rows).rowcount

    def count(self, table: str) -> int:
        """How many rows a table holds."""
        return int(self.db.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])  # noqa: S608 - our own names


# Updated, not written anew: a receipt that arrives would have each swept, and all media are due anyway.
TAKE_UP = (
    "DELETE FROM receipts WHERE method = :method AND NOT"
    " (stage = 'fingerprint' AND subject IN (SELECT sha256 FROM refs WHERE size_bytes = 0))",
    "UPDATE receipts SET version = :version WHERE method = :method",
    "UPDATE fingerprints SET version = :version WHERE method = :method"
    " AND sha256 IN (SELECT sha256 FROM refs WHERE size_bytes = 0)",
)

SIGHTING = """
INSERT INTO sightings (post, watch, seen_at, views, likes, reposts, comments)
SELECT :post, :watch, :seen_at, :views, :likes, :reposts, :comments WHERE NOT EXISTS (
  SELECT 1 FROM (SELECT * FROM sightings WHERE watch = :watch AND post = :post ORDER BY seen_at DESC LIMIT 1)
  WHERE views IS :views AND likes IS :likes AND reposts IS :reposts AND comments IS :comments)
ON CONFLICT DO NOTHING"""

FINDING_UPSERT = """
INSERT INTO findings (id, post, franchise, element, basis, score, reasons, ai_evidence, author_class, found_at)
VALUES (:id, :post, :franchise, :element, :basis, :score, :reasons, :ai_evidence, :author_class, :found_at)
ON CONFLICT (id) DO UPDATE SET element = excluded.element, basis = excluded.basis, score = excluded.score,
  reasons = excluded.reasons, ai_evidence = excluded.ai_evidence, author_class = excluded.author_class,
  found_at = iif(excluded.score > findings.score + 0.05, excluded.found_at, findings.found_at)"""
# A finding that grew stronger, say by a new reference, is news again and stands on today's list.


def _sighting(post: Post, watch: str, at: str) -> dict[str, Any]:
    numbers = {key: getattr(post.metrics, key) for key in post.metrics.__slots__}
    return {"post": post.id, "watch": watch, "seen_at": at, **numbers}
