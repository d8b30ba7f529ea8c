"""Sources: which route each is asked on, when its canaries are due, and whether it is blind; one alert an incident.

What is not as it was (a field that vanished, a watch that brings far less) is told beside that: it blinds nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from rich.markup import escape

from app.console import say
from app.credentials import secrets_of
from app.home import Home
from core import volumes
from core.causes import NEXT_STEP, Cause
from core.coverage import Crawl
from core.drift import Alert
from core.records import Coverage, Watch
from core.words import printable
from crawler.crawl import platforms
from crawler.platform import PlatformSpider
from store.incidents import Incident, canaries_asked, note_cycle, open_incidents
from store.shapes import Place, SourceAlert, fresh_days, note_alerts, take_unsaid
from store.sources import SourceRow, by_place
from store.sources import sources as source_rows

BREAKS_AFTER = 2  # blind cycles in a row; then the next route is gone, and this one is tried now and then
FIRST_PROBE = timedelta(minutes=30)  # doubles with each blind cycle
LAST_PROBE = timedelta(hours=24)
KEYLESS = frozenset({"feed", "page", "browser", "stream"})  # routes that are asked without a credential

MEND = "update clipwarden, or mend the spider; then `clipwarden reparse` reads what is stored again"
NEXT_FOR = {
    "vanished": MEND,
    "renamed": MEND,
    "retyped": MEND,
    "fewer": "look at some posts in a browser: the platform may have stopped telling, or tell it elsewhere",
    "value": "see whether the spider should know it; after a week it counts as known",
    "volume": "compare with the site in a browser: the tag may be quiet, or the source shows us less",
}


def rows(home: Home, *, hours: float = 24.0) -> list[SourceRow]:
    """Every source that is watched, the worst watched first."""
    until = datetime.now(UTC)
    return source_rows(home.ledger, since=until - timedelta(hours=hours), until=until)


# ---------------------------------------------------------------------- routes
def route_of(home: Home, platform: str) -> str:
    """The best of a spider's routes whose credentials are there and whose breaker is closed; else the best of all.

    A broken route is tried again after a while that doubles with each blind cycle.
    """
    spider = platforms().get(platform)
    if spider is None:
        return "api"
    given = secrets_of(spider.secrets)
    usable = [
        route
        for route in spider.routes
        if route in KEYLESS or all(one.optional or one.name in given for one in spider.secrets)
    ]
    broken = {one.route: one for one in open_incidents(home.ledger) if one.platform == platform}
    for route in usable:
        if route not in broken or not _is_open(broken[route]):
            return route
    return (usable or list(spider.routes))[0]


def _is_open(incident: Incident) -> bool:
    """Whether a broken route is left alone now."""
    if incident.cycles < BREAKS_AFTER:
        return False
    pause = min(FIRST_PROBE * 2 ** min(incident.cycles - BREAKS_AFTER, 10), LAST_PROBE)
    return bool(datetime.now(UTC) < incident.last_at + pause)


def canaries_due(home: Home, platform: str, watches: Sequence[Watch]) -> tuple[str, ...]:
    """The sites of a platform whose canaries were not asked for crawl.canary_s."""
    spider: type[PlatformSpider] | None = platforms().get(platform)
    if spider is None or not spider.canaries:
        return ()
    asked = canaries_asked(home.ledger, platform, route_of(home, platform))
    before = datetime.now(UTC) - timedelta(seconds=home.settings.crawl.canary_s)
    sites = dict.fromkeys(watch.site for watch in watches)
    return tuple(site for site in sites if site not in asked or asked[site] <= before)


# ------------------------------------------------------------------- incidents
def note_cycles(home: Home, watches: Sequence[Watch], crawls: Sequence[Crawl]) -> None:
    """Note for each source whether this cycle was blind, and say so once: when an incident opens, and when it ends."""
    ended = {crawl.watch: crawl for crawl in crawls}
    for (platform, site), mine in by_place(watches).items():
        own = [ended[watch.id] for watch in mine if watch.id in ended]
        blind = [crawl for crawl in own if crawl.coverage is Coverage.BLIND]
        # What is hidden or read wrongly shows where there are posts: a watch that has none is answered as ever.
        wrong = [crawl for crawl in blind if crawl.cause in {Cause.CANARY, Cause.CHANGED}]
        # Else one watch whose account is gone does not blind a source that answers the others.
        told = wrong or (blind if len(blind) == len(own) else [])
        worst = (told[0].cause, told[0].why) if told else None
        place = (platform, site, own[0].route if own else "api")
        changed = note_cycle(home.ledger, place, worst, at=datetime.now(UTC))
        if changed:
            tell(changed)
    _suspect(home, watches, ended)
    for alert in take_unsaid(home.ledger):
        tell_alert(alert)


def _suspect(home: Home, watches: Iterable[Watch], ended: Mapping[str, Crawl]) -> None:
    """Note each watch that sees, and brings far less than it used to; and each that no longer does."""
    now = datetime.now(UTC)
    for watch in watches:
        crawl = ended.get(watch.id)
        if crawl is None or crawl.coverage is not Coverage.OK or crawl.fresh is None:
            continue
        found = []
        if less := volumes.fallen(fresh_days(home.ledger, watch.id, now=now)):
            usual, brought, days = less
            told = f"{watch.id} used to bring {usual:.0f} posts a day and brought {brought} in {days * 24} h"
            found = [Alert(path=watch.id, kind="volume", told=told)]
        place = Place(platform=watch.platform, site=watch.site, route="", place=f"volume {watch.id}")
        note_alerts(home.ledger, place, found, at=now)


def tell_alert(alert: SourceAlert) -> None:
    """Say that something is not as it was, or is so again."""
    name = escape(f"{alert.place.platform} {alert.place.site}".strip())
    told = escape(printable(alert.told, most=300))
    if alert.closed_at:
        if alert.kind != "value":
            say(f"[green]source as it was again[/] {name}: over: {told}")
        return
    what = "source suspected" if alert.kind == "volume" else "source changed"
    where = "" if alert.kind == "volume" else f" in {escape(alert.place.place)}"
    say(f"[yellow]{what}[/] {name}: {told}{where}. Next: {escape(NEXT_FOR[alert.kind])}")


def tell(incident: Incident) -> None:
    """Say that an incident opened or ended."""
    name = escape(f"{incident.platform} {incident.site}".strip())
    if incident.closed_at:
        minutes = (incident.closed_at - incident.opened_at).total_seconds() / 60
        say(f"[green]source sees again[/] {name}: it was blind for {minutes:.0f} minutes ({incident.cause})")
    else:
        step = NEXT_STEP.get(Cause(incident.cause), "")
        say(f"[red]source blind[/] {name} ({incident.cause}): {escape(incident.why)}. Next: {escape(step)}")
