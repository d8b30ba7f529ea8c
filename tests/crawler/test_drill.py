"""Each failure at each spider is found within two cycles and rightly named; what is well raises no alarm.

The same over a real wire: three platforms' spiders in processes of their own, and servers that fail one way each.
"""

import asyncio
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from scrapy import Request
from scrapy.http import Response
from typer.testing import CliRunner

from app.cli import main as _registered  # noqa: F401 - the verbs
from app.console import BLIND, app
from app.crawling import crawl
from app.demo.platform import LoopbackPlatform, serve
from app.demo.posts import plant, synthetic
from app.home import open_home
from core.causes import Cause
from core.errors import PageChanged
from core.records import Coverage, Post, Watch
from crawler.spiders.dailymotion import DailymotionSpider
from store import queries
from tests.builders import NOW, brand, watch
from tests.crawler.drill import CYCLES, clean, drilled, matrix, quietly
from tests.crawler.faults import CAPTCHA, CONSENT, HTML, LOGIN, OUTAGE
from tests.crawler.replica import Source, sources

TAG = "TheHollowChoir"
SOURCES = {source.name: source for source in sources()}
KINDS = {(one.first_page.expects, bool(one.secret)): name for name, one in reversed(SOURCES.items())}


def tried(source: Source, folder: Path) -> list[Any]:
    """The findings of a drill."""
    with quietly():
        return asyncio.run(drilled(source, folder))


@pytest.mark.parametrize("name", SOURCES)
def test_every_fault_is_found_and_rightly_named(name: str, tmp_path: Path) -> None:
    """Whatever befalls a source: found within two cycles, by its own name, and over when it is over."""
    found = tried(SOURCES[name], tmp_path)

    assert [one.wrong for one in found if one.wrong] == []
    assert {"silent emptying", "its own words"} <= {one.fault.kind for one in found} | {"its own words"}


@pytest.mark.parametrize("name", SOURCES)
def test_healthy_cycles_raise_no_alarm(name: str, tmp_path: Path) -> None:
    """A hundred cycles of a source of each kind, seven of the others: answers that fail once or twice are no alarm."""
    with quietly():
        said = asyncio.run(clean(SOURCES[name], tmp_path, 100 if name in KINDS.values() else 7))

    assert said == []


class Swallower(DailymotionSpider):
    """A spider that takes whatever it is given for "no posts"."""

    def refuse(self, response: Response, role: str) -> None:
        """Nothing is refused."""

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        """Nothing, rather than an error."""
        try:
            yield from super().read(response, watch)
        except PageChanged:
            return


def test_drill_tells_on_a_spider_that_swallows(tmp_path: Path) -> None:
    """What the drill is for: a spider that drops what it is given in silence is blind by its canary, and misnamed."""
    found = tried(replace(SOURCES["dailymotion"], spider=Swallower), tmp_path)
    wrong = {one.fault.kind for one in found if one.wrong}

    assert {"login wall", "captcha", "200 with empty body", "credential refused", "soft error"} <= wrong
    assert "dailymotion: captcha is named canary" in "".join(one.wrong for one in found)
    assert matrix(found).row_count >= len({one.fault.kind for one in found})


# ---------------------------------------------------------------- over the wire
@dataclass(frozen=True, slots=True)
class Failing:
    """How one site fails, and the name of it."""

    cause: Cause
    fail: Callable[[LoopbackPlatform], None]


def answering(cause: Cause, path: str = "/api/", **answer: Any) -> Failing:
    """A site that answers everything under a path so."""
    return Failing(cause, lambda site: site.fault(path, times=9999, **answer))


def emptied(site: LoopbackPlatform) -> None:
    """No list has anything."""
    site.fault("/api/v1/timelines", body=b"[]", times=9999)
    site.fault("/api/v1/search", body=b'{"total": 0, "data": []}', times=9999)


def changed(site: LoopbackPlatform) -> None:
    """Each list names its posts another way."""
    site.fault("/api/v1/timelines", body=b'[{"id": "1", "address": "x", "media_attachments": []}]', times=9999)
    site.fault("/api/v1/search", body=b'{"total": 1, "data": [{"uid": "1"}]}', times=9999)


PAGES = {"Content-Type": HTML["Content-Type"]}
WALLS = {
    "login wall": answering(Cause.LOGIN_WALL, body=LOGIN, headers=PAGES),
    "redirect to login": answering(
        Cause.LOGIN_WALL, status=302, headers={"Location": "/accounts/login/?next=%2F"}
    ),
    "captcha": answering(Cause.CAPTCHA, status=403, body=CAPTCHA, headers=PAGES),
    "consent": answering(Cause.CONSENT, body=CONSENT, headers=PAGES),
}  # fmt: skip
FAILING = WALLS | {
    "empty body": answering(Cause.EMPTY_BODY),
    "HTML for JSON": answering(Cause.HTML_FOR_JSON, body=OUTAGE, headers=PAGES),
    "soft error": answering(
        Cause.SOFT_ERROR, body=b'{"error": {"code": 9, "message": "Something \\ud83d went wrong"}}'
    ),
    "rate limited": answering(Cause.RATE_LIMITED, status=429, headers={"Retry-After": "7200"}),
    "login wanted": answering(Cause.LOGIN_WALL, status=401),
    "credit spent": answering(Cause.BUDGET, status=402),
    "refused": answering(Cause.REFUSED, status=403),
    "server error": answering(Cause.TROUBLE, status=500),
    "robots.txt": answering(Cause.REFUSED, path="/robots.txt", body=b"User-agent: *\nDisallow: /\n"),
    "silent emptying": Failing(Cause.CANARY, emptied),
    "field renamed": Failing(Cause.CHANGED, changed),
}


