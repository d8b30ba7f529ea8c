"""Mastodon and what speaks like it (Pleroma, Akkoma, GoToSocial, Pixelfed): tags, accounts, and words with a token.

A closed tag feed answers with an empty list, so what the instance says of its feeds is read before any tag; one that
shows half of it is partly watched, and says so. A search that is not there answers empty, too: it is asked for a word
everyone uses before it may mean "no posts".
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response
from w3lib.html import remove_tags, replace_entities

from core.causes import Cause
from core.errors import PageChanged, SourceBlind
from core.records import Attachment, Metrics, Post, Presence, Rendition, Watch, WatchKind
from core.words import tag
from crawler.answers import GONE_STATUS
from crawler.epoch import is_known
from crawler.facts import Canary, Facts, Secret
from crawler.fields import Fields, array
from crawler.once import OnceSpider
from crawler.platform import json_of, presence
from crawler.redact import guard_logs, redactor
from crawler.runs import Lost

PAGE_SIZE = 40  # the most a timeline gives
VIDEO_KINDS = frozenset({"video", "gifv"})  # gifv is a silent clip, and most generated loops are
VIDEO_NAME = re.compile(r"[^?#]+\.(?:mp4|webm|mov|m4v)(?:[?#]|$)", re.IGNORECASE)
COMMON = "video"  # a word that a search which works has seen
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
HOST = re.compile(r"https?://(?:[^/?#@]*@)?([^/?#@]+)", re.IGNORECASE)
OFFSET = re.compile(r"\d{1,6}", re.ASCII)
PAGE = re.compile(r"(https?://[^/?#]+)/(?:@[\w.-]+|users/[\w.-]+/statuses|notice)/([0-9A-Za-z]{15,20})/?")


class MastodonSpider(OnceSpider):
    """Status ids come from the status' uri, which is the same on every instance that holds a copy."""

    name = "mastodon"
    secrets = (
        Secret(
            name="MASTODON_TOKEN",
            what="access tokens, each with its instance: TOKEN@mastodon.example; with a space between two",
            how=(
                "on the instance, open Preferences, Development, New application: read:statuses and read:search",
                "write its access token, then @ and the instance's host; a token is sent to that host alone",
            ),
            where="https://docs.joinmastodon.org/client/token/",
            optional=True,
        ),
    )
    facts = Facts(
        route="an instance's tag timelines and accounts' statuses, without a key where it allows that; search with one",
        quota="300 requests in 5 minutes for each instance",
        posts_a_day="3.4 million an instance (40 a request)",
        ai_label="none",
        deletion="404 or 410 at GET /api/v1/statuses/ID; also how a post made private answers",
        tested="a loopback server after the official documents, and answers frozen from it and after compatibles' own",
        evidence="docs.joinmastodon.org/methods/timelines, /accounts, /search, /entities/Instance; TagFeed of 4.5",
        as_of="2026-11-21",
    )
    # None that must bring posts: a small instance may hold no clip of any tag one could name, its trends included.
    canaries = (Canary(kind=WatchKind.HASHTAG, query="{}", hits=False),)
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.HASHTAG, WatchKind.KEYWORD, WatchKind.ACCOUNT})

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Scrapy's own arguments
        super().__init__(*args, **kwargs)
        self.closed: dict[str, dict[str, str]] = {}  # site -> the feeds of tags it does not show us, and to whom

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> "MastodonSpider":  # noqa: ANN401 - Scrapy's
        """Scrapy's way of making one; each token alone is masked as the whole secret is."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        if alone := tokens(spider.secret.get("MASTODON_TOKEN", "")):
            spider.secret = {**spider.secret, **alone}
            guard_logs(redactor(alone.values()))
        return spider

    # ---------------------------------------------------------------- asking
    def requests(self, watch: Watch) -> Iterator[Request]:
        """A tag after the instance's own word; an account's id on the way to its statuses; a search."""
        site = self.site_of(watch)
        if watch.kind is WatchKind.HASHTAG:
            yield from self.once(
                self.step(f"{site}/api/v2/instance", headers=self._token(site)), watch, lambda: self._timeline(watch)
            )
        elif watch.kind is WatchKind.ACCOUNT:
            asked = urlencode({"acct": watch.query.lstrip("@")})
            yield self.step(f"{site}/api/v1/accounts/lookup?{asked}", headers=self._token(site))
        elif not self._token(site):
            told = f"mastodon cannot watch a keyword at {site} without a token of it; `clipwarden login mastodon`"
            raise SourceBlind(told, Cause.CREDENTIAL)
        else:
            yield self._search(watch, 0)

    def _token(self, url: str) -> dict[str, str]:
        """The header that an address may be asked with: a token goes to its own instance, and over no open wire."""
        parts = urlsplit(url)
        token = tokens(self.secret.get("MASTODON_TOKEN", "")).get(parts.netloc.lower())
        private = parts.scheme == "https" or parts.hostname in LOOPBACK
        return {"Authorization": f"Bearer {token}"} if token and private else {}

    def _page_of(self, url: str) -> Request:
        return self.page(url, headers=self._token(url))

    def _timeline(self, watch: Watch) -> Iterator[Request]:
        site = self.site_of(watch)
        asked = {"limit": str(PAGE_SIZE), "only_media": "true"}
        for feed, access in self.closed.get(site, {}).items():  # at most one: `read` has refused both
            asked["remote" if feed == "local" else "local"] = "true"  # asked for both, it wants a login for either
            if run := getattr(self, "runs", {}).get(watch.id):
                told = f"{site} shows tags in half: {feed} posts are {access}; watch another instance for them"
                run.cut = Lost(Cause.FEED_DISABLED, told)
        yield self._page_of(f"{site}/api/v1/timelines/tag/{quote(watch.query.lstrip('#'), safe='')}?{urlencode(asked)}")

    def _search(self, watch: Watch, offset: int) -> Request:
        asked = {"q": watch.query, "type": "statuses", "limit": PAGE_SIZE} | ({"offset": offset} if offset else {})
        return self._page_of(f"{self.site_of(watch)}/api/v2/search?{urlencode(asked)}")

    def _probe(self, watch: Watch) -> Iterator[Request]:
        """Whether a search that found nothing finds anything."""
        site, asked = self.site_of(watch), urlencode({"q": COMMON, "type": "statuses", "limit": 1})
        yield from self.once(self.step(f"{site}/api/v2/search?{asked}", headers=self._token(site)), watch, lambda: ())

    # --------------------------------------------------------------- reading
    def refuse(self, response: Response, role: str) -> None:
        """An instance that has no word of its own is an older one, or other software: it closes no feed that way."""
        if not (response.status in GONE_STATUS and urlsplit(response.url).path.endswith("/api/v2/instance")):
            super().refuse(response, role)

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        """Statuses with a clip; the older page is named by the Link header, or by the last status."""
        path, site = urlsplit(response.url).path, self.site_of(watch)
        if path.endswith("/api/v2/instance"):
            if response.status not in GONE_STATUS:
                said = Fields(json_of(response), where=response.url)
                self.closed[site] = closed_feeds(said, member=bool(self._token(site)))
        elif path.endswith("/accounts/lookup"):
            account = Fields(json_of(response), where=response.url).text("id")
            asked = urlencode({"limit": PAGE_SIZE, "only_media": "true", "exclude_reblogs": "true"})
            yield self._page_of(f"{site}/api/v1/accounts/{quote(account, safe='')}/statuses?{asked}")
        elif path.endswith("/api/v2/search"):
            yield from self._read_search(response, watch)
        else:
            statuses = list(array(json_of(response), where=response.url))
            for status in statuses:
                yield from post_of(status)
            older = older_page(response, statuses)
            if older and not self._reaches_ground(statuses, watch):
                yield self._page_of(older)

    def _read_search(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        statuses = list(Fields(json_of(response), where=response.url).objects("statuses"))
        asked = dict(parse_qsl(urlsplit(response.url).query))
        if asked.get("limit") == "1":  # the probe
            if not statuses:
                told = f"{self.site_of(watch)} finds nothing for any word: it has no search of posts; watch tags there"
                raise SourceBlind(told, Cause.FEED_DISABLED)
            return
        for status in statuses:
            yield from post_of(status)
        offset = int(found[0] if (found := OFFSET.match(asked.get("offset", ""))) else 0) + len(statuses)
        if not offset:
            yield from self._probe(watch)
        elif statuses and not self._reaches_ground(statuses, watch):
            yield self._search(watch, offset)

    def _reaches_ground(self, statuses: Sequence[Fields], watch: Watch) -> bool:
        """Whether all of a page is from before what is known: one that came late, or lies about its time, is not."""
        return bool(statuses) and is_known(
            max(status.instant("created_at") for status in statuses), self.ground_of(watch)
        )

    @staticmethod
    def soft_error(response: Response) -> SourceBlind | None:
        """{"error": ...} with 401, 403 or 422: who asked with a token has a bad one, who asked without wants one."""
        if response.status not in {401, 403, 422} or response.body[:1] != b"{":
            return None
        error = Fields(json_of(response), where=response.url).data.get("error")
        if not isinstance(error, str):
            return None
        said = f"{response.url} answered {response.status}: {error[:200]}"
        if response.request and "Authorization" in response.request.headers:
            return SourceBlind(f"{said}; its token is refused, `clipwarden login mastodon`", Cause.CREDENTIAL)
        wants = "; it wants a token of this instance, `clipwarden login mastodon`"
        return SourceBlind(said + wants, Cause.REFUSED if response.status == 403 else Cause.LOGIN_WALL)

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """GET /api/v1/statuses/ID: "Record not found" is also how a post made private answers."""
        is_api = "/api/v1/statuses/" in urlsplit(response.url).path
        if is_api and response.status in GONE_STATUS and response.body[:1] != b"{":
            return Presence.UNCLEAR  # a page: no such interface here, or something that stands before it
        return presence(response, up=b'"media_attachments"' in response.body)

    @staticmethod
    def recheck_url(post_url: str) -> str:
        """The interface of the instance a post is at home on; a page of other software is asked itself."""
        found = PAGE.fullmatch(post_url)
        return f"{found[1]}/api/v1/statuses/{found[2]}" if found else post_url


def tokens(text: str) -> dict[str, str]:
    """Instance's host -> token, of "TOKEN@host TOKEN@host"; what names no host is nobody's."""
    pairs = (part.rpartition("@") for part in text.split())
    return {host.lower(): token for token, _, host in pairs if token and host}


def closed_feeds(instance: Fields, *, member: bool) -> dict[str, str]:
    """Which feeds of tags an instance does not show us, and whom it does; other software says nothing of them.

    member  whether we have a token there
    raises  SourceBlind when it shows neither
    """
    path = "configuration.timelines_access.hashtag_feeds"
    said = {feed: instance.maybe(f"{path}.{feed}", str) for feed in ("local", "remote")}
    open_to_us = {None, "public", "authenticated"} if member else {None, "public"}
    closed = {feed: access for feed, access in said.items() if access is not None and access not in open_to_us}
    if len(closed) < len(said):
        return closed
    told = f"{instance.where}: its tags are {' and '.join(sorted(set(closed.values())))}"
    if not member and "authenticated" in closed.values():
        raise SourceBlind(f"{told}: for members, `clipwarden login mastodon` takes a token", Cause.CREDENTIAL)
    raise SourceBlind(f"{told}; an empty timeline here is no answer", Cause.FEED_DISABLED)


def post_of(status: Fields) -> Iterator[Post]:
    """A status as a post, if it carries a clip; boosts are left to the account that posted."""
    if status.maybe("reblog", dict):
        return
    attachments = tuple(_attachments(status))
    uri = status.text("uri")
    if not attachments:
        return
    account, profile = status.text("account.acct"), status.text("account.url")
    host = next((found[1].lower() for found in map(HOST.match, (uri, profile)) if found), "")
    # Pixelfed gives null where there is no caption; a field that is not there has changed.
    content = "" if status.data.get("content", "") is None else status.text("content")
    yield Post(
        id=f"mastodon:{canonical(uri)}",
        platform="mastodon",
        url=status.maybe("url", str) or uri,
        author_handle=account if "@" in account else f"{account}@{host}",
        author_id=profile,
        text=plain_text(content),
        hashtags=tuple(dict.fromkeys(name for item in status.objects("tags") if (name := tag(item.text("name"))))),
        language=status.maybe("language", str),
        posted_at=status.instant("created_at"),
        attachments=attachments,
        metrics=Metrics(
            likes=status.maybe("favourites_count", int),
            reposts=status.maybe("reblogs_count", int),
            comments=status.maybe("replies_count", int),
        ),
    )


def canonical(uri: str) -> str:
    """A status' uri without its scheme, its host in lower case: what all instances call it."""
    host, slash, rest = uri.split("://", 1)[-1].partition("/")
    return f"{host.lower()}{slash}{rest}"


