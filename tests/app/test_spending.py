"""Dollars and quotas in real crawls of a loopback interface: booked before, settled after, never passed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from app.crawling import crawl
from app.home import Home, open_home
from core.coverage import Crawl
from core.records import Coverage, Watch
from store.spending import spent
from tests.builders import brand, watch

START = datetime(2000, 1, 1, tzinfo=UTC)


class Answers(BaseHTTPRequestHandler):
    """X's search that always has as many posts as one asks for, and another page; and YouTube's that never ends."""

    seen: list[str] = []  # noqa: RUF012 - one server at a time

    def do_GET(self) -> None:
        """Answer as the interface would."""
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.seen.append(parts.path)
        if parts.path.endswith("/counts/recent"):
            body: dict[str, object] = {"data": [{"start": "s", "end": "e", "tweet_count": 5000}], "meta": {}}
        elif parts.path.startswith("/youtube"):
            token = f"T{len(self.seen)}"
            body = {"items": [], "nextPageToken": token} if "search" in parts.path else {"items": []}
        else:
            first, count = len(self.seen) * 1000, int(asked["max_results"])
            posts = [
                {
                    "id": str(first + n), "text": "t", "author_id": "1", "created_at": "2026-11-19T10:11:12.000Z",
                    "attachments": {"media_keys": ["7_1"]},
                }
                for n in range(count)
            ]  # fmt: skip
            file = {"content_type": "video/mp4", "url": "https://v.example/1"}
            clip = {"media_key": "7_1", "type": "video", "variants": [file]}
            meta = {"result_count": count, "next_token": f"n{first}"}
            body = {"data": posts, "includes": {"media": [clip]}, "meta": meta}
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    """The loopback interface's address."""
    Answers.seen.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@contextmanager
def crawled(folder: Path, caps: str, *watches: Watch) -> Iterator[tuple[Home, list[Crawl]]]:
    """A home after one crawl of these watches."""
    host = urlsplit(watches[0].site).netloc
    text = f'allowed_hosts = ["{host}"]\n[crawl]\ndelay_s = 0\ncanary_s = 999999\n{caps}'
    (folder / "clipwarden.toml").write_text(text, encoding="utf-8")
    with open_home(folder, alone=True) as home:
        home.ledger.sync(brand(*watches))
        yield home, crawl(home, watches)


def test_dollars_are_never_passed(site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search without end stops at the purse; the watch says so, and what came is kept as paid for."""
    monkeypatch.setenv("CLIPWARDEN_X_BEARER_TOKEN", "token-of-tests")
    own = watch("TheHollowChoir", platform="x", site=site)
    with crawled(tmp_path, 'caps = {"x:dollars" = 6.0}\n', own) as (home, [ended]):
        dollars = spent(home.ledger, "x", "dollars", START)
        pages = [path for path in Answers.seen if path.endswith("/search/recent")]

        assert (ended.coverage, ended.cause) == (Coverage.PARTIAL, "budget")
        assert "6 dollars a month" in ended.why
        assert dollars <= 6.0
        assert dollars == pytest.approx(0.5 * len(pages) + 0.005 * (len(Answers.seen) - len(pages)), abs=0.02)


def test_searches_of_a_day_are_never_passed(site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight searches without end, and a cap of ten pages for all of them."""
    monkeypatch.setenv("CLIPWARDEN_YOUTUBE_API_KEY", "key-of-tests")
    watches = [watch(f"tag{number}", platform="youtube", site=site) for number in range(8)]
    caps = 'caps = {"youtube:search" = 10}\n'
    with crawled(tmp_path, caps, *watches) as (home, ended):
        assert spent(home.ledger, "youtube", "search", START) <= 10
        assert len([path for path in Answers.seen if path.endswith("/search")]) <= 10
        assert {one.cause for one in ended} <= {"budget", ""}


def test_without_its_credential_a_source_is_blind_and_says_how(
    site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No token: nothing is asked, and the watch names the command that helps."""
    monkeypatch.delenv("CLIPWARDEN_X_BEARER_TOKEN", raising=False)
    with crawled(tmp_path, "", watch("t", platform="x", site=site)) as (_, [ended]):
        assert (ended.coverage, ended.cause) == (Coverage.BLIND, "credential")
        assert "clipwarden login x" in ended.why
        assert Answers.seen == []
