"""Posts into the ledger, 200 at a time; at the end, how well each watch was covered.

A few platforms may crawl at once: each write is one short transaction, and SQLite queues them. While they
crawl their parent writes nothing but the word on a crawl that could not speak for itself.
"""

from scrapy.crawler import Crawler

from core.records import Post
from crawler.platform import PlatformSpider, Sighted, now
from store.ledger import Ledger

BATCH = 200  # one transaction each: 25 times the rate of single upserts, and a kill loses at most this much


class LedgerPipeline:
    """Buffers what each watch saw and writes it in batches."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.buffer: dict[str, list[tuple[Post, str]]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "LedgerPipeline":
        """Scrapy's way of making one."""
        return cls(crawler)

    def process_item(self, item: Sighted) -> Sighted:
        """Take one answer's posts; write when a batch is full.

        In this thread: SQLite lets go of the interpreter at each row, and a thread that has to win it
        back 200 times takes three times as long.
        """
        batch = self.buffer.setdefault(item.watch, [])
        batch += ((post, item.raw_sha256) for post in item.posts)
        if len(batch) >= BATCH:
            self._flush(item.watch)
        return item

    def close_spider(self) -> None:
        """Write the rest, then the coverage of each watch, together."""
        with self.ledger.write():
            for watch in self.buffer:
                self._flush(watch)
            for run in self._spider.runs.values():
                coverage, why, ground = run.outcome()
                self.ledger.save_crawl(
                    run.watch.id,
                    started_at=run.started_at,
                    finished_at=now(),
                    coverage=coverage,
                    why=why,
                    pages=run.pages,
                    posts=run.posts,
                    ground=ground,
                )

    @property
    def _spider(self) -> PlatformSpider:
        assert isinstance(self.crawler.spider, PlatformSpider)  # noqa: S101 - for mypy; every spider here is one
        return self.crawler.spider

    @property
    def ledger(self) -> Ledger:
        """The ledger that crawl.py opened for the spider."""
        return self._spider.ledger

    def _flush(self, watch: str) -> None:
        # Emptied only once it is written: a full disk or a locked ledger is tried again at the next answer, and
        # if it lasts to the end no crawl is noted, so that the watch is blind and asked again.
        if batch := self.buffer.get(watch):
            self.ledger.save_posts(watch, batch, seen_at=now())
            self.buffer[watch] = []
