"""The tag page in a real Chromium, against a replica on loopback: what it loads is read, and a block is told as one."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from scrapy.http import HtmlResponse

from app.crawling import crawl
from app.home import open_home
from core.causes import Cause
from core.coverage import Crawl
from core.errors import PageChanged
from core.records import Coverage, Presence
from crawler.spiders.tiktok_page import CAPTURED, TiktokPageSpider, captured, shown
from tests.builders import brand, watch

TAGS = ("full", "blocked", "halved", "silent", "dead")
PAGE = """<!DOCTYPE html><html><head><title>#%(tag)s | TikTok</title></head>
<body><div id="feed" style="height: 3000px"></div>
<script id="__UNIVERSAL_DATA_FOR_REHYDRATION__" type="application/json">{"__DEFAULT_SCOPE__":
{"webapp.challenge-detail": {"statusCode": 0, "challengeInfo":
{"challenge": {"id": "7512", "title": "%(tag)s"}}}}}</script>
<script>
let cursor = 0, busy = false;
async function more() {
  if (busy || cursor < 0) return;
  busy = true;
  const answer = await fetch(`/api/challenge/item_list/?challengeID=%(tag)s&count=30&cursor=${cursor}`);
  const text = await answer.text();
  const data = text ? JSON.parse(text) : {};
  cursor = data.hasMore ? cursor + 30 : -1;
  document.getElementById("feed").style.height = document.getElementById("feed").offsetHeight + 2000 + "px";
  busy = false;
}
if ("%(tag)s" !== "silent") { more(); addEventListener("scroll", more); }
</script></body></html>"""


def item(number: int) -> dict[str, object]:
    """A video as the site's lists have it."""
    return {
        "id": str(7570000000000000000 + number),
        "desc": f"</script> she sings {number} #thehollowchoir",
        "createTime": 1763600000 + number,
        "author": {"id": "6800000000000000001", "uniqueId": "loop.example"},
        "video": {"duration": 14},
        "AIGCDescription": "",
    }


class Replica(BaseHTTPRequestHandler):
    """Tag pages, and lists of 30 that end after two."""

    def do_GET(self) -> None:
        """Answer as the site would."""
        parts = urlsplit(self.path)
        if parts.path == "/tag/dead":
            self.connection.close()
        elif parts.path.startswith("/tag/"):
            self._send((PAGE % {"tag": parts.path.rsplit("/", 1)[1]}).encode(), "text/html")
        elif parts.path.startswith("/api/challenge/"):
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            cursor, tag = int(asked["cursor"]), asked["challengeID"]
            empty = tag == "blocked" or (tag == "halved" and cursor)
            items = [item(cursor + number) for number in range(30)]
            body = {"statusCode": 0, "hasMore": cursor == 0, "itemList": items}
            self._send(b"" if empty else json.dumps(body).encode(), "application/json")
        else:
            self.send_error(404)

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def replica() -> Iterator[str]:
    """The replica's address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Replica) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Crawl], Path, set[str]]]:
    """How each tag's crawl ended, its log, and the ids of the posts."""
    folder = tmp_path_factory.mktemp("home")
    with replica() as site:
        text = f'allowed_hosts = ["{urlsplit(site).netloc}"]\n[crawl]\ndelay_s = 0\nfragile = ["tiktok_page"]\n'
        (folder / "clipwarden.toml").write_text(text, encoding="utf-8")
        asked = [watch(tag, id=tag, platform="tiktok_page", site=site) for tag in TAGS]
        with open_home(folder, alone=True) as home:
            home.ledger.sync(brand(*asked))
            found = {one.watch: one for one in crawl(home, asked)}
            posts = {row["id"] for row in home.ledger.rows("SELECT id FROM posts")}
            yield found, home.logs / "tiktok_page.log", posts


@pytest.mark.browser
def test_lists_that_the_page_loads_become_posts(ended: tuple[dict[str, Crawl], Path, set[str]]) -> None:
    """Both lists are read, the one that came at once and the one that a scroll brought."""
    crawls, _, posts = ended

    assert (crawls["full"].coverage, crawls["full"].posts) == (Coverage.OK, 60)
    assert posts == {f"tiktok:{7570000000000000000 + number}" for number in range(60)}


@pytest.mark.browser
def test_empty_answer_is_a_block_and_never_no_posts(ended: tuple[dict[str, Crawl], Path, set[str]]) -> None:
    """200 with nothing in it blinds the watch; after a good list it leaves a hole; a page without lists is blind."""
    crawls, _, _ = ended
    told = {tag: (crawls[tag].coverage, crawls[tag].cause) for tag in TAGS}

    assert told == {
        "full": (Coverage.OK, ""),
        "blocked": (Coverage.BLIND, Cause.EMPTY_BODY),
        "halved": (Coverage.PARTIAL, Cause.EMPTY_BODY),
        "silent": (Coverage.BLIND, Cause.EMPTY_BODY),
        "dead": (Coverage.BLIND, Cause.TROUBLE),
    }
    assert crawls["halved"].posts == 30


@pytest.mark.browser
def test_contexts_are_closed_also_after_an_error(ended: tuple[dict[str, Crawl], Path, set[str]]) -> None:
    """Six pages (a canary's too) in a context each, and each is closed: of the page that broke, too."""
    _, log, _ = ended
    stats = log.read_text(encoding="utf-8").split("Dumping Scrapy stats")[1]
    told = [re.search(rf"'{name}': (\d+)", stats) for name in ("playwright/context_count", "contexts/closed")]

    assert [found and int(found[1]) for found in told] == [6, 6]


def page(html: str, url: str = "https://www.tiktok.com/tag/x", status: int = 200) -> HtmlResponse:
    """A page as it came."""
    return HtmlResponse(url, status=status, body=html.encode(), encoding="utf-8")


def test_caption_cannot_end_the_data() -> None:
    """What the listener writes is read back, whatever a caption holds."""
    answers = {"answers": [{"url": "https://x.example", "status": 200, "body": "</script><script>alert(1)</script>"}]}
    text = json.dumps(answers).replace("<", "\\u003c")
    [answer] = captured(page(f'<script type="application/json" id="{CAPTURED}">{text}</script>'))

    assert answer.text("body") == answers["answers"][0]["body"]


@pytest.mark.parametrize("body", ["not json", "[1]", '{"answers": 3}', '{"answers": [3]}', "[" * 100_000])
def test_hostile_data_is_named(body: str) -> None:
    """A script that is not what we wrote is a change with a name, never a crash."""
    with pytest.raises(PageChanged):
        captured(page(f'<script id="{CAPTURED}">{body}</script>'))


def test_blocked_visitor_never_sees_a_post_gone() -> None:
    """An empty page, one without data, and code 10204 say nothing of a video; 10216 says it is private."""
    scope = '<script id="__UNIVERSAL_DATA_FOR_REHYDRATION__">{"__DEFAULT_SCOPE__":{"webapp.video-detail":%s}}</script>'
    told = [
        shown(page(html))
        for html in ("", "<html></html>", scope % '{"statusCode":10204}', scope % '{"statusCode":10216}')
    ]

    assert told == [Presence.UNCLEAR, Presence.UNCLEAR, Presence.UNCLEAR, Presence.PRIVATE]


def test_it_is_off_until_it_is_named() -> None:
    """Nobody starts a browser on TikTok by accident."""
    assert (TiktokPageSpider.fragile, TiktokPageSpider.uses_browser, TiktokPageSpider.secrets) == (True, True, ())
