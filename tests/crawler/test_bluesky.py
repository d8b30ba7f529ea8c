"""Search on loopback in one real crawl: one session a site, renewed once, and told when that does not help."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from scrapy.http import TextResponse

from app.crawling import crawl
from app.home import open_home
from core.causes import Cause
from core.coverage import Crawl
from core.records import Coverage, Presence
from crawler.spiders.bluesky import BlueskySpider
from store.spending import spent
from tests.builders import NOW, brand, watch

OK, BLIND = Coverage.OK, Coverage.BLIND
TAGS = ("one", "two", "three", "four")
GETPOSTS = (
    "https://public.api.bsky.app/xrpc/app.bsky.feed.getPosts?uris=at%3A%2F%2Fdid%3Aplc%3Aa1%2Fapp.bsky.feed.post%2F3k"
)


def view(tag: str, number: int) -> dict[str, object]:
    """A post with a video, as searchPosts shows it."""
    did = "did:plc:maker1"
    return {
        "uri": f"at://{did}/app.bsky.feed.post/{tag}{number}",
        "cid": "bafyreipost",
        "author": {"did": did, "handle": "maker.example"},
        "record": {"$type": "app.bsky.feed.post", "text": f"#{tag}", "createdAt": "2026-11-19T10:11:12.000Z"},
        "indexedAt": "2026-11-19T10:11:13.500Z",
        "embed": {"$type": "app.bsky.embed.video#view", "cid": "bafkreifile", "playlist": "https://v.example/p.m3u8"},
    }


@dataclass
class Site:
    """A server whose first token is good for some searches, and what it was asked: method and token.

    lasts    searches that a token is good for, of the first and of the renewed one
    renews   whether its refresh token is still good
    """

    lasts: tuple[int, int]
    renews: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)
    site: str = ""

    def answer(self, method: str, token: str, query: dict[str, str]) -> tuple[int, object]:
        """A status and a body, as the protocol has them."""
        self.asked.append((method, token))
        mine = f"of-{self.site.rsplit(':', 1)[-1]}"
        session = {"did": "did:plc:me", "handle": "me.example", "refreshJwt": f"refresh-{mine}"}
        if method == "createSession":
            return 200, session | {"accessJwt": f"first-{mine}"}
        if method == "refreshSession":
            expired = not self.renews or token != f"refresh-{mine}"
            return (400, {"error": "ExpiredToken"}) if expired else (200, session | {"accessJwt": f"second-{mine}"})
        good = dict(zip((f"first-{mine}", f"second-{mine}"), self.lasts, strict=True))
        if self.asked.count((method, token)) > good.get(token, 0):
            return 400, {"error": "ExpiredToken", "message": "Token has expired"}
        page = int(query.get("cursor", "0"))
        body = {"posts": [view(query["tag"], page)]} | ({"cursor": str(page + 1)} if page < 2 else {})
        return 200, body


class Handler(BaseHTTPRequestHandler):
    """Hands a question to the site of its server."""

    def do_GET(self) -> None:
        """Answer it, whether it was a GET or a POST."""
        parts, site = urlsplit(self.path), self.server.site  # type: ignore[attr-defined]  # hung on below
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        status, body = site.answer(parts.path.rsplit(".", 1)[-1], token, query)
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 - its caller's name

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Site], dict[str, Crawl], float]]:
    """The sites after one crawl, how each watch ended, and the sessions that were booked."""
    folder = tmp_path_factory.mktemp("home")
    sites = {
        "steady": Site(lasts=(99, 0)),
        "expiring": Site(lasts=(5, 99)),
        "lapsed": Site(lasts=(0, 99), renews=False),
        "useless": Site(lasts=(0, 0)),
    }
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLIPWARDEN_BLUESKY_HANDLE", "me.example")
        patch.setenv("CLIPWARDEN_BLUESKY_APP_PASSWORD", "app-password-of-tests")
        for one in sites.values():
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
            server.site = one  # type: ignore[attr-defined]  # what the handler reads
            one.site = f"http://127.0.0.1:{server.server_port}"
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            stack.callback(server.shutdown)
        hosts = [urlsplit(one.site).netloc for one in sites.values()]
        text = f"allowed_hosts = {json.dumps(hosts)}\n[crawl]\ndelay_s = 0\n"
        (folder / "clipwarden.toml").write_text(text, encoding="utf-8")
        asked = [
            watch(tag, id=f"{name}:{tag}", platform="bluesky", site=one.site)
            for name, one in sites.items()
            for tag in TAGS
        ]
        with open_home(folder, alone=True) as home:
            home.ledger.sync(brand(*asked))
            ended = {one.watch: one for one in crawl(home, asked)}
            yield sites, ended, spent(home.ledger, "bluesky", "sessions", NOW.replace(year=2000))


World = tuple[dict[str, Site], dict[str, Crawl], float]


def test_watches_of_a_crawl_share_one_session(world: World) -> None:
    """Four watches, one login a site; a canary that needs none makes none."""
    sites, _, booked = world
    made = {name: Counter(method for method, _ in one.asked)["createSession"] for name, one in sites.items()}

    assert made == dict.fromkeys(sites, 1)
    assert booked == len(sites)


def test_session_that_expires_is_renewed_once_and_nothing_is_lost(world: World) -> None:
    """It ran out in the middle of four feeds: every page of each is read, with one renewal for all."""
    sites, ended, _ = world
    told = {name: {(ended[f"{name}:{tag}"].coverage, ended[f"{name}:{tag}"].posts) for tag in TAGS} for name in sites}
    renewals = {name: [method for method, _ in one.asked].count("refreshSession") for name, one in sites.items()}

    assert told["steady"] == told["expiring"] == {(OK, 3)}
    assert renewals == {"steady": 0, "expiring": 1, "lapsed": 1, "useless": 1}


def test_session_that_cannot_be_renewed_is_a_matter_of_the_credential(world: World) -> None:
    """The renewal is refused, or does not help: blind, by name, and not asked for ever."""
    sites, ended, _ = world
    told = {(ended[f"{name}:{tag}"].coverage, ended[f"{name}:{tag}"].cause) for name in sites for tag in TAGS}
    searches = {name: [method for method, _ in one.asked].count("searchPosts") for name, one in sites.items()}

    assert told == {(OK, ""), (BLIND, Cause.CREDENTIAL)}
    assert searches["lapsed"] == 4
    assert searches["useless"] == 8


def test_token_of_one_site_is_shown_to_no_other(world: World) -> None:
    """Each site has made its own tokens, and seen no other's."""
    for one in world[0].values():
        assert {token.rsplit("-of-", 1)[-1] for _, token in one.asked if token} == {one.site.rsplit(":", 1)[-1]}


