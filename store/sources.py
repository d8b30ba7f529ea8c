"""How well each source is watched, what is wrong with it, and what to do about that; reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.causes import NEXT_STEP, Cause
from core.coverage import Gap, watched
from core.records import Watch
from store import queries
from store.coverage import crawls_since
from store.incidents import Incident, open_incidents
from store.ledger import Ledger
from store.shapes import SourceAlert, open_alerts


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """How well one platform and site was watched in the last hours.

    share    0..1, the mean of its watches
    gaps     of all its watches, each with its watch
    incident what is wrong with it now, if anything
    alerts   what is not as it was, though it sees
    """

    platform: str
    site: str
    route: str
    watches: int
    share: float
    posts: int
    last_at: datetime | None
    gaps: tuple[tuple[str, Gap], ...]
    incident: Incident | None
    next_step: str
    alerts: tuple[SourceAlert, ...]


def sources(ledger: Ledger, *, since: datetime, until: datetime) -> list[SourceRow]:
    """Every source that is watched, the worst watched first."""
    crawls = crawls_since(ledger, since)
    incidents = {(one.platform, one.site): one for one in open_incidents(ledger)}
    alerts, found = open_alerts(ledger), []
    for (platform, site), mine in by_place(queries.watches(ledger)).items():
        seen = [(watch, crawls.get(watch.id, []), timedelta(seconds=watch.every_s)) for watch in mine]
        each = [(watch, watched(own, since=since, until=until, slack=slack)) for watch, own, slack in seen]
        own = [crawl for _, some, _ in seen for crawl in some if crawl.finished_at >= since]
        incident = incidents.get((platform, site))
        found.append(
            SourceRow(
                platform=platform,
                site=site,
                route=own[-1].route if own else "",
                watches=len(mine),
                share=round(sum(one.share for _, one in each) / len(each), 4),
                posts=sum(crawl.posts for crawl in own),
                last_at=max((crawl.finished_at for crawl in own), default=None),
                gaps=tuple((watch.id, gap) for watch, one in each for gap in one.gaps),
                incident=incident,
                next_step=NEXT_STEP.get(Cause(incident.cause), "") if incident else "",
                alerts=tuple(one for one in alerts if (one.place.platform, one.place.site) == (platform, site)),
            )
        )
    return sorted(found, key=lambda row: (row.share, row.platform, row.site))


def by_place(watches: Iterable[Watch]) -> dict[tuple[str, str], list[Watch]]:
    """Watches by their (platform, site)."""
    found: dict[tuple[str, str], list[Watch]] = {}
    for watch in watches:
        found.setdefault((watch.platform, watch.site), []).append(watch)
    return found
