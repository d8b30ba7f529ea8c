"""Books what a request costs before it is sent, and refuses what would pass a cap.

A request says what it costs: `page(url, spends={"search": 1})`, or `spends={"hashtags": ("bridgerton", 1)}` for what
the platform counts once in a period however often it is used. Each sending books again, a retry too. The spider
says what it really cost with `settle(response, "dollars", units)`, never more than was booked.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from core.budgets import allowed_by_now, period
from core.causes import Cause
from core.errors import SourceBlind
from crawler.facts import Allowance
from store import spending
from store.ledger import Ledger


class Spent(SourceBlind, IgnoreRequest):
    """A request that was not sent, since it would pass a cap."""


class Bookkeeping:
    """A downloader middleware; allowances of a platform hold for all its watches and crawls together."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "Bookkeeping":
        """Scrapy's way of making one."""
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Book what the request costs; raise Spent when an allowance does not hold it."""
        spends: Mapping[str, Any] = request.meta.get("spends") or {}
        if not spends:
            return
        spider: Any = self.crawler.spider
        known = {one.name: one for one in spider.allowances}
        request.meta["booked"] = {
            name: _book(spider, known[name], cost, request.meta.get("watch", "")) for name, cost in spends.items()
        }


def _book(spider: Any, allowance: Allowance, cost: Any, watch: str) -> int:  # noqa: ANN401 - as a spider writes it
    thing, units = cost if isinstance(cost, tuple) else ("", cost)
    now = datetime.fromtimestamp(time.time(), UTC)
    span = period(allowance.per, allowance.zone, now)
    cap = cap_of(allowance, spider.name, spider.caps)
    most = allowed_by_now(cap, allowance.per, span, now)
    booking = spending.book(
        spider.ledger, spider.name, allowance.name, float(units), thing=thing, watch=watch, since=span.since, at=now,
        most=most,
    )  # fmt: skip
    if booking is None:
        opens = f"the period ends {span.until:%Y-%m-%d %H:%M} UTC" if span.until > now else "it is a rolling one"
        paced = "" if most >= cap else f", {most:g} of them by now"
        told = (
            f"{spider.name}: {allowance.name}: {cap:g} {allowance.unit} a {allowance.per}{paced} are spent; {opens}."
            f" Lower `every`, or raise crawl.caps where it is your own cap"
        )
        raise Spent(told, Cause.BUDGET)
    return booking


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
