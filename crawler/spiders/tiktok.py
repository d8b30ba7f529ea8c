"""TikTok by its own interfaces: the Research API for who is eligible, the Commercial Content API for ads in the EEA.

Companies are not eligible for the Research API; they have ads and paid partnerships here, and captures, and
tiktok_page. Ids are those of the videos, so that a post found both ways is one post.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote, urlencode, urlsplit

from scrapy import Request
from scrapy.http import Response

from core.causes import Cause
from core.errors import PageChanged, SourceBlind
from core.records import Attachment, Metrics, Post, Presence, Rendition, Watch, WatchKind
from core.words import hashtags, tag
from crawler.epoch import instant_of
from crawler.facts import Allowance, Canary, Facts, Secret
from crawler.fields import Fields
from crawler.platform import PlatformSpider, json_of, now
from crawler.runs import Lost
from crawler.spiders.tiktok_page import shown

WINDOW = timedelta(days=29)  # a query may span 30 days
LATE = timedelta(days=2)  # how long a video may take to be found by the Research API
VIDEO_FIELDS = (
    "id,video_description,create_time,region_code,share_count,view_count,like_count,comment_count,hashtag_names,"
    "username,video_duration"
)
AD_FIELDS = "ad.id,ad.first_shown_date,ad.status,ad.videos,advertiser.business_id,advertiser.business_name"
PAID_FIELDS = "id,create_timestamp,label,brand_names,creator,videos"
LIBRARY = "https://library.tiktok.com/ads/detail/?ad_id="
CAUSES = {
    "access_token_invalid": Cause.CREDENTIAL,
    "invalid_client": Cause.CREDENTIAL,
    "unauthorized_client": Cause.CREDENTIAL,
    "scope_not_authorized": Cause.CREDENTIAL,
    "scope_permission_missed": Cause.CREDENTIAL,
    "rate_limit_exceeded": Cause.RATE_LIMITED,
    "daily_quota_limit_exceeded": Cause.BUDGET,
    "invalid_params": Cause.OURS,
    "internal_error": Cause.TROUBLE,
}


class TiktokSpider(PlatformSpider):
    """A video's own id names the post; an ad, which has none, is named by the ad's."""

    name = "tiktok"
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.HASHTAG, WatchKind.KEYWORD, WatchKind.ACCOUNT})
    base = "https://open.tiktokapis.com"
    obeys_robots = False  # an interface for programs, with terms of its own
    routes = ("research", "commercial")
    secrets = (
        Secret(
            name="TIKTOK_CLIENT_KEY",
            what="client key of an approved Research or Commercial Content client",
            how=(
                "apply for the Research API (universities and non-profits) or the Commercial Content API (anyone)",
                "when it is approved, open the research client in the developer portal",
            ),
            where="https://developers.tiktok.com/products/",
        ),
        Secret(
            name="TIKTOK_CLIENT_SECRET",
            what="its client secret",
            how=("press Display beside the client key",),
            where="https://developers.tiktok.com/research",
        ),
    )
    allowances = (Allowance(name="requests", most=1000, unit="requests", per="day"),)
    canaries = (Canary(kind=WatchKind.HASHTAG, query="music", hits=True),)
    facts = Facts(
        route="Research API video/query; Commercial Content API for ads and paid partnerships (EEA, not UK or CH)",
        quota="1,000 requests and 100,000 records a day (UTC)",
        posts_a_day="100,000 (100 a request); of ads 50,000",
        ai_label="none (the APIs give none; tiktok_page and captures do)",
        deletion="404 or 410 at the post's page; statusCode 10216 and 10222 there are private",
        tested="documents only: answers frozen after the official reference",
        evidence="developers.tiktok.com: research-api-specs-query-videos, commercial-content-api",
        as_of="2026-11-20",
    )
    _token = ""

    def requests(self, watch: Watch) -> Iterator[Request]:
        """A token on the way to the first page, which watches that begin later share."""
        asked = self._asked(watch)
        if self._token:
            yield self._query(watch, asked)
            return
        secret = {"client_key": "TIKTOK_CLIENT_KEY", "client_secret": "TIKTOK_CLIENT_SECRET"}
        body = {name: self.secret.get(own, "") for name, own in secret.items()} | {"grant_type": "client_credentials"}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        url = f"{self.site_of(watch)}/v2/oauth/token/"
        yield self.step(url, method="POST", body=urlencode(body), headers=headers, meta={"asked": asked})

    def _asked(self, watch: Watch) -> dict[str, Any]:
        """What the first page asks for: path, fields and body, all pages the same dates."""
        until, ground = now(), self.ground_of(watch)
        since = max(ground - LATE, until - WINDOW) if ground else until - WINDOW
        if ground and ground < until - WINDOW and (run := getattr(self, "runs", {}).get(watch.id)):
            run.cut = Lost(Cause.CUT, f"the last sound crawl is {(until - ground).days} days old, a query spans 30")
            run.ground_at = None
        span = {"min": f"{since:%Y%m%d}", "max": f"{until:%Y%m%d}"}
        name = watch.query.strip().lstrip("#@")
        if self.route == "commercial":
            if watch.kind is WatchKind.ACCOUNT:
                filters: dict[str, Any] = {"content_published_date_range": span, "creator_usernames": [name]}
                return _question("adlib/commercial_content", PAID_FIELDS, {"filters": filters, "max_count": 50})
            body = {"filters": {"ad_published_date_range": span}, "search_term": name[:50], "max_count": 50}
            return _question("adlib/ad", AD_FIELDS, body)
        field = {WatchKind.HASHTAG: "hashtag_name", WatchKind.KEYWORD: "keyword", WatchKind.ACCOUNT: "username"}
        clause = {"operation": "EQ", "field_name": field[watch.kind], "field_values": [name]}
        dates = {"start_date": span["min"], "end_date": span["max"]}
        return _question("video", VIDEO_FIELDS, {"query": {"and": [clause]}, **dates, "max_count": 100})

    def _query(self, watch: Watch, asked: dict[str, Any]) -> Request:
        url = f"{self.site_of(watch)}/v2/research/{asked['path']}/query/?{urlencode({'fields': asked['fields']})}"
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        body = json.dumps(asked["body"])
        return self.page(url, method="POST", body=body, headers=headers, meta={"asked": asked}, spends={"requests": 1})

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        """Posts of a page; only has_more ends the paging: a page may hold fewer than it was asked for, or none."""
        answer = Fields(json_of(response), where=response.url)
        asked, path = response.meta["asked"], urlsplit(response.url).path
        if path.endswith("/oauth/token/"):
            self._token = answer.text("access_token")
            yield self._query(watch, asked)
            return
        data = Fields(answer.data.get("data"), where=f"{response.url}: data")
        if path.endswith("/video/query/"):
            yield from map(video_of, data.objects("videos"))
        elif path.endswith("/ad/query/"):
            yield from (post for item in data.objects("ads") for post in ad_of(item))
        else:
            yield from (post for item in data.objects("commercial_contents") for post in paid_of(item))
        more = data.maybe("has_more", bool)
        if more is None:
            raise PageChanged(f"{response.url}: 'has_more' should be bool, got nothing; freeze the response and look")
        if more:
            onward = {"search_id": data.text("search_id")}
            if path.endswith("/video/query/"):
                onward["cursor"] = data.integer("cursor")  # type: ignore[assignment]  # JSON takes both
            yield self._query(watch, asked | {"body": asked["body"] | onward})

    @staticmethod
    def soft_error(response: Response) -> SourceBlind | None:
        """`error` is an object with code "ok" when all is well, and one word where a token is refused."""
        if response.body[:1] != b"{" or b'"error"' not in response.body:
            return None
        error = Fields(json_of(response), where=response.url).data.get("error")
        code = error.get("code") if isinstance(error, dict) else error
        if code in (None, "ok", ""):
            return None
        message = error.get("message") if isinstance(error, dict) else json_of(response).get("error_description")
        return SourceBlind(f"TikTok answered {code}: {message}", CAUSES.get(str(code), Cause.SOFT_ERROR))

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """A video's own page, by what its data say."""
        return shown(response)


