"""Any page that only a browser can read: rendered by Chromium, read as schema.org VideoObject.

Sites that want to be found by search engines describe their videos as JSON-LD, even where scripts
draw the page; that vocabulary is public and steadier than any class name. Never logs in, never
solves a captcha.
"""

import asyncio
import json
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from scrapy import Request
from scrapy.http import Response, TextResponse
from scrapy_playwright.page import PageMethod

from core.errors import PageChanged
from core.records import AiLabel, Attachment, Metrics, Post, Presence, Rendition, Watch, WatchKind
from core.words import hashtags, tag
from crawler.facts import Facts
from crawler.fields import Fields
from crawler.platform import PlatformSpider, presence

SCROLLS = 40  # a page that grows for ever is left after so many
SETTLE_S = 0.4  # two looks this far apart without growth mean that the feed has ended
AI_SOURCES = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia")  # IPTC digital source types


class BrowserSpider(PlatformSpider):
    """A site is an address with {query} in it, or the watch itself is the address."""

    name = "browser"
    kinds: ClassVar[frozenset[WatchKind]] = frozenset(WatchKind)
    facts = Facts(
        route="the site's own page in a browser, read as schema.org VideoObject",
        quota="what robots.txt and politeness leave: a page every few seconds",
        posts_a_day="some thousands; what the page shows while it is scrolled",
        ai_label="digitalSourceType",
        deletion="404 or 410 at the post's own page",
        tested="a page drawn by scripts, in a real Chromium on loopback",
        evidence="schema.org/VideoObject",
        as_of="2026-11-20",
    )
    uses_browser = True

    def requests(self, watch: Watch) -> Iterator[Request]:
        """The page itself, scrolled until it stops growing."""
        query = watch.query.lstrip("#@")
        url = query if watch.kind is WatchKind.URL else watch.site.replace("{query}", quote(query, safe=""))
        methods = [PageMethod(scroll_to_the_end)]
        yield self.page(url, expects="html", meta={"playwright": True, "playwright_page_methods": methods})

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:  # noqa: ARG002 - the contract's own
        """One post for each VideoObject in the page."""
        found = list(linked_data(response))
        videos = [item for item in found if item.get("@type") == "VideoObject"]
        told_empty = any(item.get("@type") == "ItemList" and item.get("numberOfItems") == 0 for item in found)
        if not videos and not told_empty:
            raise PageChanged(
                f"{response.url}: no schema.org 'VideoObject' in the page, nor an 'ItemList' of 0;"
                " open it in a browser: a login wall, a captcha, or a new layout"
            )
        for video in videos:
            yield post_of(Fields(video, where=response.url), response)

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """A post's own page: up while its VideoObject is in it."""
        return presence(response, up=b'"VideoObject"' in response.body)


async def scroll_to_the_end(page: Any) -> None:  # noqa: ANN401 - playwright's Page
    """Scroll until two looks in a row show no growth, or the page has had its share."""
    height, still = -1, 0
    for _ in range(SCROLLS):
        now = await page.evaluate(
            "() => { scrollTo(0, document.body.scrollHeight); return document.body.scrollHeight }"
        )
        still = still + 1 if now == height else 0
        if still >= 3:
            return
        height = now
        await asyncio.sleep(SETTLE_S)


def linked_data(response: Response) -> Iterator[dict[str, Any]]:
    """Every JSON-LD object of a page, those inside a @graph too; broken ones are an error."""
    if not isinstance(response, TextResponse):
        raise PageChanged(f"{response.url}: expected a page, got {response.headers.get('Content-Type')!r}")
    for script in response.xpath('//script[@type="application/ld+json"]/text()').getall():
        try:
            data = json.loads(script)
        except ValueError:
            raise PageChanged(f"{response.url}: a JSON-LD block is not JSON; freeze the page and look") from None
        for item in data if isinstance(data, list) else data.get("@graph", [data]):
            if isinstance(item, dict):
                yield item


def post_of(video: Fields, response: Response) -> Post:
    """A VideoObject as a post; its own `identifier` names it, else its address."""
    url = response.urljoin(video.text("url"))
    name, description = video.text("name"), video.maybe("description", str) or ""
    # Many sites repeat the beginning of the description as the name.
    text = description if description.startswith(name) else f"{name}\n{description}".strip()
    keywords = video.data.get("keywords") or []
    words = keywords.split(",") if isinstance(keywords, str) else keywords
    content = video.maybe("contentUrl", str)
    source = video.maybe("digitalSourceType", str) or ""
    return Post(
        id="browser:" + (video.maybe("identifier", str) or url.split("://", 1)[-1]),
        platform="browser",
        url=url,
        author_handle=_handle(video),
        author_id=video.maybe("author.url", str) or _handle(video),
        text=text,
        hashtags=tuple(dict.fromkeys([*hashtags(text), *(tag(str(word)) for word in words if str(word).strip())])),
        language=video.maybe("inLanguage", str),
        posted_at=video.instant("uploadDate"),
        attachments=(
            Attachment(
                position=0, kind="video", renditions=(Rendition(url=response.urljoin(content) if content else url),)
            ),
        ),
        metrics=_metrics(video),
        ai_label=AiLabel(field="digitalSourceType", value=source) if source.endswith(AI_SOURCES) else None,
    )


def _handle(video: Fields) -> str:
    name = video.maybe("author.alternateName", str) or video.text("author.name")
    return f"{name.lstrip('@')}@{urlsplit(video.where).netloc}" if "@" not in name.lstrip("@") else name.lstrip("@")


def _metrics(video: Fields) -> Metrics:
    counts: dict[str, int] = {}
    for counter in video.objects("interactionStatistic") if video.maybe("interactionStatistic", list) else ():
        kind = str(counter.data.get("interactionType", ""))
        count = counter.maybe("userInteractionCount", int)
        if count is not None:
            counts[kind.rsplit("/", 1)[-1].removesuffix("Action").lower()] = count
    return Metrics(
        views=counts.get("watch"), likes=counts.get("like"), reposts=counts.get("share"), comments=counts.get("comment")
    )
