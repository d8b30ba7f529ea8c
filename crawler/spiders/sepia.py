"""Sepia Search: PeerTube's own index of its network, without a key.

An index tells of videos and holds none: a post's file is its page on its own instance, whichever of them that is. No
instance is asked while crawling, so that one of a thousand that is down does not leave a hole in the watch.
"""

from collections.abc import Iterator
from typing import ClassVar

from scrapy import Request
from scrapy.http import Response

from core.records import Post, Presence, Watch, WatchKind
from crawler import peertube
from crawler.facts import Canary, Facts
from crawler.fields import Fields
from crawler.platform import PlatformSpider, json_of


class SepiaSpider(PlatformSpider):
    """Its posts are PeerTube's, with the ids that the `peertube` spider gives them."""

    name = "sepia"
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.HASHTAG, WatchKind.KEYWORD})
    base = "https://sepiasearch.org"
    canaries = (
        Canary(kind=WatchKind.KEYWORD, query="peertube", hits=True),
        # By tag: a search by words is one that forgives typing errors.
        Canary(kind=WatchKind.HASHTAG, query="{}", hits=False),
    )
    facts = Facts(
        route="search of the PeerTube network's index, by tag or word, without a key",
        quota="no figure published; 100 a request",
        posts_a_day="144,000 with one request a minute; videos come some hours after their instance has them",
        ai_label="none",
        deletion="as PeerTube: 404 at GET /api/v1/videos/UUID of the video's instance; the index itself only forgets",
        tested="frozen answers valid against PeerTube's official OpenAPI, which a search index shares",
        evidence="search-index source (videos search: parameters and answer); PeerTube OpenAPI 6.3, searchIndex",
        as_of="2026-11-21",
    )

    def requests(self, watch: Watch) -> Iterator[Request]:
        """The first page of a search."""
        yield from map(self.page, peertube.searches(self.site_of(watch), watch, lowered=True))

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:  # noqa: ARG002 - the answer is enough
        """The videos of a page, then the next page."""
        data = Fields(json_of(response), where=response.url)
        videos = list(data.objects("data"))
        yield from (peertube.post_of(video) for video in videos if not peertube.is_live(video))
        if url := peertube.following(response, data, len(videos)):
            yield self.page(url)

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """What the instance's answer for a video shows; that the index has it no more proves nothing."""
        return peertube.shown(response)
