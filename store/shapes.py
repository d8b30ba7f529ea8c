"""What is normal in a platform's answers, kept from cycle to cycle; and what is not as it was, told once."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.drift import FORGET_DAYS, Alert, Cluster, Learned, learn
from core.times import from_text, to_text
from core.volumes import LEARNED_DAYS, WINDOWS
from store.ledger import Ledger
from store.rows import dump

MOST_PLACES = 64  # of one site and route
DAY_S = 86_400.0
EVENTS = frozenset({"value"})  # kinds that happen, rather than last: they stand for some days
OPENED, ENDED = 1, 2
ASKED_DAYS = 30  # after that a place counts as one that is not asked any more, say since another route is taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A kind of question ("page /api/v1/timelines/tag/*") to a site by one of its routes; "volume" is no question."""

    platform: str
    site: str
    route: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAlert:
    """Something about a source that is not as it was, for `cycles` crawls; ended when closed_at is set."""

    place: Place
    subject: str
    kind: str
    told: str
    cycles: int
    opened_at: datetime
    last_at: datetime
    closed_at: datetime | None


def learn_cycle(ledger: Ledger, place: Place, clusters: Sequence[Cluster], *, at: datetime) -> None:
    """Judge what one cycle saw at a place by what is known of it, and learn from it."""
    key = [place.platform, place.site, place.route, place.place]
    with ledger.write():
        rows = ledger.rows("SELECT * FROM shapes WHERE (platform, site, route) = (?, ?, ?)", key[:3])
        mine = [row["learned"] for row in rows if row["place"] == place.place]
        if not mine and len(rows) >= MOST_PLACES:
            return
        learned = Learned.of(json.loads(mine[0])) if mine else Learned()
        found = learn(learned, clusters, days=at.timestamp() / DAY_S)
        row = [*key, dump(learned.plain()), to_text(at)]
        ledger.db.execute("INSERT OR REPLACE INTO shapes VALUES (?, ?, ?, ?, ?, ?)", row)
        note_alerts(ledger, place, found, at=at)


def note_alerts(ledger: Ledger, place: Place, found: Iterable[Alert], *, at: datetime) -> None:
    """Open what is new, go on with what still holds, and end what does not."""
    key, now, there = [place.platform, place.site, place.route, place.place], to_text(at), list(found)
    old = to_text(at - timedelta(days=FORGET_DAYS))
    with ledger.write():
        for one in there:
            ledger.db.execute(
                "INSERT INTO alerts (platform, site, route, place, subject, kind, told, cycles, opened_at, last_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT (platform, site, route, place, subject, kind)"
                " WHERE closed_at IS NULL DO UPDATE SET cycles = cycles + 1, last_at = excluded.last_at",
                [*key, one.path, one.kind, one.told, now, now],
            )
        ledger.db.execute(
            "UPDATE alerts SET closed_at = ? WHERE (platform, site, route, place) = (?, ?, ?, ?) AND closed_at IS NULL"
            " AND last_at < ? AND (kind NOT IN (SELECT value FROM json_each(?)) OR opened_at < ?)",
            [now, *key, now, dump(sorted(EVENTS)), old],
        )


def open_alerts(ledger: Ledger) -> list[SourceAlert]:
    """Everything that is not as it was, the oldest first; nothing of what has long not been asked any more."""
    sql = (
        "SELECT * FROM alerts WHERE closed_at IS NULL"
        " AND julianday(last_at) > coalesce((SELECT max(julianday(at)) FROM shapes), 0) - ?"
        " AND (kind <> 'volume' OR subject IN (SELECT id FROM watches WHERE enabled)) ORDER BY opened_at, id"
    )
    return [_alert_of(row) for row in ledger.rows(sql, [ASKED_DAYS])]


def take_unsaid(ledger: Ledger) -> list[SourceAlert]:
    """What opened or ended since it was last asked; each is given once."""
    with ledger.write():
        rows = ledger.rows(
            "SELECT * FROM alerts WHERE said < iif(closed_at IS NULL, ?, ?) ORDER BY id", [OPENED, ENDED]
        )
        ledger.db.execute(
            "UPDATE alerts SET said = iif(closed_at IS NULL, ?1, ?2) WHERE said < iif(closed_at IS NULL, ?1, ?2)",
            [OPENED, ENDED],
        )
    return [_alert_of(row) for row in rows]


def fresh_days(ledger: Ledger, watch: str, *, now: datetime) -> list[int]:
    """New posts of a watch in each of the last days of 24 h on which it was seen whole at least once; today's first."""
    sql = (
        "SELECT cast(julianday(?) - julianday(finished_at) AS INTEGER) AS day, sum(fresh) AS fresh FROM crawls"
        " WHERE watch = ? AND finished_at > ? AND fresh IS NOT NULL"
        " GROUP BY day HAVING max(coverage = 'ok') ORDER BY day"
    )
    since = now - timedelta(days=LEARNED_DAYS + max(WINDOWS))
    return [int(row["fresh"]) for row in ledger.rows(sql, [to_text(now), watch, to_text(since)])]


def _alert_of(row: Mapping[str, Any]) -> SourceAlert:
    return SourceAlert(
        place=Place(**{name: row[name] for name in Place.__slots__}),
        subject=row["subject"],
        kind=row["kind"],
        told=row["told"],
        cycles=row["cycles"],
        opened_at=from_text(row["opened_at"]),
        last_at=from_text(row["last_at"]),
        closed_at=from_text(row["closed_at"]) if row["closed_at"] else None,
    )
