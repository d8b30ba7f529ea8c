"""How well each watch was crawled: one row a crawl, and the answers that were not for us."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from core.coverage import Crawl
from core.records import Coverage
from core.times import from_text, to_text
from store.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An answer that was not for us: where, why by name, and the sha256 of what is kept of it."""

    platform: str
    watch: str
    cause: str
    url: str
    status: int
    sha256: str


def save_crawl(ledger: Ledger, crawl: Crawl) -> int:
    """Say how a crawl of a watch ended; return its row."""
    row = asdict(crawl) | {
        "started_at": to_text(crawl.started_at),
        "finished_at": to_text(crawl.finished_at),
        "ground": int(crawl.ground),
        "seen_from": to_text(crawl.seen_from) if crawl.seen_from else None,
    }
    with ledger.write():
        return int(ledger.db.table("crawls").insert(row, pk="id").last_pk or 0)


def crawls_since(ledger: Ledger, since: datetime) -> dict[str, list[Crawl]]:
    """Watch id -> its crawls that ended since then, and the last one with ground before that."""
    sql = (
        "SELECT * FROM crawls WHERE id IN (SELECT id FROM crawls WHERE finished_at >= ?1 UNION ALL SELECT"
        " (SELECT id FROM crawls WHERE watch = w.id AND ground AND finished_at < ?1"
        " ORDER BY finished_at DESC, id DESC LIMIT 1) FROM watches w) ORDER BY id"
    )
    found: dict[str, list[Crawl]] = {}
    for row in ledger.rows(sql, [to_text(since)]):
        found.setdefault(row["watch"], []).append(crawl_of(row))
    return found


def crawl_of(row: dict[str, object]) -> Crawl:
    """A row of crawls."""
    own = {key: row[key] for key in Crawl.__slots__}
    seen = row["seen_from"]
    return Crawl(
        **own  # type: ignore[arg-type]  # the columns are STRICT, and named as the fields
        | {
            "started_at": from_text(str(row["started_at"])),
            "finished_at": from_text(str(row["finished_at"])),
            "coverage": Coverage(str(row["coverage"])),
            "ground": bool(row["ground"]),
            "seen_from": from_text(str(seen)) if seen else None,
        }
    )


def save_samples(ledger: Ledger, samples: Sequence[Sample], *, at: datetime) -> None:
    """Keep what was refused, so that a person can look."""
    with ledger.write():
        ledger.db.table("samples").insert_all([asdict(one) | {"at": to_text(at)} for one in samples], pk="id")


def save_removals(ledger: Ledger, removals: Sequence[tuple[str, str]], *, at: datetime) -> None:
    """Write a platform's word that posts are gone: (post, because) each; of posts that are not ours, nothing."""
    with ledger.write():
        ledger.db.conn.executemany(
            "INSERT OR IGNORE INTO removals SELECT id, ?2, ?3 FROM posts WHERE id = ?1",
            [(post, because, to_text(at)) for post, because in removals],
        )
