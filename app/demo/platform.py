"""The demo's platform: one loopback server that answers as Mastodon, as PeerTube, and with a page drawn by scripts.

The production spiders crawl it, so its answers have the real servers' shapes. Binds 127.0.0.1 only. It
is fast with 10,000 posts, can fail on purpose, and forgets a post when told to.
"""

import asyncio
import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import av
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from app.demo import pages, wire_mastodon, wire_peertube
from app.demo.camera import FRAME_PX
from app.demo.posts import PlantedPost
from core.words import tag

ROBOTS = "User-agent: *\nDisallow: /admin\n"


@dataclass(frozen=True, slots=True)
class File:
    """What a platform says of a file it serves."""

    name: str
    size_bytes: int
    duration_s: float
    width_px: int
    height_px: int


@dataclass(slots=True)
class Fault:
    """An answer to give instead of the right one, so many times."""

    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    times: int
    after: int = 0


@dataclass(slots=True)
class Feed:
    """One platform's posts of one tag, oldest first, so that a page is a slice."""

    posts: list[PlantedPost] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)


class LoopbackPlatform:
    """The server. `requests` holds "METHOD path?query" of each request, in order."""

    def __init__(self, posts: Sequence[PlantedPost], media: Path) -> None:
        self.media, self.base_url = media, ""
        self.requests: list[str] = []
        self._faults: list[Fault] = []
        self.posts = {post.post_id: post for post in posts}
        self._feeds: dict[tuple[str, str], Feed] = {}
        for post in sorted(posts, key=key_of):
            for name in {tag(name) for name in post.hashtags}:
                feed = self._feeds.setdefault((post.platform, name), Feed())
                feed.posts.append(post)
                feed.keys.append(key_of(post))
        self._runner: web.AppRunner | None = None

    # ------------------------------------------------------------- for tests
    def fault(
        self,
        path: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        times: int = 1,
        after: int = 0,
    ) -> None:
        """Answer `times` requests whose path begins so with this instead, `after` so many right answers."""
        self._faults.append(Fault(path, status, headers or {}, body, times, after))

    def clear_faults(self) -> None:
        """Answer rightly again."""
        self._faults.clear()

    def remove(self, post_id: str) -> None:
        """Take a post down: its own addresses answer 404, and no list holds it."""
        gone = self.posts.pop(post_id)
        for feed in self._feeds.values():
            if gone in feed.posts:
                index = feed.posts.index(gone)
                del feed.posts[index], feed.keys[index]

    # ---------------------------------------------------------- for the wire
    def feed(self, platform: str, name: str) -> Feed:
        """The posts of a tag, whatever its case."""
        return self._feeds.get((platform, tag(name)), Feed())

    def of(self, platform: str) -> list[PlantedPost]:
        """All posts of a platform, newest first."""
        return sorted((post for post in self.posts.values() if post.platform == platform), key=key_of, reverse=True)

    def files(self, post: PlantedPost) -> list[File]:
        """The renditions of a post's clip, the best first."""
        path = self.media / post.media
        small = path.with_stem(f"{path.stem}-144p")
        return [probe(one) for one in (path, small) if one.is_file()]

    def find(self, platform: str, native_id: str) -> PlantedPost:
        """One post, or the 404 that the platform gives."""
        for post in self.posts.values():
            if post.platform == platform and post.native_id == native_id:
                return post
        raise web.HTTPNotFound(text='{"error":"Record not found"}', content_type="application/json")

    # --------------------------------------------------------------- running
    async def start(self, port: int = 0) -> str:
        """Listen on 127.0.0.1 and return the base address."""
        app = web.Application(middlewares=[self._middleware()])
        app.router.add_get("/robots.txt", _robots)
        app.router.add_static("/media", self.media)
        wire_mastodon.add_routes(app, self)
        wire_peertube.add_routes(app, self)
        pages.add_routes(app, self)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self.base_url

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner:
            await self._runner.cleanup()

    def _middleware(self) -> Middleware:
        @web.middleware
        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            self.requests.append(f"{request.method} {request.path_qs}")
            for fault in self._faults:
                if fault.times > 0 and request.path.startswith(fault.path):
                    if fault.after > 0:
                        fault.after -= 1
                        continue
                    fault.times -= 1
                    return web.Response(status=fault.status, headers=dict(fault.headers), body=fault.body)
            answer: web.StreamResponse = await handler(request)
            return answer

        return note


async def _robots(_: web.Request) -> web.Response:
    return web.Response(text=ROBOTS)


@lru_cache(maxsize=1024)
def probe(path: Path) -> File:
    """Read a file's header; one that is no media counts as six seconds of the usual size."""
    try:
        with av.open(str(path)) as box:
            video = box.streams.video[0]
            return File(path.name, path.stat().st_size, (box.duration or 0) / av.time_base, video.width, video.height)
    except (av.FFmpegError, IndexError):
        return File(path.name, path.stat().st_size, 6.0, *FRAME_PX)


def key_of(post: PlantedPost) -> int:
    """A post's place in time; native ids of Mastodon are in that order too."""
    return int(post.native_id) if post.platform == "mastodon" else int(post.posted_at.timestamp() * 1000)


def older_than(feed: Feed, key: int | None, limit: int) -> list[PlantedPost]:
    """Up to `limit` posts before a key, newest first."""
    end = len(feed.posts) if key is None else bisect_left(feed.keys, key)
    return feed.posts[max(0, end - limit) : end][::-1]


@contextmanager
def serve(posts: Sequence[PlantedPost], media: Path, port: int = 0) -> Iterator[LoopbackPlatform]:
    """Run the platform in a thread of its own for as long as the block lasts."""
    platform, loop = LoopbackPlatform(posts, media), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(platform.start(port), loop).result(timeout=30)
        yield platform
    finally:
        asyncio.run_coroutine_threadsafe(platform.stop(), loop).result(timeout=30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.close()
