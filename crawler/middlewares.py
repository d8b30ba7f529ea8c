"""Wait as long as a platform asks, and lose no request over it.

Stock Scrapy retries a 429 at once and drops it after two tries: three quarters of a limited crawl,
with "finished" as the reason.
"""

import asyncio
import email.utils
import logging
import math
import time
from datetime import UTC, datetime

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.http import Response
from scrapy.robotstxt import RobotParser

LOG = logging.getLogger(__name__)
LONGEST_WAIT_S = 900  # an hour's ban is not waited out inside a crawl: the watch is blind and says so
MOST_WAITS = 8
DEFAULT_WAIT_S = 30
# Header names do not care for case; Reddit and Vimeo write the first otherwise, Bluesky and GitHub the others.
RESETS = ("X-RateLimit-Reset", "RateLimit-Reset", "X-Rate-Limit-Reset")
REMAINING = ("X-RateLimit-Remaining", "RateLimit-Remaining", "X-Rate-Limit-Remaining")


class Robots(RobotsTxtMiddleware):
    """robots.txt, for all who wait for it at once.

    Scrapy 2.19 hands one Deferred to every request that waits for the same file; the first to wait empties it, and
    those behind it read "no rules": of three watches of one site, the third was asked against the site's word.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._locks: dict[str, asyncio.Lock] = {}

    async def robot_parser(self, request: Request) -> RobotParser | None:
        """The rules of the request's host, fetched once, one waiter after another."""
        async with self._locks.setdefault(_host(request.url), asyncio.Lock()):
            return await super().robot_parser(request)


class RetryAfter:
    """Pause a host for Retry-After or X-RateLimit-Reset, then ask again."""

    def __init__(self) -> None:
        self.paused: dict[str, float] = {}

    @classmethod
    def from_crawler(cls, _crawler: Crawler) -> "RetryAfter":
        """Scrapy's way of making one."""
        return cls()

    async def process_request(self, request: Request) -> None:
        """Hold a request back while its host is paused."""
        until = self.paused.get(_host(request.url), 0)
        while (rest := until - time.monotonic()) > 0:
            await asyncio.sleep(rest)
            until = self.paused.get(_host(request.url), 0)

    async def process_response(self, request: Request, response: Response) -> Request | Response:
        """Turn a "not now" into the same request later, unless it would take too long."""
        wait = wait_s(response, now=datetime.now(UTC))
        if wait is None and (rest := spent_s(response, now=datetime.now(UTC))) is not None:
            # The last one that is allowed: the next waits, instead of being refused.
            host = _host(request.url)
            self.paused[host] = max(self.paused.get(host, 0), time.monotonic() + min(rest, LONGEST_WAIT_S))
        waits = request.meta.get("waits", 0)
        if wait is None or waits >= MOST_WAITS or wait > LONGEST_WAIT_S:
            return response
        host = _host(request.url)
        LOG.info("%s asks to wait %.1f s", host, wait)
        self.paused[host] = max(self.paused.get(host, 0), time.monotonic() + wait)
        return request.replace(dont_filter=True, meta=request.meta | {"waits": waits + 1})


def wait_s(response: Response, *, now: datetime) -> float | None:
    """Seconds the platform asks us to wait; None when it does not ask.

    Retry-After is seconds or an HTTP date; X-RateLimit-Reset is an ISO time (Mastodon), seconds since
    1970, or seconds from now.
    """
    if response.status not in {429, 503}:
        return None
    after = _header(response, "Retry-After")
    if after:
        return _retry_after(after, now)
    for name in RESETS:
        if reset := _header(response, name):
            return _reset(reset, now)
    return DEFAULT_WAIT_S if response.status == 429 else None


def spent_s(response: Response, *, now: datetime) -> float | None:
    """Seconds until more is allowed, when an answer says that nothing is left; None when it does not say so."""
    left = next((value for name in REMAINING if (value := _header(response, name))), "")
    reset = next((value for name in RESETS if (value := _header(response, name))), "")
    try:
        return _reset(reset, now) if left and reset and float(left) < 1 else None
    except ValueError:
        return None


def _retry_after(value: str, now: datetime) -> float:
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (email.utils.parsedate_to_datetime(value) - now).total_seconds()
        except (ValueError, TypeError):
            return DEFAULT_WAIT_S
    return max(seconds, 0.0) if math.isfinite(seconds) else DEFAULT_WAIT_S


def _reset(value: str, now: datetime) -> float:
    try:
        number = float(value)
    except ValueError:
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            return DEFAULT_WAIT_S
        return max(0.0, ((instant if instant.tzinfo else instant.replace(tzinfo=UTC)) - now).total_seconds())
    if not math.isfinite(number):
        return DEFAULT_WAIT_S
    return max(0.0, number - now.timestamp() if number > 1e9 else number)


def _header(response: Response, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1").strip()


def _host(url: str) -> str:
    return url.split("/", 3)[2] if url.count("/") >= 2 else url
