"""Instances of many minds on loopback, in one real crawl: what is closed is told, and a token stays at home."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import Request
from scrapy.http import TextResponse

from app.crawling import crawl
from app.home import open_home
from core.causes import Cause
from core.coverage import Crawl
from core.errors import PageChanged, SourceBlind
from core.records import Coverage, Presence, WatchKind
from crawler.fields import Fields
from crawler.runs import WatchRun
from crawler.spiders.mastodon import MastodonSpider, canonical, closed_feeds, next_link, tokens
from tests.builders import NOW, brand, watch

OK, PARTIAL, BLIND = Coverage.OK, Coverage.PARTIAL, Coverage.BLIND
HASHTAG, KEYWORD, ACCOUNT = WatchKind.HASHTAG, WatchKind.KEYWORD, WatchKind.ACCOUNT


def status(number: int, home: str = "https://origin.example", *, text: str = "a loop") -> dict[str, object]:
    """A status with a silent clip, as any instance that holds it shows it."""
    media: dict[str, object] = {
        "type": "gifv",
        "url": f"https://cdn.example/{number}.mp4",
        "remote_url": None,
        "meta": {},
    }
    return {
        "id": str(116499811256320000 - number),
        "uri": f"{home}/users/maker/statuses/{number}",
        "url": f"{home}/@maker/{number}",
        "created_at": "2026-11-19T10:11:12.000Z",
        "content": text,
        "reblog": None,
        "account": {"acct": "maker@origin.example", "url": f"{home}/@maker"},
        "media_attachments": [media],
        "tags": [],
    }


@dataclass
class Instance:
    """What one instance shows, and what it was asked: (path, query, token)."""

    feeds: tuple[str, str] | None = ("public", "public")
    searches: bool = True
    away: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    site: str = ""

    def paths(self, end: str) -> list[str]:
        """What was asked for at addresses that end so."""
        return [query for path, query, _ in self.asked if path.endswith(end)]

    def answer(self, path: str, asked: dict[str, str], token: str) -> tuple[int, object]:
        """As Mastodon 4.5 answers: a status and a body."""
        if path.endswith("/api/v2/instance"):
            said = dict(zip(("local", "remote"), self.feeds or (), strict=False))
            found = {"configuration": {"timelines_access": {"hashtag_feeds": said}}}
            return (200, found) if self.feeds else (404, {"error": "Not found"})
        if path.endswith("/api/v2/search"):
            hits = [status(900)] if self.searches and asked["q"] in {"choir", "video"} and "offset" not in asked else []
            return (200, {"statuses": hits}) if token else (401, {"error": "The access token is invalid"})
        if path.endswith("/timelines/tag/loops"):
            return self._tag(asked, member=bool(token))
        if path.endswith("/accounts/lookup"):
            return 200, {"id": "77"}
        return 200, ([status(77)] if path.endswith("/77/statuses") and "max_id" not in asked else [])

    def _tag(self, asked: dict[str, str], *, member: bool) -> tuple[int, object]:
        half = next((feed for feed in ("local", "remote") if feed in asked), "")
        of = dict(zip(("local", "remote"), self.feeds or ("public",) * 2, strict=True))
        if not member and any(access != "public" for feed, access in of.items() if feed == half or not half):
            return 422, {"error": "This method requires an authenticated user"}
        shown = self.feeds != ("disabled", "disabled") and "max_id" not in asked
        return 200, ([status(1), status(2)] if shown else [])


class Handler(BaseHTTPRequestHandler):
    """Hands a question to the instance of its server."""

    def do_GET(self) -> None:
        """Note it, and answer."""
        parts, instance = urlsplit(self.path), self.server.instance  # type: ignore[attr-defined]  # hung on below
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        instance.asked.append((parts.path, parts.query, token))
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        moved = instance.away and "/timelines/" in parts.path
        code, body = (302, {}) if moved else instance.answer(parts.path, asked, token)
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if moved:
            self.send_header("Location", instance.away + self.path)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(instance: Instance) -> Iterator[Instance]:
    """An instance at an address of its own."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.instance = instance  # type: ignore[attr-defined]  # what the handler reads
        instance.site = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield instance
        server.shutdown()


@dataclass
class World:
    """All instances after one crawl, how each watch ended, the posts stored, and the log."""

    instances: dict[str, Instance]
    ended: dict[str, Crawl]
    posts: set[str]
    log: str


