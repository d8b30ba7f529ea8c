"""Streams lose nothing and double nothing, whatever the server and the network do; what was not heard is a gap."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from core.coverage import watched
from core.records import Coverage, Watch, WatchKind
from core.times import from_text
from core.words import hashtags
from crawler import collect
from crawler.collect import Collector, State
from crawler.streams import jetstream
from crawler.streams.mastodon import MastodonStream
from crawler.streams.stream import Feed, streams, wants
from store.blobs import Blobs
from store.coverage import crawls_since
from store.ledger import Ledger
from store.streams import place_of
from tests.builders import brand, post, watch
from tests.crawler.jetstream import START_US, Server, deleted, left, posted, running

PLACE = {"platform": "bluesky", "site": ""}
TAG = watch("lanterns", id="brand:bluesky:hashtag:lanterns", **PLACE)
WORDS = watch("moonlit gown", id="brand:bluesky:keyword:gown", kind=WatchKind.KEYWORD, **PLACE)
MAKER = watch("did:plc:vendor", id="brand:bluesky:account:vendor", kind=WatchKind.ACCOUNT, **PLACE)
ALL = (TAG, WORDS, MAKER)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hurry, and ask nobody outside for names."""
    monkeypatch.setattr(collect, "FLUSH_S", 0.05)
    monkeypatch.setattr(collect, "PAUSES_S", (0.01, 0.02))
    monkeypatch.setattr(collect, "CLOSE_S", 0.1)
    monkeypatch.setattr(jetstream, "PUBLIC", "http://127.0.0.1:9")  # refused at once: an id stands for the name


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with three watches of Bluesky."""
    with Ledger(tmp_path / "ledger.db") as opened:
        opened.sync(brand(TAG, WORDS, MAKER))
        yield opened


async def follow(
    ledger: Ledger, feeds: Sequence[Feed], until: Callable[[], bool], *, hosts: Sequence[str] = ("127.0.0.1",)
) -> list[State]:
    """Follow feeds until something is true; what was said meanwhile."""
    said: list[State] = []
    blobs = Blobs(ledger.path.parent / "blobs", ledger.path.parent / "tmp")
    collector = Collector(ledger, blobs, hosts=hosts, agent="test", heard=said.append)
    stop = asyncio.Event()
    task = asyncio.create_task(collector.follow(feeds, stop))
    async with asyncio.timeout(20):
        while not until() and not task.done():  # noqa: ASYNC110 - what is waited for stands in the ledger
            await asyncio.sleep(0.01)
    stop.set()
    await task
    return said


def hear(ledger: Ledger, server: Server, until: Callable[[], bool], watches: Sequence[Watch] = ALL) -> list[State]:
    """Follow a Jetstream on loopback."""

    async def run() -> list[State]:
        async with running(server):
            return await follow(ledger, [jetstream.Jetstream(watches, [server.url])], until)

    return asyncio.run(run())


def reached(ledger: Ledger, number: int) -> Callable[[], bool]:
    """Whether the stream was read to an event."""
    return lambda: (place_of(ledger, "jetstream") or 0) >= START_US + number * 1_000_000


def seen(ledger: Ledger) -> dict[str, set[str]]:
    """Watch -> the posts it saw."""
    found: dict[str, set[str]] = {}
    for row in ledger.rows("SELECT watch, post FROM sightings"):
        found.setdefault(row["watch"], set()).add(row["post"])
    return found


def test_each_watch_gets_its_posts_and_nobody_else_any(ledger: Ledger) -> None:
    """Tags, words and accounts are held against each message; a post without a video is none of ours."""
    events = [
        posted(1), posted(2, video=False), posted(3, "a Moonlit GOWN, made by a model"), posted(4, "gown"),
        posted(5, "new model out", did="did:plc:vendor"), posted(6, "cats"),
    ]  # fmt: skip
    hear(ledger, Server(events=list(events)), reached(ledger, 6))

    assert seen(ledger) == {
        TAG.id: {"bluesky:did:plc:maker/key1"},
        WORDS.id: {"bluesky:did:plc:maker/key3"},
        MAKER.id: {"bluesky:did:plc:vendor/key5"},
    }
    row = ledger.rows("SELECT * FROM posts WHERE id LIKE '%key1'")[0]
    assert (row["url"], row["author_id"]) == ("https://bsky.app/profile/did:plc:maker/post/key1", "did:plc:maker")
    assert from_text(row["posted_at"]) == datetime.fromtimestamp(START_US / 1e6 + 1, UTC)


def test_deletions_and_accounts_that_go_are_noted_of_our_posts_alone(ledger: Ledger) -> None:
    """The platform's own word that a post is gone comes free with the stream."""
    events = [
        posted(1), posted(2), posted(3, did="did:plc:other"), deleted(4, of=1), deleted(5, of=77),
        left(6, "did:plc:other"), left(7, "did:plc:stranger"), posted(8),
    ]  # fmt: skip
    hear(ledger, Server(events=list(events[:3])), reached(ledger, 3))
    hear(ledger, Server(events=list(events)), reached(ledger, 8))

    gone = {row["post"]: row["because"] for row in ledger.rows("SELECT * FROM removals")}
    assert gone == {
        "bluesky:did:plc:maker/key1": "deleted in the stream",
        "bluesky:did:plc:other/key3": "account takendown",
    }


