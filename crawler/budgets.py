"""Books what a request costs before it is sent; what would pass a cap is refused, or waits where a minute is enough.

A request says what it costs: `page(url, spends={"search": 1})`, or `spends={"hashtags": ("bridgerton", 1)}` for what
the platform counts once in a period however often it is used. Each sending books again, a retry too. The spider
says what it really cost with `settle(response, "dollars", units)`, never more than was booked.
"""

import asyncio
import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from core.budgets import WAITED, Period, allowed_by_now, opens_at, period
from core.causes import Cause
from core.errors import SourceBlind
from crawler.facts import Allowance
from crawler.platform import PlatformSpider
from store import spending
from store.ledger import Ledger

Cost: TypeAlias = float | tuple[str, float]  # units; or what is counted once a period, and its units


class Spent(SourceBlind, IgnoreRequest):
    """A request that was not sent, since it would pass a cap."""


class Bookkeeping:
    """A downloader middleware; allowances of a platform hold for all its watches and crawls together."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self._turns: dict[str, asyncio.Lock] = {}
        limit_s = crawler.settings.getfloat("CLOSESPIDER_TIMEOUT")
        self._ends = time.monotonic() + limit_s if limit_s else math.inf

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "Bookkeeping":
        """Scrapy's way of making one."""
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Book what the request costs, waiting for a minute's allowance; raise Spent when one does not hold it."""
        spends: Mapping[str, Cost] = request.meta.get("spends") or {}
        if not spends:
            return
        spider = self.crawler.spider
        assert isinstance(spider, PlatformSpider)  # noqa: S101 - for mypy; every spider here is one
        known = {one.name: one for one in spider.allowances}
        costs = [(known[name], cost) for name, cost in spends.items()]
        booked = dict[str, int]()
        try:
            # What is refused comes before what is waited for: nobody waits for a request that will not be sent.
            for allowance, cost in sorted(costs, key=lambda one: one[0].per in WAITED):
                watch = request.meta.get("watch", "")
                booked[allowance.name] = await self._book(spider, allowance, cost, watch)
        except BaseException:
            spending.give_back(spider.ledger, booked.values())
            raise
        request.meta["booked"] = booked

    async def _book(self, spider: PlatformSpider, allowance: Allowance, cost: Cost, watch: str) -> int:
        async with self._turns.setdefault(allowance.name, asyncio.Lock()):  # in the order they came
            while (booking := _booked(spider, allowance, cost, watch)) is None:
                wait_s = _wait_s(spider, allowance, cost)
                if wait_s is None or time.monotonic() + wait_s > self._ends:
                    raise _spent(spider, allowance)
                await asyncio.sleep(wait_s)
            return booking


def _booked(spider: PlatformSpider, allowance: Allowance, cost: Cost, watch: str) -> int | None:
    thing, units = cost if isinstance(cost, tuple) else ("", cost)
    now, span, _, most = _open(spider, allowance)
    return spending.book(
        spider.ledger, spider.name, allowance.name, float(units), thing=thing, watch=watch, since=span.since, at=now,
        most=most,
    )  # fmt: skip


def _wait_s(spider: PlatformSpider, allowance: Allowance, cost: Cost) -> float | None:
    """Seconds until an allowance that is waited for holds what a request costs; None where nobody waits."""
    if allowance.per not in WAITED:
        return None
    now, span, cap, _ = _open(spider, allowance)
    held = spending.bookings(spider.ledger, spider.name, allowance.name, span.since)
    units = cost[1] if isinstance(cost, tuple) else cost
    opens = opens_at(held, float(units), cap, allowance.per, now)
    # Later than in a whole period: a clock was set back, and that is not waited for.
    return None if opens is None or opens - now > 2 * (span.until - span.since) else (opens - now).total_seconds()


def _open(spider: PlatformSpider, allowance: Allowance) -> tuple[datetime, Period, float, float]:
    """Now, the period it lies in, its cap, and how much of that may be spent by now."""
    now = datetime.fromtimestamp(time.time(), UTC)
    span, cap = period(allowance.per, allowance.zone, now), cap_of(allowance, spider.name, spider.caps)
    return now, span, cap, allowed_by_now(cap, allowance.per, span, now)


def _spent(spider: PlatformSpider, allowance: Allowance) -> Spent:
    now, span, cap, most = _open(spider, allowance)
    opens = f"the period ends {span.until:%Y-%m-%d %H:%M} UTC" if span.until > now else "it is a rolling one"
    paced = "" if most >= cap else f", {most:g} of them by now"
    told = (
        f"{spider.name}: {allowance.name}: {cap:g} {allowance.unit} a {allowance.per}{paced} are spent; {opens}."
        f" Lower `every`, or raise crawl.caps where it is your own cap"
    )
    return Spent(told, Cause.BUDGET)


def cap_of(allowance: Allowance, platform: str, caps: Mapping[str, float]) -> float:
    """What may be spent: the home's word, or the platform's own where it says less; in dollars the home decides."""
    own = caps.get(f"{platform}:{allowance.name}")
    if own is None:
        return allowance.most
    return own if allowance.unit == "dollars" else min(own, allowance.most)


def settle(ledger: Ledger, response: Response, name: str, units: float) -> None:
    """Say what an answer really cost of an allowance; nothing when its request booked none."""
    booked = (response.meta.get("booked") or {}) if response.request else {}
    if name in booked:
        spending.settle(ledger, booked[name], units)
