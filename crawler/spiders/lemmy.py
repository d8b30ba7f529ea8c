"""Lemmy: posts by words, of a person, or of a community, without a key. Both of its interfaces, v3 and v4.

The instance says first which of them it speaks, in which languages, and whether it is for members only. Lemmy has no
hashtags: a tag is a word here. A post's ap_id is the same on every instance that holds a copy, and so is one post; a
crosspost is a post of its own, in another community.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

from scrapy import Request
from scrapy.http import Response
from w3lib.url import add_or_replace_parameter

from core.causes import Cause
from core.errors import SourceBlind
from core.records import Attachment, Metrics, Post, Presence, Removal, Rendition, Watch, WatchKind
from core.words import hashtags, tag
from crawler.epoch import is_known
from crawler.facts import Canary, Facts
from crawler.fields import Fields
from crawler.links import CLIP_HOSTS
from crawler.platform import PlatformSpider, json_of, presence

PAGE_SIZE = 50  # the most both interfaces give
MOST_LINKS = 8  # clips that one post's text may name
NAME = re.compile(r"[!@]?[\w.-]{1,100}(?:@[\w.-]{1,253})?")
FILE = re.compile(r"\.(?:mp4|m4v|webm|mov|mkv|ogv)$", re.IGNORECASE)
LINK = re.compile(r"https?://[^\s<>()\[\]\"'|]{1,2000}")
PEERTUBE = re.compile(r"/(?:w|videos/watch)/[\w-]{22,36}/?$")
CAUSES = {
    "instance_is_private": Cause.FEED_DISABLED,
    "rate_limit_error": Cause.RATE_LIMITED,  # v3; with status 400
    "too_many_requests": Cause.RATE_LIMITED,
    "not_logged_in": Cause.LOGIN_WALL,
    "couldnt_find_person": Cause.NOT_FOUND,
    "couldnt_find_community": Cause.NOT_FOUND,
    "couldnt_find_post": Cause.NOT_FOUND,
    "not_found": Cause.NOT_FOUND,
}


class LemmySpider(PlatformSpider):
    """What an instance holds of the network, newest first; NSFW too where it lets that be asked."""

    name = "lemmy"
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({WatchKind.HASHTAG, WatchKind.KEYWORD, WatchKind.ACCOUNT})
    # None that must bring posts: an instance may hold nothing of any word one could name.
    canaries = (Canary(kind=WatchKind.KEYWORD, query="{}", hits=False),)
    facts = Facts(
        route="an instance's search, persons' and communities' posts, API v3 (0.19) or v4 (1.0), without a key",
        quota="set by each instance; 50 posts a request",
        posts_a_day="72,000 an instance with one request a minute; v3's search leaves NSFW out",
        ai_label="none",
        deletion="404 at GET /api/v3/post?id= of the post's instance; post.deleted or post.removed where it is shown",
        tested="answers frozen after the official client's types and the server's source",
        evidence="LemmyNet/lemmy-js-client 0.19.9 and 1.0.0-beta.1, LemmyNet/lemmy 0.19.9 and August 2026",
        as_of="2026-11-21",
    )

    def requests(self, watch: Watch) -> Iterator[Request]:
        """Which Lemmy it is."""
        if watch.kind is WatchKind.ACCOUNT and not NAME.fullmatch(watch.query.strip()):
            told = f"{watch.query!r} is no @person nor !community, with or without @instance; mend the brand file"
            raise SourceBlind(f"{watch.id}: {told}", Cause.OURS)
        yield self.step(f"{self.site_of(watch)}/nodeinfo/2.1")

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Removal | Request]:
        """Which version, what the instance says of itself, then pages of posts."""
        data, path = Fields(json_of(response), where=response.url), urlsplit(response.url).path
        if "/nodeinfo/" in path:
            yield self.step(f"{self.site_of(watch)}/api/{_version(data)}/site")
        elif path.endswith("/site"):
            yield self._first(data, watch, "v4" if "/api/v4/" in path else "v3")
        else:
            yield from self._page(response, data, watch)

    def _first(self, site: Fields, watch: Watch, version: str) -> Request:
        if site.maybe("site_view.local_site.private_instance", bool):
            told = "is private, it shows posts to members only; watch the instances that hold copies of its posts"
            raise SourceBlind(f"{site.where}: the instance {told}", Cause.FEED_DISABLED)
        languages = {one.integer("id"): one.text("code") for one in site.objects("all_languages")}
        path, asked = _question(watch, version)
        url = f"{self.site_of(watch)}/api/{version}{path}?{urlencode(asked)}"
        return self.page(url, meta={"languages": languages})

    def _page(self, response: Response, data: Fields, watch: Watch) -> Iterator[Post | Removal | Request]:
        v4, languages = "/api/v4/" in response.url, response.meta.get("languages", {})
        items = list(data.objects("items" if v4 else "posts"))
        for item in items:
            yield from post_of(item, v4=v4, languages=languages)
        if not items or is_known(_posted_at(items[-1], v4=v4), self.ground_of(watch)):
            return
        asked = parse_qs(urlsplit(response.url).query)
        if cursor := data.maybe("next_page", str):
            url = add_or_replace_parameter(response.url, "page_cursor", cursor)
        elif "page" in asked and len(items) >= int(asked["limit"][0]):
            url = add_or_replace_parameter(response.url, "page", str(int(asked["page"][0]) + 1))
        else:
            return
        yield self.page(url, meta={"languages": languages})

    @staticmethod
    def soft_error(response: Response) -> SourceBlind | None:
        """Lemmy's error object; a private instance and a limit come with status 400."""
        if response.status >= 500 or response.body[:1] != b"{" or b'"error"' not in response.body[:2000]:
            return None
        data = Fields(json_of(response), where=response.url)
        error = data.data.get("error")
        if not isinstance(error, str):
            return None
        more = "it shows posts to members only" if error == "instance_is_private" else data.data.get("message") or ""
        told = ": ".join(one for one in (error[:100], str(more)[:200]) if one)
        return SourceBlind(f"{response.url} answered {response.status}: {told}", CAUSES.get(error, Cause.SOFT_ERROR))

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """GET /api/v3/post?id=ID (or v4) at the post's own instance, whose word it is."""
        if response.status in {200, 400} and response.body[:1] == b"{":
            data = Fields(json_of(response), where=response.url)
            if data.data.get("error") == "couldnt_find_post":
                return Presence.GONE
            post = data.maybe("post_view.post", dict) or {}
            if response.status == 200 and (post.get("deleted") is True or post.get("removed") is True):
                return Presence.GONE
            return presence(response, up="ap_id" in post)
        return presence(response, up=False)