def test_cut_connections_cost_nothing(ledger: Ledger) -> None:
    """A stream that is cut again and again is read from where it was; each post is seen once."""
    server = Server(events=[posted(number) for number in range(200)], drop_after=[1, 7, 30, 2, 90])
    hear(ledger, server, reached(ledger, 199))

    assert len(seen(ledger)[TAG.id]) == 200 == ledger.count("sightings")
    assert len(server.asked) == 6
    assert "cursor" not in server.asked[0]
    assert all("cursor=" in asked for asked in server.asked[1:])
    rows = ledger.rows("SELECT * FROM crawls WHERE watch = ?", [TAG.id])
    assert [(row["coverage"], row["posts"] >= 200) for row in rows] == [("ok", True)], "one stretch, one row"


def test_what_the_server_no_longer_keeps_is_a_gap(ledger: Ledger) -> None:
    """Beginning later than we asked to leaves a stretch that nobody saw, and the coverage says so."""
    hear(ledger, Server(events=[posted(number) for number in range(10)]), reached(ledger, 9))
    events = [posted(number) for number in [*range(10), *range(7200, 7300)]]
    said = hear(ledger, Server(events=list(events), kept_from=10), reached(ledger, 7299))

    assert [state.event for state in said if state.event == "gap"] == ["gap"]
    start = datetime.fromtimestamp(START_US / 1e6, UTC)
    crawls = crawls_since(ledger, start)[TAG.id]
    told = watched(crawls, since=start, until=start + timedelta(seconds=7299), slack=timedelta(0))
    assert told.share == pytest.approx((9 + 99) / 7299, abs=0.001)
    assert len(told.gaps) == 1


