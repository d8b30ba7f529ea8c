"""When a source went blind, why, and when it saw again: one row an incident; and what its canaries said last."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.coverage import Verdict
from core.times import from_text, to_text
from store.ledger import Ledger
from store.rows import dump


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A source that is blind, or was: `cycles` crawls in a row."""

    platform: str
    site: str
    route: str
    cause: str
    why: str
    cycles: int
    opened_at: datetime
    last_at: datetime
    closed_at: datetime | None


def save_verdicts(ledger: Ledger, platform: str, verdicts: Mapping[str, Verdict], *, at: datetime) -> None:
    """Write what the canaries of each site said."""
    with ledger.write():
        for one in verdicts.values():
            ledger.db.execute(
                "INSERT OR REPLACE INTO canaries VALUES (?, ?, ?, ?, ?, ?)",
                [platform, one.site, one.route, one.verdict, one.why, to_text(at)],
            )


def canaries_asked(ledger: Ledger, platform: str, route: str) -> dict[str, datetime]:
    """Site -> when its canaries were last asked on this route."""
    sql = "SELECT site, at FROM canaries WHERE platform = ? AND route = ?"
    return {row["site"]: from_text(row["at"]) for row in ledger.rows(sql, [platform, route])}


def shown_since(ledger: Ledger, watches: Sequence[str], since: datetime) -> int:
    """How many posts these watches were shown the last time that they were shown any, if that was since then."""
    sql = (
        "SELECT coalesce(sum(posts), 0) AS posts FROM crawls WHERE id IN (SELECT max(id) FROM crawls"
        " WHERE watch IN (SELECT value FROM json_each(?)) AND finished_at >= ? AND posts GROUP BY watch)"
    )
    return int(ledger.rows(sql, [dump(watches), to_text(since)])[0]["posts"])


def note_cycle(
    ledger: Ledger, place: tuple[str, str, str], blind: tuple[str, str] | None, *, at: datetime
) -> Incident | None:
    """Write how a source's cycle went; return the incident if it opened or closed by it.

    place  platform, site, route
    blind  cause and why, or None when it sees
    """
    now = to_text(at)
    with ledger.write():
        before = _open(ledger, place)
        if blind and before:
            ledger.db.execute(
                "UPDATE incidents SET cycles = cycles + 1, last_at = ?, cause = ?, why = ?"
                " WHERE platform = ? AND site = ? AND route = ? AND closed_at IS NULL",
                [now, *blind, *place],
            )
            return None
        if blind:
            ledger.db.execute(
                "INSERT INTO incidents (platform, site, route, cause, why, cycles, opened_at, last_at)"
                " VALUES (?, ?, ?, ?, ?, 1, ?, ?)",
                [*place, *blind, now, now],
            )
            return _open(ledger, place)
        if before:
            ledger.db.execute(
                "UPDATE incidents SET closed_at = ?"
                " WHERE platform = ? AND site = ? AND route = ? AND closed_at IS NULL",
                [now, *place],
            )
            return Incident(**{key: getattr(before, key) for key in before.__slots__} | {"closed_at": at})
    return None


def _open(ledger: Ledger, place: tuple[str, str, str]) -> Incident | None:
    sql = "SELECT * FROM incidents WHERE platform = ? AND site = ? AND route = ? AND closed_at IS NULL"
    return next(iter(_incidents(ledger.rows(sql, place))), None)


def open_incidents(ledger: Ledger) -> list[Incident]:
    """Every incident that is not over, the oldest first."""
    return _incidents(ledger.rows("SELECT * FROM incidents WHERE closed_at IS NULL ORDER BY opened_at"))


def _incidents(rows: Iterable[Mapping[str, str | int | None]]) -> list[Incident]:
    return [
        Incident(
            platform=str(row["platform"]),
            site=str(row["site"]),
            route=str(row["route"]),
            cause=str(row["cause"]),
            why=str(row["why"]),
            cycles=int(row["cycles"] or 0),
            opened_at=from_text(str(row["opened_at"])),
            last_at=from_text(str(row["last_at"])),
            closed_at=from_text(str(row["closed_at"])) if row["closed_at"] else None,
        )
        for row in rows
    ]
