"""X: recent search and user timelines of API v2, paid for by the post.

Counts come first: half a cent says whether a search is worth its price. What an answer may cost at most is booked
before it is asked, and settled by what came. Repeats of one post by others (retweets) are left to the account that
posted. The interface renames tweet.* to post.* (2.167): both are spoken.
"""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import ClassVar, TypeAlias
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from scrapy import Request
from scrapy.http import Response

from core.causes import Cause
from core.errors import PageChanged, SourceBlind
from core.records import Attachment, Metrics, Post, Presence, Rendition, Watch, WatchKind
from core.words import hashtags
from crawler.budgets import settle
from crawler.facts import Allowance, Canary, Facts, Secret
from crawler.fields import Fields
from crawler.platform import PlatformSpider, json_of, now, presence

POST_USD, USER_USD, COUNTS_USD = 0.005, 0.010, 0.005  # developer.x.com pricing, pay-per-use since 6 Feb 2026
LEAST, MOST = 10, 100  # posts a search page may ask for
MANY = 3  # posts of a search for clips: that none has one is no chance
TIMELINE = 25  # of an account: what it posted since the last look is seldom more
LONGEST_QUERY = 512  # characters
SEARCHED = timedelta(days=7) - timedelta(minutes=10)  # how far back recent search goes
OVERLAP = timedelta(minutes=5)  # the index lags behind the posting
VIDEO_KINDS = frozenset({"video", "animated_gif"})
# 2.167 gives the author as an expansion only, at the price of a user; `username` is a field of neither.
FIELDS = {
    "tweet": "created_at,author_id,entities,attachments,public_metrics,lang,referenced_tweets,note_tweet",
    "post": "created_at,entities,attachments,public_metrics,lang,note_post",
}
EXPANSIONS = {"tweet": "attachments.media_keys", "post": "attachments.media_keys,author_id"}
PRICE_USD = {"tweet": POST_USD, "post": POST_USD + USER_USD}
MEDIA_FIELDS = "type,url,duration_ms,variants,width,height,public_metrics"
CAUSES = {  # the last part of a problem's type
    "usage-capped": Cause.BUDGET,
    "credits": Cause.BUDGET,
    "client-forbidden": Cause.CREDENTIAL,
    "unsupported-authentication": Cause.CREDENTIAL,
    "resource-not-found": Cause.NOT_FOUND,
    "not-authorized-for-resource": Cause.REFUSED,
    "rate-limit-exceeded": Cause.RATE_LIMITED,
    "service-unavailable": Cause.TROUBLE,
}


Ask: TypeAlias = Callable[..., Request]  # page or step


