"""Mastodon's answers: tag timelines, accounts, statuses, the instance's own word.

source  Mastodon 4.5 API documentation: entities Status, Account, MediaAttachment, V2::Instance
"""

import html
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from app.demo.posts import MASTODON_HOST, PlantedPost
from core.times import to_text
from core.words import tag

if TYPE_CHECKING:
    from app.demo.platform import LoopbackPlatform

MOST = 40
ORIGIN = f"https://{MASTODON_HOST}"
JSON = {"X-RateLimit-Limit": "300", "X-RateLimit-Remaining": "299"}


def add_routes(app: web.Application, site: "LoopbackPlatform") -> None:
    """Everything Mastodon answers here."""

    async def instance(_: web.Request) -> web.Response:
        return web.json_response(instance_of(site.base_url))

    async def timeline(request: web.Request) -> web.Response:
        return _page(request, site, request.match_info["tag"], None)

    async def lookup(request: web.Request) -> web.Response:
        name = request.query.get("acct", "").split("@")[0].lower()
        for post in site.of("mastodon"):
            if post.name.lower() == name:
                return web.json_response(account_of(post, site.base_url))
        raise web.HTTPNotFound(text='{"error":"Record not found"}', content_type="application/json")

    async def statuses(request: web.Request) -> web.Response:
        return _page(request, site, None, request.match_info["id"])

    async def status(request: web.Request) -> web.Response:
        post = site.find("mastodon", request.match_info["id"])
        return web.json_response(status_of(post, site), headers=JSON)

    app.router.add_get("/api/v2/instance", instance)
    app.router.add_get("/api/v1/timelines/tag/{tag}", timeline)
    app.router.add_get("/api/v1/accounts/lookup", lookup)
    app.router.add_get("/api/v1/accounts/{id}/statuses", statuses)
    app.router.add_get("/api/v1/statuses/{id}", status)


def _page(request: web.Request, site: "LoopbackPlatform", name: str | None, account: str | None) -> web.Response:
    """A page of statuses, newest first, with the Link header that is the only way onward."""
    from app.demo.platform import Feed, key_of, older_than  # noqa: PLC0415 - the platform imports this module

    query = request.query
    limit = min(int(query.get("limit", 20)), MOST)
    if name is not None:
        feed = site.feed("mastodon", name)
    else:
        mine = [post for post in reversed(site.of("mastodon")) if _account_id(post) == account]
        feed = Feed(mine, [key_of(post) for post in mine])
    least = int(query["min_id"]) if "min_id" in query else int(query.get("since_id", 0))
    if "min_id" in query:  # the page just above the mark, so that going upward leaves no gap
        posts = [post for post in feed.posts if key_of(post) > least][:limit][::-1]
    else:
        posts = [
            p for p in older_than(feed, int(query["max_id"]) if "max_id" in query else None, limit) if key_of(p) > least
        ]
    headers = dict(JSON)
    if posts:
        kept = {"limit": str(limit), **({"only_media": "true"} if "only_media" in query else {})}
        older = request.url.with_query(kept | {"max_id": posts[-1].native_id})
        newer = request.url.with_query(kept | {"min_id": posts[0].native_id})
        headers["Link"] = f'<{older}>; rel="next", <{newer}>; rel="prev"'
    headers["X-RateLimit-Reset"] = to_text(posts[0].posted_at + timedelta(days=30)) if posts else ""
    return web.json_response([status_of(post, site) for post in posts], headers=headers)


def status_of(post: PlantedPost, site: "LoopbackPlatform") -> dict[str, Any]:
    """A Status entity."""
    base = site.base_url
    return {
        "id": post.native_id,
        "created_at": to_text(post.posted_at),
        "in_reply_to_id": None,
        "in_reply_to_account_id": None,
        "sensitive": False,
        "spoiler_text": "",
        "visibility": "public",
        "language": post.language,
        "uri": post.uri,
        "url": f"{base}/@{post.name}/{post.native_id}",
        "replies_count": post.comments,
        "reblogs_count": post.reposts,
        "favourites_count": post.likes,
        "edited_at": None,
        "content": _content(post, base),
        "reblog": None,
        "application": None,
        "account": account_of(post, base),
        "media_attachments": [_attachment(post, site)],
        "mentions": [],
        "tags": [{"name": tag(name), "url": f"{base}/tags/{tag(name)}"} for name in post.hashtags],
        "emojis": [],
        "card": None,
        "poll": None,
    }


def _content(post: PlantedPost, base: str) -> str:
    text = html.escape(post.text).replace("\n", "<br />")
    for name in sorted(set(post.hashtags), key=len, reverse=True):
        link = (
            f'<a href="{base}/tags/{tag(name)}" class="mention hashtag" rel="tag">#<span>{html.escape(name)}</span></a>'
        )
        text = text.replace(f"#{html.escape(name)}", link, 1)
    return f"<p>{text}</p>"


def _account_id(post: PlantedPost) -> str:
    return str(10**9 + sum(ord(letter) * 31**place for place, letter in enumerate(post.name)) % 10**9)


def account_of(post: PlantedPost, base: str) -> dict[str, Any]:
    """An Account entity, of an account at home on the instance."""
    return {
        "id": _account_id(post),
        "username": post.name,
        "acct": post.name,
        "display_name": post.author,
        "locked": False,
        "bot": False,
        "discoverable": True,
        "created_at": "2025-01-01T00:00:00.000Z",
        "note": "",
        "url": f"{ORIGIN}/@{post.name}",
        "uri": f"{ORIGIN}/users/{post.name}",
        "avatar": f"{base}/static/avatar.svg",
        "avatar_static": f"{base}/static/avatar.svg",
        "header": f"{base}/static/avatar.svg",
        "header_static": f"{base}/static/avatar.svg",
        "followers_count": 100,
        "following_count": 10,
        "statuses_count": 12,
        "last_status_at": to_text(post.posted_at)[:10],
        "emojis": [],
        "fields": [],
    }


def _attachment(post: PlantedPost, site: "LoopbackPlatform") -> dict[str, Any]:
    file, base = site.files(post)[0], site.base_url
    size = {"width": file.width_px, "height": file.height_px}
    return {
        "id": f"9{post.native_id}",
        "type": "video",
        "url": f"{base}/media/{file.name}",
        "preview_url": f"{base}/thumb/{file.name}.jpg",
        "remote_url": None,
        "preview_remote_url": None,
        "text_url": None,
        "meta": {"original": size | {"frame_rate": "24/1", "duration": file.duration_s, "bitrate": 600000}},
        "description": None,
        "blurhash": "UBL_:rOpGG-oBUNG,qRj2so|=eE1w^n4S5NH",
    }


def instance_of(base: str) -> dict[str, Any]:
    """A V2::Instance entity; whether tag feeds are open is said under timelines_access."""
    feeds = {"local": "public", "remote": "public"}
    return {
        "domain": "lantern.example",
        "title": "Lantern",
        "version": "4.5.1",
        "source_url": "https://github.com/mastodon/mastodon",
        "description": "The demo's own instance",
        "usage": {"users": {"active_month": 42}},
        "thumbnail": {"url": f"{base}/static/avatar.svg"},
        "languages": ["en"],
        "configuration": {
            "urls": {"streaming": "wss://lantern.example"},
            "statuses": {"max_characters": 500, "max_media_attachments": 4},
            "timelines_access": {"live_feeds": feeds, "hashtag_feeds": feeds, "trending_link_feeds": feeds},
        },
        "registrations": {"enabled": False, "approval_required": False},
        "rules": [],
    }
