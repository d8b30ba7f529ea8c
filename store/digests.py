"""Who was sent which day's digest: written before it leaves, so that nobody gets one twice without being told."""

from datetime import datetime

from core.times import to_text
from store.ledger import Ledger


def claim(ledger: Ledger, key: tuple[str, str, str], *, at: datetime, again: bool = False) -> str:
    """Say that a digest is about to leave; return "" if it may, else the state that forbids it: sent or unknown.

    key    day, channel, recipient
    again  send it though it was sent, or may have been: a person said so
    """
    with ledger.write():
        row = ledger.rows("SELECT state FROM digests WHERE day = ? AND channel = ? AND recipient = ?", key)
        state = str(row[0]["state"]) if row else ""
        if state in {"sent", "unknown"} and not again:
            return state
        ledger.db.execute(
            "INSERT OR REPLACE INTO digests VALUES (?, ?, ?, 'sending', '', ?)",
            [*key, to_text(at)],
        )
    return ""


def settle(ledger: Ledger, key: tuple[str, str, str], state: str, why: str, *, at: datetime) -> None:
    """Say how it went: sent, refused (it may be tried again), or unknown (it may have arrived)."""
    with ledger.write():
        ledger.db.execute(
            "UPDATE digests SET state = ?, why = ?, at = ? WHERE day = ? AND channel = ? AND recipient = ?",
            [state, why, to_text(at), *key],
        )


def doubt_unfinished(ledger: Ledger) -> int:
    """Call unknown what a killed run was sending; return how many. Only for who holds the lock of the digests."""
    with ledger.write():
        sql = "UPDATE digests SET state = 'unknown', why = 'the run that sent it was killed' WHERE state = 'sending'"
        return ledger.db.execute(sql).rowcount


def state_of(ledger: Ledger, key: tuple[str, str, str]) -> tuple[str, str]:
    """(state, why) of a digest; two empty texts for one that nobody began to send."""
    row = ledger.rows("SELECT state, why FROM digests WHERE day = ? AND channel = ? AND recipient = ?", key)
    return (str(row[0]["state"]), str(row[0]["why"])) if row else ("", "")
