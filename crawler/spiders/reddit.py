"""Reddit: its API with an approved client, else the Atom feeds, which still answer without one.

A crosspost is left to its original. A feed tells no media: only its link says whether there is a clip.
"""

import base64
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import ClassVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from parsel import Selector
from scrapy import Request
from scrapy.http import Response

from core.causes import Cause
from core.errors import PageChanged, SourceBlind
from core.records import Attachment, Metrics, Post, Presence, Removal, Rendition, Watch, WatchKind
from core.times import from_text
from core.words import hashtags
from crawler.epoch import instant_of, is_known
from crawler.facts import Allowance, Canary, Facts, Secret
from crawler.fields import Fields
from crawler.links import CLIP_HOSTS
from crawler.once import OnceSpider
from crawler.platform import json_of, presence

PAGE_SIZE = 100  # the most a listing gives
FEED_SIZE = 25
OAUTH = "https://oauth.reddit.com"
ATOM = {"a": "http://www.w3.org/2005/Atom"}
NAME = re.compile(r"[\w-]{1,40}")
POST = re.compile(r"https://(?:www\.)?reddit\.com/(?:r|user)/[\w.-]{1,60}/comments/([0-9a-z]{1,13})(?:/|$)")
FEED_LINK = re.compile(r'<a href="(https?://[^"\s]{1,2000})">\[link\]</a>')


