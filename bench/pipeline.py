"""How fast the main job goes: `./run bench pipeline [--posts N] [--clips N] [--json]`.

Three figures, taken in one run on the loopback platform: posts a second into the ledger beside Scrapy
alone reading the same pages; clips a minute downloaded and fingerprinted; and peak memory. The server
shares the processors with what it serves, so the rates are low and the ratio is what counts.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from rich.console import Console
from rich.table import Table

from app import stages
from app.console import read_brands
from app.crawling import crawl
from app.demo.make import make
from app.demo.platform import serve
from app.demo.posts import PlantedPost, synthetic
from app.home import Home, open_home
from store import queries

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 5

END = """
c = p.create_crawler(Bench)
p.crawl(c, **WITH)
p.start()
print(c.stats.get_value("elapsed_time_seconds"), COUNT(c))
"""
# Scrapy as one would write it in ten lines: the same pages, each post a dict of two fields, and nothing kept.
ALONE = """
import json, scrapy
from scrapy.crawler import CrawlerProcess
class Bench(scrapy.Spider):
    name = "bench"
    async def start(self):
        yield scrapy.Request(URL)
    def parse(self, response):
        for post in json.loads(response.body):
            yield {"id": post["id"], "text": post["content"]}
        link = (response.headers.get("Link") or b"").decode()
        if 'rel="next"' in link:
            yield scrapy.Request(link.split(">")[0].strip("<"))
p = CrawlerProcess({"LOG_LEVEL": "ERROR", "TELNETCONSOLE_ENABLED": False, "REMOTE_CONTROL_ENABLED": False,
  "CONCURRENT_REQUESTS_PER_DOMAIN": 2, "ROBOTSTXT_OBEY": True, "DOWNLOAD_VERIFY_CERTIFICATES": True})
WITH, COUNT = {}, lambda c: c.stats.get_value("item_scraped_count")
"""
# Our own spider, with every field checked and every post made, but no pipeline and no blobs.
UNKEPT = """
from types import SimpleNamespace
from scrapy.crawler import CrawlerProcess
from scrapy.settings import Settings
from core.records import Watch, WatchKind
from crawler.crawl import _runs
from crawler.spiders.mastodon import MastodonSpider as Bench
s = Settings(); s.setmodule("crawler.settings")
s.setdict({"ITEM_PIPELINES": {}, "DOWNLOAD_DELAY": 0, "AUTOTHROTTLE_ENABLED": False, "LOG_LEVEL": "ERROR"}, "cmdline")
p = CrawlerProcess(s)
site, tag = URL.split("/api/")[0], URL.split("?")[0].rsplit("/", 1)[-1]
w = Watch(id="w", brand="b", platform="mastodon", site=site, kind=WatchKind.HASHTAG, query=tag, every_s=60)
runs = _runs((w,), {})
WITH = {"runs": runs, "page_budget": 10**6, "ledger": None, "report": lambda run: None,
  "blobs": SimpleNamespace(put=lambda content: "")}
