"""YouTube: the Data API with a key; without one the feeds of channels, and hashtag pages as a fallback by yt-dlp.

A search page shows a shortened text and no tags: the post is made from videos.list, fifty at a time. Searches have
an allowance of their own (100 pages a day since June 2026); all other calls share 10,000 units.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from parsel import Selector
from scrapy import Request
from scrapy.http import Response

from core.causes import Cause
from core.errors import PageChanged, SourceBlind
from core.records import AiLabel, Attachment, Metrics, Post, Presence, Rendition, Watch, WatchKind
from core.times import from_text
from core.words import hashtags, tag
from crawler.facts import Allowance, Canary, Facts, Secret
from crawler.fields import Fields
from crawler.listing import ListingSpider, is_listed
from crawler.platform import json_of, presence

PAGE_SIZE = 50  # the most search.list and videos.list take
OVERLAP = timedelta(hours=1)  # a video is found by search some minutes after it was published
SITE = "https://www.youtube.com"
FEEDS = f"{SITE}/feeds/videos.xml"
FOR_PROGRAMS = {"dont_obey_robotstxt": True}  # an API with terms of its own, and feeds; hashtag pages are neither
CHANNEL = re.compile(r"UC[\w-]{22}")
NAMESPACES = {"a": "http://www.w3.org/2005/Atom", "yt": "http://www.youtube.com/xml/schemas/2015",
              "m": "http://search.yahoo.com/mrss/"}  # fmt: skip
CAUSES = {
    "quotaExceeded": Cause.BUDGET,
    "dailyLimitExceeded": Cause.BUDGET,
    "rateLimitExceeded": Cause.RATE_LIMITED,
    "userRateLimitExceeded": Cause.RATE_LIMITED,
    "keyInvalid": Cause.CREDENTIAL,
    "API_KEY_INVALID": Cause.CREDENTIAL,
    "accessNotConfigured": Cause.CREDENTIAL,
    "ipRefererBlocked": Cause.CREDENTIAL,
    "playlistNotFound": Cause.NOT_FOUND,
    "channelNotFound": Cause.NOT_FOUND,
}


class YoutubeSpider(ListingSpider):
    """A video's own id names the post; live streams that have not ended carry no clip yet."""

    name = "youtube"
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.HASHTAG, WatchKind.KEYWORD, WatchKind.ACCOUNT})
    base = "https://youtube.googleapis.com"
    routes = ("api", "page", "feed")
    secrets = (
        Secret(
            name="YOUTUBE_API_KEY",
            what="API key of a Google Cloud project with the YouTube Data API v3 enabled",
            how=(
                "open the Google Cloud console and make a project",
                "enable “YouTube Data API v3” under APIs & Services",
                "make an API key under Credentials, and restrict it to that API",
            ),
            where="https://console.cloud.google.com/apis/credentials",
        ),
    )
    allowances = (
        Allowance(name="search", most=100, unit="pages", per="day", zone="America/Los_Angeles"),
        Allowance(name="units", most=10_000, unit="units", per="day", zone="America/Los_Angeles"),
    )
    # Uploads cost a unit; a search would cost a hundredth of the day.
    canaries = (Canary(kind=WatchKind.ACCOUNT, query="UCBR8-60-B28hp2BmDPdntcQ", hits=True),)  # its own; feeds want ids
    facts = Facts(
        route="Data API v3: search.list and videos.list, uploads playlists; without a key channel feeds (RSS), and"
        " hashtag pages that yt-dlp scrapes, a fallback that breaks several times a year (route page)",
        quota="100 search pages and 10,000 units a day (Pacific time)",
        posts_a_day="5,000 by search, 500,000 from watched channels; 15 a channel by feed; 200 a hashtag by page",
        ai_label="status.containsSyntheticMedia",
        deletion="a video missing from the items of videos.list that asked for it",
        tested="answers frozen after the official discovery document",
        evidence="developers.google.com/youtube/v3, discovery revision 20261104",
        as_of="2026-11-20",
    )

    def requests(self, watch: Watch) -> Iterator[Request]:
        """A search, or an account's uploads; without a key an account's feed, and by route page a hashtag's page."""
        query = watch.query.strip()
        if self.route != "api":
            yield self._keyless(watch, query)
        elif watch.kind is WatchKind.ACCOUNT:
            which = {"id": query} if CHANNEL.fullmatch(query) else {"forHandle": "@" + query.lstrip("@")}
            yield self._call(watch, self.step, "channels", {"part": "contentDetails", **which})
        else:
            yield self._search(watch, "")

    def _keyless(self, watch: Watch, query: str) -> Request:
        if watch.kind is WatchKind.ACCOUNT and CHANNEL.fullmatch(query):
            return self.page(f"{FEEDS}?{urlencode({'channel_id': query})}", expects="xml", meta=FOR_PROGRAMS)
        if watch.kind is WatchKind.HASHTAG and self.route == "page":
            return self.listing(f"{SITE}/hashtag/{quote(query.lstrip('#'), safe='')}")
        told = "without a key only accounts can be watched, by their channel id (UC...), and hashtags by their page"
        raise SourceBlind(f"{watch.id}: {told}; `clipwarden login youtube` says how to get one", Cause.CREDENTIAL)

    def _search(self, watch: Watch, token: str) -> Request:
        asked = {
            "part": "snippet",
            "type": "video",
            "order": "date",
            "safeSearch": "none",  # the default would hide some
            "maxResults": str(PAGE_SIZE),
            "q": f"#{watch.query.lstrip('#')}" if watch.kind is WatchKind.HASHTAG else watch.query,
        }
        if ground := self.ground_of(watch):
            asked["publishedAfter"] = f"{ground - OVERLAP:%Y-%m-%dT%H:%M:%SZ}"
        return self._call(
            watch, self.page, "search", asked | ({"pageToken": token} if token else {}), spends={"search": 1}
        )

    def _call(self, watch: Watch, role: Any, method: str, asked: dict[str, str], **kwargs: Any) -> Request:  # noqa: ANN401 - Scrapy's
        # The key goes in a header, so that no address that is logged or kept holds it.
        headers = {"X-Goog-Api-Key": self.secret.get("YOUTUBE_API_KEY", "")}
        url = f"{self.site_of(watch)}/youtube/v3/{method}?{urlencode(asked)}"
        made: Request = role(url, headers=headers, meta=FOR_PROGRAMS, **{"spends": {"units": 1}, **kwargs})
        return made

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        """Searches and playlists lead to videos.list, which is the posts."""
        if is_listed(response):
            yield from self.read_listed(response, watch)
            return
        parts = urlsplit(response.url)
        if parts.path.endswith("/videos.xml"):
            yield from posts_of_feed(response)
            return
        data, method = Fields(json_of(response), where=response.url), parts.path.rsplit("/", 1)[-1]
        # An answer about an unknown channel has no list at all.
        items = [] if method == "channels" and "items" not in data.data else list(data.objects("items"))
        if method == "videos":
            for item in items:
                yield from post_of(item)
        elif method == "channels":
            if not items:
                raise SourceBlind(f"{watch.id}: YouTube knows no such channel; check the brand file", Cause.NOT_FOUND)
            yield self._uploads(watch, items[0].text("contentDetails.relatedPlaylists.uploads"), "")
        else:
            path = "id.videoId" if method == "search" else "contentDetails.videoId"
            yield from self._details(watch, [item.text(path) for item in items])
            if token := data.maybe("nextPageToken", str):
                asked = parse_qs(parts.query).get("playlistId", [""])[0]
                yield self._search(watch, token) if method == "search" else self._uploads(watch, asked, token)

    def _uploads(self, watch: Watch, playlist: str, token: str) -> Request:
        asked = {"part": "contentDetails", "playlistId": playlist, "maxResults": str(PAGE_SIZE)}
        return self._call(watch, self.page, "playlistItems", asked | ({"pageToken": token} if token else {}))

    def _details(self, watch: Watch, names: Sequence[str]) -> Iterator[Request]:
        if names:
            asked = {"part": "snippet,contentDetails,statistics,status", "id": ",".join(names)}
            posts = [f"youtube:{name}" for name in names]
            yield self._call(watch, lambda url, **given: self.detail(url, *posts, **given), "videos", asked)

    @staticmethod
    def soft_error(response: Response) -> SourceBlind | None:
        """The API's error object: its first reason says what it is; or what yt-dlp failed with."""
        if is_listed(response):
            return ListingSpider.listing_error(response)
        if response.body[:1] != b"{" or b'"error"' not in response.body[:2000]:
            return None
        error = Fields(json_of(response), where=response.url).maybe("error", dict) or {}
        reasons = [str(one.get("reason")) for one in (*error.get("errors", ()), *error.get("details", ())) if one]
        cause = next((CAUSES[reason] for reason in reasons if reason in CAUSES), None)
        if not error or (cause is None and response.status == 200):
            return None
        told = f"YouTube answered {error.get('code')}: {error.get('message', '')} ({', '.join(reasons) or 'no reason'})"
        return SourceBlind(told, cause or Cause.SOFT_ERROR)

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """Videos.list of one id: gone when the answer has no item; private when it says so."""
        asked = urlsplit(response.url).path.endswith("/videos")
        if asked and response.status == 200 and b'"items"' in response.body:
            items = Fields(json_of(response), where=response.url).maybe("items", list) or []
            if not items:
                return Presence.GONE
            return Presence.PRIVATE if items[0].get("status", {}).get("privacyStatus") == "private" else Presence.UP
        return presence(response, up=False)


