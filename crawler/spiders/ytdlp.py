"""Any page that yt-dlp lists: an account, a channel, a playlist, a tag or a search of some site without a spider here.

A fallback for platforms that have no interface for us: yt-dlp scrapes pages and undocumented interfaces, and breaks
when they change. Never where robots.txt forbids the page, never with a login, never around a captcha.
"""

from collections.abc import Iterator
from typing import ClassVar
from urllib.parse import quote

from scrapy import Request
from scrapy.http import Response

from core.causes import Cause
from core.errors import SourceBlind
from core.records import Post, Presence, Watch, WatchKind
from crawler.facts import Facts
from crawler.listing import ListingSpider
from crawler.platform import presence

# Searches that have no address yt-dlp takes: how it calls them -> the page a person would open, whose robots.txt holds.
# Niconico's are asked by address, newest first; YouTube's robots.txt forbids its pages of results.
SEARCHES = {
    "bilisearch": "https://search.bilibili.com/all?keyword={query}",
    "rkfnsearch": "https://rokfin.com/search/{query}",
}


class YtdlpSpider(ListingSpider):
    """A url is the page itself; other kinds fill the {query} of a site's address, or name one of SEARCHES.

    `sites: ["https://www.nicovideo.jp/tag/{query}?sort=f&order=d"]` with `hashtags`, or
    `keywords: ["bilisearch:words"]` without a site.
    """

    name = "ytdlp"
    kinds: ClassVar[frozenset[WatchKind]] = frozenset(WatchKind)
    routes = ("page",)
    facts = Facts(
        route="a fallback that scrapes: the page, and what yt-dlp asks for behind it (undocumented interfaces too)",
        quota="what robots.txt of the page and politeness leave: 50 entries a page, 200 read one by one a crawl",
        posts_a_day="some thousands a watch where listings tell times; else 200 new ones a crawl",
        ai_label="none",
        deletion="404 or 410 at the post's own page",
        tested="the real yt-dlp on loopback: feeds, pages with JSON-LD, a rebuilt tag page; none of the sites",
        evidence="yt-dlp 2026.10.26: supportedsites.md and its extractors",
        as_of="2026-11-21",
    )

    def requests(self, watch: Watch) -> Iterator[Request]:
        """The first page of the listing."""
        query = watch.query.strip()
        if watch.kind is WatchKind.URL:
            yield self.listing(query)
        elif "{query}" in watch.site:
            yield self.listing(watch.site.replace("{query}", quote(query.lstrip("#@"), safe="")))
        else:
            search, colon, words = query.partition(":")
            if watch.site or not colon or search not in SEARCHES:
                known = ", ".join(f"{name}:words" for name in SEARCHES)
                told = f"name a site with {{query}} in its address, a url, or one of yt-dlp's searches: {known}"
                raise SourceBlind(told, Cause.OURS)
            page = SEARCHES[search].replace("{query}", quote(words.strip(), safe=""))
            yield self.listing(page, f"{search}all:{words.strip()}")

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        """Posts and entries, as yt-dlp tells them."""
        yield from self.read_listed(response, watch)

    @staticmethod
    def soft_error(response: Response) -> SourceBlind | None:
        """What yt-dlp failed with."""
        return ListingSpider.listing_error(response)

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """A post's own page, of whatever site: only its status is proof."""
        return presence(response, up=False)
