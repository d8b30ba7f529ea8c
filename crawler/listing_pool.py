"""Questions to yt-dlp out of a crawl: Scrapy's own download handler, with a killable process behind it.

A request that carries a question is answered by that process, with the page's own address: so robots.txt, politeness,
waiting and budgets hold for it as for any other. The process has the same egress guard as we have.
"""

import asyncio
import json
import multiprocessing
import os
import time
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from typing import Any

from pebble import ProcessExpired, ProcessPool
from scrapy import Request
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.crawler import Crawler
from scrapy.http import Response, TextResponse

from crawler.outcomes import ErrorClass

LOOK_S = 60.0  # for one page of a listing, or one entry; with its pauses that is some twenty requests
MEMORY_BYTES = 1536 * 1024**2
MOST_LOOKS = 500  # then a fresh process: extractors leak


@dataclass(frozen=True, slots=True, kw_only=True)
class LookSettings:
    """How to ask.

    allowed_hosts  see egress.Allowed.of; they alone may stand at a private address
    proxy, ca_file see egress_proxy.guard_process
    delay_s        between two requests of one question
    max_seconds    for one question; then its process is killed
    time_limit_s   for all of them together
    """

    allowed_hosts: frozenset[str]
    proxy: str = ""
    ca_file: str = ""
    user_agent: str | None = None
    delay_s: float = 0.0
    max_seconds: float = LOOK_S
    time_limit_s: float = float("inf")


class Looker:
    """One process, asked one question after another; a killed one is replaced."""

    def __init__(self, settings: LookSettings) -> None:
        self.settings, self.started, self.alone = settings, time.monotonic(), asyncio.Lock()
        self.pool: ProcessPool | None = None

    async def look(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What listing_worker.look answers; a process that was killed, or died, is an answer too."""
        async with self.alone:
            left_s = self.settings.time_limit_s - (time.monotonic() - self.started)
            seconds = min(self.settings.max_seconds, left_s)
            if seconds <= 0:
                return _refused(asked, ErrorClass.TOO_SLOW, "not asked: the crawl's time is up")
            try:
                return await asyncio.wrap_future(self._schedule(asked, seconds))
            except TimeoutError:
                return _refused(asked, ErrorClass.TOO_SLOW, f"no answer after {seconds:.3g} s; its process was killed")
            except (ProcessExpired, BrokenProcessPool) as death:
                return _refused(asked, ErrorClass.TEMPORARY, f"yt-dlp's process died: {death}")

    def _schedule(self, asked: dict[str, Any], seconds: float) -> Any:  # noqa: ANN401 - pebble's own Future
        # Not at the top: a crawl that asks nothing of yt-dlp does not wait a second for it.
        from crawler.download_worker import Limits  # noqa: PLC0415 - yt-dlp takes a second to import, and only a listing wants it
        from crawler.listing_worker import look, prepare  # noqa: PLC0415 - the same

        own = self.settings
        limits = Limits(
            max_file_bytes=0,
            max_seconds=own.max_seconds,
            min_free_bytes=0,
            memory_bytes=MEMORY_BYTES,
            socket_timeout_s=min(20.0, own.max_seconds),
            least_height_px=0,
            user_agent=own.user_agent,
            proxy=own.proxy,
            ca_file=own.ca_file,
        )
        if self.pool is None or not self.pool.active:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(["crawler.listing_worker"])
            self.pool = ProcessPool(
                max_workers=1,
                max_tasks=MOST_LOOKS,
                initializer=prepare,
                initargs=(own.allowed_hosts, limits, own.delay_s, os.getpid()),
                context=context,
            )
        return self.pool.schedule(look, args=(asked, limits), timeout=seconds)

    def stop(self) -> None:
        """Kill the process, whatever it does."""
        if self.pool is not None:
            self.pool.stop()  # type: ignore[no-untyped-call]  # pebble has no types
            self.pool.join()
            self.pool = None


def _refused(asked: dict[str, Any], error_class: ErrorClass, message: str) -> dict[str, Any]:
    told = {"class": str(error_class), "message": message, "retry_after_s": None}
    return {"yt_dlp": "", "asked": asked, "kind": "error", "error": told}


@cache
def _looker(settings: LookSettings) -> Looker:
    """One for both schemes."""
    return Looker(settings)


class ListingHandler(HTTP11DownloadHandler):
    """Scrapy's handler of http and https, but for requests whose meta says `listing`: their body is the question."""

    lazy = True

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        hosts, proxy, ca_file = settings.get("EGRESS")  # as crawl.py has guarded this process
        self.looker = _looker(
            LookSettings(
                allowed_hosts=hosts,
                proxy=proxy,
                ca_file=ca_file,
                user_agent=settings.get("USER_AGENT"),
                delay_s=settings.getfloat("DOWNLOAD_DELAY"),
                time_limit_s=settings.getfloat("CLOSESPIDER_TIMEOUT") or float("inf"),
            )
        )

    async def download_request(self, request: Request) -> Response:
        """The page, or the answer to its question."""
        if not request.meta.get("listing"):
            return await super().download_request(request)
        answer = await self.looker.look(json.loads(request.body))
        status, headers = status_of(answer)
        body = json.dumps(answer).encode()
        return TextResponse(request.url, status=status, headers=headers, body=body, encoding="utf-8", request=request)

    async def close(self) -> None:
        """Kill the process with the crawl."""
        await asyncio.to_thread(self.looker.stop)
        await super().close()


def status_of(answer: dict[str, Any]) -> tuple[int, dict[str, str]]:
    """The status and headers an answer has on its way through Scrapy, which knows what to wait for and to try again."""
    error: dict[str, Any] = answer.get("error") or {}
    wait_s = error.get("retry_after_s")
    if error.get("class") == ErrorClass.RATE_LIMITED and wait_s is not None:
        return 429, {"Retry-After": f"{wait_s:.0f}"}
    return 503 if error.get("class") == ErrorClass.TEMPORARY else 200, {}
