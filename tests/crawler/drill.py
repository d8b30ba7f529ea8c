"""The fault drill: each way to fail, at each spider; found within two cycles, and by its right name.

Real crawls: Scrapy's engine with the crawler's own settings, middlewares, spider and pipeline, a real ledger, real
canaries, coverage and incidents. Only the wire is another: it gives what the spider's frozen answers hold, or a fault.
`python -m tests.crawler.drill [CYCLES]` prints what is found and how it is named, after so many healthy cycles of each.
"""

import asyncio
import io
import logging
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import HtmlResponse, Response

from app.crawling import _settle
from app.home import Home, open_home
from core.coverage import Crawl
from core.records import Coverage, Watch
from core.times import to_text
from crawler.crawl import CrawlJob, _runs, _settings
from store.incidents import open_incidents
from store.queries import ground
from tests.builders import brand
from tests.crawler.faults import Fault, faults_of
from tests.crawler.replica import ALLOWED, Replica, Source, sources

CYCLES = 2  # a fault must be found within so many
EVERY = 3600
SETTINGS = "[crawl]\ndelay_s = 0\ncanary_s = 0\n"


class Wire:
    """A download handler: what a request would have brought."""

    lazy = True

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "Wire":
        """Scrapy's way of making one."""
        return cls(crawler)

    async def download_request(self, request: Request) -> Response:
        """The answer of the drill that runs."""
        drill: Drill = self.crawler.spider.drill  # type: ignore[union-attr]  # given to the crawl
        return drill.answer(request)

    async def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of one fault at one source.

    cycle     in which it was found; None when it was not
    named     the cause it was given
    recovers  whether the first healthy cycle after it sees again, and the incident is over
    """

    source: str
    fault: Fault
    cycle: int | None
    named: str
    why: str
    recovers: bool

    @property
    def wrong(self) -> str:
        """What is wrong with it; "" when nothing is."""
        kind = f"{self.fault.kind} ({self.fault.of})" if self.fault.of else self.fault.kind
        if self.cycle is None:
            return f"{self.source}: {kind} was not found"
        if self.named not in self.fault.causes or self.fault.told not in self.why:
            wanted = " or ".join(sorted(self.fault.causes))
            return f"{self.source}: {kind} is named {self.named}, not {wanted}: {self.why}"
        return "" if self.recovers else f"{self.source}: {kind} is over, and still said to be there"


@dataclass(slots=True, kw_only=True)
class Drill:
    """One source with a home of its own, cycle after cycle."""

    source: Source
    home: Home
    watches: tuple[Watch, ...]
    replica: Replica
    fault: Fault | None = None
    hiccups: list[Response] = field(default_factory=list)  # given once each, before a right answer

    def answer(self, request: Request) -> Response:
        """What the source answers now."""
        if not self._capped:
            # Each answer takes a day: what is booked is that day's.
            self.home.ledger.db.execute("DELETE FROM spending")
        if self.hiccups and request.meta.get("role"):
            return self.hiccups.pop().replace(url=request.url, request=request)
        if self.fault and request.meta.get("role"):
            return self.fault.strike(self.replica, request)
        return self.replica.healthy(request)

    async def cycle(self) -> list[Crawl]:
        """One crawl of the source, as the app would settle it."""
        self.replica.begin()
        self.replica.robots = (self.fault and self.fault.robots) or ALLOWED
        spider = self.source.spider
        caps = {f"{spider.name}:{one.name}": 0.0 for one in spider.allowances} if self._capped else {}
        job = self._job(caps)
        own = {
            "ROBOTSTXT_OBEY": spider.obeys_robots,
            "DOWNLOAD_HANDLERS": {"http": Wire, "https": Wire},
            "TWISTED_REACTOR_ENABLED": False,
            "TWISTED_REACTOR": None,
            "LOG_FILE": None,
        }
        settings, started = _settings(job, own), datetime.now(UTC)
        settings.copy = lambda: settings  # type: ignore[method-assign]  # made for this crawl; a copy costs a third of it
        await Crawler(spider, settings).crawl_async(
            runs=_runs(job, spider),
            page_budget=job.page_budget,
            secret=self.source.secret,
            caps=caps,
            route=job.route,
            ledger=self.home.ledger,
            blobs=self.home.blobs,
            report=lambda _: None,
            drill=self,
        )
        return _settle(self.home, list(self.watches), started, None)

    @property
    def _capped(self) -> bool:
        return bool(self.fault and self.fault.capped)

    def _job(self, caps: dict[str, float]) -> CrawlJob:
        grounds = {watch.id: ground(self.home.ledger, watch.id) for watch in self.watches}
        return CrawlJob(
            platform=self.source.spider.name,
            watches=self.watches,
            grounds={watch: to_text(at) if at else None for watch, at in grounds.items()},
            ledger="",
            blobs="",
            scratch="",
            log="",
            allowed_hosts=(),
            user_agent="clipwarden",
            delay_s=0,
            page_budget=4,
            time_limit_s=60,
            browser_path=None,
            route=self.source.route,
            canaries=tuple(dict.fromkeys(watch.site for watch in self.watches)),
            caps=caps,
        )

    async def try_out(self, fault: Fault) -> Finding | None:
        """A fault until it is found, two cycles at most, and a healthy one; None where it cannot befall the source."""
        self.fault, self.replica.struck, cycle, named, why = fault, False, None, "", ""
        for number in range(1, CYCLES + 1):
            if fault.anew:
                self.home.ledger.db.execute("UPDATE crawls SET ground = 0")
            main, *_ = await self.cycle()
            alarms = open_incidents(self.home.ledger)
            if main.coverage is not Coverage.OK and (alarms or not fault.blinds):
                # What a person is told first.
                told = alarms[0] if alarms else main
                cycle, named, why = number, told.cause, told.why
                break
        self.fault = None
        if fault.kind == "its own words" and not self.replica.struck:
            return None  # an answer of another kind of watch
        crawls = await self.cycle()
        well = all(one.coverage is not Coverage.BLIND for one in crawls) and not open_incidents(self.home.ledger)
        return Finding(source=self.source.name, fault=fault, cycle=cycle, named=named, why=why, recovers=well)

    async def clean(self, cycles: int) -> list[str]:
        """What is said of healthy cycles, hiccups that pass included: nothing, if all is well."""
        said = []
        for number in range(cycles):
            if number % 7 == 3:
                self.hiccups = [HtmlResponse("x:", status=503), HtmlResponse("x:", status=500)]
            if number % 7 == 5:
                self.hiccups = [HtmlResponse("x:", status=429, headers={"Retry-After": "0"})]
            said += [
                f"{self.source.name}: cycle {number}: {one.watch} {one.coverage} {one.cause}: {one.why}"
                for one in await self.cycle()
                if one.coverage is Coverage.BLIND or (number and one.coverage is not Coverage.OK)
            ]
        if len(self.replica.asked) > 1 and not any(one.hits for one in self.source.spider.canaries):
            said.append(f"{self.source.name}: a list that begins at known ground wants a canary that must hit")
        opened = self.home.ledger.rows("SELECT cause, why FROM incidents")
        opened += self.home.ledger.rows("SELECT kind AS cause, told AS why FROM alerts")
        return said + [f"{self.source.name}: an alarm: {one['cause']}: {one['why']}" for one in opened]


@contextmanager
def drill(source: Source, folder: Path) -> Iterator[Drill]:
    """A drill of one source in a folder: a watch that has posts, and one that never had any."""
    home = folder / source.name.replace("/", "-")
    home.mkdir(parents=True)
    (home / "clipwarden.toml").write_text(SETTINGS, encoding="utf-8")
    query = source.watch.query
    other = query[:-1] + ("b" if query[-1] != "b" else "c")
    watches = tuple(
        replace(source.watch, id=name, brand="brand", query=asked, every_s=EVERY)
        for name, asked in (("main", query), ("quiet", other))
    )
    with open_home(home, alone=True) as opened:
        opened.ledger.sync(brand(*watches))
        yield Drill(source=source, home=opened, watches=watches, replica=Replica(source, frozenset({"quiet"})))


async def drilled(source: Source, folder: Path) -> list[Finding]:
    """Every fault at one source."""
    with drill(source, folder) as own:
        await own.cycle()
        found = [await own.try_out(fault) for fault in faults_of(source, own.replica)]
        return [one for one in found if one]


async def clean(source: Source, folder: Path, cycles: int) -> list[str]:
    """What is said of so many healthy cycles of one source."""
    with drill(source, folder) as own:
        return await own.clean(cycles)


@contextmanager
def quietly() -> Iterator[None]:
    """Alarms and logs are what is asked for here, and not shown."""
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)


def matrix(findings: Sequence[Finding]) -> Table:
    """Fault by fault: how it is named, and at which sources."""
    table = Table("fault", "named", "found in cycle", "sources", box=None)
    for kind in dict.fromkeys(one.fault.kind for one in findings):
        by_name: dict[str, list[Finding]] = {}
        for one in (one for one in findings if one.fault.kind == kind):
            by_name.setdefault(one.named or "NOT FOUND", []).append(one)
        for name, some in by_name.items():
            mark = " (wrong)" if any(one.wrong for one in some) else ""
            where = ", ".join(dict.fromkeys(one.source for one in some))
            latest = max((one.cycle or 0 for one in some), default=0)
            table.add_row(kind, name + mark, str(latest), where)
    return table


def main(arguments: Sequence[str]) -> int:
    """Drill every spider, and print the matrix; with a number, so many healthy cycles of each before that."""
    findings, alarms, cycles = list[Finding](), list[str](), int(arguments[0]) if arguments else 0
    with tempfile.TemporaryDirectory() as folder:
        for source in sources():
            started = time.perf_counter()
            with quietly():
                alarms += asyncio.run(clean(source, Path(folder) / "clean", cycles))
                found = asyncio.run(drilled(source, Path(folder) / "drill"))
            findings += found
            sys.stderr.write(f"{source.name}: {len(found)} faults, {time.perf_counter() - started:.1f} s\n")
    wrong, out = [one.wrong for one in findings if one.wrong] + alarms, Console(width=180)
    out.print(matrix(findings))
    out.print(f"{len(findings)} faults and {cycles} healthy cycles of each source, {len(wrong)} wrong")
    out.print("\n".join(wrong), markup=False)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
