"""Sources: which route each is asked on, when its canaries are due, and whether it is blind; one alert an incident."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rich.markup import escape

from app.console import say
from app.credentials import secrets_of
from app.home import Home
from core.causes import Cause
from core.coverage import Crawl, Gap, watched
from core.records import Coverage, Watch
from crawler.crawl import platforms
from crawler.platform import PlatformSpider
from store import queries
from store.coverage import crawls_since
from store.incidents import Incident, canaries_asked, note_cycle, open_incidents

BREAKS_AFTER = 2  # blind cycles in a row; then the next route is gone, and this one is tried now and then
FIRST_PROBE = timedelta(minutes=30)  # doubles with each blind cycle
LAST_PROBE = timedelta(hours=24)
KEYLESS = frozenset({"feed", "browser", "stream"})  # routes that are asked without a credential

NEXT_STEP = {
    Cause.CREDENTIAL: "`clipwarden login` says what is missing and how to get it",
    Cause.LOGIN_WALL: "the site now wants a login: import captures of it, or give a credential if it takes one",
    Cause.CAPTCHA: "crawl less often (every, crawl.delay_s), or import captures; no captcha is ever solved",
    Cause.CONSENT: "name the site's address of another region, or import captures",
    Cause.EMPTY_BODY: "the site blocks us: crawl less often, from another address, or import captures",
    Cause.HTML_FOR_JSON: "open the address in a browser: an outage, a block, or a moved interface",
    Cause.SOFT_ERROR: "read the platform's own words above; its status page may know",
    Cause.FEED_DISABLED: "the instance gives this feed to nobody: watch another instance",
    Cause.REPEATED_CURSOR: "the platform's paging is broken; it is tried again at the next crawl",
    Cause.RATE_LIMITED: "crawl less often: raise `every` in the brand file, or crawl.delay_s",
    Cause.BUDGET: "wait for the next period, lower `every`, or raise the cap in crawl.caps",
    Cause.REFUSED: "open the address in a browser; the site may refuse programs, or this machine's address",
    Cause.NOT_FOUND: "check the watch in the brand file: the account or tag may be gone",
    Cause.TROUBLE: "nothing, if it is over by the next crawl; else see the platform's status page and the log",
    Cause.CHANGED: "the platform changed its answers: update clipwarden, or freeze the sample and mend the spider",
    Cause.CANARY: "compare with the site in a browser: if it shows posts, the source hides them from us",
    Cause.CUT: "raise crawl.pages or crawl.time_limit_s, or watch more often",
    Cause.OURS: "see the log; a watch that cannot be asked is mended in the brand file",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """How well one platform and site was watched in the last hours.

    share    0..1, the mean of its watches
    gaps     of all its watches, each with its watch
    incident what is wrong with it now, if anything
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


def rows(home: Home, *, hours: float = 24.0) -> list[SourceRow]:
    """Every source that is watched, the worst watched first."""
    until = datetime.now(UTC)
    since = until - timedelta(hours=hours)
    crawls = crawls_since(home.ledger, since)
    incidents = {(one.platform, one.site): one for one in open_incidents(home.ledger)}
    found = []
    for (platform, site), mine in _by_place(queries.watches(home.ledger)).items():
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
            )
        )
    return sorted(found, key=lambda row: (row.share, row.platform, row.site))


def _by_place(watches: Iterable[Watch]) -> dict[tuple[str, str], list[Watch]]:
    found: dict[tuple[str, str], list[Watch]] = {}
    for watch in watches:
        found.setdefault((watch.platform, watch.site), []).append(watch)
    return found


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
    for (platform, site), mine in _by_place(watches).items():
        own = [ended[watch.id] for watch in mine if watch.id in ended]
        blind = [crawl for crawl in own if crawl.coverage is Coverage.BLIND]
        # One watch whose account is gone does not blind a source that answers the others.
        whole = blind and (len(blind) == len(own) or any(crawl.cause == Cause.CANARY for crawl in blind))
        worst = (blind[0].cause, blind[0].why) if whole else None
        place = (platform, site, own[0].route if own else "api")
        changed = note_cycle(home.ledger, place, worst, at=datetime.now(UTC))
        if changed:
            _tell(changed)


def _tell(incident: Incident) -> None:
    name = escape(f"{incident.platform} {incident.site}".strip())
    if incident.closed_at:
        minutes = (incident.closed_at - incident.opened_at).total_seconds() / 60
        say(f"[green]source sees again[/] {name}: it was blind for {minutes:.0f} minutes ({incident.cause})")
    else:
        step = NEXT_STEP.get(Cause(incident.cause), "")
        say(f"[red]source blind[/] {name} ({incident.cause}): {escape(incident.why)}. Next: {escape(step)}")