COUNT = lambda c: runs["w"].posts
"""


class Peak:
    """The most memory this process and its children held together, in MiB, sampled."""

    def __init__(self) -> None:
        self.mib, self.samples = 0.0, list[float]()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._stop.wait(0.1):
            self.samples.append(sum(_held(one) for one in [me, *me.children(recursive=True)]) / 2**20)
            self.mib = max(self.mib, self.samples[-1])


def _held(process: psutil.Process) -> float:
    try:
        # What is shared between forks is counted once for all of them, as the kernel does.
        return float(process.memory_full_info().pss)
    except psutil.Error:
        return 0.0


@contextmanager
def fresh_home(folder: Path, site: str, tag: str) -> Iterator[Home]:
    """A home that watches one tag of the loopback platform, without a delay."""
    (folder / "brands").mkdir(parents=True)
    brand = f"brand: Bench\nfranchises: [{{title: Bench, owner: O, hashtags: [{tag}]}}]\n"
    watches = f"watches: [{{platform: mastodon, sites: ['{site}'], hashtags: franchises}}]\n"
    (folder / "brands" / "bench.yml").write_text(brand + watches, encoding="utf-8")
    settings = f'allowed_hosts = ["{urlsplit(site).netloc}"]\n[crawl]\ndelay_s = 0\npages = 100000\n'
    (folder / "clipwarden.toml").write_text(settings, encoding="utf-8")
    with open_home(folder, alone=True) as home:
        read_brands(home)
        yield home


def without_us(code: str, site: str, tag: str) -> float:
    """Posts a second of a crawl that keeps nothing, by Scrapy's own clock."""
    url = f"{site}/api/v1/timelines/tag/{tag}?limit=40&only_media=true"
    command = [sys.executable, "-c", f"URL = {url!r}\n{code}{END}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    elapsed, posts = done.stdout.split()[-2:]
    return int(posts) / float(elapsed)


def ours(home: Home) -> tuple[float, int]:
    """Posts a second to the last row, by the same clock; and how many."""
    (ended,) = crawl(home, queries.watches(home.ledger))
    told = re.search(r"'elapsed_time_seconds': ([\d.]+)", (home.logs / "mastodon.log").read_text(encoding="utf-8"))
    if not told:
        raise SystemExit(f"the crawl did not end well: {ended.why}")
    return ended.posts / float(told[1]), ended.posts


def distinct(clips: Sequence[Path], folder: Path, count: int) -> list[str]:
    """Copies that differ in their last bytes, so that each is downloaded and decoded for itself."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for number in range(count):
        source = clips[number % len(clips)]
        name = f"bench-{number:05d}.mp4"
        # A `free` box of 8 bytes more: players and decoders skip it.
        box = (16).to_bytes(4, "big") + b"free" + number.to_bytes(8, "big")
        (folder / name).write_bytes(source.read_bytes() + box)
        names.append(name)
    return names


def main() -> None:
    """Run the bench and print its figures."""
    parser = argparse.ArgumentParser(prog="bench pipeline")
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        figures = measure(Path(name), options.posts, options.clips)
    if options.json:
        print(json.dumps(figures, indent=1))
        return
    table = Table("figure", "value", box=None)
    for key, value in figures.items():
        table.add_row(key, f"{value:,.2f}" if isinstance(value, float) else f"{value:,}")
    Console().print(table)


def measure(folder: Path, posts: int, clips: int) -> dict[str, float]:
    """All figures, from one platform."""
    studio = ROOT / "data" / "demo" / "studio"
    make(studio, lambda *_: None)
    media = sorted((studio / "media").glob("*.mp4"))
    planted = synthetic(posts, datetime.now(UTC))
    tag = planted[0].hashtags[0]
    figures: dict[str, float] = {"posts": posts}
    with serve(planted, studio / "media") as site:
        alone, unkept, persisted = list[float](), list[float](), list[float]()
        for turn in range(REPEATS):  # in turn, so that a busy minute slows all three
            alone.append(without_us(ALONE, site.base_url, tag))
            unkept.append(without_us(UNKEPT, site.base_url, tag))
            with fresh_home(folder / f"crawl-{turn}", site.base_url, tag) as home:
                rate, count = ours(home)
                persisted.append(rate)
                if count != posts:
                    raise SystemExit(f"{count} of {posts} posts: the bench measures nothing")
                if turn == REPEATS - 1:
                    before = len(site.requests)
                    crawl(home, queries.watches(home.ledger))
                    figures["second crawl, requests"] = len(site.requests) - before
        # Watching memory costs a processor: in a run of its own.
        with fresh_home(folder / "watched", site.base_url, tag) as home, Peak() as peak:
            ours(home)
    figures |= {
        "Scrapy alone, two fields a post, posts/s": statistics.median(alone),
        "our spider, nothing kept, posts/s": statistics.median(unkept),
        "into the ledger, posts/s": statistics.median(persisted),
        "ratio to Scrapy alone": statistics.median(a / b for a, b in zip(persisted, alone, strict=True)),
        "ratio to our spider, nothing kept": statistics.median(a / b for a, b in zip(persisted, unkept, strict=True)),
        "crawl, peak MiB": peak.mib,
    }
    return figures | clip_figures(folder, media, planted[:clips], clips)


def clip_figures(folder: Path, media: Sequence[Path], planted: Sequence[PlantedPost], clips: int) -> dict[str, float]:
    """Clips a minute through download and fingerprint, each a file of its own."""
    names = distinct(media, folder / "media", clips)
    each = [replace(post, media=name) for post, name in zip(planted, names, strict=True)]
    with (
        serve(each, folder / "media") as site,
        fresh_home(folder / "clips", site.base_url, each[0].hashtags[0]) as home,
    ):
        crawl(home, queries.watches(home.ledger))
        with Peak() as peak:
            started = time.monotonic()
            stages.fetch(home)
            fetched = time.monotonic()
            stages.fingerprint_files(home)
            done = time.monotonic()
        if home.ledger.count("media") != clips:
            raise SystemExit(f"{home.ledger.count('media')} of {clips} clips came: the bench measures nothing")
    return {
        "clips": clips,
        "downloaded, clips/min": 60 * clips / (fetched - started),
        "fingerprinted, clips/min": 60 * clips / (done - fetched),
        "both, clips/min": 60 * clips / (done - started),
        "clips, peak MiB": peak.mib,
    }


if __name__ == "__main__":
    main()
