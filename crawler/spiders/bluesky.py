"""Bluesky: search with an account's session, author feeds without one.

Anonymous search is off since January 2025; author feeds are public. The platform allows few sessions a day: all
watches of a crawl share one, which is renewed once when it expires.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote, unquote, urlencode, urlsplit

from scrapy import Request
from scrapy.http import Response

from core.causes import Cause
from core.errors import PageChanged, SourceBlind
from core.records import AiLabel, Attachment, Metrics, Post, Presence, Rendition, Watch, WatchKind
from core.words import hashtags, tag
from crawler.facts import Allowance, Canary, Facts, Secret
from crawler.fields import Fields
from crawler.once import OnceSpider
from crawler.platform import json_of, presence

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
POST = re.compile(r"https://bsky\.app/profile/(did:[^/?#]+)/post/([^/?#]+)")


@dataclass(slots=True)
class Session:
    """What a site let us in with; `renewed` once its first token has expired."""

    access: str
    refresh: str
    renewed: bool = False


class BlueskySpider(OnceSpider):
    """A post is named by its author's did and its record key, as its at:// address is."""

    name = "bluesky"
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.HASHTAG, WatchKind.KEYWORD, WatchKind.ACCOUNT})
    wants_key: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.HASHTAG, WatchKind.KEYWORD})
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
        route="Jetstream without a key (`clipwarden collect`); searchPosts with a session; author feeds without one",
        quota="3,000 requests in 5 minutes; 100 sessions a day",
        posts_a_day="86 million by search (100 a request), if the platform is asked as fast as it allows",
        ai_label="labels[].val (from labellers; the platform has none of its own)",
        deletion="a delete, or an account that goes, in Jetstream; a uri missing from getPosts; AccountTakedown",
        tested="the network in a box (./run test --real); answers that keep the lexicons; a loopback Jetstream",
        evidence="docs.bsky.app, atproto lexicons of app.bsky",
        as_of="2026-11-21",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Scrapy's own arguments
        super().__init__(*args, **kwargs)
        self.sessions: dict[str, Session] = {}  # site -> ours; a token of one is never shown to another

    def requests(self, watch: Watch) -> Iterator[Request]:
        """A session on the way to a search, one for all; an author's feed at once."""
        if watch.kind is WatchKind.ACCOUNT:
            yield self._feed(watch, "")
            return
        if not {"BLUESKY_HANDLE", "BLUESKY_APP_PASSWORD"} <= self.secret.keys():
            told = "search wants a session; `clipwarden login bluesky` says how to get one. Accounts need none"
            raise SourceBlind(f"{watch.id}: {told}", Cause.CREDENTIAL)
        body = {"identifier": self.secret["BLUESKY_HANDLE"], "password": self.secret["BLUESKY_APP_PASSWORD"]}
        url = f"{self.site_of(watch)}/xrpc/com.atproto.server.createSession"
        login = self.step(url, **_posted(body), spends={"sessions": 1})
        yield from self.once(login, watch, lambda: [self._search(watch, "")])

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
        return self.page(url, headers=self._signed(self.site_of(watch)))

    def _signed(self, site: str) -> dict[str, str]:
        session = self.sessions.get(site)
        return {"Authorization": f"Bearer {session.access}"} if session else {}

    def _feed(self, watch: Watch, cursor: str) -> Request:
        asked = {"actor": watch.query.lstrip("@"), "filter": "posts_with_video", "limit": str(PAGE_SIZE)}
        site = watch.site.rstrip("/") or PUBLIC
        return self.page(f"{site}/xrpc/app.bsky.feed.getAuthorFeed?{urlencode(asked | _after(cursor))}")

    def refuse(self, response: Response, role: str) -> None:
        """A session that expires is renewed once, and what it was asked is asked again; all else stays refused."""
        if not self._renewable(response):
            super().refuse(response, role)

    def _renewable(self, response: Response) -> bool:
        session = self.sessions.get(_site(response))
        searched = urlsplit(response.url).path.endswith("searchPosts")
        if session is None or not searched or _error(response) != "ExpiredToken":
            return False
        used = (response.request.headers.get("Authorization") or b"").decode() if response.request else ""
        return not session.renewed or used != f"Bearer {session.access}"  # asked before another watch had it renewed

    def _renewed(self, response: Response, watch: Watch) -> Iterator[Request]:
        site = _site(response)
        renewal = self.step(
            f"{site}/xrpc/com.atproto.server.refreshSession",
            method="POST",
            headers={"Authorization": f"Bearer {self.sessions[site].refresh}"},
        )
        # As a step: its page is counted already, and its address is no loop.
        yield from self.once(renewal, watch, lambda: [self.step(response.url, headers=self._signed(site))])

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        """Posts with a video; a feed's reposts are left to the account that posted."""
        data, method = Fields(json_of(response), where=response.url), urlsplit(response.url).path.rsplit(".", 1)[-1]
        if method in {"createSession", "refreshSession"}:
            access, refresh = data.text("accessJwt"), data.text("refreshJwt")
            self.sessions[self.site_of(watch)] = Session(access, refresh, renewed=method == "refreshSession")
            return
        if response.status != 200:  # `refuse` has let nothing else pass
            yield from self._renewed(response, watch)
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
        name = _error(response)
        if not name:
            return None
        message = str(json_of(response).get("message"))[:300]
        # An account that is unknown, closed or taken down: no name of its own (an AppView of 2026).
        cause = Cause.NOT_FOUND if message == "Profile not found" else CAUSES.get(name)
        return SourceBlind(f"Bluesky answered {response.status} {name}: {message}", cause) if cause else None

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """GET getPosts?uris=URI: gone when the answer leaves it out, or its account was taken down."""
        if urlsplit(response.url).path.endswith("app.bsky.feed.getPosts") and response.body[:1] == b"{":
            if _error(response) in GONE:
                return Presence.GONE
            with suppress(PageChanged):
                posts = Fields(json_of(response), where=response.url).maybe("posts", list)
                if response.status == 200 and posts is not None:
                    return Presence.UP if posts else Presence.GONE
        return presence(response, up=False)

    @staticmethod
    def recheck_url(post_url: str) -> str:
        """getPosts of the post's at:// address; its page is drawn by scripts and always answers 200."""
        found = POST.fullmatch(post_url)
        uri = f"at://{unquote(found[1])}/app.bsky.feed.post/{unquote(found[2])}" if found else ""
        return f"{PUBLIC}/xrpc/app.bsky.feed.getPosts?{urlencode({'uris': uri})}" if found else post_url


def _site(response: Response) -> str:
    """Where an answer came from, redirected or not: whose session it is about."""
    parts = urlsplit(response.url)
    return f"{parts.scheme}://{parts.netloc}"


def _error(response: Response) -> str:
    """The name of the protocol's error; "" where the answer is none."""
    try:
        said = Fields(json_of(response), where=response.url).data.get("error")
    except PageChanged:
        return ""
    return said if isinstance(said, str) else ""


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
