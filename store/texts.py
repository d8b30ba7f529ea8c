"""What was read in the pictures of files: written once a file, asked for with its post."""

from collections.abc import Sequence
from datetime import datetime

from core.findings import Written
from core.times import to_text
from store.ledger import Ledger


def save_texts(ledger: Ledger, sha256: str, lines: Sequence[Written], *, at: datetime) -> None:
    """Write the lines of a file, and the receipt that it was read."""
    with ledger.write():
        ledger.db.execute("DELETE FROM texts WHERE sha256 = ?", [sha256])
        ledger.db.conn.executemany(
            "INSERT INTO texts VALUES (?, ?, ?, ?, ?)",
            [(sha256, line.offset_s, number, line.text, line.confidence) for number, line in enumerate(lines)],
        )
        ledger.db.execute(
            "INSERT OR REPLACE INTO receipts (stage, subject, method, version, found, at)"
            " VALUES ('read', ?, '', 1, ?, ?)",
            [sha256, len(lines), to_text(at)],
        )


def texts_of_post(ledger: Ledger, post: str) -> list[Written]:
    """The lines in the pictures of a post's files, in the order they are shown."""
    sql = (
        "SELECT t.offset_s, t.text, t.confidence FROM media m JOIN texts t ON t.sha256 = m.sha256"
        " WHERE m.post = ? AND m.rendition = 'triage' ORDER BY m.position, t.offset_s, t.number"
    )
    return [Written(**row) for row in ledger.rows(sql, [post])]
