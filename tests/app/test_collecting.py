"""The collector as a user runs it: killed, stopped, started twice, and told apart from a crawl."""

import asyncio
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.crawler.jetstream import START_US, Server, deleted, posted, running

ROOT = Path(__file__).parents[2]
EVENTS = 400


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """A Jetstream in a thread of its own."""
    ready, stop = threading.Event(), threading.Event()

    async def run() -> None:
        async with running(server):
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    ready.wait(10)
    try:
        yield server
    finally:
        stop.set()
        thread.join(10)


@pytest.fixture
def server() -> Iterator[Server]:
    """Four hundred posts, one in ten of them deleted again, told over six seconds."""
    events = [deleted(n, of=n - 5) if n % 10 == 9 else posted(n) for n in range(EVENTS)]
    with serving(Server(events=list(events), pause_s=0.015)) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, server: Server) -> Path:
    """A home that watches a tag on Bluesky."""
    (tmp_path / "brands").mkdir()
    (tmp_path / "brands" / "b.yml").write_text(
        "brand: Northlight Pictures\nfranchises:\n  - {title: Lanterns, owner: O, hashtags: [Lanterns]}\n"
        "watches:\n  - {platform: bluesky, hashtags: franchises}\n",
        encoding="utf-8",
    )
    (tmp_path / "clipwarden.toml").write_text(f'allowed_hosts = ["{urlsplit(server.url).netloc}"]\n', encoding="utf-8")
    return tmp_path


def start(home: Path, server: Server, *words: str) -> "subprocess.Popen[str]":
    """A collector of its own."""
    argv = [sys.executable, "-m", "app.cli", "--home", str(home), "collect", "--at", server.url, *words]
    return subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def place(home: Path) -> int:
    """How far the home's ledger has read, in events."""
    try:
        with sqlite3.connect(f"file:{home}/ledger.db?mode=ro", uri=True) as connection:
            row = connection.execute("SELECT cursor FROM streams").fetchone()
    except sqlite3.OperationalError:
        return -1
    return (row[0] - START_US) // 1_000_000 if row else -1


def until(home: Path, number: int, process: "subprocess.Popen[str]") -> None:
    """Wait until the ledger has read so far."""
    for _ in range(1200):
        if process.poll() is not None:
            raise AssertionError(f"it ended: {process.communicate()[0]}")
        if place(home) >= number:
            return
        time.sleep(0.05)
    raise AssertionError(f"only {place(home)} of {number} after a minute")


def test_killed_again_and_again_it_loses_and_doubles_nothing(home: Path, server: Server) -> None:
    """Posts, deletions and the place in the stream are written together or not at all."""
    draw = random.Random(4)  # noqa: S311 - when to kill is no secret
    for number in (0, 100):
        process = start(home, server)
        until(home, number, process)
        time.sleep(draw.random())
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert place(home) < EVENTS - 2, "killed too late to show anything"
    process = start(home, server)
    until(home, EVENTS - 2, process)
    busy = start(home, server)
    told, _ = busy.communicate(timeout=60)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)

    assert (busy.returncode, "another `clipwarden collect`" in told) == (1, True), told
    assert process.returncode == 0, said
    with sqlite3.connect(home / "ledger.db") as connection:
        posts = {row[0].rsplit("/", 1)[-1] for row in connection.execute("SELECT id FROM posts")}
        gone = {row[0].rsplit("/", 1)[-1] for row in connection.execute("SELECT post FROM removals")}
        sightings = connection.execute("SELECT count(*) FROM sightings").fetchone()[0]
        blind = connection.execute("SELECT count(*) FROM crawls WHERE coverage <> 'ok'").fetchone()[0]
    assert posts == {f"key{n}" for n in range(EVENTS) if n % 10 != 9}
    assert gone == {f"key{n - 5}" for n in range(EVENTS) if n % 10 == 9}
    assert (sightings, blind) == (len(posts), 0)


def test_nothing_to_follow_is_said(tmp_path: Path) -> None:
    """A home without a watch that has a stream is told so, and what has one."""
    (tmp_path / "brands").mkdir()
    process = start(tmp_path, Server(events=[], url="ws://127.0.0.1:9"))
    told, _ = process.communicate(timeout=60)

    assert (process.returncode, "platforms that have one: bluesky, mastodon" in told) == (1, True), told


def test_watch_that_is_followed_is_not_called_blind_for_a_key(home: Path, server: Server) -> None:
    """Without a credential Bluesky's search is closed; as long as the stream is followed, nothing is missed."""
    process = start(home, server)
    until(home, 5, process)
    argv = [sys.executable, "-m", "app.cli", "--home", str(home), "crawl"]
    crawl = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)

    assert (crawl.returncode, "blind" in crawl.stdout) == (0, False), crawl.stdout + crawl.stderr