def post_of(item: Fields) -> Iterator[Post]:
    """A video resource as a post; a stream that has not ended has nothing to fetch, and comes when it has."""
    if item.text("snippet.liveBroadcastContent") != "none":
        return
    name, text = item.text("id"), f"{item.text('snippet.title')}\n{item.text('snippet.description')}".strip()
    url = f"https://www.youtube.com/watch?v={quote(name, safe='')}"
    said = [str(one) for one in item.maybe("snippet.tags", list) or ()]
    synthetic = item.maybe("status.containsSyntheticMedia", bool)
    yield Post(
        id=f"youtube:{name}",
        platform="youtube",
        url=url,
        author_handle=item.text("snippet.channelTitle"),
        author_id=item.text("snippet.channelId"),
        text=text,
        hashtags=tuple(dict.fromkeys([*hashtags(text), *(name for name in map(tag, said) if name)])),
        language=item.maybe("snippet.defaultAudioLanguage", str) or item.maybe("snippet.defaultLanguage", str),
        posted_at=item.instant("snippet.publishedAt"),
        attachments=(
            Attachment(
                position=0,
                kind="video",
                renditions=(Rendition(url=url),),  # its files are for yt-dlp to find
                duration_s=seconds_of(item.text("contentDetails.duration")),
            ),
        ),
        metrics=Metrics(
            views=_count(item, "viewCount"), likes=_count(item, "likeCount"), comments=_count(item, "commentCount")
        ),
        ai_label=AiLabel(field="status.containsSyntheticMedia", value="true") if synthetic else None,
    )