class RedditSpider(OnceSpider):
    """A post's own id names it. `r/NAME` as an account is a subreddit, before words it is where they are looked for."""

    name = "reddit"
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.HASHTAG, WatchKind.KEYWORD, WatchKind.ACCOUNT})
    base = "https://www.reddit.com"
    obeys_robots = False  # an interface with terms of its own, and feeds, which are made for programs
    routes = ("api", "feed")
    secrets = (
        Secret(
            name="REDDIT_CLIENT_ID",
            what="id of an approved app of type “script”",
            how=(
                "ask for access under the Responsible Builder Policy, and say what for: brand protection",
                "when it is approved, make an app of type “script”; its id stands under its name",
            ),
            where="https://www.reddit.com/prefs/apps",
        ),
        Secret(
            name="REDDIT_CLIENT_SECRET",
            what="that app's secret",
            how=("open the app under “apps” and copy “secret”",),
            where="https://www.reddit.com/prefs/apps",
        ),
    )
    allowances = (
        Allowance(name="api", most=100, unit="requests", per="minute"),
        Allowance(name="feed", most=10, unit="requests", per="minute"),
    )
    canaries = (
        Canary(kind=WatchKind.ACCOUNT, query="r/videos", hits=True),
        Canary(kind=WatchKind.KEYWORD, query="{}", hits=False),
    )
    facts = Facts(
        route="OAuth search, subreddits and users' posts with an approved client; else Atom feeds",
        quota="100 requests a minute with a client; about 10 a minute and address by feed",
        posts_a_day="14.4 million (listings end near 1,000); by feed 360,000 at most, 25 a page",
        ai_label="none",
        deletion="removed_by_category",
        tested="documents only: answers frozen after the official reference",
        evidence="reddit.com/dev/api, reddit.com/wiki/rss, Responsible Builder Policy",
        as_of="2026-11-21",
    )
    _token = ""

    def requests(self, watch: Watch) -> Iterator[Request]:
        """A feed at once; a token on the way to a listing, one for all watches."""
        if self.route == "feed":
            yield self._listing(watch, "")
            return
        pair = f"{self.secret.get('REDDIT_CLIENT_ID', '')}:{self.secret.get('REDDIT_CLIENT_SECRET', '')}"
        headers = {
            "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        url = f"{self.site_of(watch)}/api/v1/access_token"
        login = self.step(url, method="POST", body="grant_type=client_credentials", headers=headers, spends={"api": 1})
        yield from self.once(login, watch, lambda: [self._listing(watch, "")])

    def _listing(self, watch: Watch, after: str) -> Request:
        path, asked = _place(watch)
        asked |= {"after": after} if after else {}
        if self.route == "feed":
            query = f"?{urlencode(asked)}" if asked else ""
            return self.page(f"{self.site_of(watch)}{path}.rss{query}", expects="xml", spends={"feed": 1})
        asked |= {"limit": str(PAGE_SIZE), "raw_json": "1"} | ({"type": "link"} if "q" in asked else {})
        site = watch.site.rstrip("/") or OAUTH
        headers = {"Authorization": f"Bearer {self._token}"}
        return self.page(f"{site}{path.rstrip('/')}?{urlencode(asked)}", headers=headers, spends={"api": 1})

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Removal | Request]:
        """Posts with a clip, the word that one was removed, and the next page."""
        path = urlsplit(response.url).path
        if path.endswith(".rss"):
            yield from self._read_feed(response, watch)
            return
        answer = Fields(json_of(response), where=response.url)
        if path.endswith("/access_token"):
            self._token = answer.text("access_token")
            return
        if answer.text("kind") != "Listing":
            raise PageChanged(f"{response.url}: 'kind' should be Listing; freeze the response and look")
        items = [
            Fields(child.data.get("data"), where=f"{response.url}: data.children[].data")
            for child in answer.objects("data.children")
            if child.text("kind") == "t3"
        ]
        for item in items:
            yield from post_of(item)
        if items and is_known(instant_of(items[-1], "created_utc"), self.ground_of(watch)):
            return
        if after := answer.maybe("data.after", str):
            yield self._listing(watch, after)

    def _read_feed(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        entries = list(posts_of_feed(response))
        for _, _, posts in entries:
            yield from posts
        if len(entries) >= FEED_SIZE and not is_known(entries[-1][1], self.ground_of(watch)):
            yield self._listing(watch, entries[-1][0])

    @staticmethod
    def soft_error(response: Response) -> SourceBlind | None:
        """{"error": ...}: a word where the client is refused, a status elsewhere."""
        if response.body[:1] != b"{" or b'"error"' not in response.body[:500]:
            return None
        data = Fields(json_of(response), where=response.url)
        error = data.data.get("error")
        if error in (None, ""):
            return None
        reason = data.data.get("reason") or data.data.get("message") or ""
        told = f"Reddit answered {error} {reason}".strip()
        if isinstance(error, str):  # unsupported_grant_type, invalid_grant: all are of the token's answer
            return SourceBlind(told, Cause.CREDENTIAL)
        causes = {401: Cause.CREDENTIAL, 403: Cause.REFUSED, 404: Cause.NOT_FOUND, 429: Cause.RATE_LIMITED}
        return SourceBlind(told, causes.get(error, Cause.SOFT_ERROR) if isinstance(error, int) else Cause.SOFT_ERROR)

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """GET /api/info?id=t3_ID: removed_by_category is the platform's own word. Of a page, only 404 and 410 are."""
        parts = urlsplit(response.url)
        asked = dict(parse_qsl(parts.query)).get("id")
        if parts.path.endswith("/api/info") and response.status == 200:
            with suppress(PageChanged, RecursionError):  # what cannot be read, or is of another post, proves nothing
                for child in Fields(json_of(response), where=response.url).objects("data.children"):
                    post = Fields(child.data.get("data"), where=response.url)
                    if "removed_by_category" in post.data and post.text("name") == asked:
                        return Presence.GONE if post.maybe("removed_by_category", str) else Presence.UP
        return presence(response, up=False)

    @staticmethod
    def recheck_url(post_url: str) -> str:
        """/api/info of the post's id, which wants the client's token; its page answers 200 whatever became of it."""
        found = POST.match(post_url)
        return f"{OAUTH}/api/info?id=t3_{found[1]}&raw_json=1" if found else post_url


def _place(watch: Watch) -> tuple[str, dict[str, str]]:
    """The path of a watch's listing, and what is asked there."""
    query = watch.query.strip().lstrip("#")
    kind, _, rest = query.lstrip("/").partition("/")
    first, _, words = rest.partition(" ")
    if watch.kind is WatchKind.ACCOUNT:
        name = rest if kind in {"r", "u", "user"} and rest else query.lstrip("@")
        if not NAME.fullmatch(name):
            raise SourceBlind(f"{watch.id}: {query!r} is no user nor r/subreddit; mend the brand file", Cause.OURS)
        return (f"/r/{name}/new/", {}) if kind == "r" and rest else (f"/user/{name}/submitted/", {"sort": "new"})
    if kind == "r" and words and NAME.fullmatch(first):
        return f"/r/{first}/search", {"q": words, "restrict_sr": "1", "sort": "new", "t": "all"}
    return "/search", {"q": query, "sort": "new", "t": "all"}


def post_of(item: Fields) -> Iterator[Post | Removal]:
    """A link as a post, if it is a clip; as a removal, when Reddit says so."""
    name = f"reddit:{item.text('id')}"
    if removed := item.maybe("removed_by_category", str):
        yield Removal(post=name, because=f"removed_by_category = {removed}")
        return
    is_video = item.maybe("is_video", bool)
    if is_video is None:
        raise PageChanged(f"{item.where}: 'is_video' should be bool, got nothing; freeze the response and look")
    if item.maybe("crosspost_parent_list", list):
        return
    url = f"https://www.reddit.com{quote(item.text('permalink'), safe='/%')}"
    attachment = _hosted(item) if is_video else _linked(item)
    if attachment is None:
        return
    author, text = item.text("author"), f"{item.text('title')}\n{item.text('selftext')}".strip()
    yield Post(
        id=name,
        platform="reddit",
        url=url,
        author_handle=author,
        author_id=item.maybe("author_fullname", str) or author,  # left out where the account is deleted
        text=text,
        hashtags=hashtags(text),
        language=None,
        posted_at=instant_of(item, "created_utc"),
        attachments=(attachment,),
        metrics=Metrics(
            likes=item.maybe("score", int),
            reposts=item.maybe("num_crossposts", int),
            comments=item.maybe("num_comments", int),
        ),
    )


def _hosted(item: Fields) -> Attachment:
    path = "media.reddit_video"
    hls = item.maybe(f"{path}.hls_url", str)
    direct = Rendition(url=item.text(f"{path}.fallback_url"), height_px=item.maybe(f"{path}.height", int))
    renditions = (direct, Rendition(url=hls)) if hls else (direct,)
    return Attachment(position=0, kind="video", renditions=renditions, duration_s=item.maybe_number(f"{path}.duration"))


def _linked(item: Fields) -> Attachment | None:
    """A clip on another site that Reddit shows; None for pictures, texts and other pages."""
    url = item.text("url")
    if item.maybe("is_self", bool) or not _is_clip(url):
        return None
    return Attachment(position=0, kind="video", renditions=(Rendition(url=url),))


def _is_clip(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # "https://[" in a post
        return False
    host = (parts.hostname or "").removeprefix("www.").removeprefix("m.").removeprefix("old.")
    if host.endswith("imgur.com"):
        return parts.path.endswith((".gifv", ".mp4"))
    return host in CLIP_HOSTS or parts.path.lower().endswith((".mp4", ".webm", ".mov"))


def posts_of_feed(response: Response) -> Iterator[tuple[str, datetime, list[Post]]]:
    """Each post's name and time in an Atom feed, and the post if its link is a clip, by its page."""
    feed = Selector(text=response.text, type="xml", namespaces=ATOM)
    if not feed.xpath("/a:feed"):
        raise PageChanged(f"{response.url}: 'feed' is missing: no Atom feed; open it in a browser")

    def text(of: Selector, path: str) -> str:
        value: str | None = of.xpath(path).get()
        if value is None:
            raise PageChanged(f"{response.url}: {path!r} is missing from an entry; freeze the feed and look")
        return value

    for entry in feed.xpath("/a:feed/a:entry"):
        name = text(entry, "a:id/text()")
        if not name.startswith("t3_"):  # a comment of a user's feed, a subreddit of a search
            continue
        told = entry.xpath("a:published/text()").get() or text(entry, "a:updated/text()")
        try:
            posted_at = from_text(told)
        except ValueError:
            raise PageChanged(f"{response.url}: 'published' is no time: {told[:80]!r}; look at the feed") from None
        link = FEED_LINK.search(text(entry, "a:content/text()"))
        if not link or not _is_clip(link[1]):
            yield name, posted_at, []
            continue
        url, title = text(entry, "a:link/@href"), text(entry, "a:title/text()")
        who = (entry.xpath("a:author/a:name/text()").get() or "[deleted]").removeprefix("/u/")
        post = Post(
            id=f"reddit:{name.removeprefix('t3_')}",
            platform="reddit",
            url=url,
            author_handle=who,
            author_id=who,
            text=title,
            hashtags=hashtags(title),
            language=None,
            posted_at=posted_at,
            attachments=(Attachment(position=0, kind="video", renditions=(Rendition(url=url),)),),
        )
        yield name, posted_at, [post]
