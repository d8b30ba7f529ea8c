"""Bluesky: search with an account's session, author feeds without one.

Anonymous search is off since January 2025; author feeds are public. The platform allows few sessions a day: a watch
that is asked while another's session is there uses it, and those that start together each make their own.
"""

import json
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import quote, urlencode, urlsplit

from scrapy import Request
from scrapy.http import Response

from core.causes import Cause
from core.errors import SourceBlind
from core.records import AiLabel, Attachment, Metrics, Post, Presence, Rendition, Watch, WatchKind
from core.words import hashtags, tag
from crawler.facts import Allowance, Canary, Facts, Secret
from crawler.fields import Fields
from crawler.platform import PlatformSpider, json_of, presence

PAGE_SIZE = 100  # the most searchPosts gives
PUBLIC = "https://public.api.bsky.app"  # author feeds, without a session
VIDEO = "app.bsky.embed.video"
AI_LABELS = frozenset(
    {"ai-generated", "ai", "synthetic", "aigenerated"}
)  # values labellers use; none is the platform's
GONE = frozenset({"AccountTakedown", "RepoTakendown", "RepoTakedown", "RepoDeactivated", "NotFound"})
CAUSES = {
    "AuthMissing": Cause.CREDENTIAL,
    "AuthenticationRequired": Cause.CREDENTIAL,
    "InvalidToken": Cause.CREDENTIAL,
    "ExpiredToken": Cause.CREDENTIAL,
    "AuthFactorTokenRequired": Cause.CREDENTIAL,
    "RateLimitExceeded": Cause.RATE_LIMITED,
    "AccountTakedown": Cause.NOT_FOUND,
    "NotFound": Cause.NOT_FOUND,
    "BadQueryString": Cause.OURS,
}


class BlueskySpider(PlatformSpider):
    """A post is named by its author's did and its record key, as its at:// address is."""

    name = "bluesky"
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.HASHTAG, WatchKind.KEYWORD, WatchKind.ACCOUNT})
    base = "https://bsky.social"
    obeys_robots = False  # an interface for programs, with terms of its own
    secrets = (
        Secret(
            name="BLUESKY_HANDLE",
            what="handle of an account of yours, such as you.bsky.social; for search only",
            how=("make an account, or take one the team has",),
            where="https://bsky.app",
            optional=True,
        ),
        Secret(
            name="BLUESKY_APP_PASSWORD",
            what="app password of that account (never its own password)",
            how=(
                "open Settings, Privacy and security, App passwords",
                "add one for clipwarden, without direct messages",
            ),
            where="https://bsky.app/settings/app-passwords",
            optional=True,
        ),
    )
    allowances = (Allowance(name="sessions", most=100, unit="sessions", per="24h"),)
    canaries = (Canary(kind=WatchKind.ACCOUNT, query="bsky.app", hits=True),)
    facts = Facts(
        route="searchPosts with a session; author feeds of public.api.bsky.app without one",
        quota="3,000 requests in 5 minutes; 100 sessions a day",
        posts_a_day="86 million by search (100 a request), if the platform is asked as fast as it allows",
        ai_label="labels[].val (from labellers; the platform has none of its own)",
        deletion="a uri missing from getPosts; AccountTakedown, RepoTakendown",
        tested="answers frozen after the official lexicons",
        evidence="docs.bsky.app, atproto lexicons of app.bsky",
        as_of="2026-11-20",
    )
    _token = ""

    def requests(self, watch: Watch) -> Iterator[Request]:
        """A session on the way to a search; an author's feed at once."""
        if watch.kind is WatchKind.ACCOUNT:
            yield self._feed(watch, "")
            return
        if not {"BLUESKY_HANDLE", "BLUESKY_APP_PASSWORD"} <= self.secret.keys():
            told = "search wants a session; `clipwarden login bluesky` says how to get one. Accounts need none"
            raise SourceBlind(f"{watch.id}: {told}", Cause.CREDENTIAL)
        if self._token:
            yield self._search(watch, "")
            return
        body = {"identifier": self.secret["BLUESKY_HANDLE"], "password": self.secret["BLUESKY_APP_PASSWORD"]}
        url = f"{self.site_of(watch)}/xrpc/com.atproto.server.createSession"
        yield self.step(url, **_posted(body), spends={"sessions": 1})

    def _search(self, watch: Watch, cursor: str) -> Request:
        query = watch.query.lstrip("#") if watch.kind is WatchKind.HASHTAG else watch.query
        asked = {
            "q": f"#{query}" if watch.kind is WatchKind.HASHTAG else query,
            "sort": "latest",
            "limit": str(PAGE_SIZE),
        }
        if watch.kind is WatchKind.HASHTAG:
            asked["tag"] = query
        if ground := self.ground_of(watch):
            asked["since"] = f"{ground:%Y-%m-%dT%H:%M:%SZ}"
        url = f"{self.site_of(watch)}/xrpc/app.bsky.feed.searchPosts?{urlencode(asked | _after(cursor))}"
        return self.page(url, headers={"Authorization": f"Bearer {self._token}"})

    def _feed(self, watch: Watch, cursor: str) -> Request:
        asked = {"actor": watch.query.lstrip("@"), "filter": "posts_with_video", "limit": str(PAGE_SIZE)}
        site = watch.site.rstrip("/") or PUBLIC
        return self.page(f"{site}/xrpc/app.bsky.feed.getAuthorFeed?{urlencode(asked | _after(cursor))}")

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        """Posts with a video; a feed's reposts are left to the account that posted."""
        data, method = Fields(json_of(response), where=response.url), urlsplit(response.url).path.rsplit(".", 1)[-1]
        if method == "createSession":
            self._token = data.text("accessJwt")
            yield self._search(watch, "")
            return
        if method == "getAuthorFeed":
            items = [item for item in data.objects("feed") if not item.maybe("reason", dict)]
            views = [Fields(item.data.get("post"), where=response.url) for item in items]
        else:
            views = list(data.objects("posts"))
        for view in views:
            yield from post_of(view)
        if (cursor := data.maybe("cursor", str)) and views:
            yield self._feed(watch, cursor) if method == "getAuthorFeed" else self._search(watch, cursor)

    @staticmethod
    def soft_error(response: Response) -> SourceBlind | None:
        """The protocol's error object: its name, and what it says."""
        if response.status == 200 or response.body[:1] != b"{":
            return None
        error = Fields(json_of(response), where=response.url)
        name = error.maybe("error", str) or ""
        if name not in CAUSES:
            return None
        return SourceBlind(f"Bluesky answered {response.status} {name}: {error.maybe('message', str)}", CAUSES[name])

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """GET getPosts?uris=URI: gone when the answer leaves it out, or its account was taken down."""
        if urlsplit(response.url).path.endswith("app.bsky.feed.getPosts") and response.body[:1] == b"{":
            data = Fields(json_of(response), where=response.url)
            if data.maybe("error", str) in GONE:
                return Presence.GONE
            if response.status == 200 and isinstance(data.data.get("posts"), list):
                return Presence.UP if data.data["posts"] else Presence.GONE
        return presence(response, up=False)


