"""Dailymotion: the public Platform API, without a key.

A query shows no more than its first thousand results, newest first: where they end, the next query begins.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import ClassVar
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from scrapy import Request
from scrapy.http import Response

from core.causes import Cause
from core.errors import PageChanged, SourceBlind
from core.records import Attachment, Metrics, Post, Presence, Rendition, Watch, WatchKind
from core.words import hashtags, tag
from crawler.facts import Canary, Facts
from crawler.fields import Fields
from crawler.platform import PlatformSpider, json_of, now, presence

PAGE_SIZE = 100  # the most the API gives
CAP = 1000  # results of one query
FIRST_S = 30 * 86_400  # how far back a first crawl looks
OVERLAP_S = 3600
FIELDS = (
    "id,title,description,tags,owner.id,owner.screenname,created_time,duration,url,language,views_total,likes_total,"
    "mode,private"
)


class DailymotionSpider(PlatformSpider):
    """A video's id names the post; what is live has no clip yet."""

    name = "dailymotion"
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.HASHTAG, WatchKind.KEYWORD, WatchKind.ACCOUNT})
    base = "https://api.dailymotion.com"
    obeys_robots = False  # an interface for programs, with terms of its own
    canaries = (
        Canary(kind=WatchKind.KEYWORD, query="news", hits=True),
        Canary(kind=WatchKind.KEYWORD, query="{}", hits=False),
    )
    facts = Facts(
        route="Platform API: /videos by words or tags, /user/ID/videos; without a key",
        quota="no figure published for public data; 1,000 results a query, 100 a page",
        posts_a_day="unlimited in practice: where one query's 1,000 end, the next begins",
        ai_label="none",
        deletion="404 at GET /video/ID; 403 of type access_forbidden is private",
        tested="answers frozen after the official documents",
        evidence="developers.dailymotion.com/reference",
        as_of="2026-11-20",
    )

    def requests(self, watch: Watch) -> Iterator[Request]:
        """The stretch from the last look until now."""
        ground, until = self.ground_of(watch), int(now().timestamp())
        since = int(ground.timestamp()) - OVERLAP_S if ground else until - FIRST_S
        yield self._stretch(watch, since, until, 1)

    def _stretch(self, watch: Watch, since: int, until: int, number: int) -> Request:
        query = watch.query.lstrip("#@")
        asked = {
            "fields": FIELDS,
            "limit": str(PAGE_SIZE),
            "page": str(number),
            "sort": "recent",
            "created_after": str(since),
            "created_before": str(until),
            "family_filter": "false",  # the default hides some
        }
        path = f"/user/{quote(query, safe='')}/videos" if watch.kind is WatchKind.ACCOUNT else "/videos"
        if watch.kind is not WatchKind.ACCOUNT:
            asked["tags" if watch.kind is WatchKind.HASHTAG else "search"] = query
        return self.page(f"{self.site_of(watch)}{path}?{urlencode(asked)}")

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        """The videos of a page, then the next one."""
        data = Fields(json_of(response), where=response.url)
        asked = {
            name: int(values[0])
            for name, values in parse_qs(urlsplit(response.url).query).items()
            if values[0].isdigit()
        }
        since, until, number = asked["created_after"], asked["created_before"], asked["page"]
        items = list(data.objects("list"))
        for item in items:
            yield from post_of(item)
        if not data.maybe("has_more", bool) or not items:
            return
        if number < CAP // PAGE_SIZE:
            yield self._stretch(watch, since, until, number + 1)
            return
        # As far as one query shows: the next one begins where this one stopped.
        oldest = min(item.integer("created_time") for item in items)
        if since < oldest + 1 < until:
            yield self._stretch(watch, since, oldest + 1, 1)

    @staticmethod
    def soft_error(response: Response) -> SourceBlind | None:
        """The API's error object."""
        if response.status == 200 or response.body[:1] != b"{" or b'"error"' not in response.body[:2000]:
            return None
        error = Fields(json_of(response), where=response.url).maybe("error", dict) or {}
        kind, told = str(error.get("type", "")), str(error.get("message", ""))[:200]
        causes = {
            "rate_limit_exceeded": Cause.RATE_LIMITED,
            "not_found": Cause.NOT_FOUND,
            "access_forbidden": Cause.REFUSED,
        }
        cause = causes.get(kind)
        return SourceBlind(f"Dailymotion answered {response.status}: {told} ({kind})", cause) if cause else None

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """GET /video/ID: 404 is gone, 403 is private or not for this country."""
        if response.status == 403 and b'"access_forbidden"' in response.body:
            return Presence.PRIVATE
        return presence(response, up=response.status == 200 and response.body[:1] == b"{" and b'"id"' in response.body)


def post_of(item: Fields) -> Iterator[Post]:
    """A video as a post; a live one comes when it is recorded."""
    if item.maybe("mode", str) == "live" or item.maybe("private", bool):
        return
    name, title, description = item.text("id"), item.text("title"), item.maybe("description", str) or ""
    text = f"{title}\n{description}".strip()
    url = item.text("url")
    said = [str(one) for one in item.maybe("tags", list) or ()]
    yield Post(
        id=f"dailymotion:{name}",
        platform="dailymotion",
        url=url,
        author_handle=_flat(item, "owner.screenname"),
        author_id=_flat(item, "owner.id"),
        text=text,
        hashtags=tuple(dict.fromkeys([*hashtags(text), *(name for name in map(tag, said) if name)])),
        language=item.maybe("language", str),
        posted_at=datetime.fromtimestamp(item.integer("created_time"), UTC),
        attachments=(
            Attachment(
                position=0, kind="video", renditions=(Rendition(url=url),), duration_s=item.maybe_number("duration")
            ),
        ),
        metrics=Metrics(views=item.maybe("views_total", int), likes=item.maybe("likes_total", int)),
    )


def _flat(item: Fields, name: str) -> str:
    """A field whose name has a dot in it, as this API gives those of an owner."""
    value = item.data.get(name)
    if not isinstance(value, str):
        raise PageChanged(f"{item.where}: {name!r} should be str, got {type(value).__name__}; freeze the response")
    return value