def test_nobody_listening_is_blindness_by_name(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that cannot be had is told once, with its cause, and is no silence in the coverage."""
    monkeypatch.setattr(collect, "BLIND_AFTER_S", 0.05)

    def told() -> bool:
        return bool(ledger.rows("SELECT 1 FROM crawls WHERE coverage = 'blind'"))

    feed = jetstream.Jetstream([TAG], ["ws://127.0.0.1:9"])
    said = asyncio.run(follow(ledger, [feed], told))

    assert [state.cause for state in said if state.event == "blind"] == ["trouble"]
    (row,) = ledger.rows("SELECT * FROM crawls")
    assert (row["coverage"], row["cause"], row["route"]) == ("blind", "trouble", "stream")


def test_private_address_is_refused(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server at an address that is not public is not asked, unless it is allowed by name."""
    monkeypatch.setattr(collect, "BLIND_AFTER_S", 0.0)
    feed = jetstream.Jetstream([TAG], ["ws://127.0.0.1:9"])
    said: list[State] = []
    said = asyncio.run(follow(ledger, [feed], lambda: ledger.count("crawls") > 0, hosts=()))

    assert {state.cause for state in said if state.event == "lost"} == {"refused"}


HOSTILE: list[str | bytes] = [
    b"\xff\xfe", "[" * 100_000, "{}", '{"did": 1, "time_us": "now", "kind": []}',
    json.dumps(posted(2) | {"commit": None}), json.dumps(posted(2) | {"time_us": 10**30}),
]  # fmt: skip


def spoiled() -> Iterator[dict[str, Any]]:
    """Posts whose author wrote nonsense into the record."""
    for number, change in enumerate(
        [{"text": 7}, {"langs": [{}, 3]}, {"tags": {"a": 1}}, {"facets": [1, {"features": [{"tag": []}]}]},
         {"text": "#lanterns \ud800"}, {"labels": {"values": [[]]}}, {"text": "#lanterns " + "x" * 300_000}],
        start=10,
    ):  # fmt: skip
        event = posted(number)
        event["commit"]["record"] |= change
        yield event


def test_hostile_messages_cost_themselves_alone(ledger: Ledger) -> None:
    """Neither broken messages nor records made to break the reader stop the stream."""
    hear(ledger, Server(events=[posted(1), *HOSTILE[:5], *spoiled(), posted(30)]), reached(ledger, 30))

    assert {"bluesky:did:plc:maker/key1", "bluesky:did:plc:maker/key30"} <= seen(ledger)[TAG.id]


@pytest.mark.parametrize("message", HOSTILE)
def test_stream_that_changed_is_named(ledger: Ledger, message: str | bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages that are none of the stream's, one after another, are a change, not silence."""
    monkeypatch.setattr(collect, "BLIND_AFTER_S", 0.0)
    said = hear(ledger, Server(events=[message] * 60), lambda: ledger.count("crawls") > 0)

    assert "changed" in {state.cause for state in said if state.event == "lost"}


def test_names_are_asked_for_the_posts_that_are_kept(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream tells ids; people know names: for what is kept they are asked, and accounts are found by them."""
    asked: list[str] = []

    async def profiles(names: Sequence[str], get: object) -> list[tuple[str, str]]:
        asked.extend(names)
        known = {"did:plc:maker": "maker.example", "vendor.example": "did:plc:vendor"}
        return [
            (name, known[name]) if name.startswith("did:") else (known[name], name) for name in names if name in known
        ]

    monkeypatch.setattr(jetstream, "_profiles", profiles)
    named = replace(MAKER, query="@Vendor.example")
    lost = replace(MAKER, id="brand:bluesky:account:nobody", query="nobody.example")
    ledger.sync(brand(TAG, named, lost))
    events = [posted(1), posted(2), posted(3, "ours", did="did:plc:vendor"), posted(4, "cats", did="did:plc:cats")]
    said = hear(ledger, Server(events=list(events)), reached(ledger, 4), watches=(TAG, named, lost))

    handles = {row["id"]: row["author_handle"] for row in ledger.rows("SELECT id, author_handle FROM posts")}
    assert handles == {
        "bluesky:did:plc:maker/key1": "maker.example",
        "bluesky:did:plc:maker/key2": "maker.example",
        "bluesky:did:plc:vendor/key3": "vendor.example",
    }
    assert asked.count("did:plc:maker") == 1
    assert [state.event for state in said if lost.id in state.told] == ["deaf"]
    assert {row["watch"] for row in ledger.rows("SELECT watch FROM crawls")} == {TAG.id, named.id}


def test_mastodon_stream_subscribes_to_each_tag(ledger: Ledger) -> None:
    """One connection an instance; what its messages hold goes to the watches that asked."""
    subscribed: list[Any] = []

    async def answer(socket: ServerConnection) -> None:
        subscribed.append(json.loads(await socket.recv()))
        for event, payload in (("update", json.dumps(_status())), ("delete", "7")):
            await socket.send(json.dumps({"stream": ["hashtag", "lanterns"], "event": event, "payload": payload}))
        await socket.wait_closed()

    async def run() -> None:
        async with serve(answer, "127.0.0.1", 0) as listening:
            port = next(iter(listening.sockets)).getsockname()[1]
            mine = watch("#Lanterns", site=f"http://127.0.0.1:{port}")
            ledger.sync(brand(mine))
            await follow(ledger, [MastodonStream(mine.site, [mine])], lambda: ledger.count("posts") > 0)

    asyncio.run(run())
    assert subscribed == [{"type": "subscribe", "stream": "hashtag", "tag": "lanterns"}]
    assert [row["text"] for row in ledger.rows("SELECT text FROM posts")] == ["a #lanterns film"]
    (row,) = ledger.rows("SELECT * FROM crawls")
    assert (row["route"], row["coverage"]) == ("stream", Coverage.OK)


def _status() -> dict[str, Any]:
    video: dict[str, Any] = {
        "id": "1",
        "type": "video",
        "url": "https://m.example/1.mp4",
        "remote_url": None,
        "meta": {},
    }
    return {
        "id": "5", "uri": "https://m.example/users/a/statuses/5", "url": "https://m.example/@a/5",
        "created_at": "2026-11-20T10:00:00Z", "content": "<p>a #lanterns film</p>", "language": "en",
        "account": {"acct": "a", "url": "https://m.example/@a"}, "tags": [{"name": "lanterns"}],
        "media_attachments": [video], "favourites_count": 0, "reblogs_count": 0, "replies_count": 0, "reblog": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "text", "kept"),
    [
        ("moonlit gown", "the GOWN was moonlit", True),
        ('"moonlit gown"', "the gown was moonlit", False),
        ('"moonlit gown" seedance', "Seedance: Moonlit Gown!", True),
        ("gown #lanterns", "a gown #Lanterns", True),
        ("gown #lanterns", "a gown of lanterns", False),
        ("花嫁", "美しい花嫁です", True),
        ("", "anything", False),
    ],
)
def test_keyword_watch_wants_every_word(query: str, text: str, *, kept: bool) -> None:
    """All words, a quoted phrase as it stands, tags as tags."""
    assert wants(replace(WORDS, query=query), post(1, text=text, hashtags=hashtags(text))) is kept


def test_every_stream_is_found_by_the_walk() -> None:
    """A stream is one file: no list names it."""
    assert {"bluesky", "mastodon"} <= streams().keys()
