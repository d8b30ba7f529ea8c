"""Threads by its own API: keyword search, by topic tag or by words, for video posts.

Before Meta approves threads_keyword_search the same call searches only one's own posts: the canary shows it.
"""

import re
from collections.abc import Iterator
from typing import ClassVar
from urllib.parse import urlencode

from scrapy import Request
from scrapy.http import Response

from core.causes import Cause
from core.errors import PageChanged, SourceBlind
from core.records import Attachment, Post, Presence, Rendition, Watch, WatchKind
from core.words import hashtags, tag
from crawler.facts import Allowance, Canary, Facts, Secret
from crawler.fields import Fields
from crawler.platform import PlatformSpider, json_of, presence

PAGE_SIZE = 100  # the most keyword_search gives
FIELDS = (
    "id,text,media_type,media_url,permalink,timestamp,username,topic_tag,is_quote_post,children{media_type,media_url}"
)
PERMALINK = re.compile(
    r"https://(?:www\.)?threads\.(?:com|net)/@(?P<who>[\w.]{1,40})/post/(?P<code>[\w-]{1,64})/?(?:[?#]|$)", re.ASCII
)
CAUSES = {
    4: Cause.RATE_LIMITED,
    17: Cause.RATE_LIMITED,
    32: Cause.RATE_LIMITED,
    613: Cause.RATE_LIMITED,
    10: Cause.CREDENTIAL,
    190: Cause.CREDENTIAL,
    200: Cause.CREDENTIAL,
}


class ThreadsSpider(PlatformSpider):
    """A shortcode names the post, as in its address."""

    name = "threads"
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.HASHTAG, WatchKind.KEYWORD})
    base = "https://graph.threads.net/v1.0"
    obeys_robots = False  # an interface for programs, with terms of its own
    secrets = (
        Secret(
            name="THREADS_TOKEN",
            what="long-lived user token with threads_basic and threads_keyword_search",
            how=(
                "make an app with the use case “Access the Threads API”",
                "pass App Review for threads_keyword_search: until then only your own posts are found",
                "make a long-lived token for an account of yours, and renew it within 60 days",
            ),
            where="https://developers.facebook.com/apps",
        ),
    )
    allowances = (Allowance(name="queries", most=2200, unit="queries", per="24h"),)
    canaries = (
        Canary(kind=WatchKind.HASHTAG, query="music", hits=True),
        Canary(kind=WatchKind.KEYWORD, query="{}", hits=False),
    )
    facts = Facts(
        route="Threads API: keyword_search by tag or words, media_type VIDEO",
        quota="2,200 queries in 24 hours (those without a result are not counted by Threads, but by us)",
        posts_a_day="220,000 (100 a query)",
        ai_label="none",
        deletion="404 or 410 at the post's page; the API does not tell of others' deletions",
        tested="documents only: answers frozen after the official reference",
        evidence="developers.facebook.com/docs/threads/keyword-search",
        as_of="2026-11-20",
    )

    def requests(self, watch: Watch) -> Iterator[Request]:
        """A search for a tag, or for words."""
        yield self._search(watch, "")

    def _search(self, watch: Watch, after: str) -> Request:
        tagged = watch.kind is WatchKind.HASHTAG
        asked = {
            "q": watch.query.lstrip("#") if tagged else watch.query,
            "search_type": "RECENT",
            "search_mode": "TAG" if tagged else "KEYWORD",
            "media_type": "VIDEO",
            "limit": str(PAGE_SIZE),
            "fields": FIELDS,
        }
        if ground := self.ground_of(watch):
            asked["since"] = str(int(ground.timestamp()))
        if after:
            asked["after"] = after
        url = f"{self.site_of(watch)}/keyword_search?{urlencode(asked)}"
        # The token goes in a header, so that no address that is logged or kept holds it.
        headers = {"Authorization": f"Bearer {self.secret.get('THREADS_TOKEN', '')}"}
        return self.page(url, headers=headers, spends={"queries": 1})

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        """Posts with a clip, and the next page while there is one."""
        data = Fields(json_of(response), where=response.url)
        items = list(data.objects("data"))
        for item in items:
            yield from post_of(item)
        if (after := data.maybe("paging.cursors.after", str)) and items:
            yield self._search(watch, after)

    @staticmethod
    def soft_error(response: Response) -> SourceBlind | None:
        """The Graph API's error object, by its code."""
        if response.body[:1] != b"{" or b'"error"' not in response.body[:2000]:
            return None
        error = Fields(json_of(response), where=response.url).maybe("error", dict)
        if not error:
            return None
        code = error.get("code")
        told = f"Threads answered code {code} ({error.get('type')}): {error.get('message')}"
        return SourceBlind(told, CAUSES.get(code, Cause.SOFT_ERROR) if isinstance(code, int) else Cause.SOFT_ERROR)

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """A post's own page: a login wall stands before many, and proves nothing."""
        return presence(response, up=False)


def post_of(item: Fields) -> Iterator[Post]:
    """A Threads media object as a post, if there is a clip in it; a repost is left to the account that posted."""
    if item.text("media_type") == "REPOST_FACADE":
        return
    link = item.text("permalink")
    found = PERMALINK.match(link)
    if not found:
        raise PageChanged(f"{item.where}: 'permalink' has no shortcode: {link[:200]!r}; freeze the response and look")
    attachments = tuple(_attachments(item, link))
    if not attachments:
        return
    who, text, topic = item.text("username"), item.maybe("text", str) or "", item.maybe("topic_tag", str) or ""
    yield Post(
        id=f"threads:{found['code']}",
        platform="threads",
        url=f"https://www.threads.com/@{who}/post/{found['code']}",
        author_handle=who,
        author_id=who,  # the search gives no number of the author
        text=text,
        hashtags=tuple(dict.fromkeys([*hashtags(text), *([tag(topic)] if tag(topic) else [])])),
        language=None,
        posted_at=item.instant("timestamp"),
        attachments=attachments,
    )


def _attachments(item: Fields, link: str) -> Iterator[Attachment]:
    children = item.maybe("children", dict)
    parts = list(Fields(children, where=f"{item.where}: children").objects("data")) if children else [item]
    for position, part in enumerate(parts):
        if part.text("media_type") == "VIDEO":
            url = part.maybe("media_url", str) or link
            yield Attachment(position=position, kind="video", renditions=(Rendition(url=url),))
