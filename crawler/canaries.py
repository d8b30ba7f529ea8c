"""Questions whose answer is known, asked beside the watches: whether a silence is a silence, or blindness.

| must bring posts | must bring none | then |
|---|---|---|
| brought some     | brought none    | a watch without posts has none: true zero |
| brought none     |                 | a watch without posts is blind; one with posts sees |
|                  | brought some    | every watch is blind: the source answers something else than it is asked |

A canary that was itself refused says nothing: the watches were refused by the same source, and say why.
Where nobody can name a question that must bring posts (a small instance), what its watches have shown lately stands
in for one: that all of it is gone at once is no silence. If it truly went, that ends with its week.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

from core.causes import Cause
from core.coverage import Crawl, Verdict
from core.records import Coverage, Watch
from crawler.facts import Canary
from crawler.platform import PlatformSpider, now
from crawler.runs import WatchRun
from store.incidents import shown_since

SEES, EMPTY, WRONG, REFUSED = "sees", "empty", "wrong", "refused"
LATELY = timedelta(days=7)
ENOUGH = 3  # posts that do not all go within one interval by themselves


def runs(
    spider: type[PlatformSpider], watches: Iterable[Watch], sites: Iterable[str], route: str
) -> Iterator[WatchRun]:
    """A run for each canary of each site, asked like a watch of it.

    watches  of the same crawl: a canary is a watch in all but its question
    sites    that are due to be asked
    """
    model = {watch.site: watch for watch in watches}
    for site in sites:
        for number, canary in enumerate(spider.canaries):
            query = canary.query.replace("{}", f"clipwarden{secrets.token_hex(6)}")
            own = replace(model[site], id=f"canary:{site}:{number}", kind=canary.kind, query=query)
            yield WatchRun(watch=own, ground_at=None, started_at=now(), canary=canary, route=route)


def judge(spider: PlatformSpider) -> dict[str, Verdict]:
    """Site -> what its canaries say, for the sites that were asked."""
    by_site: dict[str, list[tuple[Canary, WatchRun]]] = {}
    for run in spider.runs.values():
        if run.canary:
            by_site.setdefault(run.watch.site, []).append((run.canary, run))
    return {site: _verdict(site, spider.route, asked) for site, asked in by_site.items()}


def _verdict(site: str, route: str, asked: list[tuple[Canary, WatchRun]]) -> Verdict:
    for canary, run in asked:
        query = f"{run.watch.kind} {run.watch.query!r}"
        if not canary.hits and run.told:
            return Verdict(
                site=site, route=route, verdict=WRONG, why=f"{query}, a made-up word, brought {run.told} posts"
            )
    refused = [run for _, run in asked if run.blind or run.lost or run.open_requests or not run.pages]
    if refused:
        why = refused[0].blind or next(iter(refused[0].lost), None)
        return Verdict(site=site, route=route, verdict=REFUSED, why=why.why if why else "it was not answered")
    for canary, run in asked:
        if canary.hits and not run.told:
            query = f"{run.watch.kind} {run.watch.query!r}"
            return Verdict(site=site, route=route, verdict=EMPTY, why=f"{query}, which always has posts, brought none")
    return Verdict(site=site, route=route, verdict=SEES, why="")


def remembered(spider: PlatformSpider) -> dict[str, Verdict]:
    """Site -> the doubt that what it showed lately is hidden, where no canary of the spider must bring posts."""
    if any(canary.hits for canary in spider.canaries):
        return {}
    by_site: dict[str, list[WatchRun]] = {}
    for run in spider.runs.values():
        if run.canary is None:
            by_site.setdefault(run.watch.site, []).append(run)
    found = {}
    for site, own in by_site.items():
        if any(run.told or run.blind or not run.pages for run in own):
            continue
        count = shown_since(spider.ledger, [run.watch.id for run in own], now() - LATELY)
        if count >= ENOUGH:
            told = f"{count} posts were shown at once in the last {LATELY.days} days, and not one is now"
            found[site] = Verdict(site=site, route=spider.route, verdict=EMPTY, why=told)
    return found


def doubted(crawl: Crawl, site: str, verdicts: Mapping[str, Verdict]) -> Crawl:
    """A crawl in the light of its site's canaries: what looked like a silence may have been blindness."""
    said = verdicts.get(site)
    if said is None or crawl.coverage is Coverage.BLIND:
        return crawl
    if said.verdict == WRONG or (said.verdict == EMPTY and not crawl.posts):
        told = f"its canary fails: {said.why}; the source does not show us what it has"
        return replace(crawl, coverage=Coverage.BLIND, cause=Cause.CANARY, why=told, ground=False)
    return crawl
