"""The process that asks yt-dlp: killed when a server drips, replaced, and gone with whoever asked it."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from crawler.listing_pool import Looker, LookSettings
from crawler.outcomes import ErrorClass

FEED = b"""<?xml version="1.0"?><rss version="2.0"><channel><item><title>one</title><link>https://feed.example/1</link>
</item></channel></rss>"""


class Hostile(BaseHTTPRequestHandler):
    """A page that drips for ever, and one that is in order."""

    def do_GET(self) -> None:
        """Answer as the path says."""
        self.send_response(200)
        self.end_headers()
        while self.path == "/drip":
            self.wfile.write(b"<")
            time.sleep(0.05)
        self.wfile.write(FEED)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The hostile server's address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Hostile) as running:
        running.daemon_threads = True
        running.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients are killed here
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def question(url: str) -> dict[str, Any]:
    """A question about a listing."""
    return {"url": url, "start": 0, "depth": 0}


def test_dripping_page_is_killed_and_the_next_is_answered(server: str) -> None:
    """Within its time, by its process's death; what comes after has a fresh process. None is left running."""
    looker = Looker(LookSettings(allowed_hosts=frozenset({urlsplit(server).netloc}), max_seconds=4))

    async def ask() -> list[dict[str, Any]]:
        return [await looker.look(question(server + path)) for path in ("/drip", "/feed")]

    drip, feed = asyncio.run(ask())
    looker.stop()
    workers = [child for child in psutil.Process().children(recursive=True) if child.ppid() != os.getpid()]

    assert (drip["error"]["class"], feed["kind"]) == (ErrorClass.TOO_SLOW, "listing")
    assert [entry["title"] for entry in feed["entries"]] == ["one"]
    assert workers == []  # the server that forks them stays, as long as we do


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_process_dies_with_the_crawl(server: str, how: signal.Signals, tmp_path: Path) -> None:
    """However the crawl ends, in the midst of a question: no process of its is left after a moment."""
    script = (
        "import asyncio, signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from crawler.listing_pool import Looker, LookSettings\n"
        "if __name__ == '__main__':\n"
        f"    looker = Looker(LookSettings(allowed_hosts=frozenset({{{urlsplit(server).netloc!r}}})))\n"
        f"    asyncio.run(looker.look({question(server + '/drip')!r}))\n"
    )
    own = os.environ | {"TMPDIR": str(tmp_path)}  # what a killed one leaves there goes with the test
    crawling = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL, env=own)
    family = wait_for(lambda: [one for one in _family(crawling.pid) if _talks(one, server)] and _family(crawling.pid))
    crawling.send_signal(how)
    crawling.wait()

    assert family
    assert wait_for(lambda: not [one for one in family if _lives(one)])


def _family(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def _talks(one: psutil.Process, server: str) -> bool:
    with suppress(psutil.NoSuchProcess):
        return any(end.raddr and end.raddr.port == urlsplit(server).port for end in one.net_connections("tcp"))
    return False


def _lives(one: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return one.is_running() and one.status() != psutil.STATUS_ZOMBIE
    return False


def wait_for(done: Callable[[], Any], seconds: float = 30) -> Any:
    """What `done` gives once it gives something."""
    until = time.monotonic() + seconds
    while not (found := done()) and time.monotonic() < until:
        time.sleep(0.1)
    return found