def _question(path: str, fields: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"path": path, "fields": fields, "body": body}


def _number(item: Fields, path: str) -> str:
    """An id: a number in the reference, a text in some answers; digits either way."""
    found = item.text(path) if isinstance(item.maybe(path, object), str) else str(item.integer(path))
    if not found.isascii() or not found.isdigit():
        raise PageChanged(f"{item.where}: {path!r} is no number: {found[:80]!r}; freeze the response and look")
    return found


def video_of(item: Fields) -> Post:
    """A video of the Research API; its page is what yt-dlp reads."""
    name, who, text = _number(item, "id"), item.text("username"), item.text("video_description")
    url = f"https://www.tiktok.com/@{quote(who, safe='')}/video/{name}"
    said = [str(one) for one in item.maybe("hashtag_names", list) or ()]
    return Post(
        id=f"tiktok:{name}",
        platform="tiktok",
        url=url,
        author_handle=who,
        author_id=who,  # the API gives no number of the author
        text=text,
        hashtags=tuple(dict.fromkeys([*hashtags(text), *(name for name in map(tag, said) if name)])),
        language=None,
        posted_at=instant_of(item, "create_time"),
        attachments=(
            Attachment(
                position=0,
                kind="video",
                renditions=(Rendition(url=url),),
                duration_s=item.maybe_number("video_duration"),
            ),
        ),
        metrics=Metrics(
            views=item.maybe("view_count", int),
            likes=item.maybe("like_count", int),
            reposts=item.maybe("share_count", int),
            comments=item.maybe("comment_count", int),
        ),
    )


def ad_of(item: Fields) -> Iterator[Post]:
    """An ad with a clip, as the post its library page is; its text is not given, its advertiser is."""
    attachments = tuple(_clips(item, "ad.videos"))
    if not attachments:
        return
    name, business = _number(item, "ad.id"), item.text("advertiser.business_name")
    day = str(item.maybe("ad.first_shown_date", object))
    try:
        shown_at = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        raise PageChanged(f"{item.where}: 'ad.first_shown_date' is no day: {day[:40]!r}; freeze it and look") from None
    yield Post(
        id=f"tiktok:ad-{name}",
        platform="tiktok",
        url=f"{LIBRARY}{name}",
        author_handle=business,
        author_id=_number(item, "advertiser.business_id"),
        text="",
        hashtags=(),
        language=None,
        posted_at=shown_at,
        attachments=attachments,
    )


def paid_of(item: Fields) -> Iterator[Post]:
    """A paid partnership of an account; brand names stand for its text, which is not given."""
    attachments = tuple(_clips(item, "videos"))
    if not attachments:
        return
    name, who = _number(item, "id"), item.text("creator.username")
    yield Post(
        id=f"tiktok:paid-{name}",  # whether this is the video's number is not documented
        platform="tiktok",
        url=f"https://www.tiktok.com/@{quote(who, safe='')}",
        author_handle=who,
        author_id=who,
        text=", ".join(str(one) for one in item.maybe("brand_names", list) or ()),
        hashtags=(),
        language=None,
        posted_at=instant_of(item, "create_timestamp"),
        attachments=attachments,
    )


def _clips(item: Fields, path: str) -> Iterator[Attachment]:
    for position, clip in enumerate(item.objects(path)):
        yield Attachment(position=position, kind="video", renditions=(Rendition(url=clip.text("url")),))
