"""ListingSpider: what a platform's spider needs to ask a page that yt-dlp can list, and to read what it says.

An entry that tells its title and its time becomes a post as it is listed; any other is asked for on its own, once,
and only so many in one crawl. Nothing here runs yt-dlp: crawler.listing_pool does.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.http import Response

from core.causes import Cause
from core.errors import PageChanged, SourceBlind
from core.records import Attachment, Metrics, Post, Rendition, Watch
from core.words import hashtags, tag
from crawler.captures.capture import instant
from crawler.fields import Fields
from crawler.outcomes import ErrorClass
from crawler.platform import PlatformSpider, json_of, now
from crawler.runs import Lost

MOST_DETAILS = 200  # entries asked for on their own, of one watch in one crawl: some minutes of a site's time
KNOWN_SHARE = 0.9  # of a page: then what is behind it is known too. One in ten may be shut, live, or pinned
MOST_ABSENT = 3  # entries that are not for us, where none ever was: then it is the site, not the entries
MOST_DEPTH = 2  # a channel lists its tabs, a tab its clips
NAMES = {"Generic": "web", "Twitter": "x"}  # where our name of a platform is not the extractor's
LIVE = frozenset({"is_live", "is_upcoming"})
HANDLER = "crawler.listing_pool.ListingHandler"
CAUSES = {
    ErrorClass.GONE: (Cause.NOT_FOUND, "check the address in the brand file"),
    ErrorClass.PRIVATE: (Cause.REFUSED, "private; watch what is public"),
    ErrorClass.GEO_BLOCKED: (Cause.REFUSED, "not shown in this country"),
    ErrorClass.LOGIN: (Cause.CREDENTIAL, "it wants a login, and yt-dlp is given none here; import captures of it"),
    ErrorClass.RATE_LIMITED: (Cause.RATE_LIMITED, "crawl less often, or raise crawl.delay_s"),
    ErrorClass.TEMPORARY: (Cause.TROUBLE, "the next crawl tries again"),
    ErrorClass.TOO_SLOW: (Cause.TROUBLE, "the site drips or is very slow; the next crawl tries again"),
    ErrorClass.TOO_LARGE: (Cause.TROUBLE, "its answer is larger than any listing; look at it in a browser"),
    ErrorClass.BROKEN: (Cause.CHANGED, "yt-dlp no longer understands the site: update it"),
    ErrorClass.NOT_MEDIA: (Cause.OURS, "yt-dlp finds nothing it could list; check the address in the brand file"),
    ErrorClass.PRIVATE_ADDRESS: (Cause.REFUSED, "name the host in allowed_hosts if it is yours"),
    ErrorClass.SCHEME: (Cause.OURS, "only http(s) addresses are asked"),
    ErrorClass.DISK: (Cause.OURS, "make room"),
}
# Of one entry these say that there is nothing for us, and of its listing nothing at all.
ABSENT = frozenset(
    {
        ErrorClass.GONE,
        ErrorClass.PRIVATE,
        ErrorClass.LOGIN,  # for members only
        ErrorClass.GEO_BLOCKED,
        ErrorClass.NOT_MEDIA,
        ErrorClass.PRIVATE_ADDRESS,
        ErrorClass.SCHEME,
    }
)


class ListingSpider(PlatformSpider):
    """Base of the spiders that ask yt-dlp: `listing` asks, `read_listed` reads, `listing_error` says why not."""

    custom_settings = {"DOWNLOAD_HANDLERS": dict.fromkeys(("http", "https"), HANDLER)}  # noqa: RUF012 - Scrapy's own

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Scrapy's own arguments
        super().__init__(*args, **kwargs)
        self.detailed, self.absent = Counter[str](), Counter[str]()

    def listing(self, page: str, url: str = "", *, key: str = "", start: int = 0, depth: int = 0) -> Request:
        """Ask for a page of a listing.

        page   the address a person would open: robots.txt and politeness are of its site
        url    what yt-dlp is asked for, where that is not the page
        start  entries to leave out
        depth  0 for what the watch names; more for a listing that was an entry of another
        """
        asked = {"url": url or page, "key": key, "start": start, "depth": depth}
        return self.page(page, body=json.dumps(asked), meta={"listing": True})

    def read_listed(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        """The posts of an answer of yt-dlp's, the entries to ask for, and the next page."""
        data = Fields(json_of(response), where=response.url)
        asked, kind = _part(data, "asked"), data.text("kind")
        if kind == "error":  # of an entry; of a listing it was refused before
            self._note_absent(watch, data)
        elif kind == "post":
            yield from post_of(_part(data, "post"), asked, fallback=_part(data, "post"))
        else:
            yield from self._read_entries(response, watch, data, asked)

    def _read_entries(self, response: Response, watch: Watch, data: Fields, asked: Fields) -> Iterator[Post | Request]:
        head, depth, start = _part(data, "listing"), asked.integer("depth"), asked.integer("start")
        entries = [entry for entry in data.objects("entries") if entry.maybe("live_status", str) not in LIVE]
        posts = [post for entry in entries if is_whole(entry) for post in post_of(entry, asked, fallback=head)]
        wanted = [entry for entry in entries if not is_whole(entry) and entry.maybe("ask", str) is not None]
        if entries and not posts and not wanted:
            told = "its entries have neither a time nor an address of their own; watch the page by another source"
            raise SourceBlind(f"{asked.text('url')}: {told}", Cause.CHANGED)
        if not entries and not start and not depth and self._has_seen(watch):
            told = "lists nothing where it once had posts: how a block or a changed layout looks; open it in a browser"
            raise SourceBlind(f"{asked.text('url')} {told}", Cause.CHANGED)
        yield from posts
        whole = True
        if depth < MOST_DEPTH:
            whole = self._may_ask(watch, wanted)
            yield from self._asks(response, watch, wanted, depth)
        elif wanted:
            self.logger.warning("%s: %s leads on and on, and is left", watch.id, asked.text("url"))
        ids = [post.id for post in posts] + [id_of(entry) for entry in wanted]
        onward = data.maybe("next", int)
        if onward and whole and not self._is_known(watch, ids):
            yield self.listing(response.url, asked.text("url"), key=asked.text("key"), start=onward, depth=depth)

    def _asks(self, response: Response, watch: Watch, wanted: Sequence[Fields], depth: int) -> Iterator[Request]:
        for entry in self._new(watch, wanted)[: MOST_DETAILS - self.detailed[watch.id]]:
            self.detailed[watch.id] += 1
            url, post = entry.text("url"), id_of(entry)
            page = url if urlsplit(url).scheme in {"http", "https"} else response.url
            asked = {"url": entry.text("ask"), "key": entry.text("key"), "start": 0, "depth": depth + 1, "post": post}
            yield self.detail(page, post, body=json.dumps(asked), meta={"listing": True})

    def _may_ask(self, watch: Watch, wanted: Sequence[Fields]) -> bool:
        """Whether all of these may still be asked for; where not, the watch says that it is cut."""
        if len(self._new(watch, wanted)) <= MOST_DETAILS - self.detailed[watch.id]:
            return True
        told = f"more than {MOST_DETAILS} new entries without a time; watch more often, the rest come with the next"
        if run := getattr(self, "runs", {}).get(watch.id):
            run.cut = Lost(Cause.CUT, told)
        return False

    def _new(self, watch: Watch, entries: Sequence[Fields]) -> list[Fields]:
        """Those the watch has never seen: also of a crawl that was cut, whose ground did not move."""
        if not hasattr(self, "ledger"):  # a frozen answer is read without one
            return list(entries)
        seen = self.ledger.seen_before(watch.id, [id_of(entry) for entry in entries], at=now())
        return [entry for entry in entries if id_of(entry) not in seen]

    def _is_known(self, watch: Watch, ids: Sequence[str]) -> bool:
        ground = self.ground_of(watch)
        if not ids or ground is None:
            return False
        return len(self.ledger.seen_before(watch.id, ids, at=ground)) >= KNOWN_SHARE * len(ids)

    def _has_seen(self, watch: Watch) -> bool:
        """Whether the watch ever brought a post, in this crawl or before."""
        if not (run := getattr(self, "runs", {}).get(watch.id)):
            return False
        return run.posts > 0 or bool(self.ledger.rows("SELECT 1 FROM sightings WHERE watch = ? LIMIT 1", [watch.id]))

    def _note_absent(self, watch: Watch, data: Fields) -> None:
        """An entry that is not for us is no loss, unless none ever was: then the site shuts us out, or has moved."""
        error = _part(data, "error")
        self.logger.warning("%s: left out: %s: %s", watch.id, error.text("class"), error.text("message"))
        self.absent[watch.id] += 1
        if self.absent[watch.id] >= MOST_ABSENT and not self._has_seen(watch):
            raise _named(data, error)

    @staticmethod
    def listing_error(response: Response) -> SourceBlind | None:
        """What yt-dlp failed with, by its cause; None for an answer, and for one entry that is not for us."""
        if not is_listed(response):
            return None
        data = Fields(json_of(response), where=response.url)
        if data.data.get("kind") != "error":
            return None
        error = _part(data, "error")
        if _part(data, "asked").integer("depth") and error.text("class") in ABSENT:
            return None
        return _named(data, error)


