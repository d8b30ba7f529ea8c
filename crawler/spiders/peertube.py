"""PeerTube: search by tag or word, and accounts, without a key.

The search gives no tags and no files; each new video's own answer does. A federated copy has the
same uuid on every instance, and so is one post.
"""

from collections.abc import Iterator
from typing import ClassVar
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from scrapy import Request
from scrapy.http import Response

from core.records import Attachment, Metrics, Post, Presence, Rendition, Watch, WatchKind
from core.words import tag
from crawler.facts import Canary, Facts
from crawler.fields import Fields
from crawler.platform import PlatformSpider, json_of, presence

PAGE_SIZE = 100  # the most PeerTube gives


class PeerTubeSpider(PlatformSpider):
    """Lists newest first; NSFW ones too, since the instance's default would hide them."""

    name = "peertube"
    facts = Facts(
        route="search and accounts of an instance, without a key; sepiasearch.org searches the network the same way",
        quota="50 requests in 10 seconds for each instance",
        posts_a_day="43 million an instance (100 a request)",
        ai_label="none",
        deletion="404 at GET /api/v1/videos/UUID; 401 and 403 are private",
        tested="a loopback server after the official documents, and answers frozen from it",
        evidence="docs.joinpeertube.org/api-rest-reference.html, OpenAPI 6.3",
        as_of="2026-11-20",
    )
    # None that must bring posts: a small instance may hold nothing of any tag one could name.
    canaries = (Canary(kind=WatchKind.HASHTAG, query="{}", hits=False),)
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.HASHTAG, WatchKind.KEYWORD, WatchKind.ACCOUNT})

    def requests(self, watch: Watch) -> Iterator[Request]:
        """The first page of a search or of an account's videos."""
        yield self._page(watch, 0)

    def _page(self, watch: Watch, start: int) -> Request:
        site = watch.site.rstrip("/")
        query = {"start": start, "count": PAGE_SIZE, "sort": "-publishedAt", "nsfw": "both"}
        if watch.kind is WatchKind.ACCOUNT:
            name = quote(watch.query.lstrip("@"), safe="@.")
            return self.page(f"{site}/api/v1/accounts/{name}/videos?{urlencode(query)}")
        asked = {"tagsOneOf": watch.query.lstrip("#")} if watch.kind is WatchKind.HASHTAG else {"search": watch.query}
        return self.page(f"{site}/api/v1/search/videos?{urlencode(query | asked)}")

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        """A list leads to each video's own answer; that is the post."""
        data = Fields(json_of(response), where=response.url)
        if response.meta["role"] == "detail":
            yield post_of(data)
            return
        videos = list(data.objects("data"))
        for video in videos:
            uuid = video.text("uuid")
            yield self.detail(f"{watch.site.rstrip('/')}/api/v1/videos/{quote(uuid, safe='')}", f"peertube:{uuid}")
        start = int(parse_qs(urlsplit(response.url).query).get("start", ["0"])[0]) + len(videos)
        if videos and start < data.integer("total"):
            yield self._page(watch, start)

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """GET /api/v1/videos/UUID: 401 and 403 are private or internal, 404 is gone."""
        if response.status in {401, 403}:
            return Presence.PRIVATE
        return presence(response, up=response.status == 200 and b'"uuid"' in response.body)


def post_of(video: Fields) -> Post:
    """A video's own answer as a post, with every rendition it offers."""
    name, description = video.text("name"), video.maybe("description", str) or ""
    return Post(
        id=f"peertube:{video.text('uuid')}",
        platform="peertube",
        url=video.text("url"),
        author_handle=f"{video.text('account.name')}@{video.text('account.host')}",
        author_id=video.text("account.url"),
        text=f"{name}\n{description}".strip(),
        hashtags=tuple(dict.fromkeys(tag(str(item)) for item in video.maybe("tags", list) or ())),
        language=video.maybe("language.id", str),
        posted_at=video.instant("publishedAt"),
        attachments=(
            Attachment(
                position=0,
                kind="video",
                renditions=tuple(_renditions(video)) or (Rendition(url=video.text("url")),),
                duration_s=video.maybe_number("duration"),
            ),
        ),
        metrics=Metrics(views=video.maybe("views", int), likes=video.maybe("likes", int)),
    )


def _renditions(video: Fields) -> Iterator[Rendition]:
    lists = [video, *(video.objects("streamingPlaylists") if video.maybe("streamingPlaylists", list) else ())]
    for holder in lists:
        for file in holder.objects("files"):
            height = file.maybe("resolution.id", int)
            yield Rendition(url=file.text("fileUrl"), height_px=height or None, size_bytes=file.maybe("size", int))
