"""What was spent of each allowance. A booking is one IMMEDIATE transaction: no two pass a cap together."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from core.budgets import SLACK
from core.times import from_text, to_text
from store.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one allowance of a platform has taken since a moment."""

    platform: str
    allowance: str
    units: float


def book(
    ledger: Ledger, platform: str, allowance: str, units: float, *, thing: str = "", watch: str = "",
    since: datetime, at: datetime, most: float,
) -> int | None:  # fmt: skip
    """Book units, unless that would pass `most` since a moment; return the booking's number, or None.

    thing   counted once, however often it is booked since then (a hashtag): booked again it costs nothing
    """
    with ledger.write():
        if (
            thing
            and ledger.db.execute(
                "SELECT 1 FROM spending WHERE platform = ? AND allowance = ? AND thing = ? AND at >= ? LIMIT 1",
                [platform, allowance, thing, to_text(since)],
            ).fetchone()
        ):
            units = 0.0
        if units and spent(ledger, platform, allowance, since) + units > most + SLACK:
            return None
        row = {
            "platform": platform,
            "allowance": allowance,
            "thing": thing,
            "units": units,
            "watch": watch,
            "at": to_text(at),
        }
        ledger.db.table("spending").insert(row, pk="id")
        return int(ledger.db.execute("SELECT last_insert_rowid()").fetchone()[0])


def settle(ledger: Ledger, booking: int, units: float) -> None:
    """Say what a booking really cost: never more than was booked, which was the most it could."""
    with ledger.write():
        ledger.db.execute("UPDATE spending SET units = min(units, max(?, 0.0)) WHERE id = ?", [units, booking])


def give_back(ledger: Ledger, numbers: Iterable[int]) -> None:
    """Take back what was booked for something that was not sent after all.

    A thing that is counted once stays booked: another may have leant on it since.
    """
    with ledger.write():
        sql = "DELETE FROM spending WHERE id = ? AND thing = ''"
        ledger.db.conn.executemany(sql, [(number,) for number in numbers])


def bookings(ledger: Ledger, platform: str, allowance: str, since: datetime) -> list[tuple[datetime, float]]:
    """When and how much was booked of one allowance since a moment, the oldest first."""
    sql = "SELECT at, units FROM spending WHERE platform = ? AND allowance = ? AND at >= ? AND units > 0 ORDER BY at"
    return [(from_text(at), units) for at, units in ledger.db.execute(sql, [platform, allowance, to_text(since)])]


def spent(ledger: Ledger, platform: str, allowance: str, since: datetime) -> float:
    """Units of one allowance since a moment.

    What lies in the future counts too: a clock that was set back must not open the purse again.
    """
    sql = "SELECT coalesce(sum(units), 0.0) FROM spending WHERE platform = ? AND allowance = ? AND at >= ?"
    return float(ledger.db.execute(sql, [platform, allowance, to_text(since)]).fetchone()[0])


def spent_by_watch(ledger: Ledger, since: datetime) -> dict[str, list[Spent]]:
    """Watch id -> what it has spent since a moment, an entry an allowance."""
    sql = "SELECT watch, platform, allowance, sum(units) AS units FROM spending WHERE at >= ? GROUP BY 1, 2, 3"
    found: dict[str, list[Spent]] = {}
    for row in ledger.rows(sql, [to_text(since)]):
        one = Spent(platform=row["platform"], allowance=row["allowance"], units=row["units"])
        found.setdefault(row["watch"], []).append(one)
    return found