def is_listed(response: Response) -> bool:
    """Whether an answer is one of yt-dlp's: it was asked for, or (read again from the blobs) begins like one."""
    asked = response.request is not None and response.meta.get("listing")
    return bool(asked) or b'"yt_dlp"' in response.body[:20]


def _part(data: Fields, name: str) -> Fields:
    return Fields(data.maybe(name, dict) or {}, where=f"{data.where}: {name!r}")


def _named(data: Fields, error: Fields) -> SourceBlind:
    cause, told = CAUSES[ErrorClass(error.text("class"))]
    return SourceBlind(f"{_part(data, 'asked').text('url')}: {error.text('message')}; {told}", cause)


# ----------------------------------------------------------------------- posts
def is_whole(entry: Fields) -> bool:
    """Whether an entry tells enough to be a post as it is listed."""
    titled = (entry.maybe("title", str) or "").strip()
    return bool(titled and _address(entry)) and at_of(entry) is not None


def id_of(item: Fields) -> str:
    """The name of an entry or a post, the same for both: "youtube:ID" as the platform's own spider has it.

    A page that only yt-dlp's generic extractor reads is named by its address.
    """
    key = item.maybe("key", str) or item.text("extractor_key")
    own = item.maybe("id", str)
    if key == "Generic" or not own:
        own = (_address(item) or item.text("url")).split("://", 1)[-1]
    return f"{NAMES.get(key, key.lower())}:{own}"


