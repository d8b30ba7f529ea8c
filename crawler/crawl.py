"""One crawl of one platform in a process of its own: `python -m crawler.crawl JOB.json`.

A reactor starts once in a process, and a crawl must be killable: so each has its own. The parent
holds our standard input; when it dies, so do we. Progress goes out as a JSON line a page.
"""

import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from scrapy.crawler import CrawlerProcess
from scrapy.settings import Settings
from scrapy.spiderloader import get_spider_loader

from core.errors import NotFound
from core.records import Watch, WatchKind
from core.times import from_text
from crawler import canaries
from crawler.browser_trust import trust
from crawler.egress_proxy import CHROMIUM_ARGS, guard_process, proxy_thread
from crawler.platform import PlatformSpider, now
from crawler.redact import guard_logs, redactor
from crawler.runs import WatchRun
from store.blobs import Blobs
from store.ledger import Ledger
from store.rows import watch_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlJob:
    """What a crawl needs to know, as plain values that travel in a file.

    grounds         watch id -> when its last sound crawl ended, as text, or None
    time_limit_s    after this the spider stops taking work and writes what it has
    browser_path    Chromium's path, or None when there is none
    route           which of the spider's routes to go
    canaries        sites whose canaries are due
    caps            "platform:allowance" -> what the home lets be spent of it
    proxy, ca_file  see egress_proxy.guard_process
    """

    platform: str
    watches: tuple[Watch, ...]
    grounds: dict[str, str | None]
    ledger: str
    blobs: str
    scratch: str
    log: str
    allowed_hosts: tuple[str, ...]
    user_agent: str
    delay_s: float
    page_budget: int
    time_limit_s: int
    browser_path: str | None
    route: str = "api"
    canaries: tuple[str, ...] = ()
    caps: dict[str, float] = field(default_factory=dict)
    proxy: str = ""
    ca_file: str = ""

    def write(self, path: Path) -> None:
        """Put the job where the child reads it."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "CrawlJob":
        """The job as its parent wrote it."""
        data = json.loads(path.read_text(encoding="utf-8"))
        watches = tuple(watch_of(watch) for watch in data["watches"])
        return cls(
            **data
            | {"watches": watches, "allowed_hosts": tuple(data["allowed_hosts"]), "canaries": tuple(data["canaries"])}
        )


def platforms() -> dict[str, type[PlatformSpider]]:
    """Every platform there is, by name: Scrapy's loader is the registry."""
    settings = Settings()
    settings.setmodule("crawler.settings")
    loader = get_spider_loader(settings)
    spiders = {name: loader.load(name) for name in loader.list()}
    return {name: spider for name, spider in spiders.items() if issubclass(spider, PlatformSpider)}


def main(arguments: Sequence[str]) -> int:
    """Run the job named on the command line."""
    job = CrawlJob.read(Path(arguments[0]))
    secrets = _secrets()
    guard_logs(redactor(secrets.values()))
    _die_with_parent()
    spider = platforms().get(job.platform)
    if spider is None:
        raise NotFound(f"no platform {job.platform!r}; `scrapy list` shows those there are")
    # The browser is started as a child, and goes out through the proxy; a crawl of an API starts nothing.
    hosts = frozenset(job.allowed_hosts)
    way_out = guard_process(hosts, proxy=job.proxy, ca_file=job.ca_file, no_children=not spider.uses_browser)
    blobs = Blobs(Path(job.blobs), Path(job.scratch))
    with Ledger(Path(job.ledger)) as ledger, _browser_settings(job, spider) as extra:
        own: dict[str, Any] = {"ROBOTSTXT_OBEY": spider.obeys_robots, "HTTPPROXY_ENABLED": bool(way_out)}
        own["EGRESS"] = (hosts, job.proxy, job.ca_file)  # for a worker that listing_pool guards as we are guarded
        process = CrawlerProcess(_settings(job, extra | own))
        process.crawl(
            spider,
            runs=_runs(job, spider),
            page_budget=job.page_budget,
            secret=secrets,
            caps=job.caps,
            route=job.route,
            ledger=ledger,
            blobs=blobs,
            report=_report,
        )
        process.start()
    return 0


