"""PeerTube's answers: search by tag or word, an account's videos, a video.

source  PeerTube 6.3 OpenAPI document: VideosResponse, Video, VideoDetails, VideoFile
"""

from typing import TYPE_CHECKING, Any

from aiohttp import web

from app.demo.posts import PEERTUBE_HOST, PlantedPost
from core.times import to_text
from core.words import plain, tag

if TYPE_CHECKING:
    from app.demo.platform import File, LoopbackPlatform

MOST, USUAL = 100, 15


def add_routes(app: web.Application, site: "LoopbackPlatform") -> None:
    """Everything PeerTube answers here."""

    async def search(request: web.Request) -> web.Response:
        wanted = {tag(name) for name in request.query.getall("tagsOneOf", [])}
        words = plain(request.query.get("search", ""))
        posts = [
            post
            for post in site.of("peertube")
            if (not wanted or wanted & {tag(name) for name in post.hashtags}) and words in plain(post.text)
        ]
        return _page(request, posts, site)

    async def account(request: web.Request) -> web.Response:
        name = request.match_info["name"].split("@")[0]
        return _page(request, [post for post in site.of("peertube") if post.name == name], site)

    async def video(request: web.Request) -> web.Response:
        post = site.find("peertube", request.match_info["uuid"])
        return web.json_response(details_of(post, site))

    app.router.add_get("/api/v1/search/videos", search)
    app.router.add_get("/api/v1/videos", search)
    app.router.add_get("/api/v1/videos/{uuid}", video)
    app.router.add_get("/api/v1/accounts/{name}/videos", account)


def _page(request: web.Request, posts: list[PlantedPost], site: "LoopbackPlatform") -> web.Response:
    start, count = int(request.query.get("start", 0)), int(request.query.get("count", USUAL))
    if not 0 < count <= MOST:
        problem = {
            "type": "about:blank",
            "title": "Bad Request",
            "status": 400,
            "detail": "Incorrect request parameters: count",
        }
        return web.json_response(problem, status=400, content_type="application/problem+json")
    data = [video_of(post, site) for post in posts[start : start + count]]
    return web.json_response({"total": len(posts), "data": data})


def video_of(post: PlantedPost, site: "LoopbackPlatform") -> dict[str, Any]:
    """A Video, as a list holds it: no tags, no files, a description cut short."""
    name, _, description = post.text.partition("\n")
    file = site.files(post)[0]
    at = to_text(post.posted_at)
    number = int(post.native_id.replace("-", "")[:7], 16)
    short = post.native_id.replace("-", "")[:22]
    actor = {"id": number, "name": post.name, "displayName": post.author, "host": PEERTUBE_HOST, "avatars": []}
    return {
        "id": number,
        "uuid": post.native_id,
        "shortUUID": short,
        "url": f"{site.base_url}/videos/watch/{post.native_id}",
        "name": name[:120],
        "category": {"id": 2, "label": "Films"},
        "licence": {"id": None, "label": "Unknown"},
        "language": {"id": post.language, "label": post.language},
        "privacy": {"id": 1, "label": "Public"},
        "nsfw": False,
        "truncatedDescription": description[:250],
        "description": description[:250],
        "isLocal": True,
        "isLive": False,
        "duration": round(file.duration_s),
        "aspectRatio": round(file.width_px / file.height_px, 4),
        "views": post.views,
        "viewers": 0,
        "likes": post.likes,
        "dislikes": 0,
        "thumbnailPath": f"/thumb/{post.media}.jpg",
        "previewPath": f"/thumb/{post.media}.jpg",
        "embedPath": f"/videos/embed/{post.native_id}",
        "createdAt": at,
        "updatedAt": at,
        "publishedAt": at,
        "originallyPublishedAt": None,
        "state": {"id": 1, "label": "Published"},
        "account": actor | {"url": f"https://{PEERTUBE_HOST}/accounts/{post.name}"},
        "channel": actor
        | {"name": f"{post.name}_channel", "url": f"https://{PEERTUBE_HOST}/video-channels/{post.name}_channel"},
    }


def details_of(post: PlantedPost, site: "LoopbackPlatform") -> dict[str, Any]:
    """A VideoDetails: the whole description, the tags, and a file for each rendition."""
    _, _, description = post.text.partition("\n")
    return video_of(post, site) | {
        "description": description,
        "tags": list(post.hashtags)[:5],
        "support": None,
        "commentsEnabled": True,
        "downloadEnabled": True,
        "trackerUrls": [],
        "files": [_file(file, site.base_url) for file in site.files(post)],
        "streamingPlaylists": [],
    }


def _file(file: "File", base: str) -> dict[str, Any]:
    address, height = f"{base}/media/{file.name}", file.height_px
    return {
        "id": height,
        "resolution": {"id": height, "label": f"{height}p"},
        "magnetUri": None,
        "size": file.size_bytes,
        "fps": 24,
        "width": file.width_px,
        "height": height,
        "torrentUrl": None,
        "torrentDownloadUrl": None,
        "fileUrl": address,
        "fileDownloadUrl": f"{address}?download=1",
        "metadataUrl": None,
        "hasAudio": True,
        "hasVideo": True,
        "storage": 0,
    }
