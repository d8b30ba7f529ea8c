"""What the dashboard shows of some days: counts from the tallies, medians along two indexes; see m015.

Never counts the posts or the findings themselves: a page costs the same however long the ledger has grown.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

from core.proposals import wilson
from store.ledger import Ledger
from store.sources import SourceRow, sources

WHATS = ("found", "infringing", "noticed", "sent", "gone", "licensed", "fair-use", "unrelated", "unsure")
MOST_DAYS = 366
Counts = Mapping[str, int]  # what -> how many; each of WHATS is there


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """How often a hit that a kind of reason led to was confirmed: it spoke alone, or first of a copy's; see m018.

    decided     with a verdict other than `unsure`
    precision   0..1, confirmed of decided; None for nothing decided
    low, high   its interval of 95 %
    shared      (confirmed, decided) of the hits that it spoke for beside another that led, or where none did: what
                was said of them says nothing of it alone
    """

    kind: str
    decided: int
    confirmed: int
    allowed: int
    unrelated: int
    unsure: int
    precision: float | None
    low: float
    high: float
    shared: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """How long something took: the median in seconds, over n cases of it; None when there was none."""

    seconds: float | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """The numbers of some UTC days, the oldest first.

    by_franchise    by the franchise's id
    to_decision     from found to the decision that holds
    to_gone         from found to gone, where a platform or a check said so
    notice_to_gone  from the notice (sent; drafted, where no sending is noted) to gone
    checked         whether anything was ever seen to be gone
    cases           status -> how many cases there are now, of all days
    sources         how well each was watched in the last 24 hours
    """

    days: tuple[str, ...]
    per_day: Mapping[str, Counts]
    by_platform: Mapping[str, Counts]
    by_franchise: Mapping[str, Counts]
    total: Counts
    methods: tuple[Method, ...]
    to_decision: Wait
    to_gone: Wait
    notice_to_gone: Wait
    checked: bool
    cases: Mapping[str, int]
    sources: tuple[SourceRow, ...]
    titles: Mapping[str, str]


def dashboard(
    ledger: Ledger, *, until: date, now: datetime, days: int = 30, platform: str = "", franchise: str = ""
) -> Dashboard:
    """The numbers of `days` UTC days up to and with `until`; platform and franchise: "" for all."""
    days = min(max(days, 1), MOST_DAYS)
    names = tuple((until - timedelta(days=back)).isoformat() for back in range(days - 1, -1, -1))
    asked = _Asked(ledger, names[0], (until + timedelta(days=1)).isoformat(), platform, franchise)
    total = _counts(asked.sums("'all'")).get("all", _none())
    per_day = _counts(asked.sums("day"))
    return Dashboard(
        days=names,
        per_day={name: per_day.get(name, _none()) for name in names},
        by_platform=_counts(asked.sums("platform")),
        by_franchise=_counts(asked.sums("franchise")),
        total=total,
        methods=_methods(asked),
        to_decision=asked.wait("wait_s", "decided_at", "wait_s IS NOT NULL"),
        to_gone=asked.wait(_seconds("found_at"), "gone_at", "gone_at >= found_at"),
        notice_to_gone=asked.wait(
            _seconds("coalesce(sent_at, noticed_at)"), "gone_at", "gone_at >= coalesce(sent_at, noticed_at)"
        ),
        checked=bool(ledger.rows("SELECT 1 FROM removals LIMIT 1")),
        cases={row["status"]: row["n"] for row in ledger.rows("SELECT * FROM case_tallies WHERE n > 0 ORDER BY 1")},
        sources=tuple(sources(ledger, since=now - timedelta(hours=24), until=now)),
        titles={row["id"]: row["title"] for row in ledger.rows("SELECT id, title FROM franchises")},
    )


def recent_hits(ledger: Ledger, *, since: date, least: float, limit: int) -> list[dict[str, Any]]:
    """The hits found since a day, the newest first, with the case each is in and the sentences of its reasons.

    least   score 0..1
    """
    sql = (
        "SELECT f.id, f.score, f.basis, f.found_at, f.reasons, fr.title, p.platform, p.author_handle AS author, p.url,"
        " substr(p.text, 1, 1000) AS text, m.case_id FROM findings f JOIN franchises fr ON fr.id = f.franchise"
        " JOIN posts p ON p.id = f.post LEFT JOIN members m ON m.finding = f.id"
        " WHERE f.found_at >= ? AND f.score >= ? ORDER BY f.found_at DESC, f.score DESC LIMIT ?"
    )
    rows = ledger.rows(sql, [since.isoformat(), least, limit])
    return [row | {"sentences": [one["sentence"] for one in json.loads(row.pop("reasons"))[:5]]} for row in rows]


def _seconds(since: str) -> str:
    return f"(julianday(gone_at) - julianday({since})) * 86400"


@dataclass(frozen=True, slots=True)
class _Asked:
    """Some days, from the first to the one after the last, of a platform and a franchise or of all."""

    ledger: Ledger
    first: str
    after: str
    platform: str
    franchise: str

    def where(self, instant: str) -> tuple[str, list[str]]:
        """The condition on rows whose `instant` is in those days."""
        clauses, values = [f"{instant} >= ? AND {instant} < ?"], [self.first, self.after]
        for column in ("platform", "franchise"):
            if value := getattr(self, column):
                clauses.append(f"{column} = ?")
                values.append(value)
        return " AND ".join(clauses), values

    def sums(self, by: str) -> list[tuple[str, str, int]]:
        """(by, what, how many)."""
        where, values = self.where("day")
        sql = f"SELECT {by}, what, sum(n) FROM tallies WHERE {where} GROUP BY 1, 2"  # noqa: S608 - our own columns
        return self.ledger.db.execute(sql, values).fetchall()

    def wait(self, seconds: str, instant: str, there: str) -> Wait:
        """The median of an expression over the outcomes of those days."""
        where, values = self.where(instant)
        sql = f"SELECT {seconds} FROM outcomes WHERE {there} AND {instant} IS NOT NULL AND {where}"  # noqa: S608 - our own columns
        found = [row[0] for row in self.ledger.db.execute(sql, values)]
        return Wait(seconds=float(median(found)) if found else None, n=len(found))


def _none() -> dict[str, int]:
    return dict.fromkeys(WHATS, 0)


def _counts(rows: Sequence[tuple[str, str, int]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for name, what, n in rows:
        if n:
            found.setdefault(name, _none())[what] = n
    return found


def _methods(asked: _Asked) -> tuple[Method, ...]:
    where, values = asked.where("day")
    sql = f"SELECT kind, verdict, sum(pinned), sum(n - pinned) FROM method_tallies WHERE {where} GROUP BY 1, 2"  # noqa: S608 - our own columns
    found: dict[str, dict[str, int]] = {}
    shared: dict[str, dict[str, int]] = {}
    for kind, verdict, pinned, beside in asked.ledger.db.execute(sql, values):
        found.setdefault(kind, {})[verdict] = pinned
        shared.setdefault(kind, {})[verdict] = beside
    made = [
        _method(kind, found[kind], shared[kind])
        for kind in found
        if any((*found[kind].values(), *shared[kind].values()))
    ]
    return tuple(sorted(made, key=lambda one: (-one.decided, one.kind)))


def _method(kind: str, counts: Mapping[str, int], shared: Mapping[str, int]) -> Method:
    decided = _decided(counts)
    confirmed = counts.get("infringing", 0)
    low, high = wilson(confirmed, decided)
    return Method(
        kind=kind,
        decided=decided,
        confirmed=confirmed,
        allowed=counts.get("licensed", 0) + counts.get("fair-use", 0),
        unrelated=counts.get("unrelated", 0),
        unsure=counts.get("unsure", 0),
        precision=confirmed / decided if decided else None,
        low=low,
        high=high,
        shared=(shared.get("infringing", 0), _decided(shared)),
    )


def _decided(counts: Mapping[str, int]) -> int:
    return sum(n for verdict, n in counts.items() if verdict != "unsure")
