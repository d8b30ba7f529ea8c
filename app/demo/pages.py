"""The demo's pages for eyes and browsers: a gallery, a page for each post, and a tag page drawn by scripts.

The tag page says nothing without its script: its feed is fetched, decoded and drawn in the browser,
eight cards at a time while one scrolls, as the big platforms do.
"""

import base64
import html
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from app.demo.posts import TAGPAGE_HOST, PlantedPost
from core.times import to_text
from core.words import tag
from matchers.frames import picture

if TYPE_CHECKING:
    from app.demo.platform import LoopbackPlatform

CARDS = 8
AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
STATIC = Path(__file__).with_name("static")
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/static/site.css">
<header><a href="/">Lantern &amp; Tube</a> <span>a platform that stands on this machine only</span></header>
<main{attributes}>{main}</main>{script}</html>"""


def add_routes(app: web.Application, site: "LoopbackPlatform") -> None:
    """Every page, picture and script."""

    async def gallery(_: web.Request) -> web.Response:
        posts = sorted(site.posts.values(), key=lambda post: post.posted_at, reverse=True)[:200]
        return _page("Everything", "".join(card(post, site) for post in posts), ' class="cards"')

    async def tag_page(request: web.Request) -> web.Response:
        name = html.escape(request.match_info["tag"], quote=True)
        script = '<script src="/static/tag.js" defer></script>'
        return _page(f"#{name}", "", f' class="cards" data-tag="{name}"', script)

    async def feed(request: web.Request) -> web.Response:
        posts = site.feed("browser", request.match_info["tag"]).posts[::-1]
        start = int(request.query.get("cursor", 0))
        shown = posts[start : start + CARDS]
        following = start + CARDS if start + CARDS < len(posts) else None
        packed = [base64.b64encode(json.dumps(_item(post, site)).encode()).decode() for post in shown]
        return web.json_response({"b": packed, "n": following, "t": len(posts)})

    async def post_page(request: web.Request) -> web.Response:
        for platform in ("browser", "mastodon", "peertube"):
            for post in site.of(platform):
                if post.native_id == request.match_info["id"]:
                    return _page(post.author, whole(post, site), ' class="one"')
        raise web.HTTPNotFound(text="<!doctype html><title>Not found</title>", content_type="text/html")

    async def thumb(request: web.Request) -> web.Response:
        path = (site.media / request.match_info["name"]).resolve()
        if path.parent != site.media.resolve() or not path.is_file():
            raise web.HTTPNotFound
        return web.Response(body=_thumb(path), content_type="image/jpeg")

    async def static(request: web.Request) -> web.Response:
        path = STATIC / request.match_info["name"]
        if path.parent != STATIC or not path.is_file():
            raise web.HTTPNotFound
        return web.Response(body=path.read_bytes(), content_type=KINDS[path.suffix])

    app.router.add_get("/", gallery)
    app.router.add_get("/tags/{tag}", tag_page)
    app.router.add_get("/feed/{tag}", feed)
    app.router.add_get("/v/{id}", post_page)
    app.router.add_get("/@{author}/{id}", post_page)
    app.router.add_get("/videos/watch/{id}", post_page)
    app.router.add_get("/thumb/{name}.jpg", thumb)
    app.router.add_get("/static/{name}", static)


def _page(title: str, main: str, attributes: str, script: str = "") -> web.Response:
    text = PAGE.format(title=html.escape(title), main=main, attributes=attributes, script=script)
    return web.Response(text=text, content_type="text/html")


@lru_cache(maxsize=256)
def _thumb(path: Path) -> bytes:
    return picture(path, 1.0, max_px=360)


def address(post: PlantedPost, site: "LoopbackPlatform") -> str:
    """A post's own page."""
    form = {"mastodon": f"/@{post.name}/{post.native_id}", "peertube": f"/videos/watch/{post.native_id}"}
    return site.base_url + form.get(post.platform, f"/v/{post.native_id}")


def card(post: PlantedPost, site: "LoopbackPlatform") -> str:
    """A post in the gallery."""
    return (
        f'<a class="card" href="{html.escape(address(post, site), quote=True)}">'
        f'<img loading="lazy" alt="" src="/thumb/{html.escape(post.media, quote=True)}.jpg">'
        f"<p><b>{html.escape(post.author)}</b> on {post.platform}</p>"
        f"<p><bdi>{html.escape(post.text[:140])}</bdi></p></a>"
    )


def whole(post: PlantedPost, site: "LoopbackPlatform") -> str:
    """A post on its own page."""
    name = html.escape(post.media, quote=True)
    data = json.dumps(linked_data(post, site)).replace("<", "\\u003c")
    return (
        f'<video controls muted preload="none" poster="/thumb/{name}.jpg" src="/media/{name}"></video>'
        f"<h1>{html.escape(post.author)}</h1><p><bdi>{html.escape(post.text)}</bdi></p>"
        f'<script type="application/ld+json">{data}</script>'
    )


def _item(post: PlantedPost, site: "LoopbackPlatform") -> dict[str, Any]:
    return {"ld": linked_data(post, site), "img": f"/thumb/{post.media}.jpg", "txt": post.text, "by": post.author}


def linked_data(post: PlantedPost, site: "LoopbackPlatform") -> dict[str, Any]:
    """A schema.org VideoObject, as sites write it for search engines."""
    counts = {
        "WatchAction": post.views,
        "LikeAction": post.likes,
        "ShareAction": post.reposts,
        "CommentAction": post.comments,
    }
    data = {
        "@context": "https://schema.org",
        "@type": "VideoObject",
        "identifier": post.post_id.removeprefix("browser:"),
        "name": post.text.partition("\n")[0][:100],
        "description": post.text,
        "url": address(post, site),
        "contentUrl": f"{site.base_url}/media/{post.media}",
        "thumbnailUrl": f"{site.base_url}/thumb/{post.media}.jpg",
        "uploadDate": to_text(post.posted_at),
        "duration": f"PT{site.files(post)[0].duration_s:.0f}S",
        "inLanguage": post.language,
        "author": {
            "@type": "Person",
            "name": post.author,
            "alternateName": f"@{post.name}@{TAGPAGE_HOST}",
            "url": f"https://{TAGPAGE_HOST}/@{post.name}",
        },
        "keywords": [tag(name) for name in post.hashtags],
        "interactionStatistic": [
            {
                "@type": "InteractionCounter",
                "interactionType": f"https://schema.org/{kind}",
                "userInteractionCount": count,
            }
            for kind, count in counts.items()
        ],
    }
    return data | ({"digitalSourceType": AI} if post.ai_label else {})