def _count(item: Fields, name: str) -> int | None:
    """Numbers come as text, and are left out where the channel hides them."""
    value = item.maybe(f"statistics.{name}", str)
    return int(value) if value and value.isdigit() else None


def seconds_of(text: str) -> float | None:
    """ISO 8601 duration, as P1DT2H3M4S, in seconds; None for what is none (P0D of a stream)."""
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", text)
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0, 0)
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds) or None


def posts_of_feed(response: Response) -> Iterator[Post]:
    """The newest fifteen of a channel, from its Atom feed; it tells no length and no label."""
    feed = Selector(text=response.text, type="xml", namespaces=NAMESPACES)
    if not feed.xpath("/a:feed"):
        raise PageChanged(f"{response.url}: 'feed' is missing: no Atom feed; open it in a browser")

    def text(of: Selector, path: str) -> str:
        value = of.xpath(f"{path}/text()").get()
        if value is None:
            raise PageChanged(f"{response.url}: {path!r} is missing from an entry; freeze the feed and look")
        return value

    for entry in feed.xpath("/a:feed/a:entry"):
        name = text(entry, "yt:videoId")
        said = f"{text(entry, 'a:title')}\n{entry.xpath('m:group/m:description/text()').get() or ''}".strip()
        url = f"https://www.youtube.com/watch?v={quote(name, safe='')}"
        views = entry.xpath("m:group/m:community/m:statistics/@views").get() or ""
        yield Post(
            id=f"youtube:{name}",
            platform="youtube",
            url=url,
            author_handle=text(entry, "a:author/a:name"),
            author_id=text(entry, "yt:channelId"),
            text=said,
            hashtags=hashtags(said),
            language=None,
            posted_at=from_text(text(entry, "a:published")),
            attachments=(Attachment(position=0, kind="video", renditions=(Rendition(url=url),)),),
            metrics=Metrics(views=int(views) if views.isdigit() else None),
        )
