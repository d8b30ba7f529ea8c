"""TikTok's tag and account pages in a real browser: off by default, since they change several times a year.

What the page loads (its lists come by XHR) is written into the page before it is handed on, so that one document
holds all that was seen. Never logs in, never solves a captcha; an empty answer is a block, never "no posts".
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import count
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from playwright.async_api import Error as BrowserError
from scrapy import Request
from scrapy.http import Response, TextResponse
from scrapy_playwright.page import PageMethod
from twisted.python.failure import Failure

from core.causes import Cause
from core.errors import PageChanged, SourceBlind
from core.records import Post, Presence, Watch, WatchKind
from crawler.captures.capture import Captured
from crawler.captures.tiktok import READER
from crawler.facts import Canary, Facts
from crawler.fields import Fields
from crawler.platform import PlatformSpider, json_of, now, presence
from crawler.runs import Lost

LISTS = ("/api/challenge/item_list/", "/api/post/item_list/")
SCROLLS = 30  # about 900 items; the site stops before
QUIET_S = 3.0  # a list that does not come in this time after a scroll does not come
ANSWER_BYTES = 4 * 1024 * 1024  # a list of 30 is 300 kB
CAPTURED = "clipwarden-captured"
HYDRATIONS = ("__UNIVERSAL_DATA_FOR_REHYDRATION__", "SIGI_STATE", "sigi-persisted-data")
CODES = {
    10201: (Cause.EMPTY_BODY, "an empty result, as blocked visitors get it"),
    10204: (Cause.REFUSED, "this machine's address is blocked, or the post is not to be had"),
    10216: (Cause.REFUSED, "a private post"),
    10222: (Cause.REFUSED, "a private account: only its followers see it"),
}
_contexts = count(1)


class TiktokPageSpider(PlatformSpider):
    """Posts have the ids the API gives them."""

    name = "tiktok_page"
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.HASHTAG, WatchKind.ACCOUNT})
    base = "https://www.tiktok.com"
    routes = ("browser",)
    fragile = True
    uses_browser = True
    canaries = (Canary(kind=WatchKind.HASHTAG, query="music", hits=True),)
    facts = Facts(
        route="the tag or account page in a browser: its embedded data, and the lists it loads while it is scrolled",
        quota="what robots.txt and politeness leave; the page ends after a few hundred posts, not in order of time",
        posts_a_day="a few hundred a tag",
        ai_label="IsAigc, aigcLabelType or AIGCDescription, whichever says something",
        deletion="404 or 410 at the post's page; statusCode 10216 and 10222 there are private",
        tested="a replica page in a real Chromium on loopback, and pages frozen after what others have seen",
        evidence="yt-dlp and Zeeschuimer issue threads of 2026; no official document",
        as_of="2026-11-20",
    )

    def requests(self, watch: Watch) -> Iterator[Request]:
        """The page, in a browser context of its own that is closed with it."""
        name, listener = quote(watch.query.strip().lstrip("#@"), safe=""), Listener()
        path = f"tag/{name}" if watch.kind is WatchKind.HASHTAG else f"@{name}"
        meta = {
            "playwright": True,
            "playwright_include_page": True,
            "playwright_context": f"tiktok-{next(_contexts)}",
            "playwright_page_init_callback": listener.listen,
            "playwright_page_methods": [PageMethod(listener.collect)],
        }
        yield self.page(f"{self.site_of(watch)}/{path}", expects="html", meta=meta)

    async def _answered(self, response: Response) -> AsyncIterator[Any]:
        await self._close(response.meta)
        async for result in super()._answered(response):
            yield result

    async def _lost(self, failure: Failure) -> None:
        await self._close(failure.request.meta)  # type: ignore[attr-defined]  # Scrapy hangs it on
        await super()._lost(failure)

    async def _close(self, meta: dict[str, Any]) -> None:
        """Page before context, whatever became of them: one left open eats a slot until the crawl hangs."""
        page = meta.pop("playwright_page", None)
        if page is None:
            return
        with suppress(BrowserError, TimeoutError):
            await asyncio.wait_for(page.close(), 10)
        with suppress(BrowserError, TimeoutError):
            await asyncio.wait_for(page.context.close(), 10)
            self.crawler.stats.inc_value("contexts/closed")

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        """Posts embedded in the page, and of every list it loaded, each once."""
        items, trouble, more = dict[str, Fields](), list[SourceBlind](), False
        for item in embedded(response):
            items.setdefault(item.text("id"), item)
        answers = captured(response)
        for answer in answers:
            try:
                found, more = listed(answer)
            except SourceBlind as error:
                trouble.append(error)
                continue
            for item in found:
                items.setdefault(item.text("id"), item)
        if not items and trouble:
            raise trouble[0]
        if not answers and not items:
            told = "the page loaded no list: how a block looks; open it in a browser, and import captures"
            raise SourceBlind(f"{response.url}: {told}", Cause.EMPTY_BODY)
        for item in items.values():
            yield from post_of(item)
        self._tell(watch, trouble, more=more)

    def _tell(self, watch: Watch, trouble: list[SourceBlind], *, more: bool) -> None:
        if not (run := getattr(self, "runs", {}).get(watch.id)):
            return
        run.lost += [Lost(error.cause, str(error)) for error in trouble]
        if more:  # ordered by success, not by time: what is further down may be new
            run.cut = Lost(Cause.CUT, "TikTok has more than it shows on this page; import captures for the rest")

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """A video's own page, by what its data say."""
        return shown(response)


