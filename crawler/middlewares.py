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
from scrapy.http import Response

LOG = logging.getLogger(__name__)
LONGEST_WAIT_S = 900  # an hour's ban is not waited out inside a crawl: the watch is blind and says so
MOST_WAITS = 8
DEFAULT_WAIT_S = 30


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
    reset = _header(response, "X-RateLimit-Reset")
    if reset:
        return _reset(reset, now)
    return DEFAULT_WAIT_S if response.status == 429 else None


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
