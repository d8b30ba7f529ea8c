"""Telegram's public channels by their preview pages (t.me/s/NAME): no key, per channel only.

A channel without a preview leads elsewhere; that is never "no posts". Search over all channels wants a phone's login,
and is left out.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar
from urllib.parse import urlencode, urlsplit

from parsel import Selector
from scrapy import Request
from scrapy.http import Response, TextResponse

from core.causes import Cause
from core.errors import PageChanged, SourceBlind
from core.records import Attachment, Metrics, Post, Presence, Rendition, Watch, WatchKind
from core.times import from_text
from core.words import hashtags
from crawler.epoch import is_known
from crawler.facts import Canary, Facts
from crawler.platform import PlatformSpider, presence

CHANNEL = re.compile(r"[A-Za-z]\w{3,31}")
POST = re.compile(r"(?P<channel>[A-Za-z]\w{3,31})/(?P<number>\d{1,12})")
NOT_FOUND = "Post not found"  # the widget's words for a message that is no more, in whatever language one asks
UNITS = {"": 1, "K": 1_000, "M": 1_000_000, "B": 1_000_000_000}


class TelegramSpider(PlatformSpider):
    """A channel's name and a message's number name a post, as in its address."""

    name = "telegram"
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.ACCOUNT})
    base = "https://t.me"
    canaries = (Canary(kind=WatchKind.ACCOUNT, query="telegram", hits=True),)
    routes = ("feed",)
    facts = Facts(
        route="preview pages of public channels, t.me/s/NAME",
        quota="none published; politeness",
        posts_a_day="all of a watched channel (about 20 messages a page)",
        ai_label="none",
        deletion="“Post not found” at t.me/NAME/NUMBER?embed=1; missing from t.me/s/NAME/NUMBER between its neighbours",
        tested="documents only: pages frozen after what others have seen; Telegram documents none",
        evidence="t.me/s, core.telegram.org/widgets/post",
        as_of="2026-11-21",
    )

    def requests(self, watch: Watch) -> Iterator[Request]:
        """The newest messages."""
        yield self._page(watch, "")

    def _page(self, watch: Watch, before: str) -> Request:
        name = watch.query.strip().lstrip("@").removeprefix("https://t.me/").removeprefix("s/")
        if not CHANNEL.fullmatch(name):
            raise SourceBlind(
                f"{watch.id}: {watch.query!r} is no public channel's name; mend the brand file", Cause.OURS
            )
        query = f"?{urlencode({'before': before})}" if before else ""
        return self.page(f"{self.site_of(watch)}/s/{name}{query}", expects="html")

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        """Messages with a clip, and the page before this one."""
        page = _page_of(response)
        if not urlsplit(response.url).path.startswith("/s/") or not page.css(".tgme_channel_info, .tgme_header_info"):
            told = "shows no preview: no such channel, a private one, or one that Telegram restricts"
            raise SourceBlind(f"{watch.id}: t.me {told}; check the brand file", Cause.FEED_DISABLED)
        messages = page.css(".tgme_widget_message[data-post]")
        if not messages and not page.css(".tme_no_messages_found"):
            raise PageChanged(f"{response.url}: 'tgme_widget_message' is missing; freeze the page and look")
        for message in messages:
            yield from post_of(message, response)
        if messages and is_known(_time(messages[0], response), self.ground_of(watch)):  # the oldest stands first
            return
        before = page.css("a.tme_messages_more[data-before]::attr(data-before)").get()
        if before and before.isascii() and before.isdigit():
            yield self._page(watch, before)

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """GET t.me/NAME/NUMBER?embed=1 says it outright; of t.me/s/NAME/NUMBER, the messages on both sides do."""
        parts = urlsplit(response.url)
        found = POST.search(parts.path)
        if found and response.status == 200 and isinstance(response, TextResponse):
            said = (POST.fullmatch(one) for one in response.css(".tgme_widget_message::attr(data-post)").getall())
            shown = [int(one["number"]) for one in said if one and one["channel"].lower() == found["channel"].lower()]
            number = int(found["number"])
            if number in shown:
                return Presence.UP
            # Not what is said of a channel that is gone, private, or shown in the app alone.
            if "embed=1" in parts.query and response.css(".tgme_widget_message_error::text").getall() == [NOT_FOUND]:
                return Presence.GONE
            # One of an album is not shown under its own number: neighbours must be near on both sides.
            if (
                any(one < number for one in shown)
                and any(one > number for one in shown)
                and not _in_album(response, found)
            ):
                return Presence.GONE
        return presence(response, up=False)

    @staticmethod
    def recheck_url(post_url: str) -> str:
        """A message's widget: its page answers 200 and shows the channel, whatever became of the message."""
        found = re.fullmatch(rf"https://t\.me/{POST.pattern}", post_url)
        return f"{post_url}?embed=1" if found else post_url


