"""Mastodon and what speaks like it: tag timelines and accounts, without a key.

A disabled tag feed answers with an empty list, so an empty first page is checked against what the
instance says of itself before it may mean "no posts".
"""

from collections.abc import Iterator
from typing import ClassVar
from urllib.parse import quote, urlencode, urlsplit

from scrapy import Request
from scrapy.http import Response
from w3lib.html import remove_tags, replace_entities

from core.causes import Cause
from core.errors import SourceBlind
from core.records import Attachment, Metrics, Post, Presence, Rendition, Watch, WatchKind
from core.words import tag
from crawler.facts import Canary, Facts
from crawler.fields import Fields, array
from crawler.platform import PlatformSpider, json_of, presence

PAGE_SIZE = 40  # the most a timeline gives
VIDEO_KINDS = frozenset({"video", "gifv"})  # gifv is a silent clip, and most generated loops are


class MastodonSpider(PlatformSpider):
    """Status ids come from the status' uri, which is the same on every instance that holds a copy."""

    name = "mastodon"
    facts = Facts(
        route="tag timelines and accounts' statuses of an instance, without a key where it allows that",
        quota="300 requests in 5 minutes for each instance",
        posts_a_day="3.4 million an instance (40 a request)",
        ai_label="none",
        deletion="404 or 410 at GET /api/v1/statuses/ID; also how a post made private answers",
        tested="a loopback server after the official documents, and answers frozen from it",
        evidence="docs.joinmastodon.org/methods/timelines, /methods/accounts",
        as_of="2026-11-20",
    )
    # None that must bring posts: a small instance may hold nothing of any tag one could name.
    canaries = (Canary(kind=WatchKind.HASHTAG, query="{}", hits=False),)
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.HASHTAG, WatchKind.ACCOUNT})

    def requests(self, watch: Watch) -> Iterator[Request]:
        """A tag timeline, or an account's id on the way to its statuses."""
        site = watch.site.rstrip("/")
        if watch.kind is WatchKind.HASHTAG:
            query = urlencode({"limit": PAGE_SIZE, "only_media": "true"})
            yield self.page(f"{site}/api/v1/timelines/tag/{quote(watch.query.lstrip('#'), safe='')}?{query}")
        else:
            yield self.step(f"{site}/api/v1/accounts/lookup?{urlencode({'acct': watch.query.lstrip('@')})}")

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        """Statuses with a clip; the older page is named by the Link header."""
        path = urlsplit(response.url).path
        if path.endswith("/api/v2/instance"):
            refuse_closed_feed(Fields(json_of(response), where=response.url))
        elif path.endswith("/accounts/lookup"):
            account = Fields(json_of(response), where=response.url).text("id")
            query = urlencode({"limit": PAGE_SIZE, "only_media": "true"})
            yield self.page(f"{watch.site.rstrip('/')}/api/v1/accounts/{quote(account, safe='')}/statuses?{query}")
        else:
            statuses = list(array(json_of(response), where=response.url))
            for status in statuses:
                yield from post_of(status)
            older = next_link(response)
            if older:
                yield self.page(older)
            elif not statuses and "max_id" not in response.url and watch.kind is WatchKind.HASHTAG:
                yield self.step(f"{watch.site.rstrip('/')}/api/v2/instance")

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """GET /api/v1/statuses/ID: "Record not found" is also how a post made private answers."""
        up = response.status == 200 and b'"media_attachments"' in response.body
        return presence(response, up=up)


def post_of(status: Fields) -> Iterator[Post]:
    """A status as a post, if it carries a clip; boosts are left to the account that posted."""
    if status.maybe("reblog", dict):
        return
    attachments = tuple(_attachments(status))
    uri = status.text("uri")
    if not attachments:
        return
    host = urlsplit(uri).netloc
    account = status.text("account.acct")
    yield Post(
        id=f"mastodon:{uri.split('://', 1)[-1]}",
        platform="mastodon",
        url=status.maybe("url", str) or uri,
        author_handle=account if "@" in account else f"{account}@{host}",
        author_id=status.text("account.url"),
        text=plain_text(status.text("content")),
        hashtags=tuple(dict.fromkeys(tag(item.text("name")) for item in status.objects("tags"))),
        language=status.maybe("language", str),
        posted_at=status.instant("created_at"),
        attachments=attachments,
        metrics=Metrics(
            likes=status.maybe("favourites_count", int),
            reposts=status.maybe("reblogs_count", int),
            comments=status.maybe("replies_count", int),
        ),
    )


def _attachments(status: Fields) -> Iterator[Attachment]:
    for position, item in enumerate(status.objects("media_attachments")):
        if item.text("type") not in VIDEO_KINDS:
            continue
        height = item.maybe("meta.original.height", int)
        url = item.maybe("url", str) or item.text("remote_url")  # url is null while an instance still copies it
        yield Attachment(
            position=position,
            kind="video",
            renditions=(Rendition(url=url, height_px=height),),
            duration_s=item.maybe_number("meta.original.duration"),
        )


def plain_text(html: str) -> str:
    """A status' HTML as the text a person reads, its paragraphs on lines of their own."""
    broken = html.replace("<br>", "\n").replace("<br/>", "\n").replace("<br />", "\n").replace("</p>", "\n")
    return replace_entities(remove_tags(broken)).strip()


def next_link(response: Response) -> str | None:
    """The rel="next" address of the Link header, if it stays on the site we asked."""
    header = (response.headers.get("Link") or b"").decode("latin-1")
    for part in header.split(","):
        address, _, attributes = part.partition(";")
        if 'rel="next"' in attributes:
            url = response.urljoin(address.strip().strip("<>"))
            if urlsplit(url).netloc == urlsplit(response.url).netloc:
                return url
            raise SourceBlind(
                f"{response.url}: its next page is on another host, {urlsplit(url).netloc}; look at the site"
            )
    return None


def refuse_closed_feed(instance: Fields) -> None:
    """Raise SourceBlind when the instance gives tag feeds to nobody, or only after a login."""
    for feed in ("local", "remote"):
        access = instance.maybe(f"configuration.timelines_access.hashtag_feeds.{feed}", str)
        if access not in {None, "public"}:
            raise SourceBlind(
                f"{instance.where}: {feed} hashtag feeds are {access}; an empty timeline here is no answer",
                Cause.FEED_DISABLED,
            )
