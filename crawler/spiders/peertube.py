"""PeerTube: search by tag or word, and accounts, without a key.

The search gives no tags and no files; each new video's own answer does.
"""

from collections.abc import Iterator
from typing import ClassVar
from urllib.parse import quote

from scrapy import Request
from scrapy.http import Response

from core.records import Post, Presence, Rendition, Watch, WatchKind
from crawler import peertube
from crawler.facts import Canary, Facts
from crawler.fields import Fields
from crawler.platform import PlatformSpider, json_of


class PeerTubeSpider(PlatformSpider):
    """One instance, and what it holds of others."""

    name = "peertube"
    facts = Facts(
        route="search and accounts of an instance, without a key; `sepia` searches the network",
        quota="50 requests in 10 seconds for each instance",
        posts_a_day="43 million an instance (100 a request)",
        ai_label="none",
        deletion="404 at GET /api/v1/videos/UUID; 401 and 403 are private",
        tested="a loopback server after the official documents, and frozen answers valid against the official OpenAPI",
        evidence="docs.joinpeertube.org/api-rest-reference.html, OpenAPI 6.3",
        as_of="2026-11-21",
    )
    # None that must bring posts: a small instance may hold nothing of any tag one could name.
    canaries = (Canary(kind=WatchKind.HASHTAG, query="{}", hits=False),)
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.HASHTAG, WatchKind.KEYWORD, WatchKind.ACCOUNT})

    def requests(self, watch: Watch) -> Iterator[Request]:
        """The first page of a search or of an account's videos."""
        site = self.site_of(watch)
        if watch.kind is WatchKind.ACCOUNT:
            name = quote(watch.query.lstrip("@"), safe="@.")
            yield self.page(peertube.listing(f"{site}/api/v1/accounts/{name}/videos"))
        else:
            yield from map(self.page, peertube.searches(site, watch))

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        """A list leads to each video's own answer; that is the post."""
        data = Fields(json_of(response), where=response.url)
        if response.meta["role"] == "detail":
            if not peertube.is_live(data):
                yield peertube.post_of(data, _files(data))
            return
        videos = list(data.objects("data"))
        for video in videos:
            uuid = video.text("uuid")
            if not peertube.is_live(video):
                address = f"{self.site_of(watch)}/api/v1/videos/{quote(uuid, safe='')}"
                yield self.detail(address, peertube.id_of(video))
        if url := peertube.following(response, data, len(videos)):
            yield self.page(url)

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """What an instance's answer for a video shows."""
        return peertube.shown(response)


def _files(video: Fields) -> Iterator[Rendition]:
    """Every file a video's own answer offers, those of its streaming playlists too."""
    lists = [video, *(video.objects("streamingPlaylists") if video.maybe("streamingPlaylists", list) else ())]
    for holder in lists:
        for file in holder.objects("files"):
            height = file.maybe("resolution.id", int)
            yield Rendition(url=file.text("fileUrl"), height_px=height or None, size_bytes=file.maybe("size", int))