def _version(node: Fields) -> str:
    """The interface that a Lemmy of this version speaks best."""
    name, version = node.text("software.name"), node.text("software.version")
    if name.lower() != "lemmy":
        told = f"is {name[:40]} {version[:40]}, no Lemmy; mend the watch's site in the brand file"
        raise SourceBlind(f"{node.where}: this {told}", Cause.OURS)
    return "v3" if version.startswith("0.") else "v4"


def _question(watch: Watch, version: str) -> tuple[str, dict[str, Any]]:
    """The path of a watch's listing, and what is asked there."""
    query = watch.query.strip()
    if watch.kind is not WatchKind.ACCOUNT:
        key, wanted = "search_term", query.lstrip("#＃")
    else:
        key, wanted = ("community_name" if query.startswith("!") else "creator_username"), query.lstrip("@!")
    common = {"limit": PAGE_SIZE, "show_nsfw": "true"}
    if version == "v4":
        # Its search orders by what is "hot"; the list takes the same words and orders by time.
        return "/post/list", {key: wanted, "type_": "all", "sort": "new"} | common
    if key == "search_term":
        return "/search", {"q": wanted, "type_": "Posts", "listing_type": "All", "sort": "New", "page": 1} | common
    if key == "community_name":
        return "/post/list", {key: wanted, "type_": "All", "sort": "New"} | common
    return "/user", {"username": wanted, "sort": "New", "page": 1} | common


def _posted_at(item: Fields, *, v4: bool) -> datetime:
    return item.instant("post.published_at" if v4 else "post.published")


def post_of(item: Fields, *, v4: bool, languages: dict[int, str]) -> Iterator[Post | Removal]:
    """A post that carries or links a clip; a removal, when its author or a moderator took it away.

    languages  the instance's numbers of languages -> their codes
    """
    url = item.text("post.ap_id")
    name = f"lemmy:{url.split('://', 1)[-1]}"
    for flag in ("deleted", "removed"):
        if item.maybe(f"post.{flag}", bool):
            yield Removal(post=name, because=f"post.{flag} = true")
            return
    clips = tuple(dict.fromkeys(_clips(item)))
    if not clips:
        return
    author = item.text("creator.ap_id" if v4 else "creator.actor_id")
    text = f"{item.text('post.name')}\n{item.maybe('post.body', str) or ''}".strip()
    said = [one.text("name") for one in item.objects("tags")] if item.maybe("tags", list) else []
    code = languages.get(item.maybe("post.language_id", int) or 0, "und")
    counts = "post" if v4 else "counts"
    yield Post(
        id=name,
        platform="lemmy",
        url=url,
        author_handle=f"{item.text('creator.name')}@{author.partition('://')[2].partition('/')[0]}",
        author_id=author,
        text=text,
        hashtags=tuple(dict.fromkeys([*hashtags(text), *(word for one in said if (word := tag(one)))])),
        language=None if code == "und" else code,
        posted_at=_posted_at(item, v4=v4),
        attachments=tuple(
            Attachment(position=position, kind="video", renditions=(Rendition(url=clip),))
            for position, clip in enumerate(clips)
        ),
        metrics=Metrics(likes=item.maybe(f"{counts}.upvotes", int), comments=item.maybe(f"{counts}.comments", int)),
    )


def _clips(item: Fields) -> Iterator[str]:
    """The addresses of clips: the link, what the linked page embeds, and files that the text names."""
    link, embedded = item.maybe("post.url", str), item.maybe("post.embed_video_url", str)
    is_video = (item.maybe("post.url_content_type", str) or "").startswith("video/")
    if link and (is_video or _is_clip(link)):
        yield link
    elif embedded and _is_clip(embedded):
        yield embedded
    named = (found[0] for found in LINK.finditer((item.maybe("post.body", str) or "")[:50_000]))
    yield from [url for url in named if _is_file(url)][:MOST_LINKS]


def _is_clip(url: str) -> bool:
    """Whether an address is a video file, or a page of one on a site made for clips."""
    try:
        parts = urlsplit(url)
    except ValueError:  # "https://[" in a post
        return False
    host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
    if host.endswith("imgur.com"):
        return parts.path.endswith((".gifv", ".mp4"))
    return host in CLIP_HOSTS or bool(FILE.search(parts.path) or PEERTUBE.search(parts.path))


def _is_file(url: str) -> bool:
    try:
        return bool(FILE.search(urlsplit(url).path))
    except ValueError:
        return False
