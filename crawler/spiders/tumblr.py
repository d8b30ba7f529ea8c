"""Tumblr by its API: what is tagged, and the posts of a blog, in the Neue Post Format.

A reblog's clip lies in its trail: it is left to the blog that posted it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar
from urllib.parse import quote, urlencode, urlsplit

from scrapy import Request
from scrapy.http import Response

from core.causes import Cause
from core.errors import SourceBlind
from core.records import Attachment, Metrics, Post, Presence, Rendition, Watch, WatchKind
from core.words import hashtags, tag
from crawler.epoch import instant_of, is_known
from crawler.facts import Allowance, Canary, Facts, Secret
from crawler.fields import Fields
from crawler.platform import PlatformSpider, json_of, presence

PAGE_SIZE = 20  # the most both listings give
BLOG = re.compile(r"[\w.-]{1,100}")


class TumblrSpider(PlatformSpider):
    """A post's number names it."""

    name = "tumblr"
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.HASHTAG, WatchKind.ACCOUNT})
    base = "https://api.tumblr.com"
    obeys_robots = False  # an interface for programs, with terms of its own
    secrets = (
        Secret(
            name="TUMBLR_API_KEY",
            what="OAuth consumer key of a registered application",
            how=("register an application", "copy its “OAuth Consumer Key”"),
            where="https://www.tumblr.com/oauth/apps",
        ),
    )
    allowances = (
        Allowance(name="hourly", most=1000, unit="requests", per="hour"),
        Allowance(name="requests", most=5000, unit="requests", per="24h"),
    )
    canaries = (
        Canary(kind=WatchKind.HASHTAG, query="video", hits=True),
        Canary(kind=WatchKind.HASHTAG, query="{}", hits=False),
    )
    facts = Facts(
        route="API v2: /v2/tagged, /v2/blog/NAME/posts",
        quota="1,000 requests an hour, 5,000 a day",
        posts_a_day="100,000 (20 a request)",
        ai_label="none",
        deletion="404 or 410 at the post's page",
        tested="documents only: answers frozen after the official reference",
        evidence="tumblr.com/docs/en/api/v2, tumblr.com/docs/npf",
        as_of="2026-11-21",
    )

    def requests(self, watch: Watch) -> Iterator[Request]:
        """The newest page."""
        yield self._listing(watch, 0)

    def _listing(self, watch: Watch, before: int) -> Request:
        # The key has no other place than the address; crawler.redact takes it out of what is kept.
        asked = {"npf": "true", "limit": str(PAGE_SIZE), "api_key": self.secret.get("TUMBLR_API_KEY", "")}
        asked |= {"before": str(before)} if before else {}
        if watch.kind is WatchKind.HASHTAG:
            url = f"{self.site_of(watch)}/v2/tagged?{urlencode({'tag': watch.query.lstrip('#')} | asked)}"
        else:
            name = watch.query.strip().lstrip("@")
            if not BLOG.fullmatch(name):
                raise SourceBlind(f"{watch.id}: {name!r} is no blog's name; mend the brand file", Cause.OURS)
            url = f"{self.site_of(watch)}/v2/blog/{quote(name)}/posts?{urlencode(asked)}"
        return self.page(url, spends={"hourly": 1, "requests": 1})

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        """Posts with a clip of their own; the next page is what came before the last of this one."""
        answer = Fields(json_of(response), where=response.url)
        tagged = urlsplit(response.url).path.endswith("/tagged")
        items = list(answer.objects("response" if tagged else "response.posts"))
        for item in items:
            yield from post_of(item)
        # A tagged page may hold fewer than it was asked for, and is not the last.
        full = len(items) >= PAGE_SIZE or (tagged and items)
        if full and not is_known(instant_of(items[-1], "timestamp"), self.ground_of(watch)):
            yield self._listing(watch, _last(items))

    @staticmethod
    def soft_error(response: Response) -> SourceBlind | None:
        """`meta` holds the status that counts; `errors` why."""
        if response.body[:1] != b"{" or b'"meta"' not in response.body:
            return None
        data = Fields(json_of(response), where=response.url)
        status = data.maybe("meta.status", int)
        if status in (None, 200, 404, 410) or (status is not None and status >= 500):
            return None
        causes = {401: Cause.CREDENTIAL, 403: Cause.REFUSED, 429: Cause.RATE_LIMITED}
        errors = [one.get("detail") for one in data.maybe("errors", list) or () if isinstance(one, dict)]
        told = f"Tumblr answered {status} {data.maybe('meta.msg', str)}: {'; '.join(map(str, errors)) or 'no detail'}"
        return SourceBlind(told, causes.get(status or 0, Cause.SOFT_ERROR))

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """A post's own page."""
        return presence(response, up=False)


def _last(items: Sequence[Fields]) -> int:
    """The time before which the next page lies; featured tags are ordered by when a post was featured."""
    return items[-1].maybe("featured_timestamp", int) or items[-1].integer("timestamp")


def post_of(item: Fields) -> Iterator[Post]:
    """An NPF post as a post, if its own content holds a clip."""
    attachments = tuple(_attachments(item))
    if not attachments:
        return
    name, blog = item.text("id_string"), item.text("blog_name")
    blocks = [block for block in item.objects("content") if block.text("type") == "text"]
    text = "\n".join(block.text("text") for block in blocks)
    said = [str(one) for one in item.maybe("tags", list) or ()]
    yield Post(
        id=f"tumblr:{name}",
        platform="tumblr",
        url=item.text("post_url"),
        author_handle=blog,
        author_id=item.maybe("blog.uuid", str) or blog,
        text=text,
        hashtags=tuple(dict.fromkeys([*hashtags(text), *(name for name in map(tag, said) if name)])),
        language=None,
        posted_at=instant_of(item, "timestamp"),
        attachments=attachments,
        metrics=Metrics(likes=item.maybe("note_count", int)),  # likes, reblogs and replies in one number
    )


def _attachments(item: Fields) -> Iterator[Attachment]:
    for position, block in enumerate(item.objects("content")):
        if block.text("type") != "video":
            continue
        media = block.maybe("media", dict)
        if media and block.maybe("provider", str) in (None, "tumblr"):
            file = Fields(media, where=f"{item.where}: content[].media")
            rendition = Rendition(url=file.text("url"), height_px=file.maybe("height", int))
        else:  # embedded from another site: its address there, for yt-dlp
            rendition = Rendition(url=block.text("url"))
        yield Attachment(position=position, kind="video", renditions=(rendition,))
