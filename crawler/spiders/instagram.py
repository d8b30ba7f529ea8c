"""Instagram by the Graph API: the last 24 hours of a hashtag, and the media of business and creator accounts.

A hashtag's media name no author: the platform leaves it out, and so do we. Never asks a page of the web client.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

from scrapy import Request
from scrapy.http import Response

from core.causes import Cause
from core.errors import PageChanged, SourceBlind
from core.records import AiLabel, Attachment, Metrics, Post, Presence, Rendition, Watch, WatchKind
from core.words import hashtags
from crawler.facts import Allowance, Canary, Facts, Secret
from crawler.fields import Fields
from crawler.platform import PlatformSpider, json_of, now, presence
from crawler.runs import Lost

PAGE_SIZE = 50  # the most both listings give
WINDOW = timedelta(hours=24)  # how far back recent_media goes
USAGE_STOP = 95  # percent of the app's hourly calls; at 100 Meta refuses, and every other use of the app with us
AI_FIELD = "is_ai_generated"
TAGGED = (
    "id", "media_type", "media_url", "permalink", "caption", "timestamp", "like_count", "comments_count",
    "children{media_type,media_url}",
)  # fmt: skip
OWNED = (*TAGGED, "media_product_type", "username")
USERNAME = re.compile(r"[A-Za-z0-9._]{1,40}")
PERMALINK = re.compile(
    r"https://(?:www\.)?instagram\.com/(?:(?P<who>[\w.]{1,40})/)?(?:p|reel|tv)/(?P<code>[\w-]{1,64})/?(?:[?#]|$)",
    re.ASCII,
)
CAUSES = {
    4: Cause.RATE_LIMITED,
    17: Cause.RATE_LIMITED,
    32: Cause.RATE_LIMITED,
    613: Cause.RATE_LIMITED,
    10: Cause.CREDENTIAL,  # the app was not granted Instagram Public Content Access
    190: Cause.CREDENTIAL,
    200: Cause.CREDENTIAL,
    18: Cause.BUDGET,  # thirty hashtags a week
    24: Cause.NOT_FOUND,  # no such hashtag
    110: Cause.NOT_FOUND,  # no such account, or a private or personal one
}


class InstagramSpider(PlatformSpider):
    """A shortcode names the post, as in its address."""

    name = "instagram"
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.HASHTAG, WatchKind.ACCOUNT})
    base = "https://graph.facebook.com/v25.0"
    obeys_robots = False  # an interface for programs, with terms of its own
    repeats_cursor = True  # `after` is the same string on every page
    secrets = (
        Secret(
            name="INSTAGRAM_TOKEN",
            what="long-lived access token of an app with Instagram Public Content Access",
            how=(
                "make an app of type Business, and add the Instagram Graph API",
                "pass App Review for “Instagram Public Content Access” and instagram_basic",
                "link an Instagram business account to a Facebook page, and make a long-lived token for it",
            ),
            where="https://developers.facebook.com/apps",
        ),
        Secret(
            name="INSTAGRAM_USER_ID",
            what="number of the Instagram business account that asks (not its handle)",
            how=("GET /{page-id}?fields=instagram_business_account with that token shows it",),
            where="https://developers.facebook.com/tools/explorer",
        ),
    )
    allowances = (Allowance(name="hashtags", most=30, unit="hashtags", per="7d"),)
    # An account: a hashtag would be one of the thirty.
    canaries = (Canary(kind=WatchKind.ACCOUNT, query="instagram", hits=True),)
    facts = Facts(
        route="Graph API: ig_hashtag_search and recent_media; business_discovery for accounts",
        quota="30 hashtags in 7 days, each the last 24 hours; app usage in percent of the hour",
        posts_a_day="what 30 hashtags get in a day, 50 a page",
        ai_label="is_ai_generated",
        deletion="404 or 410 at the post's page; the API does not tell of others' deletions",
        tested="documents only: answers frozen after the official reference",
        evidence="developers.facebook.com/docs/instagram-platform: ig-hashtag-search, recent-media, business_discovery",
        as_of="2026-11-20",
    )
    # Not documented for media of others: asked for until it is refused once.
    _asks_ai = True

    def requests(self, watch: Watch) -> Iterator[Request]:
        """The hashtag's number on the way to its media; an account's media at once."""
        if watch.kind is WatchKind.ACCOUNT:
            yield self._owned(watch, "")
            return
        tag = watch.query.strip().lstrip("#").lower()
        asked = {"user_id": self.secret.get("INSTAGRAM_USER_ID", ""), "q": tag}
        # One that was asked for in the last seven days is free, and its number never changes.
        yield self._call(self.step, watch, "ig_hashtag_search", asked, spends={"hashtags": (tag, 1)})

    def _call(self, role: Any, watch: Watch, path: str, asked: dict[str, str], **given: Any) -> Request:  # noqa: ANN401 - Scrapy's
        # The token goes in a header, so that no address that is logged or kept holds it.
        headers = {"Authorization": f"Bearer {self.secret.get('INSTAGRAM_TOKEN', '')}"}
        made: Request = role(f"{self.site_of(watch)}/{path}?{urlencode(asked)}", headers=headers, **given)
        return made

    def _tagged(self, watch: Watch, number: str, after: str, last: Sequence[str] = ()) -> Request:
        asked = {
            "user_id": self.secret.get("INSTAGRAM_USER_ID", ""),
            "fields": self._fields(TAGGED),
            "limit": str(PAGE_SIZE),
        }
        path = f"{number}/recent_media"
        return self._call(self.page, watch, path, asked | _given(after=after), meta={"last": list(last)})

    def _owned(self, watch: Watch, after: str, last: Sequence[str] = ()) -> Request:
        handle = watch.query.strip().lstrip("@")
        if not USERNAME.fullmatch(handle):
            raise SourceBlind(f"{watch.id}: {handle!r} is no Instagram username; mend the brand file", Cause.OURS)
        if not re.fullmatch(r"[\w=-]*", after):
            raise PageChanged(f"'after' is no cursor we can send back: {after[:80]!r}; freeze the response and look")
        turned = f".after({after})" if after else ""
        media = f"media.limit({PAGE_SIZE}){turned}{{{self._fields(OWNED)}}}"
        asked = {"fields": f"business_discovery.username({handle}){{id,username,{media}}}"}
        path = self.secret.get("INSTAGRAM_USER_ID", "")
        return self._call(self.page, watch, path, asked, meta={"last": list(last)})

    def _fields(self, names: Sequence[str]) -> str:
        return ",".join([*names, AI_FIELD] if self._asks_ai else names)

    def refuse(self, response: Response, role: str) -> None:
        """Let through the refusal of the AI field: `read` asks again without it."""
        if not _lacks_ai_field(response):
            super().refuse(response, role)

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:
        """A hashtag's number leads to its media; a page of media to posts and the next page."""
        path = urlsplit(response.url).path
        if _lacks_ai_field(response):
            self._asks_ai = False
            number = path.split("/")[-2]
            yield self._tagged(watch, number, "") if path.endswith("/recent_media") else self._owned(watch, "")
            return
        data = Fields(json_of(response), where=response.url)
        if path.endswith("/ig_hashtag_search"):
            numbers = [item.text("id") for item in data.objects("data")]
            if not numbers:
                told = "no such hashtag, or one it hides as sensitive; check the brand file"
                raise SourceBlind(f"{watch.id}: Instagram shows {told}", Cause.NOT_FOUND)
            self._tell_hole(watch)
            if used(response) >= USAGE_STOP:
                raise SourceBlind(_usage_told(response), Cause.BUDGET)
            yield self._tagged(watch, numbers[0], "")
            return
        tagged = path.endswith("/recent_media")
        holder = data if tagged else _account(data)
        owner = None if tagged else holder.text("id")
        listing = (
            holder if tagged else Fields(holder.data.get("media"), where=f"{response.url}: business_discovery.media")
        )
        items = list(listing.objects("data"))
        for item in items:
            yield from post_of(item, owner)
        yield from self._next(response, watch, listing, items)

    def _next(self, response: Response, watch: Watch, listing: Fields, items: Sequence[Fields]) -> Iterator[Request]:
        after = listing.maybe("paging.cursors.after", str)
        if not items or not after:
            return
        ids = [item.text("id") for item in items]
        if ids == (response.meta.get("last") if response.request else None):
            # A repeated cursor is how it pages; a repeated page is how it would go round for ever.
            raise SourceBlind(f"{response.url}: the same page came twice; the feed goes round", Cause.REPEATED_CURSOR)
        if used(response) >= USAGE_STOP:
            self._cut(watch, Lost(Cause.BUDGET, _usage_told(response)))
            return
        path = urlsplit(response.url).path
        if path.endswith("/recent_media"):
            yield self._tagged(watch, path.split("/")[-2], after, ids)
        else:
            yield self._owned(watch, after, ids)

    def _tell_hole(self, watch: Watch) -> None:
        """The API shows a day and no more: what lies between the last crawl and that is not to be had."""
        ground = self.ground_of(watch)
        if ground and now() - ground > WINDOW:
            hours = (now() - ground) / timedelta(hours=1)
            told = f"the last sound crawl is {hours:.0f} hours old and Instagram shows 24; crawl every 6 hours"
            self._cut(watch, Lost(Cause.CUT, told))
            # What lies before this crawl is lost, and no later one can reach it: known ground begins anew.
            self.runs[watch.id].ground_at = None

    def _cut(self, watch: Watch, lost: Lost) -> None:
        if run := getattr(self, "runs", {}).get(watch.id):
            run.cut = lost

    @staticmethod
    def soft_error(response: Response) -> SourceBlind | None:
        """The Graph API's error object, by its code."""
        if response.body[:1] != b"{" or b'"error"' not in response.body[:2000]:
            return None
        error = Fields(json_of(response), where=response.url).maybe("error", dict)
        if not error:
            return None
        code = error.get("code")
        told = f"Instagram answered code {code} ({error.get('type')}): {error.get('message')}"
        return SourceBlind(told, CAUSES.get(code, Cause.SOFT_ERROR) if isinstance(code, int) else Cause.SOFT_ERROR)

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """A post's own page: a login wall stands before most, and proves nothing."""
        return presence(response, up=False)


