"""Vimeo: the official API with an app's access token: search, users' and channels' videos.

Only the fields that are read are asked for: Vimeo counts such requests against a larger allowance. How many are left
stands in the X-RateLimit headers, which the crawl keeps to.
"""

import re
from collections.abc import Iterator
from typing import ClassVar
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from scrapy import Request
from scrapy.http import Response
from w3lib.url import add_or_replace_parameter

from core.causes import Cause
from core.errors import PageChanged, SourceBlind
from core.records import Attachment, Metrics, Post, Presence, Rendition, Watch, WatchKind
from core.words import hashtags, tag
from crawler.facts import Canary, Facts, Secret
from crawler.fields import Fields
from crawler.platform import PlatformSpider, json_of, presence

PAGE_SIZE = 100  # the most the API gives
FIELDS = (
    "uri,name,description,type,link,duration,language,created_time,status,privacy.view,tags.name,stats.plays,"
    "metadata.connections.likes.total,metadata.connections.comments.total,user.uri,user.link"
)
NAME = re.compile(r"(?:(?:channels|users)/)?[\w-]{1,100}")
OPEN = frozenset({"anybody", "unlisted"})  # privacy.view of what whoever has the address may watch
CAUSES = {
    401: Cause.CREDENTIAL,
    403: Cause.REFUSED,
    404: Cause.NOT_FOUND,
    429: Cause.RATE_LIMITED,
}


class VimeoSpider(PlatformSpider):
    """A video's number names the post."""

    name = "vimeo"
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.HASHTAG, WatchKind.KEYWORD, WatchKind.ACCOUNT})
    base = "https://api.vimeo.com"
    obeys_robots = False  # an interface for programs, with a key and terms of its own
    secrets = (
        Secret(
            name="VIMEO_TOKEN",
            what="access token of an app, scope `public`",
            how=(
                "make an app under “My Apps”",
                "on its page, generate an access token: “Unauthenticated” is enough",
                "copy it: it is shown once",
            ),
            where="https://developer.vimeo.com/apps",
        ),
    )
    canaries = (
        Canary(kind=WatchKind.KEYWORD, query="news", hits=True),
        Canary(kind=WatchKind.KEYWORD, query="{}", hits=False),
    )
    facts = Facts(
        route="API 3.4: /videos?query=, /users/ID/videos, /channels/ID/videos, with an app's token",
        quota="by the app owner's plan, a minute; told in X-RateLimit-Limit; 100 videos a request",
        posts_a_day="144,000 with one request a minute",
        ai_label="none",
        deletion="404 at GET /videos/ID; so is one made private, to all but its owner",
        tested="frozen answers valid against the official OpenAPI's video, user, tag and error",
        evidence="developer.vimeo.com/api, OpenAPI 3.4",
        as_of="2026-11-21",
    )

    def requests(self, watch: Watch) -> Iterator[Request]:
        """The newest page; a tag is asked as a word, which finds titles and texts too."""
        query = watch.query.strip()
        asked = {"fields": FIELDS, "per_page": str(PAGE_SIZE), "page": "1", "sort": "date", "direction": "desc"}
        if watch.kind is WatchKind.ACCOUNT:
            name = query.rpartition("vimeo.com/")[2].strip("/").lstrip("@")
            if not NAME.fullmatch(name):
                told = f"{query!r} is no user's name or number, nor channels/NAME; mend the brand file"
                raise SourceBlind(f"{watch.id}: {told}", Cause.OURS)
            path = f"/{quote(name if '/' in name else f'users/{name}')}/videos"
        else:
            path, asked["query"] = "/videos", query.lstrip("#＃")
        yield self._page(f"{self.site_of(watch)}{path}?{urlencode(asked)}")

    def _page(self, url: str) -> Request:
        headers = {
            "Authorization": f"bearer {self.secret.get('VIMEO_TOKEN', '')}",
            "Accept": "application/vnd.vimeo.*+json;version=3.4",
        }
        return self.page(url, headers=headers)

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:  # noqa: ARG002 - the answer is enough
        """The videos of a page, then the next one."""
        data = Fields(json_of(response), where=response.url)
        for item in data.objects("data"):
            yield from post_of(item)
        paging = data.maybe("paging", dict)
        if paging is None or "next" not in paging:
            raise PageChanged(f"{response.url}: 'paging.next' is missing; freeze the response and update read()")
        if paging["next"] is not None:
            number = int(parse_qs(urlsplit(response.url).query)["page"][0])
            yield self._page(add_or_replace_parameter(response.url, "page", str(number + 1)))

    @staticmethod
    def soft_error(response: Response) -> SourceBlind | None:
        """Vimeo's error object: a text for people, one for developers, and mostly a number."""
        if response.body[:1] != b"{" or b'"error"' not in response.body[:2000]:
            return None
        data = Fields(json_of(response), where=response.url).data
        if not isinstance(data.get("error"), str) or "data" in data:
            return None
        told = str(data.get("developer_message") or data["error"])[:300]
        cause = CAUSES.get(response.status, Cause.TROUBLE if response.status >= 500 else Cause.SOFT_ERROR)
        return SourceBlind(f"Vimeo answered {response.status}: {told} ({data.get('error_code', 'no number')})", cause)

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """GET /videos/ID: 404 is gone, or private and not ours; a privacy.view that lets nobody in is private."""
        is_object = response.body[:1] == b"{"
        if response.status == 403 and is_object and b'"error"' in response.body[:2000]:
            return Presence.PRIVATE
        if response.status == 200 and is_object:
            data = Fields(json_of(response), where=response.url)
            view = data.maybe("privacy.view", str)
            if view is not None and view not in OPEN:
                return Presence.PRIVATE
            return presence(response, up="uri" in data.data)
        return presence(response, up=False)


def post_of(item: Fields) -> Iterator[Post]:
    """A video as a post; one that is live, still being made ready, or not for everybody has no clip for us."""
    uri, view, status = item.text("uri"), item.text("privacy.view"), item.maybe("status", str)
    duration_s = item.maybe_number("duration")
    if duration_s is None:  # it tells a stream that runs from one that ended
        raise PageChanged(f"{item.where}: 'duration' should be a number; freeze the response and update post_of()")
    waits = status not in {None, "available"} or (item.maybe("type", str) == "live" and not duration_s)
    if waits or view not in OPEN:
        return
    link, text = item.text("link"), f"{item.text('name')}\n{item.maybe('description', str) or ''}".strip()
    handle, author = _author(item)
    yield Post(
        id=f"vimeo:{uri.removeprefix('/videos/').partition(':')[0]}",  # what follows ":" opens an unlisted one
        platform="vimeo",
        url=link,
        author_handle=handle,
        author_id=author,
        text=text,
        hashtags=tuple(
            dict.fromkeys([*hashtags(text), *(name for one in item.objects("tags") if (name := tag(one.text("name"))))])
        ),
        language=item.maybe("language", str),
        posted_at=item.instant("created_time"),
        attachments=(Attachment(position=0, kind="video", renditions=(Rendition(url=link),), duration_s=duration_s),),
        metrics=Metrics(
            views=item.maybe("stats.plays", int),
            likes=item.maybe("metadata.connections.likes.total", int),
            comments=item.maybe("metadata.connections.comments.total", int),
        ),
    )


def _author(item: Fields) -> tuple[str, str]:
    """The name in the address of the owner's page, and the owner's number; Vimeo gives null for some."""
    if item.data.get("user", "") is None:
        return "unknown", "unknown"
    return item.text("user.link").rstrip("/").rpartition("/")[2], item.text("user.uri").removeprefix("/users/")