def _runs(job: CrawlJob, spider: type[PlatformSpider]) -> dict[str, WatchRun]:
    def ground(watch: Watch) -> datetime | None:
        text = job.grounds.get(watch.id)
        return from_text(text) if text else None

    asked = [*canaries.runs(spider, job.watches, job.canaries, job.route)]
    asked += [
        WatchRun(watch=watch, ground_at=ground(watch), started_at=now(), route=job.route) for watch in job.watches
    ]
    return {run.watch.id: run for run in asked}


def _settings(job: CrawlJob, extra: dict[str, Any]) -> Settings:
    settings = Settings()
    settings.setmodule("crawler.settings")
    own = {
        "USER_AGENT": job.user_agent,
        "DOWNLOAD_DELAY": job.delay_s,
        "AUTOTHROTTLE_START_DELAY": job.delay_s,
        "AUTOTHROTTLE_ENABLED": job.delay_s > 0,  # a delay of 0 is the operator's word that no one minds
        "CLOSESPIDER_TIMEOUT": job.time_limit_s,
        "LOG_FILE": job.log,
        "LOG_FILE_APPEND": False,  # one crawl's log is what one looks for; the ledger keeps the history
    }
    settings.setdict(own | extra, priority="cmdline")
    return settings


@contextmanager
def _browser_settings(job: CrawlJob, spider: type[PlatformSpider]) -> Iterator[dict[str, Any]]:
    if not spider.uses_browser:
        yield {}
        return
    home = {}
    if job.ca_file:
        home["HOME"] = tempfile.mkdtemp()  # in TMPDIR, which goes with the job
        trust(Path(job.ca_file), Path(home["HOME"]))
    with proxy_thread(frozenset(job.allowed_hosts), job.proxy) as port:
        arguments = ["--disable-dev-shm-usage", "--disable-background-networking", *CHROMIUM_ARGS]
        arguments += ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses its sandbox as root
        launch = {
            "executable_path": job.browser_path,
            "headless": True,
            "args": arguments,
            "env": {**os.environ, **home},
            "proxy": {"server": f"http://127.0.0.1:{port}", "bypass": "<-loopback>"},
        }
        handler = "scrapy_playwright.handler.ScrapyPlaywrightDownloadHandler"
        # Only for the schemes in use: each starts a node driver of 100 MB.
        asked = [watch.query if watch.kind is WatchKind.URL else watch.site or spider.base for watch in job.watches]
        schemes = {"https" if address.startswith("https") else "http" for address in asked}
        yield {
            "DOWNLOAD_HANDLERS": dict.fromkeys(schemes, handler),
            "PLAYWRIGHT_LAUNCH_OPTIONS": launch,
            "PLAYWRIGHT_DEFAULT_NAVIGATION_TIMEOUT": 30_000,
            "PLAYWRIGHT_MAX_PAGES_PER_CONTEXT": 2,
            "PLAYWRIGHT_ABORT_REQUEST": _is_heavy,
        }


def _is_heavy(request: Any) -> bool:  # noqa: ANN401 - playwright's Request, named only at run time
    return request.resource_type in {"image", "media", "font"}


def _report(run: WatchRun) -> None:
    """Tell the parent how far a watch is: at its first and last answers, and every tenth between."""
    if run.canary:
        return
    if run.open_requests and run.pages % 10 != 1:
        return
    line = {"watch": run.watch.id, "pages": run.pages, "posts": run.posts, "open": run.open_requests}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _secrets() -> dict[str, str]:
    """The credentials, from the first line of standard input: not in a file, nor where other users see them."""
    line = bytearray()
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return {str(name): str(value) for name, value in json.loads(line or b"{}").items()}


def _die_with_parent() -> None:
    """Exit when standard input closes: a parent that was killed leaves no crawl behind it."""

    def watch() -> None:
        while os.read(0, 4096):  # not sys.stdin: its lock would be held when the interpreter ends
            pass
        os._exit(1)

    if not sys.stdin.isatty():
        threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