def _given(**named: str) -> dict[str, str]:
    return {name: value for name, value in named.items() if value}


def _lacks_ai_field(response: Response) -> bool:
    """Whether it refuses the one field we need not have: code 100, which names it."""
    asked = AI_FIELD in parse_qs(urlsplit(response.url).query).get("fields", [""])[0]
    return asked and response.status == 400 and b'"code":100' in response.body.replace(b" ", b"") and (
        AI_FIELD.encode() in response.body
    )  # fmt: skip


def _account(data: Fields) -> Fields:
    return Fields(data.data.get("business_discovery"), where=f"{data.where}: business_discovery")


def used(response: Response) -> float:
    """Percent of the app's calls that are used, the worst of its counts; 0 where the answer does not say."""
    worst = 0.0
    for name in ("X-App-Usage", "X-Business-Use-Case-Usage"):
        try:
            worst = max([worst, *_percents(json.loads(response.headers.get(name) or b"{}"))])
        except ValueError:
            continue
    return worst


def _percents(said: object, name: str = "") -> Iterator[float]:
    if isinstance(said, dict):
        for key, value in said.items():
            yield from _percents(value, key)
    elif isinstance(said, list):
        for value in said:
            yield from _percents(value, name)
    elif name in {"call_count", "total_cputime", "total_time"} and isinstance(said, int | float):
        yield float(said)


