"""Allowances of a minute are waited for, those of an hour refused, and none is passed in any order of events."""

import asyncio
import heapq
import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.settings import Settings

from core import budgets
from core.budgets import ROLLING, opens_at
from core.causes import Cause
from crawler.budgets import Bookkeeping, Spent
from crawler.platform import PlatformSpider
from crawler.spiders.reddit import RedditSpider
from crawler.spiders.tumblr import TumblrSpider
from store.ledger import Ledger
from store.spending import book, bookings, spent

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
START = datetime(2000, 1, 1, tzinfo=UTC)
_names = count()


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """One ledger; each example books an allowance of its own in it."""
    with Ledger(tmp_path_factory.mktemp("budgets") / "ledger.db") as opened:
        yield opened


def most_at_once(held: list[tuple[datetime, float]], per: str) -> float:
    """The most units that any stretch as long as the period holds, its ends not both."""
    return max(
        (sum(units for at, units in held if first <= at < first + ROLLING[per]) for first, _ in held), default=0.0
    )


@settings(max_examples=40, deadline=None)
@given(
    per=st.sampled_from(["minute", "hour", "24h"]),
    most=st.integers(1, 9),
    asked=st.lists(st.tuples(st.integers(0, 200_000), st.sampled_from([0.5, 1.0, 1.0, 3.0])), min_size=1, max_size=25),
)
def test_no_interleaving_passes_a_cap(ledger: Ledger, per: str, most: int, asked: list[tuple[int, float]]) -> None:
    """Whoever asks whenever: no stretch of a period holds more than its cap, and whoever waits is let in."""
    name, fitted, tried = f"a{next(_names)}", 0, 0
    events = [(NOW + timedelta(milliseconds=ms), number, units) for number, (ms, units) in enumerate(asked)]
    heapq.heapify(events)
    while events:
        at, number, units = heapq.heappop(events)
        tried += 1
        since = at - ROLLING[per]
        if book(ledger, "p", name, units, since=since, at=at, most=most) is not None:
            fitted += 1
        elif opens := opens_at(bookings(ledger, "p", name, since), units, most, per, at):
            assert opens > at
            heapq.heappush(events, (opens, number, units))

    assert most_at_once(bookings(ledger, "p", name, START), per) <= most
    assert fitted == sum(units <= most for _, units in asked)
    assert tried <= len(asked) ** 2 + len(asked)


def bookkeeping(spider: PlatformSpider, *, limit_s: float = 0) -> Bookkeeping:
    """The middleware of a crawl, as Scrapy makes it."""
    crawler = Crawler(type(spider), Settings({"CLOSESPIDER_TIMEOUT": limit_s}))
    crawler.spider = spider
    return Bookkeeping.from_crawler(crawler)


def asking(cost: dict[str, float]) -> Request:
    """A request that costs something."""
    return PlatformSpider.page("https://site.example/", spends=cost)


def test_minute_is_waited_for_and_nothing_else_stands_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two crawls, 24 requests, ten a minute (a short one): all are sent, none too early, while others go on."""
    monkeypatch.setitem(budgets.ROLLING, "minute", timedelta(seconds=0.4))
    with Ledger(tmp_path / "ledger.db") as own:
        books = [bookkeeping(RedditSpider(route="feed", ledger=own)) for _ in range(2)]
        ticks = 0

        async def heartbeat() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.01)

        async def both() -> None:
            beating = asyncio.create_task(heartbeat())
            await asyncio.gather(*(books[number % 2].process_request(asking({"feed": 1})) for number in range(24)))
            beating.cancel()

        began = time.monotonic()
        asyncio.run(both())
        held = bookings(own, "reddit", "feed", START)

        assert len(held) == 24
        assert most_at_once(held, "minute") <= 10
        assert time.monotonic() - began >= 0.8
        assert ticks >= 10


def refused(books: Bookkeeping, cost: dict[str, float]) -> Spent | None:
    """What a request is refused with."""
    try:
        asyncio.run(books.process_request(asking(cost)))
    except Spent as error:
        return error
    return None


def test_nobody_waits_beyond_the_end_of_the_crawl(tmp_path: Path) -> None:
    """A crawl that ends in ten seconds says that the eleventh request is over its budget, at once."""
    with Ledger(tmp_path / "ledger.db") as own:
        books = bookkeeping(RedditSpider(route="feed", ledger=own), limit_s=10)
        told = [refused(books, {"feed": 1}) for _ in range(11)]

    assert told[:10] == [None] * 10
    assert told[10] is not None
    assert told[10].cause == Cause.BUDGET
    assert "10 requests a minute" in str(told[10])


@pytest.mark.parametrize(("cost", "ahead_s"), [(11.0, 0), (1.0, 86_400)])
def test_what_never_fits_is_refused(tmp_path: Path, cost: float, ahead_s: float) -> None:
    """More than a minute holds, or a clock that was set back a day: nobody waits for that."""
    at = datetime.now(UTC) + timedelta(seconds=ahead_s)
    with Ledger(tmp_path / "ledger.db") as own:
        book(own, "reddit", "feed", 10.0, since=START, at=at, most=math.inf)

        assert refused(bookkeeping(RedditSpider(route="feed", ledger=own)), {"feed": cost})


def test_hour_is_refused_and_the_day_is_given_back(tmp_path: Path) -> None:
    """What one allowance refuses costs the other nothing, whichever is asked first."""
    for number, names in enumerate((("hourly", "requests"), ("requests", "hourly"))):
        with Ledger(tmp_path / f"{number}.db") as own:
            books = bookkeeping(TumblrSpider(ledger=own, caps={"tumblr:hourly": 3, "tumblr:requests": 5}))
            told = [refused(books, dict.fromkeys(names, 1.0)) for _ in range(9)]

            assert [bool(one) for one in told] == [False] * 3 + [True] * 6
            assert [spent(own, "tumblr", name, START) for name in names] == [3.0, 3.0]


def test_thing_that_was_paid_for_stays_paid_for(tmp_path: Path) -> None:
    """A hashtag whose request was refused by another allowance is not free afterwards."""
    with Ledger(tmp_path / "ledger.db") as own:
        books = bookkeeping(TumblrSpider(ledger=own, caps={"tumblr:hourly": 0}))
        request = PlatformSpider.page("https://site.example/", spends={"requests": ("tag", 1), "hourly": 1})
        with pytest.raises(Spent):
            asyncio.run(books.process_request(request))

        assert spent(own, "tumblr", "requests", START) == 1.0
        assert "booked" not in request.meta
