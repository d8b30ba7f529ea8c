"""Posts into the ledger, 200 at a time; at the end, how well each watch was covered.

A few platforms may crawl at once: each write is one short transaction, and SQLite queues them. While they
crawl their parent writes nothing but the word on a crawl that could not speak for itself.
"""

from scrapy.crawler import Crawler

from core.records import Post
from crawler import looking
from crawler.canaries import doubted, judge, remembered
from crawler.platform import PlatformSpider, now
from crawler.runs import Sighted
from store.answers import Answer, save_answers
from store.coverage import save_crawl, save_removals, save_samples
from store.incidents import save_verdicts
from store.ledger import Ledger
from store.shapes import Place, learn_cycle

BATCH = 200  # one transaction each: 25 times the rate of single upserts, and a kill loses at most this much


class LedgerPipeline:
    """Buffers what each watch saw and writes it in batches."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.buffer: dict[str, list[tuple[Post, str]]] = {}
        self.answers: dict[str, list[Answer]] = {}
        self.gone: list[tuple[str, str]] = []

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
        self.answers.setdefault(item.watch, []).extend([item.answer] if item.answer else [])
        self.gone += ((removal.post, removal.because) for removal in item.removals)
        if len(batch) >= BATCH or len(self.gone) >= BATCH:
            self._flush(item.watch)
        return item

    def close_spider(self) -> None:
        """Write the rest, then the coverage of each watch, together."""
        with self.ledger.write():
            for watch in {*self.buffer, *(run.watch.id for run in self._spider.runs.values())}:
                self._flush(watch)
            verdicts = judge(self._spider)
            save_verdicts(self.ledger, self._spider.name, verdicts, at=now())
            verdicts |= remembered(self._spider)
            for run in self._spider.runs.values():
                if run.canary is None:
                    save_crawl(self.ledger, doubted(run.outcome(now()), run.watch.site, verdicts))
                    save_samples(self.ledger, run.samples, at=now())
                    save_answers(self.ledger, run.unread, at=now())
        self._learn()

    def _learn(self) -> None:
        """What the answers looked like. After all else, and alone: what it cannot judge costs no post and no crawl."""
        for (site, place), seen in looking.clusters(self._spider).items():
            at = Place(platform=self._spider.name, site=site, route=self._spider.route, place=place)
            try:
                learn_cycle(self.ledger, at, seen, at=now())
            except Exception:
                self._spider.logger.exception("%s: the shape of its answers was not learned", place)

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
        batch, answers = self.buffer.get(watch, []), self.answers.get(watch, [])
        if batch or answers:
            at = now()
            with self.ledger.write():
                self.ledger.save_posts(watch, batch, seen_at=at)
                save_answers(self.ledger, answers, at=at)
            self.buffer[watch], self.answers[watch] = [], []
        if self.gone:  # after the posts: a post may come and go within one answer
            save_removals(self.ledger, self.gone, at=now())
            self.gone = []