INSTANCES = {
    "open": Instance(),
    "older": Instance(feeds=None),
    "half": Instance(feeds=("public", "disabled")),
    "closed": Instance(feeds=("disabled", "disabled")),
    "members": Instance(feeds=("authenticated", "authenticated")),
    "let-in": Instance(feeds=("authenticated", "authenticated")),
    "unsearched": Instance(searches=False),
    "moving": Instance(),
}
TOKENS = ("let-in", "unsearched", "moving")
ASKED = [
    *(("open", HASHTAG, query) for query in ("loops", "nobody", "nothing")),
    *((name, HASHTAG, "loops") for name in INSTANCES if name not in {"open", "unsearched"}),
    ("half", HASHTAG, "nobody"),
    ("open", ACCOUNT, "@maker@origin.example"),
    ("open", KEYWORD, "choir"),
    *((name, KEYWORD, query) for name in ("let-in", "unsearched") for query in ("choir", "neverwritten")),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One crawl of all of them, with tokens of three."""
    folder = tmp_path_factory.mktemp("home")
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        for instance in INSTANCES.values():
            stack.enter_context(serving(instance))
        INSTANCES["moving"].away = INSTANCES["open"].site
        mine = {
            f"token-of-{name}": urlsplit(INSTANCES[name].site).netloc for name in ("let-in", "unsearched", "moving")
        }
        patch.setenv("CLIPWARDEN_MASTODON_TOKEN", " ".join(f"{token}@{host}" for token, host in mine.items()))
        hosts = [urlsplit(instance.site).netloc for instance in INSTANCES.values()]
        text = f"allowed_hosts = {json.dumps(hosts)}\n[crawl]\ndelay_s = 0\n"
        (folder / "clipwarden.toml").write_text(text, encoding="utf-8")
        watches = [
            watch(query, id=f"{name}:{kind}:{query}", site=INSTANCES[name].site, kind=kind)
            for name, kind, query in ASKED
        ]
        with open_home(folder, alone=True) as home:
            home.ledger.sync(brand(*watches))
            ended = {one.watch: one for one in crawl(home, watches)}
            posts = {row["id"] for row in home.ledger.rows("SELECT id FROM posts")}
            log = (home.logs / "mastodon.log").read_text(encoding="utf-8")
            yield World(INSTANCES, ended, posts, log)


def test_every_watch_ends_as_its_instance_is(world: World) -> None:
    """Open is whole, half is partial, closed is blind, by name; an empty tag is only empty where tags are shown."""
    told = {name: (one.coverage, one.cause, one.posts) for name, one in world.ended.items()}

    assert told == {
        "open:hashtag:loops": (OK, "", 2),
        "open:hashtag:nobody": (OK, "", 0),
        "open:hashtag:nothing": (OK, "", 0),
        "older:hashtag:loops": (OK, "", 2),
        "half:hashtag:loops": (PARTIAL, Cause.FEED_DISABLED, 2),
        "half:hashtag:nobody": (PARTIAL, Cause.FEED_DISABLED, 0),
        "closed:hashtag:loops": (BLIND, Cause.FEED_DISABLED, 0),
        "members:hashtag:loops": (BLIND, Cause.CREDENTIAL, 0),
        "let-in:hashtag:loops": (OK, "", 2),
        "moving:hashtag:loops": (OK, "", 2),
        "open:account:@maker@origin.example": (OK, "", 1),
        "open:keyword:choir": (BLIND, Cause.CREDENTIAL, 0),
        "let-in:keyword:choir": (OK, "", 1),
        "let-in:keyword:neverwritten": (OK, "", 0),
        "unsearched:keyword:choir": (BLIND, Cause.FEED_DISABLED, 0),
        "unsearched:keyword:neverwritten": (BLIND, Cause.FEED_DISABLED, 0),
    }
    assert "remote posts are disabled" in world.ended["half:hashtag:loops"].why


def test_instance_is_asked_for_its_word_once(world: World) -> None:
    """Three tags and a canary of one instance share its answer; so do searches that found nothing."""
    words = {name: len(one.paths("/api/v2/instance")) for name, one in world.instances.items()}

    assert words == dict.fromkeys(INSTANCES, 1)
    assert [query for query in world.instances["unsearched"].paths("search") if "limit=1&" in f"{query}&"] == [
        "q=video&type=statuses&limit=1"
    ]


def test_half_closed_feed_is_asked_for_its_open_half(world: World) -> None:
    """Asked for both, Mastodon wants a login for either."""
    asked = {"local=true" in query for query in world.instances["half"].paths("/timelines/tag/loops")}

    assert asked == {True}


def test_post_seen_on_many_instances_is_one(world: World) -> None:
    """Five instances hold the same two posts: the uri names them, not who showed them."""
    ids = {f"mastodon:origin.example/users/maker/statuses/{number}" for number in (1, 2, 77, 900)}

    assert world.posts == ids


def test_token_is_sent_to_its_own_instance_alone(world: World) -> None:
    """Each instance has seen its own token or none; one that leads elsewhere takes none along."""
    seen = {name: {token for _, _, token in one.asked if token} for name, one in world.instances.items()}

    assert seen == {name: {f"token-of-{name}"} if name in TOKENS else set() for name in INSTANCES}
    assert "token-of-" not in world.log


def test_word_of_half_an_instance_is_read_for_whom_we_are() -> None:
    """A member is let into what is for members, never into what is disabled; other software says nothing."""

    def said(local: object, remote: object) -> Fields:
        feeds = {"local": local, "remote": remote}
        return Fields({"configuration": {"timelines_access": {"hashtag_feeds": feeds}}}, where="w")

    assert closed_feeds(said("authenticated", "public"), member=True) == {}
    assert closed_feeds(said("authenticated", "public"), member=False) == {"local": "authenticated"}
    assert closed_feeds(said("authenticated", "disabled"), member=True) == {"remote": "disabled"}
    assert closed_feeds(Fields({"configuration": []}, where="w"), member=False) == {}
    with pytest.raises(SourceBlind) as told:
        closed_feeds(said("authenticated", "disabled"), member=False)
    assert told.value.cause == Cause.CREDENTIAL


@given(st.text("abT0 .:@", max_size=60))
def test_token_without_its_instance_is_sent_nowhere(text: str) -> None:
    """Whatever is given, only what names a host is kept, and it goes to that host over a private wire alone."""
    spider = MastodonSpider(secret={"MASTODON_TOKEN": text})
    found = tokens(text)

    assert all(host and token for host, token in found.items())
    for host in found:
        assert not spider._token(f"http://{host}.example/")
    assert spider._token("https://unnamed.example") == {}


@pytest.mark.parametrize(
    ("page", "asked"),
    [
        ("https://a.example/@maker/116499811256320000", "https://a.example/api/v1/statuses/116499811256320000"),
        (
            "https://a.example/users/m/statuses/116499811256320000",
            "https://a.example/api/v1/statuses/116499811256320000",
        ),
        ("https://a.example/notice/AzWq4Z0XnKb8cXhTmC", "https://a.example/api/v1/statuses/AzWq4Z0XnKb8cXhTmC"),
        ("https://a.example/p/maker/761234567890123456", "https://a.example/p/maker/761234567890123456"),
        ("https://a.example/@maker/12", "https://a.example/@maker/12"),
        ("not an address", "not an address"),
    ],
)
def test_post_is_rechecked_where_it_is_at_home(page: str, asked: str) -> None:
    """Mastodon's and Pleroma's posts at their interface; another software's at its page."""
    assert MastodonSpider.recheck_url(page) == asked


def test_only_the_interface_says_that_a_status_is_gone() -> None:
    """404 with its own error is proof; a page in the interface's place is none."""
    url = "https://a.example/api/v1/statuses/116499811256320000"
    told = [
        MastodonSpider.seen_gone(TextResponse(url, status=404, body=body, encoding="utf-8"))
        for body in (b'{"error":"Record not found"}', b"<html>no such page</html>")
    ]

    assert told == [Presence.GONE, Presence.UNCLEAR]


def test_uri_names_a_post_whatever_its_scheme_and_case() -> None:
    """The same post by http and https, and with its host in capitals, is one."""
    assert len({canonical(uri) for uri in ("https://A.example/x/Y", "http://a.example/x/Y", "a.example/x/Y")}) == 1


def test_page_that_lies_about_its_time_does_not_end_the_feed() -> None:
    """One post dated far back among new ones: what comes after the page is asked for; all of them old, it is not."""
    own = watch("TheHollowChoir", site="https://pics.example")
    spider = MastodonSpider(runs={own.id: WatchRun(watch=own, ground_at=NOW, started_at=NOW)})
    asked = []
    for times in (("2026-11-21", "2001-01-01"), ("2001-01-01", "2001-01-01")):
        page = [status(number) | {"created_at": f"{at}T00:00:00.000Z"} for number, at in enumerate(times)]
        answer = TextResponse(f"{own.site}/api/v1/timelines/tag/x?limit=40", body=json.dumps(page).encode())
        asked.append([one.url for one in spider.read(answer, own) if isinstance(one, Request)])

    assert asked == [[f"{own.site}/api/v1/timelines/tag/x?limit=40&max_id=116499811256319999"], []]


def test_next_page_is_asked_for_as_the_first_was() -> None:
    """Software behind a proxy names its next page by http: no token goes there over an open wire, and it is read."""
    header = '<http://pics.example/api/v1/timelines/tag/x?max_id=1>; rel="next"'
    answer = TextResponse("https://pics.example/api/v1/timelines/tag/x", headers={"Link": header}, body=b"[]")

    assert next_link(answer) == "https://pics.example/api/v1/timelines/tag/x?max_id=1"
    with pytest.raises(PageChanged, match="Link"):
        next_link(answer.replace(headers={"Link": '<https://[>; rel="next"'}))