class Listener:
    """Hears what a page loads, scrolls it to its end, and writes what was heard into it."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    async def listen(self, page: Any, _request: Request) -> None:  # noqa: ANN401 - playwright's Page
        """Begin anew with each try, before the page is asked for."""
        self.heard = []
        page.on("response", lambda told: self.heard.append(told) if urlsplit(told.url).path in LISTS else None)

    async def collect(self, page: Any) -> None:  # noqa: ANN401 - playwright's Page
        """Scroll while lists come; then the answers become a script of data at the page's end."""
        for _ in range(SCROLLS):
            before = len(self.heard)
            await page.evaluate("() => scrollTo(0, document.documentElement.scrollHeight)")
            for _ in range(int(QUIET_S / 0.2)):
                await asyncio.sleep(0.2)
                if len(self.heard) > before:
                    break
            else:
                break
        found = [await _answer(one) for one in self.heard[: SCROLLS + 5]]
        # "<" is written so that no caption ends the script.
        script = "([id, text]) => { const s = document.createElement('script'); s.type = 'application/json';"
        script += " s.id = id; s.textContent = text; document.documentElement.append(s) }"
        await page.evaluate(script, [CAPTURED, json.dumps({"answers": found}).replace("<", "\\u003c")])


async def _answer(told: Any) -> dict[str, Any]:  # noqa: ANN401 - playwright's Response
    """One answer as plain data; a body the browser no longer has, or that is too large, is None."""
    body: str | None = None
    with suppress(BrowserError, TimeoutError):
        raw = await asyncio.wait_for(told.body(), 10)
        body = raw.decode("utf-8", "replace") if len(raw) <= ANSWER_BYTES else None
    return {"url": told.url, "status": told.status, "body": body}


# ---------------------------------------------------------------------- reading
def script(response: Response, name: str) -> Fields | None:
    """The data of a script by its id; None when the page has none of that id."""
    if not isinstance(response, TextResponse):
        raise PageChanged(f"{response.url}: expected a page, got {response.headers.get('Content-Type')!r}")
    found = re.search(
        rf'<script\b[^>]{{0,300}}\bid="{re.escape(name)}"[^>]{{0,300}}>(.*?)</script>', response.text, re.S
    )
    if not found or not found[1].strip():
        return None
    return _parsed(found[1], f"{response.url}: {name}")


def _parsed(text: str, where: str) -> Fields:
    """The JSON of a script, or of a list that the page loaded; PageChanged says where there is none."""
    try:
        return Fields(json_of(TextResponse(where, body=text.encode("utf-8", "surrogatepass"))), where=where)
    except RecursionError:
        raise PageChanged(f"{where}: nested too deeply to be an answer; freeze the page and look") from None