def _usage_told(response: Response) -> str:
    return f"Instagram: {used(response):.0f} % of the app's calls are used; it frees itself within the hour"


def post_of(item: Fields, owner: str | None) -> Iterator[Post]:
    """A media object as a post, if there is a clip in it.

    owner  the account's number; None in a hashtag's media, which name nobody: the handle is then what the permalink
           tells, or "unknown", and the author's id is of that one post, so that strangers are not taken for one
    """
    link = item.text("permalink")
    found = PERMALINK.match(link)
    if not found:
        raise PageChanged(f"{item.where}: 'permalink' has no shortcode: {link[:200]!r}; freeze the response and look")
    code, attachments = found["code"], tuple(_attachments(item, link))
    if not attachments:
        return
    text = item.maybe("caption", str) or ""
    handle = (item.text("username") if owner else None) or found["who"] or "unknown"
    said = item.maybe(AI_FIELD, bool)
    yield Post(
        id=f"instagram:{code}",
        platform="instagram",
        url=f"https://www.instagram.com/p/{code}",
        author_handle=handle,
        author_id=owner or (handle if handle != "unknown" else f"unknown:{code}"),
        text=text,
        hashtags=hashtags(text),
        language=None,
        posted_at=item.instant("timestamp"),
        attachments=attachments,
        metrics=Metrics(likes=item.maybe("like_count", int), comments=item.maybe("comments_count", int)),
        # False is the platform's word that nobody labelled it, not that nobody made it.
        ai_label=AiLabel(field=AI_FIELD, value="true") if said else None,
    )


def _attachments(item: Fields, link: str) -> Iterator[Attachment]:
    kind = item.text("media_type")
    if kind == "CAROUSEL_ALBUM":
        children = item.maybe("children", dict)
        parts = list(Fields(children, where=f"{item.where}: children").objects("data")) if children else []
    else:
        parts = [item]
    for position, part in enumerate(parts):
        if part.text("media_type") == "VIDEO":
            # media_url is left out where the sound is another's: the page is what is left.
            url = part.maybe("media_url", str) or link
            yield Attachment(position=position, kind="video", renditions=(Rendition(url=url),))