def _attachments(status: Fields) -> Iterator[Attachment]:
    for position, item in enumerate(status.objects("media_attachments")):
        kind, remote = item.text("type"), item.maybe("remote_url", str)
        # What an instance would not copy is "unknown" to it, and still there.
        skipped = kind == "unknown" and remote and VIDEO_NAME.match(remote)
        if kind not in VIDEO_KINDS and not skipped:
            continue
        url = item.maybe("url", str) or item.text("remote_url")  # url is null while an instance still copies it
        yield Attachment(
            position=position,
            kind="video",
            renditions=(Rendition(url=url, height_px=item.maybe("meta.original.height", int)),),
            duration_s=item.maybe_number("meta.original.duration"),
        )


def plain_text(html: str) -> str:
    """A status' HTML as the text a person reads, its paragraphs on lines of their own."""
    broken = html.replace("<br>", "\n").replace("<br/>", "\n").replace("<br />", "\n").replace("</p>", "\n")
    return replace_entities(remove_tags(broken)).strip()


def older_page(response: Response, statuses: Sequence[Fields]) -> str | None:
    """The address of the page before this one: as the Link header says, or, where software sends none, by max_id."""
    if response.headers.get("Link"):
        return next_link(response)
    if not statuses:
        return None
    address, _, query = response.url.partition("?")
    return f"{address}?{urlencode(dict(parse_qsl(query)) | {'max_id': statuses[-1].text('id')})}"


def next_link(response: Response) -> str | None:
    """The rel="next" address of the Link header, if it stays on the site we asked."""
    header = (response.headers.get("Link") or b"").decode("latin-1")
    for part in header.split(","):
        address, _, attributes = part.partition(";")
        if 'rel="next"' in attributes:
            ours = urlsplit(response.url)
            try:
                there = urlsplit(response.urljoin(address.strip().strip("<>")))
            except ValueError:
                raise PageChanged(f"{response.url}: 'Link' names no address: {address[:80]!r}; look at it") from None
            if there.netloc == ours.netloc:
                return there._replace(scheme=ours.scheme).geturl()  # behind a proxy, some say http
            raise SourceBlind(f"{response.url}: its next page is on another host, {there.netloc}; look at the site")
    return None