def scope(response: Response) -> dict[str, Any]:
    """The embedded data by the names of newer builds; {} where there are none."""
    data = script(response, HYDRATIONS[0])
    return (data.maybe("__DEFAULT_SCOPE__", dict) or {}) if data else {}


def embedded(response: Response) -> Iterator[Fields]:
    """Items in the page itself, of newer and of older builds; SourceBlind where it says why there are none."""
    found = scope(response)
    for name in ("webapp.challenge-detail", "webapp.user-detail"):
        part = found.get(name)
        if isinstance(part, dict):
            _refuse(part.get("statusCode"), f"{response.url}: {name}")
    updated = found.get("webapp.updated-items")
    for item in updated if isinstance(updated, list) else ():
        yield Fields(item, where=f"{response.url}: webapp.updated-items")
    for name in HYDRATIONS[1:]:
        older = script(response, name)
        for item in ((older.maybe("ItemModule", dict) or {}) if older else {}).values():
            yield Fields(item, where=f"{response.url}: ItemModule")


def _refuse(code: object, where: str) -> None:
    if code in (None, 0):
        return
    cause, told = CODES.get(code, (Cause.SOFT_ERROR, "see the sample")) if isinstance(code, int) else (
        Cause.SOFT_ERROR, "see the sample",
    )  # fmt: skip
    raise SourceBlind(f"{where}: TikTok says statusCode {code}: {told}", cause)


def captured(response: Response) -> list[Fields]:
    """The lists the page loaded, as `Listener` wrote them into it."""
    found = script(response, CAPTURED)
    return list(found.objects("answers")) if found else []


def listed(answer: Fields) -> tuple[list[Fields], bool]:
    """The items of a list, and whether there are more; SourceBlind where it is a block."""
    where, status, body = answer.text("url").split("?")[0], answer.integer("status"), answer.maybe("body", str)
    if status != 200:
        cause = Cause.RATE_LIMITED if status == 429 else Cause.REFUSED if status < 500 else Cause.TROUBLE
        raise SourceBlind(f"{where} answered {status}; crawl less often, or import captures", cause)
    if not (body or "").strip():
        told = "200 with nothing in it: how TikTok blocks; crawl less often, or import captures"
        raise SourceBlind(f"{where} answered {told}", Cause.EMPTY_BODY)
    try:
        data = _parsed(body or "", where)
    except PageChanged:
        raise SourceBlind(f"{where} answered no JSON; open the page in a browser", Cause.HTML_FOR_JSON) from None
    _refuse(data.data.get("statusCode", data.data.get("status_code")), where)
    if "itemList" not in data.data:
        told = "without an itemList and without an error: how TikTok blocks; crawl less often, or import captures"
        raise SourceBlind(f"{where} answered {told}", Cause.EMPTY_BODY)
    return list(data.objects("itemList")), bool(data.data.get("hasMore"))


def post_of(item: Fields) -> Iterator[Post]:
    """An item as a captured one is read: the same object, seen by another way."""
    try:
        yield from READER.read(Captured(data=item, collected_at=now()))
    except (ValueError, TypeError, OverflowError):
        raise PageChanged(f"{item.where}: 'createTime' is no time; freeze the page and look") from None


def shown(response: Response) -> Presence:
    """What a video's own page shows: its item, or a code; a page without data proves nothing."""
    found = presence(response, up=False)
    if found is not Presence.UNCLEAR or response.status != 200:
        return found
    try:
        detail = scope(response).get("webapp.video-detail")
    except PageChanged:
        return Presence.UNCLEAR
    if not isinstance(detail, dict):
        return Presence.UNCLEAR
    if detail.get("statusCode") in (10216, 10222):
        return Presence.PRIVATE
    info = detail.get("itemInfo")
    item = info.get("itemStruct") if isinstance(info, dict) else None
    # 10204 is also what a blocked visitor gets: never "gone".
    is_up = detail.get("statusCode") in (None, 0) and isinstance(item, dict) and bool(item.get("id"))
    return Presence.UP if is_up else Presence.UNCLEAR
