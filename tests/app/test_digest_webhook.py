"""The daily digest by webhook: signed, tried again, and held to the rules of everything that leaves."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.digest import compose
from app.digest_sending import send, verify
from app.home import Home, open_home
from core.errors import FetchRefused
from tests.app.digest_home import ENVIRONMENT, SECRET, filled, sent, states, write_settings
from tests.app.hits_ledger import DAY, NOW

ROOT = Path(__file__).parents[2]


class Hook(BaseHTTPRequestHandler):
    """A webhook that answers what its server's list says, then 200."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))  # type: ignore[attr-defined]  # set where it is made
        answers = self.server.answers  # type: ignore[attr-defined]  # set where it is made
        status = answers.pop(0) if answers else 200
        if status == 0:  # the line breaks
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment holds."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def hook() -> Iterator[ThreadingHTTPServer]:
    """A webhook: what it `got`, and the `answers` it gives before it says 200."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.got, server.answers = [], []  # type: ignore[attr-defined]  # read by the handler
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def hooked(tmp_path: Path, hook: ThreadingHTTPServer) -> Iterator[Home]:
    """A home whose digest goes to that webhook."""
    place = f"127.0.0.1:{hook.server_port}"
    write_settings(tmp_path / "hooked", f'webhook_url = "http://{place}/in"', top=f'allowed_hosts = ["{place}"]')
    with open_home(tmp_path / "hooked", new=True) as opened:
        filled(opened)
        yield opened


def test_webhook_gets_the_list_signed(hooked: Home, hook: Any) -> None:
    """The receiver can tell that it is ours, unchanged and new; once a day."""
    first, second = sent(hooked), sent(hooked)
    [(headers, body)] = hook.got
    signed, now = headers["X-Clipwarden-Signature"], int(time.time())
    said = json.loads(body)

    assert (states(first), states(second)) == (["sent"], ["already"])
    assert (said["event"], said["day"], said["copies"], len(said["hits"])) == ("digest", "2026-11-20", 1, 2)
    assert [source["state"] for source in said["sources"]] == ["seen", "source blind"]
    assert verify(SECRET, signed, body, now=now)
    assert not verify(SECRET, signed, body + b" ", now=now)
    assert not verify("another", signed, body, now=now)
    assert not verify(SECRET, signed, body, now=now + 301)
    assert not verify(SECRET, "t=²,v1=x", body, now=now)


@pytest.mark.parametrize(("answers", "state", "tries"), [
    ([503, 429, 0], "sent", 4), ([500] * 9, "refused", 4), ([0] * 9, "unknown", 4), ([404], "refused", 1),
    ([302], "refused", 1),
])  # fmt: skip
def test_webhook_is_tried_again_where_that_may_help(
    hooked: Home, hook: Any, answers: list[int], state: str, tries: int
) -> None:
    """Later after trouble, with the same delivery id; never after a plain no, and no redirect is followed."""
    hook.answers.extend(answers)
    pauses: list[float] = []
    outcomes = send(hooked, compose(hooked, DAY, NOW), sleep=pauses.append)

    assert (states(outcomes), len(hook.got), pauses) == ([state], tries, [1.0, 4.0, 15.0][: tries - 1])
    assert len({headers["X-Clipwarden-Delivery"] for headers, _ in hook.got}) == 1


def test_webhook_that_may_have_it_is_not_sent_it_again(hooked: Home, hook: Any) -> None:
    """Every line broke before the answer: told as unknown, and asked for by a person before it leaves once more."""
    hook.answers.extend([0] * 4)
    outcomes = [sent(hooked), sent(hooked), sent(hooked, again=True)]

    assert ([states(one) for one in outcomes], len(hook.got)) == ([["unknown"], ["unknown"], ["sent"]], 5)


def test_webhook_inside_is_not_reached_unless_allowed(tmp_path: Path, hook: Any) -> None:
    """Neither a plain http address nor a private one, by the rules of everything that leaves."""
    for number, scheme in enumerate(("http", "https")):
        folder = tmp_path / str(number)
        write_settings(folder, f'webhook_url = "{scheme}://127.0.0.1:{hook.server_port}/in"')
        with open_home(folder, new=True) as home:
            filled(home)
            with pytest.raises(FetchRefused):
                sent(home)

    assert hook.got == []


def test_command_meets_the_egress_guard(tmp_path: Path, hook: Any) -> None:
    """A name that points inside is refused when the connection is made, whatever the address looked like."""
    folder = tmp_path / "guarded"
    write_settings(folder, f'webhook_url = "https://localhost:{hook.server_port}/in"')
    with open_home(folder, new=True) as home:
        filled(home)
    words = [sys.executable, "-c", "import app.digest_sending as d; d.PAUSES_S = (); from app.cli import main; main()",
             "--home", str(folder), "digest", "--day", str(DAY)]  # fmt: skip
    done = subprocess.run(words, cwd=ROOT, env=os.environ | ENVIRONMENT, capture_output=True, text=True, check=False)

    assert (done.returncode, hook.got) == (1, [])
    assert "not public" in done.stderr
