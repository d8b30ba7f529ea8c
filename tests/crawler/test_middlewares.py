"""How long a platform asks us to wait."""

from datetime import UTC, datetime

import pytest
from scrapy.http import Response

from crawler.middlewares import DEFAULT_WAIT_S, wait_s

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"Retry-After": "7"}, 7.0),
        (503, {"Retry-After": "Fri, 20 Nov 2026 12:01:00 GMT"}, 60.0),
        (429, {"Retry-After": "Fri, 20 Nov 2026 11:00:00 GMT"}, 0.0),
        (429, {"X-RateLimit-Reset": "2026-11-20T12:00:30.5Z"}, 30.5),
        (429, {"X-RateLimit-Reset": str(NOW.timestamp() + 12)}, 12.0),
        (429, {"X-RateLimit-Reset": "9"}, 9.0),
        (429, {"Retry-After": "soon"}, DEFAULT_WAIT_S),
        (429, {"Retry-After": "nan"}, DEFAULT_WAIT_S),
        (429, {"Retry-After": "-5"}, 0.0),
        (429, {}, DEFAULT_WAIT_S),
        (503, {}, None),
        (200, {"Retry-After": "7"}, None),
    ],
)
def test_wait_is_what_the_platform_asks(status: int, headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, a date, or a reset time; nonsense waits a while, and only a "not now" waits at all."""
    assert wait_s(Response("https://site.example", status=status, headers=headers), now=NOW) == seconds