def test_post_is_rechecked_by_its_address_in_the_protocol() -> None:
    """getPosts leaves a deleted one out; what is no post's page is asked itself."""
    assert BlueskySpider.recheck_url("https://bsky.app/profile/did:plc:a1/post/3k") == GETPOSTS
    assert (
        BlueskySpider.recheck_url("https://bsky.app/profile/maker.example") == "https://bsky.app/profile/maker.example"
    )


@pytest.mark.parametrize(
    ("status", "body", "presence"),
    [
        (200, '{"posts": []}', Presence.GONE),
        (200, '{"posts": [{}]}', Presence.UP),
        (400, '{"error": "AccountTakedown"}', Presence.GONE),
        (200, '{"posts": 3}', Presence.UNCLEAR),
        (400, '{"error": ["AccountTakedown"]}', Presence.UNCLEAR),
        (200, '{"posts": [}', Presence.UNCLEAR),
        (200, "[]", Presence.UNCLEAR),
        (502, '{"posts": []}', Presence.UNCLEAR),
    ],
)
def test_only_an_answer_of_getposts_proves_anything(status: int, body: str, presence: Presence) -> None:
    """What is no such answer, or is of another type, proves nothing and breaks nothing."""
    answer = TextResponse(GETPOSTS, status=status, body=body.encode(), encoding="utf-8")

    assert BlueskySpider.seen_gone(answer) is presence