class XSpider(PlatformSpider):
    """A post's number names it. Accounts are expanded only where the spelling names the author no other way."""

    name = "x"
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.HASHTAG, WatchKind.KEYWORD, WatchKind.ACCOUNT})
    base = "https://api.x.com"
    obeys_robots = False  # an API with a key and terms of its own
    secrets = (
        Secret(
            name="X_BEARER_TOKEN",
            what="Bearer token of an app on the X developer platform, with pay-per-use credit",
            how=(
                "sign in to the developer console, and make a project and an app",
                "add credit, and set a spending limit there as well",
                "copy the Bearer token from Keys and tokens",
            ),
            where="https://console.x.com",
        ),
    )
    # A small purse until the home says otherwise (crawl.caps): a mistake must cost little.
    allowances = (Allowance(name="dollars", most=20.0, unit="dollars", per="month"),)
    canaries = (Canary(kind=WatchKind.KEYWORD, query="video", hits=True),)  # a count: half a cent, and nothing is read
    facts = Facts(
        route="API v2: recent search after a count, user timelines",
        quota="450 searches in 15 minutes; 0.005 USD a post, 0.010 USD a user, capped by crawl.caps",
        posts_a_day="1,000 for 5 USD",
        ai_label="none",
        deletion="errors[] of type resource-not-found at GET /2/tweets?ids=",
        tested="answers frozen after the official OpenAPI 2.159 and 2.167",
        evidence="docs.x.com, OpenAPI 2.167",
        as_of="2026-11-20",
    )
    word = "tweet"  # how the interface calls a post: "post" once it has refused the other

    # ---------------------------------------------------------------- asking
    def requests(self, watch: Watch) -> Iterator[Request]:
        """A count before a search; an account's number before its timeline."""
        if watch.kind is WatchKind.ACCOUNT:
            name = quote(watch.query.lstrip("@"), safe="")
            yield self._ask(watch, self.step, f"/2/users/by/username/{name}", {}, USER_USD)
        else:
            asked = {"query": query_of(watch), "start_time": self._since(watch), "granularity": "day"}
            yield self._ask(watch, self.page, "/2/tweets/counts/recent", asked, COUNTS_USD)

    def _since(self, watch: Watch) -> str:
        """The time to search from: the last look, as far as search goes back, in whole seconds."""
        oldest, ground = now() - SEARCHED, self.ground_of(watch)
        since = max(ground - OVERLAP, oldest) if ground else oldest
        return f"{since:%Y-%m-%dT%H:%M:%SZ}"

    def _ask(self, watch: Watch, role: Ask, path: str, asked: dict[str, str], most_usd: float, **meta: str) -> Request:
        headers = {"Authorization": f"Bearer {self.secret.get('X_BEARER_TOKEN', '')}"}
        url = f"{self.site_of(watch)}{path}" + (f"?{urlencode(asked)}" if asked else "")
        made: Request = role(
            url, headers=headers, spends={"dollars": round(most_usd, 4)}, meta={"word": self.word} | meta
        )
        return made

    def _posts(self, watch: Watch, path: str, asked: dict[str, str], count: int) -> Request:
        whole = asked | {
            "max_results": str(count),
            f"{self.word}.fields": FIELDS[self.word],
            "expansions": EXPANSIONS[self.word],
            "media.fields": MEDIA_FIELDS,
        }
        return self._ask(watch, self.page, path, whole, count * PRICE_USD[self.word])

    # --------------------------------------------------------------- reading
    def refuse(self, response: Response, role: str) -> None:
        """Let through the refusal of a field's old or new name: `read` asks again by the other."""
        if not self._is_of_another_version(response):
            super().refuse(response, role)

    def _is_of_another_version(self, response: Response) -> bool:
        word = response.meta.get("word") if response.request else None
        return response.status == 400 and word is not None and f"{word}.fields".encode() in response.body

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        """Counts lead to a search, accounts to their timeline; pages to posts, and to the next page."""
        parts = urlsplit(response.url)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if self._is_of_another_version(response):
            kept = {name: value for name, value in asked.items() if not name.startswith(("tweet.", "post."))}
            if response.meta["word"] == self.word:  # others asked by the same name are refused after us
                self.word = "post" if self.word == "tweet" else "tweet"
            settle_usd(self, response, 0.0)
            yield self._posts(watch, parts.path, kept, int(asked["max_results"]))
            return
        data = Fields(json_of(response), where=response.url)
        if "/counts/" in parts.path:
            count = sum(bucket.integer(f"{self._named(bucket)}_count") for bucket in data.objects("data"))
            if (run := getattr(self, "runs", {}).get(watch.id)) and run.canary:
                run.told += count  # what it counts is its answer: reading the posts would cost more
            if count:
                wanted = {key: asked[key] for key in ("query", "start_time")} | {"sort_order": "recency"}
                yield self._posts(watch, "/2/tweets/search/recent", wanted, min(MOST, max(LEAST, count)))
        elif "/by/username/" in parts.path:
            user = quote(data.text("data.id"), safe="")
            since = {"start_time": self._since(watch)} if self.ground_of(watch) else {}
            yield self._posts(watch, f"/2/users/{user}/tweets", {"exclude": "retweets"} | since, TIMELINE)
        else:
            yield from self._page(watch, response, data, asked)

    def _page(self, watch: Watch, response: Response, data: Fields, asked: dict[str, str]) -> Iterator[Post | Request]:
        # An empty page has no list; one that counts posts must have it.
        items = list(data.objects("data")) if data.integer("meta.result_count") else []
        users = data.maybe("includes.users", list) or ()
        settle_usd(self, response, len(items) * POST_USD + len(users) * USER_USD)
        carrying = any(item.maybe("attachments.media_keys", list) for item in items)
        if len(items) >= MANY and not carrying and "/search/" in response.url:  # it was asked for clips alone
            raise PageChanged(f"{response.url}: none of its posts has 'attachments.media_keys'; freeze the response")
        media = {one.text("media_key"): one for one in (data.objects("includes.media") if carrying else ())}
        for item in items:
            yield from post_of(item, media)
        token = data.maybe("meta.next_token", str)
        timeline = "/users/" in response.url
        # The first look at an account reads one page: its history would be paid for by the post.
        if token and items and (not timeline or "start_time" in asked):
            key = "pagination_token" if timeline else "next_token"
            path = urlsplit(response.url).path
            yield self._posts(watch, path, {**_plain(asked), key: token}, int(asked["max_results"]))

    @staticmethod
    def _named(bucket: Fields) -> str:
        return "post" if "post_count" in bucket.data else "tweet"

    @staticmethod
    def soft_error(response: Response) -> SourceBlind | None:
        """A problem object, or errors[] with nothing beside them; some errors beside data are posts that are gone."""
        if response.body[:1] != b"{" or (response.status == 200 and b'"errors"' not in response.body):
            return None
        data = json_of(response)
        if response.status == 200 and ("data" in data or "meta" in data):
            return None
        problem = next(iter(data.get("errors") or ()), data)
        kind = str(problem.get("type", "")).rsplit("/", 1)[-1]
        cause = next((cause for name, cause in CAUSES.items() if name in kind), None)
        if cause is None and response.status in {200, 400}:
            cause = Cause.SOFT_ERROR
        told = str(problem.get("detail") or problem.get("message") or problem.get("title") or kind)[:300]
        return SourceBlind(f"X answered {response.status}: {told}", cause) if cause else None

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """GET /2/tweets?ids=ID: an error of its own kind for a post that is gone, and for one that is protected."""
        if response.status == 200 and urlsplit(response.url).path == "/2/tweets":
            data = Fields(json_of(response), where=response.url)
            if data.maybe("data", list):
                return Presence.UP
            kinds = " ".join(str(error.get("type")) for error in data.maybe("errors", list) or ())
            if "resource-not-found" in kinds:
                return Presence.GONE
            return Presence.PRIVATE if "not-authorized-for-resource" in kinds else Presence.UNCLEAR
        return presence(response, up=False)


