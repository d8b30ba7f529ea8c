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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from app.browser import find_browser
from app.home import Home
from app.progress import Track, track
from core.records import Coverage, Watch
from core.times import to_text
from crawler.crawl import CrawlJob, platforms
from store.queries import ground

GRACE_S = 5  # a child told to stop writes what it has; after this it is killed
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawled:
    """How a watch's crawl ended."""

    watch: str
    coverage: Coverage
    why: str
    pages: int
    posts: int


def crawl(home: Home, watches: Sequence[Watch]) -> list[Crawled]:
    """Crawl watches, one platform after the other, and return how each ended."""
    ended: list[Crawled] = []
    by_platform = sorted(watches, key=lambda watch: watch.platform)
    with track("crawl", len(watches)) as progress:
        for platform, group in groupby(by_platform, key=lambda watch: watch.platform):
            mine = list(group)
            progress.to(len(ended), note=platform)
            ended += _crawl_platform(home, platform, mine, progress, len(ended))
        posts = sum(one.posts for one in ended)
        progress.to(len(ended), note=f"{posts} posts seen")
    return ended


def _crawl_platform(home: Home, platform: str, watches: list[Watch], progress: Track, before: int) -> list[Crawled]:
    started = datetime.now(UTC)
    spider = platforms().get(platform)
    why = ""
    if spider is None:
        why = f"no spider named {platform}; `scrapy list` shows those there are"
    elif spider.uses_browser and find_browser() is None:
        why = "no Chromium here; `clipwarden doctor` says how to get one"
    else:
        with home.temporary() as folder:
            why = _follow(_job(home, platform, watches), folder, home, progress, before)
    return _settle(home, watches, started, why)


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
    )


def _follow(job: CrawlJob, folder: Path, home: Home, progress: Track, before: int) -> str:
    """Run the child and show its progress; return why it ended badly, or ""."""
    path = folder / "job.json"
    job.write(path)
    deadline = time.monotonic() + job.time_limit_s + GRACE_S
    with _child(path, folder, home.logs / f"{job.platform}.err") as (process, lines):
        watches: dict[str, tuple[int, int]] = {}
        while process.poll() is None or not lines.empty():
            if time.monotonic() > deadline:
                return f"not done after {job.time_limit_s} s; raise crawl.time_limit_s, or see {job.log}"
            try:
                line = json.loads(lines.get(timeout=0.2))
            except queue.Empty:
                continue
            watches[line["watch"]] = line["open"], line["posts"]
            finished = sum(open_requests == 0 for open_requests, _ in watches.values())
            posts = sum(count for _, count in watches.values())
            progress.to(before + finished, note=f"{job.platform}: {posts} posts")
        if process.returncode:
            return (
                f"the crawl's process ended with {process.returncode}; see {job.log} and {job.platform}.err beside it"
            )
    return ""


@contextmanager
def _child(job: Path, folder: Path, errors: Path) -> "Iterator[tuple[subprocess.Popen[str], queue.SimpleQueue[str]]]":
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


def _settle(home: Home, watches: list[Watch], started: datetime, why: str) -> list[Crawled]:
    """Read what the child wrote of each watch; write "blind" where it could not."""
    ended = []
    for watch in watches:
        sql = "SELECT * FROM crawls WHERE watch = ? AND started_at >= ? ORDER BY id DESC LIMIT 1"
        rows = home.ledger.rows(sql, [watch.id, to_text(started)])
        if not rows:
            told = why or "its process ended without a word"
            home.ledger.save_crawl(
                watch.id,
                started_at=started,
                finished_at=datetime.now(UTC),
                coverage=Coverage.BLIND,
                why=told,
                pages=0,
                posts=0,
                ground=False,
            )
            ended.append(Crawled(watch=watch.id, coverage=Coverage.BLIND, why=told, pages=0, posts=0))
            continue
        row = rows[0]
        ended.append(
            Crawled(
                watch=watch.id,
                coverage=Coverage(row["coverage"]),
                why=row["why"],
                pages=row["pages"],
                posts=row["posts"],
            )
        )
    return ended
