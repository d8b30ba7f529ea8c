"""The collector: streams followed beside the crawls, until stopped."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from app.home import Home, held
from app.sources import tell
from core.coverage import STREAM
from core.errors import NotFound
from core.records import Coverage, Watch
from core.times import to_text
from crawler.collect import Collector, State
from crawler.egress_proxy import guard_process
from crawler.streams.stream import Feed, streams
from store import queries
from store.incidents import note_cycle

RELOAD_S = 60.0  # how soon a changed brand file is followed
FOLLOWED = timedelta(minutes=5)  # since the last word of a collector: after that nobody listens


def feeds_of(watches: Sequence[Watch], addresses: Sequence[str] = ()) -> list[Feed]:
    """The streams that serve these watches. addresses: in the place of Jetstream's public servers."""
    found: list[Feed] = []
    for platform, feeds in sorted(streams().items()):
        mine = [watch for watch in watches if watch.platform == platform]
        found += feeds(mine, addresses if platform == "bluesky" else ())
    return found


def streamed(home: Home) -> set[str]:
    """Ids of the watches that a collector is following now."""
    sql = "SELECT watch FROM crawls WHERE route = ? AND coverage = ? AND finished_at >= ?"
    since = to_text(datetime.now(UTC) - FOLLOWED)
    return {row["watch"] for row in home.ledger.rows(sql, [STREAM, Coverage.OK, since])}


def collect(home: Home, *, addresses: Sequence[str], seconds: float | None, heard: Callable[[State], None]) -> None:
    """Follow every stream that a watch can be heard on, until SIGTERM, Ctrl-C or the time is over.

    raises  NotFound when there is no such watch; Busy when another follows this home's streams
    """
    if not feeds_of(queries.watches(home.ledger), addresses):
        can = ", ".join(sorted(streams()))
        raise NotFound(f"no watch here can be followed as a stream; platforms that have one: {can}")
    network = home.settings.network
    guard_process(
        frozenset(home.settings.allowed_hosts), proxy=network.proxy, ca_file=network.ca_file, no_children=True
    )
    told = f"another `clipwarden collect` follows the streams of {home.folder}; stop it first"
    with held(home.folder / "collect.lock", told):  # crawls and the other stages go on beside it
        asyncio.run(_collect(home, addresses, seconds, heard))


async def _collect(home: Home, addresses: Sequence[str], seconds: float | None, heard: Callable[[State], None]) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if seconds is not None:
        loop.call_later(seconds, stop.set)
    while not stop.is_set():
        watches = queries.watches(home.ledger)
        feeds = feeds_of(watches, addresses)
        places = {feed.name: feed for feed in feeds}

        def hear(state: State, places: dict[str, Feed] = places) -> None:
            _incident(home, places[state.feed], state)
            heard(state)

        collector = Collector(
            home.ledger, home.blobs, hosts=home.settings.allowed_hosts, agent=home.settings.crawl.user_agent, heard=hear
        )
        turn = asyncio.Event()
        following = asyncio.create_task(collector.follow(feeds, turn))
        while not stop.is_set() and not following.done() and queries.watches(home.ledger) == watches:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RELOAD_S)
        turn.set()
        await following


def _incident(home: Home, feed: Feed, state: State) -> None:
    """Open an incident when a stream goes silent, close it when it speaks again; each said once."""
    if state.event not in {"blind", "connected"}:
        return
    blind = (state.cause, state.told) if state.event == "blind" else None
    changed = note_cycle(home.ledger, (feed.platform, feed.site, STREAM), blind, at=datetime.now(UTC))
    if changed:
        tell(changed)