def _posted(body: dict[str, str]) -> dict[str, Any]:
    """Arguments of a request that posts JSON."""
    return {"method": "POST", "body": json.dumps(body), "headers": {"Content-Type": "application/json"}}


def _after(cursor: str) -> dict[str, str]:
    return {"cursor": cursor} if cursor else {}


def post_of(view: Fields) -> Iterator[Post]:
    """A postView as a post, if it carries a video itself; a quoted one's is the quoted account's."""
    embed = view.maybe("embed", dict) or {}
    shown = embed.get("media") if str(embed.get("$type", "")).startswith("app.bsky.embed.recordWithMedia") else embed
    if not isinstance(shown, dict) or not str(shown.get("$type", "")).startswith(VIDEO):
        return
    Fields(shown, where=view.where).text("cid")  # a view without its file is none we know
    did, key = view.text("author.did"), view.text("uri").rsplit("/", 1)[-1]
    text = view.text("record.text")
    url = f"https://bsky.app/profile/{quote(did, safe=':')}/post/{quote(key, safe='')}"
    yield Post(
        id=f"bluesky:{did}/{key}",
        platform="bluesky",
        url=url,
        author_handle=view.text("author.handle"),
        author_id=did,
        text=text,
        hashtags=tuple(dict.fromkeys([*hashtags(text), *_tags(view)])),
        language=next(iter(str(one) for one in view.maybe("record.langs", list) or ()), None),
        posted_at=view.instant("indexedAt"),  # what the author says may be any time; this is when it was seen
        attachments=(Attachment(position=0, kind="video", renditions=(Rendition(url=url),)),),
        metrics=Metrics(
            likes=view.maybe("likeCount", int),
            reposts=view.maybe("repostCount", int),
            comments=view.maybe("replyCount", int),
        ),
        ai_label=_label(view),
    )


def _tags(view: Fields) -> Iterator[str]:
    """Tags beside the text, and those its facets mark."""
    said = [str(one) for one in view.maybe("record.tags", list) or ()]
    for facet in view.maybe("record.facets", list) or ():
        features = facet.get("features") if isinstance(facet, dict) else None
        said += [str(one.get("tag") or "") for one in features or () if isinstance(one, dict)]
    yield from (name for name in map(tag, said) if name)


def _label(view: Fields) -> AiLabel | None:
    for label in view.maybe("labels", list) or ():
        if isinstance(label, dict) and not label.get("neg") and str(label.get("val", "")).lower() in AI_LABELS:
            return AiLabel(field="labels[].val", value=f"{label['val']} ({label.get('src')})")
    return None