def watched(folder: Path, sites: dict[str, LoopbackPlatform], platforms: tuple[str, ...]) -> list[Watch]:
    """A home that watches the same tag at each site; returns its watches."""
    hosts = json.dumps([urlsplit(site.base_url).netloc for site in sites.values()])
    settings = f"allowed_hosts = {hosts}\n[crawl]\ndelay_s = 0\ncanary_s = 0\n"
    (folder / "clipwarden.toml").write_text(settings, encoding="utf-8")
    watches = [
        watch(TAG, id=f"{platform} {name}", platform=platform, site=address(platform, site))
        for platform in platforms
        for name, site in sites.items()
    ]
    with open_home(folder, alone=True) as home:
        home.ledger.sync(brand(*watches))
    return watches


def address(platform: str, site: LoopbackPlatform) -> str:
    """A site as a brand file names it."""
    return f"{site.base_url}/tags/{{query}}" if platform == "browser" else site.base_url


def told(folder: Path) -> dict[tuple[str, str], str]:
    """Platform and site -> the cause of its incident, or "", as `clipwarden sources --json` says it."""
    ended = CliRunner().invoke(app, ["--home", str(folder), "sources", "--json"])
    rows = json.loads(ended.stdout)
    assert ended.exit_code == (BLIND if any(row["incident"] for row in rows) else 0)
    return {(row["platform"], row["site"]): (row["incident"] or {"cause": ""})["cause"] for row in rows}


def cycle(folder: Path) -> dict[str, Coverage]:
    """One crawl of everything: watch -> how it was covered."""
    with open_home(folder, alone=True) as home:
        return {one.watch: one.coverage for one in crawl(home, queries.watches(home.ledger))}


def failing_sites(folder: Path, failing: dict[str, Failing], platforms: tuple[str, ...]) -> None:
    """A healthy cycle, two at most in which each site fails its own way, and what is said then."""
    media = folder / "media"
    media.mkdir()
    for post in plant(NOW):
        (media / post.media).write_bytes(b"x")
    with ExitStack() as stack:
        sites = {name: stack.enter_context(serve(plant(NOW), media)) for name in [*failing, "well"]}
        stopping = stack.enter_context(ExitStack())
        sites["stopped"] = stopping.enter_context(serve(plant(NOW), media))
        watches = watched(folder, sites, platforms)
        first = cycle(folder)
        assert {name: one for name, one in first.items() if one is not Coverage.OK} == {}
        for name, fault in failing.items():
            fault.fail(sites[name])
        stopping.close()
        causes = {name: str(fault.cause) for name, fault in failing.items()} | {"well": "", "stopped": "trouble"}
        wanted = {one.id: causes[one.id.split(" ", 1)[1]] for one in watches}
        for _ in range(CYCLES):
            cycle(folder)
            said = told(folder)
            named = {one.id: said[one.platform, one.site] for one in watches}
            if named == wanted:
                break

    assert named == wanted


def test_each_fault_is_named_over_a_real_wire(tmp_path: Path) -> None:
    """Seventeen sites, each with a fault of its own, crawled as Mastodon and PeerTube: `sources` names each."""
    failing_sites(tmp_path, FAILING, ("mastodon", "peertube"))


@pytest.mark.browser
def test_walls_are_named_in_a_real_browser(tmp_path: Path) -> None:
    """The same in Chromium, for what stands before a page."""
    walls = {"login wall": answering(Cause.LOGIN_WALL, path="/tags/", body=LOGIN, headers=PAGES)}
    walls["captcha"] = answering(Cause.CAPTCHA, path="/tags/", status=403, body=CAPTCHA, headers=PAGES)
    walls["another page"] = answering(Cause.CHANGED, path="/tags/", body=OUTAGE, headers=PAGES)
    failing_sites(tmp_path, walls, ("browser",))


# ------------------------------------------------------------------ the limiter
ALLOWED, WINDOW_S = 50, 1.0  # a tenth of PeerTube's ten seconds: the same waits, in less of ours


class Limited(LoopbackPlatform):
    """A platform that answers so many requests in a window, and refuses the others with 429."""

    def _middleware(self) -> Middleware:
        inner = super()._middleware()
        self.began_at, self.count, self.refused = 0.0, 0, 0

        @web.middleware
        async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
            if time.monotonic() - self.began_at > WINDOW_S:
                self.began_at, self.count = time.monotonic(), 0
            self.count += 1
            if self.count <= ALLOWED:
                answer: web.StreamResponse = await inner(request, handler)
                return answer
            self.refused += 1
            rest = self.began_at + WINDOW_S - time.monotonic()
            return web.Response(status=429, headers={"Retry-After": str(math.ceil(rest))})

        return limit


def test_two_hundred_requests_pass_a_limiter_of_fifty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of 200 videos is asked for on its own, and answered: none is dropped, and the crawl is whole."""
    monkeypatch.setattr("app.demo.platform.LoopbackPlatform", Limited)
    posts = [
        replace(one, platform="peertube", native_id=f"{number:036d}") for number, one in enumerate(synthetic(200, NOW))
    ]
    for name in {one.media for one in posts}:
        (tmp_path / name).write_bytes(b"x")
    with serve(posts, tmp_path) as site:
        [only] = watched(tmp_path, {"limited": site}, ("peertube",))
        with open_home(tmp_path, alone=True) as home:
            tag = replace(only, query="LoopbackBench")
            home.ledger.sync(brand(tag))
            [ended] = crawl(home, [tag])
            stored = home.ledger.count("posts")

    assert (ended.coverage, stored) == (Coverage.OK, 200)
    assert isinstance(site, Limited)
    assert site.refused