def _page_of(response: Response) -> Selector:
    if not isinstance(response, TextResponse):
        raise PageChanged(f"{response.url}: expected a page, got {response.headers.get('Content-Type')!r}")
    return response.selector


def _in_album(response: TextResponse, found: re.Match[str]) -> bool:
    """Whether an album on the page has the message as one of its parts."""
    links = response.css(".tgme_widget_message_grouped_wrap a::attr(href)").getall()
    return any(link.partition("?")[0].endswith(f"/{found['number']}") for link in links)


def post_of(message: Selector, response: Response) -> Iterator[Post]:
    """A message as a post, if it holds a clip; a part of an album is an attachment of it."""
    found = POST.fullmatch(message.attrib["data-post"])
    if not found:
        said = f"'data-post' names no message: {message.attrib['data-post'][:80]!r}"
        raise PageChanged(f"{response.url}: {said}; freeze the page and look")
    url = f"https://t.me/{found['channel']}/{found['number']}"
    attachments = tuple(_attachments(message, url))
    if not attachments:
        return
    text = _text(message)
    yield Post(
        id=f"telegram:{found['channel'].lower()}/{found['number']}",
        platform="telegram",
        url=url,
        author_handle=found["channel"],
        author_id=found["channel"].lower(),  # a channel's number is not shown; its name may be sold
        text=text,
        hashtags=hashtags(text),
        language=None,
        posted_at=_time(message, response),
        attachments=attachments,
        metrics=Metrics(views=counted(message.css(".tgme_widget_message_views::text").get() or "")),
    )


def _time(message: Selector, response: Response) -> datetime:
    told = message.css(".tgme_widget_message_date time::attr(datetime)").get()
    try:
        return from_text(told or "")
    except ValueError:
        name = message.attrib["data-post"][:80]
        raise PageChanged(f"{response.url}: 'datetime' of {name!r} is no time: {told!r}; freeze the page") from None


def _text(message: Selector) -> str:
    """The message's own words: not those of one it answers."""
    parts = message.xpath(
        './/*[contains(concat(" ", @class, " "), " tgme_widget_message_text ")]'
        '[not(ancestor::*[contains(@class, "tgme_widget_message_reply")])]'
    )
    lines = [
        "".join("\n" if one == "<br>" else one for one in part.xpath(".//text() | .//br").getall()) for part in parts
    ]
    return "\n".join(lines).strip()


def _attachments(message: Selector, url: str) -> Iterator[Attachment]:
    """Clips in their order; one that is too large for the preview has no file there, but the message's page."""
    for position, player in enumerate(
        message.css(".tgme_widget_message_video_player, .tgme_widget_message_roundvideo_player")
    ):
        source = player.css("video::attr(src)").get() or ""
        yield Attachment(
            position=position,
            kind="video",
            renditions=(Rendition(url=source if source.startswith("https://") else url),),
            duration_s=_seconds(player.css("time::text").get() or ""),
        )


def _seconds(text: str) -> float | None:
    """ "1:02:03" or "0:31" in seconds; None for what is neither."""
    if not re.fullmatch(r"\d{1,3}(:\d\d){1,2}", text.strip(), re.ASCII):
        return None
    total = 0
    for part in text.strip().split(":"):
        total = total * 60 + int(part)
    return float(total)


def counted(text: str) -> int | None:
    """ "1.2K" as 1200: what the page rounds stays rounded; None for what is no number."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)([KMB]?)", text.strip().upper(), re.ASCII)
    return round(float(found[1]) * UNITS[found[2]]) if found else None
