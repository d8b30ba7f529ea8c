"""Instagram shows a day and thirty hashtags: what lies outside is told, and what may be spent is named."""

import threading
from collections.abc import Iterable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from scrapy import Request
from scrapy.http import TextResponse

from app.crawling import crawl
from app.home import open_home
from core.causes import Cause
from core.errors import PageChanged, SourceBlind
from core.records import Coverage, Post, Watch, WatchKind
from crawler.platform import now
from crawler.runs import WatchRun
from crawler.spiders.instagram import InstagramSpider, used
from tests.builders import brand, watch

FROZEN = Path(__file__).parents[1] / "fixtures" / "platforms" / "instagram"
TAG = watch("#TheHollowChoir", platform="instagram", site="")
SEARCHED = b'{"data": [{"id": "17843800000000001"}]}'


def spider(asked: Watch = TAG, *, hours: float | None = None) -> InstagramSpider:
    """One whose watch was last crawled soundly some hours ago, or never."""
    ground = now() - timedelta(hours=hours) if hours is not None else None
    made = InstagramSpider(runs={asked.id: WatchRun(watch=asked, ground_at=ground, started_at=now())})
    made.secret = {"INSTAGRAM_TOKEN": "secret-token", "INSTAGRAM_USER_ID": "178"}
    return made


def asks(found: Iterable[Post | Request]) -> list[Request]:
    """The questions among what was read."""
    return [one for one in found if isinstance(one, Request)]


def searched(url: str = "https://graph.facebook.com/v25.0/ig_hashtag_search?q=x", **headers: str) -> TextResponse:
    """The answer that names a hashtag's number."""
    return TextResponse(url, body=SEARCHED, encoding="utf-8", headers=headers)


@pytest.mark.parametrize(("hours", "whole"), [(None, True), (6, True), (23.9, True), (24.1, False), (200, False)])
def test_day_that_was_missed_is_told(hours: float | None, *, whole: bool) -> None:
    """A crawl more than 24 hours after the last is partial; and ground for the next, since none can reach the hole."""
    crawler = spider(hours=hours)
    list(crawler.read(searched(), TAG))
    run = crawler.runs[TAG.id]
    run.pages = 1
    told = run.outcome(now())

    assert (told.coverage, told.ground) == (Coverage.OK if whole else Coverage.PARTIAL, True)
    assert whole or (told.cause == Cause.CUT and "shows 24" in told.why)


def test_hashtag_is_booked_once_by_its_own_name() -> None:
    """The thirty are counted by the tag, however it is written; the pages of its media cost none."""
    crawler = spider()
    [search] = crawler.requests(TAG)
    [media] = asks(crawler.read(searched(), TAG))

    assert search.meta["spends"] == {"hashtags": ("thehollowchoir", 1)}
    assert media.meta["spends"] == {}


def test_token_stands_in_no_address() -> None:
    """What is logged and kept as an address never holds it."""
    crawler = spider()
    asked = [*crawler.requests(TAG), *asks(crawler.read(searched(), TAG))]

    assert all(request.headers["Authorization"] == b"Bearer secret-token" for request in asked)
    assert not [request.url for request in asked if "secret-token" in request.url]


@pytest.mark.parametrize(
    ("header", "percent"),
    [
        ('{"call_count": 28, "total_cputime": 96, "total_time": 25}', 96),
        ('{"178": [{"type": "instagram", "call_count": 100, "estimated_time_to_regain_access": 500}]}', 100),
        ("{}", 0),
        ("nonsense", 0),
        ('{"call_count": "many"}', 0),
    ],
)
def test_usage_is_the_worst_of_its_counts(header: str, percent: float) -> None:
    """Calls, processor and time each count; minutes until access do not, nor what is no number."""
    assert used(searched(**{"X-Business-Use-Case-Usage": header})) == percent


@pytest.mark.parametrize("name", ["a){id},media(", "x y", "", "ü", "a" * 41])
def test_account_name_cannot_rewrite_the_question(name: str) -> None:
    """A name goes into the field list, so that only a name may."""
    asked = watch(name, platform="instagram", site="", kind=WatchKind.ACCOUNT)
    with pytest.raises(SourceBlind) as told:
        list(spider(asked).requests(asked))

    assert told.value.cause == Cause.OURS


def test_cursor_cannot_rewrite_the_question() -> None:
    """A cursor of the answer goes back into the field list: only what looks like one."""
    asked = watch("a", platform="instagram", site="", kind=WatchKind.ACCOUNT)
    body = (
        b'{"business_discovery": {"id": "1", "username": "a", "media": {"data": [{"id": "1", "permalink":'
        b' "https://www.instagram.com/p/A/", "media_type": "IMAGE"}], "paging": {"cursors": {"after": "x){id}"}}}}}'
    )
    answer = TextResponse("https://graph.facebook.com/v25.0/178?fields=x", body=body, encoding="utf-8")
    with pytest.raises(PageChanged, match="after"):
        list(spider(asked).read(answer, asked))


class Graph(BaseHTTPRequestHandler):
    """The Graph API as it pages: the same `after` on each page, until one is empty."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """A hashtag's number, two pages and an empty one; an account for the canary."""
        name = "hashtag" if "ig_hashtag_search" in self.path else "account_last_page"
        if self.path.startswith("/v25.0/178?"):
            name = "account" if "after" not in self.path else name
        if "/recent_media" in self.path:
            self.asked.append(self.path)
            name = ("recent_page1", "recent_page2_same_cursor", "recent_empty")[len(self.asked) - 1]
        body = (FROZEN / f"{name}.json").read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_repeated_cursor_is_followed_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a real crawl the same cursor twice is no loop; the hashtag is booked once; the token is in no file."""
    monkeypatch.setenv("CLIPWARDEN_INSTAGRAM_TOKEN", "secret-token-of-the-test")
    monkeypatch.setenv("CLIPWARDEN_INSTAGRAM_USER_ID", "178")
    with ThreadingHTTPServer(("127.0.0.1", 0), Graph) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{server.server_port}"
        settings = f'allowed_hosts = ["{host}"]\n[crawl]\ndelay_s = 0\n'
        (tmp_path / "clipwarden.toml").write_text(settings, encoding="utf-8")
        asked = watch("#TheHollowChoir", platform="instagram", site=f"http://{host}/v25.0")
        with open_home(tmp_path, alone=True) as home:
            home.ledger.sync(brand(asked))
            [ended] = crawl(home, [asked])
            booked = home.ledger.rows("SELECT thing, units FROM spending")
        server.shutdown()
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and b"secret-token-of-the-test" in path.read_bytes()]

    assert (ended.coverage, ended.pages, ended.posts, len(Graph.asked)) == (Coverage.OK, 3, 6, 3)
    assert booked == [{"thing": "thehollowchoir", "units": 1.0}]
    assert kept == []
