"""The cascade's part of the ledger: what is looked at first, and what more closely.

Which files are due for a closer look, and which posts for their original, is kept by the triggers of m007.
"""

from datetime import datetime

from core.times import to_text
from store.ledger import Ledger

MOST_PROMISING = 10_000  # what comes after them comes in the order of its names


def promising_posts(ledger: Ledger) -> list[str]:
    """Posts due for download whose words, labels or account already suggest something, the likeliest first."""
    sql = (
        "SELECT f.post FROM findings f CROSS JOIN work w ON w.stage = 'download' AND w.subject = f.post"
        " GROUP BY f.post ORDER BY max(f.score) DESC, f.post LIMIT ?"
    )
    return [row["post"] for row in ledger.rows(sql, [MOST_PROMISING])]


def looked_at_whole(ledger: Ledger, sha256: str) -> bool:
    """Whether a file is to be looked at by the whole plan: something asked for a closer look."""
    return bool(ledger.rows("SELECT 1 FROM closer_looks WHERE sha256 = ?", [sha256]))


def save_near(ledger: Ledger, sha256: str, method: str, version: int, *, near: bool, at: datetime) -> None:
    """Write whether a file that the first look found nothing in came near something, and the receipt."""
    with ledger.write():
        if near:
            ledger.db.execute("INSERT OR IGNORE INTO closer_looks VALUES (?, 'near')", [sha256])
        ledger.db.execute(
            "INSERT OR REPLACE INTO receipts (stage, subject, method, version, found, at)"
            " VALUES ('near', ?, ?, ?, ?, ?)",
            [sha256, method, version, int(near), to_text(at)],
        )


def keep_triage_as_original(ledger: Ledger, post: str) -> int:
    """Note that the files of a post, as fetched, are the best there are; return how many."""
    sql = (
        "INSERT OR IGNORE INTO media SELECT post, position, sha256, container, duration_s, width_px, height_px,"
        " size_bytes, fetched_at, 'original' FROM media WHERE post = ? AND rendition = 'triage'"
    )
    with ledger.write():
        return ledger.db.execute(sql, [post]).rowcount
