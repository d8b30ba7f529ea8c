"""How far each stream was read, and what stretch of it each watch has seen: written with the posts, or not at all."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from core.coverage import Crawl
from core.times import to_text
from store.coverage import save_crawl
from store.ledger import Ledger


def place_of(ledger: Ledger, name: str) -> int | None:
    """Where a stream goes on: microseconds since 1970 by its own clock; None for one never read."""
    rows = ledger.rows("SELECT cursor FROM streams WHERE name = ?", [name])
    return int(rows[0]["cursor"]) if rows else None


def save_place(ledger: Ledger, name: str, cursor: int, *, at: datetime) -> None:
    """Note how far a stream was read."""
    with ledger.write():
        ledger.db.execute("INSERT OR REPLACE INTO streams VALUES (?, ?, ?)", [name, cursor, to_text(at)])


def save_stretch(ledger: Ledger, stretch: Mapping[str, int], crawls: Iterable[Crawl]) -> dict[str, int]:
    """Write how far each watch's stretch has grown.

    stretch  watch id -> its row, for those that have one
    returns  the same for all of `crawls`
    """
    rows = dict(stretch)
    with ledger.write():
        for crawl in crawls:
            if crawl.watch in rows:
                ledger.db.execute(
                    "UPDATE crawls SET started_at = ?, finished_at = ?, posts = posts + ? WHERE id = ?",
                    [to_text(crawl.started_at), to_text(crawl.finished_at), crawl.posts, rows[crawl.watch]],
                )
            else:
                rows[crawl.watch] = save_crawl(ledger, crawl)
    return rows


def save_left(ledger: Ledger, platform: str, authors: Sequence[tuple[str, str]], *, at: datetime) -> None:
    """Write that accounts went, with all their posts: (author id, because) each."""
    with ledger.write():
        ledger.db.conn.executemany(
            "INSERT OR IGNORE INTO removals SELECT id, ?2, ?3 FROM posts WHERE platform = ?4 AND author_id = ?1",
            [(author, because, to_text(at), platform) for author, because in authors],
        )


def authors_of(ledger: Ledger, platform: str) -> set[str]:
    """The ids of all authors of a platform's posts."""
    return {
        row["author_id"] for row in ledger.rows("SELECT DISTINCT author_id FROM posts WHERE platform = ?", [platform])
    }
