"""The discover stage: a child process for each platform, followed until it ends or must be ended.

What a child could not say itself, because it crashed or ran out of time, is said here: the watch
is blind, and why. A source that failed never looks like a source without posts.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from app.browser import find_browser
from app.collecting import streamed
from app.credentials import alone_with, secrets_of
from app.home import Home, temporary
from app.progress import Track, track
from app.sources import KEYLESS, canaries_due, note_cycles, route_of
from core.causes import Cause
from core.coverage import Crawl
from core.errors import Busy
from core.records import Coverage, Watch
from core.times import to_text
from crawler.crawl import CrawlJob, platforms
from crawler.runs import Lost
from store.coverage import crawl_of, save_crawl
from store.queries import ground

GRACE_S = 5  # a child told to stop writes what it has; after this it is killed
AT_ONCE = 3  # platforms: a crawl waits for its site most of the time, a browser wants memory
ROOT = Path(__file__).resolve().parent.parent


def crawl(home: Home, watches: Sequence[Watch]) -> list[Crawl]:
    """Crawl watches, a few platforms at once, and return how each watch ended."""
    started, ended = datetime.now(UTC), list[Crawl]()
    watches = list(_asked(home, watches))
    known = {watch.id: watch for watch in watches}
    by_platform = groupby(sorted(watches, key=lambda watch: watch.platform), key=lambda watch: watch.platform)
    # Only this thread touches the ledger; the others follow their children.
    with track("crawl", len(known)) as progress, ThreadPoolExecutor(AT_ONCE) as pool:
        news = _News(progress)
        futures = {
            pool.submit(_run, _job(home, platform, list(mine)), news, home.settings.crawl.fragile): platform
            for platform, mine in by_platform
        }
        try:
            for future in as_completed(futures):
                mine = [watch for watch in known.values() if watch.platform == futures[future]]
                ended += _settle(home, mine, started, future.result())
        finally:
            news.stopped.set()
        progress.to(len(ended), note=f"{sum(one.posts for one in ended)} posts seen")
    return ended


def _asked(home: Home, watches: Iterable[Watch]) -> Iterator[Watch]:
    """All but those that a collector follows now and that could not be asked without a credential we lack."""
    followed, spiders = streamed(home), platforms()
    for watch in watches:
        spider = spiders.get(watch.platform)
        keyed = spider is not None and watch.kind in spider.wants_key
        if not (watch.id in followed and spider and keyed and not secrets_of(spider.secrets)):
            yield watch


class _News:
    """How far all the crawls are, and whether they should stop."""

    def __init__(self, progress: Track) -> None:
        self.progress, self.stopped = progress, threading.Event()
        self._lock, self._watches = threading.Lock(), dict[str, tuple[int, int]]()

    def hear(self, line: str) -> None:
        """Take a line of a child: a watch, its open requests, its posts."""
        said = json.loads(line)
        with self._lock:
            self._watches[said["watch"]] = said["open"], said["posts"]
            finished = sum(open_requests == 0 for open_requests, _ in self._watches.values())
            self.progress.to(finished, note=f"{sum(posts for _, posts in self._watches.values())} posts")


def _run(job: CrawlJob, news: _News, fragile: Container[str]) -> Lost | None:
    """Crawl one platform; return why that failed as a whole, or None."""
    spider = platforms().get(job.platform)
    if spider is None:
        return Lost(Cause.OURS, f"no spider named {job.platform}; `scrapy list` shows those there are")
    if spider.fragile and job.platform not in fragile:
        told = "breaks often, and is off: name it in crawl.fragile of clipwarden.toml to use it"
        return Lost(Cause.OURS, f"{job.platform} {told}")
    secrets = secrets_of(spider.secrets)
    lacking = [secret.name for secret in spider.secrets if not secret.optional and secret.name not in secrets]
    if lacking and job.route not in KEYLESS:
        told = f"{job.platform} needs {' and '.join(lacking)}; `clipwarden login {job.platform}` says how to get it"
        return Lost(Cause.CREDENTIAL, told)
    if spider.uses_browser and job.browser_path is None:
        return Lost(Cause.OURS, "no Chromium here; `clipwarden doctor` says how to get one")
    try:
        with alone_with(secrets), temporary(Path(job.scratch).parent) as folder:
            why = _follow(job, folder, news, secrets)
    except Busy as error:
        return Lost(Cause.OURS, str(error))
    return Lost(Cause.TROUBLE, why) if why else None


def _job(home: Home, platform: str, watches: list[Watch]) -> CrawlJob:
    crawl_settings = home.settings.crawl
    grounds = {watch.id: ground(home.ledger, watch.id) for watch in watches}
    return CrawlJob(
        platform=platform,
        watches=tuple(watches),
        grounds={watch: to_text(at) if at else None for watch, at in grounds.items()},
        ledger=str(home.ledger.path),
        blobs=str(home.blobs.folder),
        scratch=str(home.scratch),
        log=str(home.logs / f"{platform}.log"),
        allowed_hosts=home.settings.allowed_hosts,
        user_agent=crawl_settings.user_agent,
        delay_s=crawl_settings.delay_s,
        page_budget=crawl_settings.pages,
        time_limit_s=crawl_settings.time_limit_s,
        browser_path=find_browser(),
        route=route_of(home, platform),
        canaries=canaries_due(home, platform, watches),
        caps=crawl_settings.caps,
        proxy=home.settings.network.proxy,
        ca_file=home.settings.network.ca_file,
    )


def _follow(job: CrawlJob, folder: Path, news: _News, secrets: Mapping[str, str]) -> str:
    """Run the child to its end or its limit; return why it ended badly, or ""."""
    path, log = folder / "job.json", Path(job.log)
    job.write(path)
    deadline = time.monotonic() + job.time_limit_s + GRACE_S
    with _child(path, folder, log.with_suffix(".err"), secrets) as (process, lines):
        while process.poll() is None or not lines.empty():
            if time.monotonic() > deadline:
                return f"not done after {job.time_limit_s} s; raise crawl.time_limit_s, or see {log}"
            if news.stopped.is_set():
                return "stopped"
            with suppress(queue.Empty):
                news.hear(lines.get(timeout=0.2))
        if process.returncode:
            return f"its process ended with {process.returncode}; see {log} and {log.stem}.err beside it"
    return ""


@contextmanager
def _child(
    job: Path, folder: Path, errors: Path, secrets: Mapping[str, str]
) -> "Iterator[tuple[subprocess.Popen[str], queue.SimpleQueue[str]]]":
    """A crawl in a process group of its own; whatever happens here, none of it is left running."""
    # A browser leaves its profile in TMPDIR when it is killed: give it ours, which goes with the job.
    environment = os.environ | {"TMPDIR": str(folder), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "crawler.crawl", str(job)],
            stdin=subprocess.PIPE,  # the child ends when this closes, however we end
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment,
            start_new_session=True,
        )
    assert process.stdin  # noqa: S101 - for mypy; asked for above
    process.stdin.write(json.dumps(dict(secrets)) + "\n")
    process.stdin.flush()
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    reader = threading.Thread(target=_read_lines, args=(process, lines), daemon=True)
    reader.start()
    try:
        yield process, lines
    finally:
        _end(process)
        reader.join(timeout=5)


def _read_lines(process: "subprocess.Popen[str]", lines: "queue.SimpleQueue[str]") -> None:
    for line in process.stdout or ():
        lines.put(line)


def _end(process: "subprocess.Popen[str]") -> None:
    """Ask once, then kill the whole group: a browser is a child of the child."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=GRACE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


def _settle(home: Home, watches: list[Watch], started: datetime, lost: Lost | None) -> list[Crawl]:
    """Read what the child wrote of each watch; write "blind" where it could not."""
    ended = []
    for watch in watches:
        sql = "SELECT * FROM crawls WHERE watch = ? AND started_at >= ? ORDER BY id DESC LIMIT 1"
        rows = home.ledger.rows(sql, [watch.id, to_text(started)])
        if rows:
            crawled = crawl_of(rows[0])
        else:
            told = lost or Lost(Cause.OURS, "its process ended without a word")
            crawled = Crawl(
                watch=watch.id, started_at=started, finished_at=datetime.now(UTC), coverage=Coverage.BLIND,
                cause=told.cause, why=told.why, route=route_of(home, watch.platform),
            )  # fmt: skip
            save_crawl(home.ledger, crawled)
        ended.append(crawled)
    note_cycles(home, watches, ended)
    return ended