def settle_usd(spider: XSpider, response: Response, dollars: float) -> None:
    """Book what an answer cost in place of what it might have cost."""
    if response.meta.get("booked"):
        settle(spider.ledger, response, "dollars", dollars)


def query_of(watch: Watch) -> str:
    """A watch as X's query: native videos only, no repeats by others."""
    words = re.sub(r'[()"]', " ", watch.query)
    said = f"#{words.strip().lstrip('#')}" if watch.kind is WatchKind.HASHTAG else " ".join(words.split())
    return f"{said[: LONGEST_QUERY - 40]} has:video_link -is:retweet"


def _plain(asked: dict[str, str]) -> dict[str, str]:
    """What was asked, without what is added to each page anew."""
    left = ("fields", "expansions", "max_results", "next_token", "pagination_token")
    return {name: value for name, value in asked.items() if not name.endswith(left)}


def post_of(item: Fields, media: dict[str, Fields]) -> Iterator[Post]:
    """A post with its own clips; a quote keeps what it added itself."""
    referenced = item.maybe("referenced_posts", list) or item.maybe("referenced_tweets", list) or ()
    if any(isinstance(one, dict) and one.get("type") in {"retweeted", "reposted"} for one in referenced):
        return
    keys = item.maybe("attachments.media_keys", list) or ()
    clips = [(position, media[key]) for position, key in enumerate(keys) if key in media]
    attachments = tuple(_attachment(position, one) for position, one in clips if one.text("type") in VIDEO_KINDS)
    if not attachments:
        return
    name, author = item.text("id"), item.text("author_id")
    handle = item.maybe("username", str)
    long = item.maybe("note_post.text", str) or item.maybe("note_tweet.text", str)
    text = long or item.text("text")
    language = item.maybe("lang", str)
    yield Post(
        id=f"x:{name}",
        platform="x",
        url=f"https://x.com/{handle or 'i/web'}/status/{name}",
        author_handle=handle or author,
        author_id=author,
        text=text,
        hashtags=hashtags(text),
        language=language if language not in {"und", "zxx", "qme", "qht", "qam", "qct", "qst"} else None,
        posted_at=item.instant("created_at"),
        attachments=attachments,
        metrics=Metrics(
            views=item.maybe("public_metrics.impression_count", int),
            likes=item.maybe("public_metrics.like_count", int),
            reposts=item.maybe("public_metrics.retweet_count", int) or item.maybe("public_metrics.repost_count", int),
            comments=item.maybe("public_metrics.reply_count", int),
        ),
    )


def _attachment(position: int, one: Fields) -> Attachment:
    length, height = one.maybe("duration_ms", int), one.maybe("height", int)
    files = [file for file in one.objects("variants") if file.maybe("content_type", str) == "video/mp4"]
    if not files:
        raise PageChanged(f"{one.where}: 'variants' of a video has no file of type video/mp4; freeze the response")
    best = max((file.maybe("bit_rate", int) or 0) for file in files)
    return Attachment(
        position=position,
        kind="video",
        renditions=tuple(
            # Only the best has the height that the post names.
            Rendition(url=file.text("url"), height_px=height if (file.maybe("bit_rate", int) or 0) == best else None)
            for file in files
        ),
        duration_s=length / 1000 if length else None,
    )