def at_of(item: Fields) -> datetime | None:
    """When it was posted; None where nothing says so. Where only the day is told, its first moment (UTC)."""
    for name in ("timestamp", "release_timestamp"):
        try:
            return instant(item.maybe_number(name) or 0)
        except ValueError:
            continue
    for name in ("upload_date", "release_date"):
        try:
            return datetime.strptime(item.maybe(name, str) or "", "%Y%m%d").replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def _address(item: Fields) -> str | None:
    found = item.maybe("webpage_url", str) or item.maybe("url", str) or ""
    return found if urlsplit(found).scheme in {"http", "https"} else None


def post_of(item: Fields, asked: Fields, *, fallback: Fields) -> Iterator[Post]:
    """An entry, or what yt-dlp says of one, as a post; a live stream has no clip yet.

    asked     the question: an entry that was asked for keeps the id it was listed with, by which it is known
    fallback  what the listing says of itself: whose it is, where the entry does not say
    """
    if item.maybe("live_status", str) in LIVE:
        return
    url, posted_at, listed = _address(item), at_of(item), asked.maybe("post", str) or ""
    if url is None or posted_at is None:
        missing = "webpage_url" if url is None else "timestamp or upload_date"
        raise PageChanged(f"{item.where}: no {missing}: yt-dlp tells none of this site; update it")
    text = f"{item.text('title')}\n{item.maybe('description', str) or ''}".strip()
    own = id_of(item)
    # A page that embeds another site's clip is that clip.
    name = own if not listed or (listed.startswith("web:") and not own.startswith("web:")) else listed
    said = [str(one) for one in item.maybe("tags", list) or ()]
    handle, author = _author(item, fallback, urlsplit(url).netloc)
    yield Post(
        id=name,
        platform=name.split(":", 1)[0],
        url=url,
        author_handle=handle,
        author_id=author,
        text=text,
        hashtags=tuple(dict.fromkeys([*hashtags(text), *(one for one in map(tag, said) if one)])),
        language=item.maybe("language", str),
        posted_at=posted_at,
        attachments=(
            Attachment(
                position=0,
                kind="video",
                renditions=(Rendition(url=url),),  # its files are for yt-dlp to find, when it is downloaded
                duration_s=item.maybe_number("duration"),
            ),
        ),
        metrics=Metrics(
            views=_count(item, "view_count"),
            likes=_count(item, "like_count"),
            reposts=_count(item, "repost_count"),
            comments=_count(item, "comment_count"),
        ),
    )


def _author(item: Fields, fallback: Fields, host: str) -> tuple[str, str]:
    """Handle and id of who posted; the site itself where neither the entry nor its listing names anyone."""
    told = [
        (of.maybe(f"{who}_id", str), of.maybe(who, str)) for of in (item, fallback) for who in ("channel", "uploader")
    ]
    own = next((one for one, _ in told if one), None)
    handle = next((one for _, one in told if one), None) or item.maybe("uploader_id", str)
    return handle or own or host, own or handle or host


def _count(item: Fields, name: str) -> int | None:
    value = item.maybe_number(name)
    return None if value is None else int(value)
