"""Follow streams for as long as one is let: what they tell into the ledger, and how far they were read.

What was heard and the place in the stream are written in one transaction, so that a kill at any point loses and
doubles nothing where the stream can be resumed. A stretch that was not heard is a gap in the coverage, with its cause.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from core.causes import Cause
from core.coverage import STREAM, Crawl
from core.errors import ClipwardenError, FetchRefused, PageChanged, SourceBlind
from core.records import Coverage, Post, Watch
from crawler import egress
from crawler.platform import now, unstorable
from crawler.runs import Lost
from crawler.streams.stream import Feed, Heard
from store.blobs import Blobs
from store.coverage import save_removals
from store.ledger import Ledger
from store.streams import authors_of, place_of, save_left, save_place, save_stretch

FLUSH_S = 2.0
FLUSH_AT = 500  # posts or removals
SILENT_S = 60.0  # a stream of a whole network that says nothing for so long is dead
GAP_US = 60_000_000  # between where we asked to go on and what came first: more, and the server kept less than that
BLIND_AFTER_S = 60.0  # without a connection: before that it is a hiccup
PAUSES_S = (1.0, 60.0)
CLOSE_S = 1.0  # a server that is still sending does not hear our goodbye
MOST_MESSAGE_BYTES = 4 << 20
MOST_ANSWER_BYTES = 4 << 20
ODD = 50  # messages in a row that are none of the stream's


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How a feed is doing, for whoever looks on.

    event    "" for a count now and then; else what happened: connected, lost, closed, gap, deaf
    behind_s how old the last message was when it came, by the stream's clock; None when it has none
    """

    feed: str
    event: str = ""
    told: str = ""
    cause: str = ""
    messages: int = 0
    posts: int = 0
    behind_s: float | None = None


@dataclass(slots=True)
class _Batch:
    posts: list[tuple[Watch, Post, bytes]] = field(default_factory=list)
    removals: list[tuple[str, str]] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)


class Collector:
    """Follows some feeds at once.

    hosts      that may stand at a private address, as the process' own guard has them
    heard      called with a State at each flush and when something happens
    """

    def __init__(
        self, ledger: Ledger, blobs: Blobs, *, hosts: Iterable[str], agent: str, heard: Callable[[State], None]
    ) -> None:
        self.ledger, self.blobs, self.heard, self.agent = ledger, blobs, heard, agent
        self.allowed = egress.Allowed.of(hosts)

    async def follow(self, feeds: Sequence[Feed], stop: asyncio.Event) -> None:
        """Follow feeds until `stop`; then what was heard is written, and it ends."""
        timeout = aiohttp.ClientTimeout(total=20)
        session = aiohttp.ClientSession(headers={"User-Agent": self.agent}, timeout=timeout, trust_env=True)
        async with session, asyncio.TaskGroup() as group:
            for feed in feeds:
                group.create_task(_Follower(self, feed, session, stop).run())

    def check(self, url: str) -> None:
        """Refuse an address that is private, or no plain one."""
        egress.check_url(url.replace("ws", "http", 1) if url.startswith("ws") else url, self.allowed)


class _Follower:
    """One feed: connected, read, written; again after each loss."""

    def __init__(self, owner: Collector, feed: Feed, session: aiohttp.ClientSession, stop: asyncio.Event) -> None:
        self.owner, self.feed, self.session, self.stop = owner, feed, session, stop
        self.ledger = owner.ledger
        self.cursor = place_of(self.ledger, feed.name) if feed.resumes else None
        self.authors = authors_of(self.ledger, feed.platform)
        self.batch, self.stretch, self.outage = _Batch(), dict[str, int](), dict[str, int]()
        self.seen_from: datetime | None = None
        self.reached: datetime | None = None
        self.messages = self.posts = self.odd = 0
        self.flushed_at = 0.0

    async def run(self) -> None:
        """Follow the feed until we are to stop."""
        loop = asyncio.get_running_loop()
        tries, lost_at = 0, loop.time()
        while not self.stop.is_set():
            address = self.feed.addresses[tries % len(self.feed.addresses)]
            lost: Lost | None = None
            try:
                before = self.messages
                await self._once(address)
            except Exception as error:  # noqa: BLE001 - whatever a stranger's server does, the stream is tried again
                lost = _lost(address, error)
            if self.messages > before:
                tries, lost_at = 0, loop.time()
            if lost is None or self.stop.is_set():
                continue
            tries += 1
            self._tell("lost", lost.why, lost.cause)
            if loop.time() - lost_at >= BLIND_AFTER_S or tries >= len(self.feed.addresses) + 2:
                self._blind(lost)
            await self._pause(tries)

    async def _pause(self, tries: int) -> None:
        least, most = PAUSES_S
        pause = min(most, least * 2 ** min(tries - 1, 10)) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), pause)

    async def _once(self, address: str) -> None:
        """One connection, from its beginning to its end or ours."""
        await self.feed.prepare(self._get)
        for watch, why in self.feed.deaf.items():
            self._tell("deaf", f"{watch}: {why}")
        url = self.feed.url(address, self.cursor)
        self.owner.check(url)
        options: dict[str, Any] = {"max_size": MOST_MESSAGE_BYTES, "user_agent_header": self.owner.agent}
        options["close_timeout"] = CLOSE_S
        async with connect(url, **options) as socket, self._closing(socket):
            for line in self.feed.hello():
                await socket.send(line)
            self._tell("connected", address)
            if not self.feed.resumes:
                self._begin(now(), None)
            try:
                await self._listen(socket)
            finally:
                await self._flush()

    @asynccontextmanager
    async def _closing(self, socket: ClientConnection) -> AsyncIterator[None]:
        """Close the connection when we are to stop: whoever waits for a message then wakes."""

        async def close() -> None:
            await self.stop.wait()
            await socket.close()

        closer = asyncio.create_task(close())
        try:
            yield
        finally:
            closer.cancel()

    async def _listen(self, socket: ClientConnection) -> None:
        loop = asyncio.get_running_loop()
        self.flushed_at = heard_at = loop.time()
        first = self.feed.resumes
        while not self.stop.is_set():
            try:
                async with asyncio.timeout(FLUSH_S):
                    message = await socket.recv(decode=False)
            except TimeoutError:
                if self.feed.resumes and loop.time() - heard_at > SILENT_S:
                    raise SourceBlind(f"{self.feed.name} said nothing for {SILENT_S:.0f} s", Cause.TROUBLE) from None
            except ConnectionClosed:
                if not self.stop.is_set():
                    raise
            else:
                heard_at = loop.time()
                self._hear(message, first=first)
                first = False
            if self._full():
                await self._flush()

    def _hear(self, message: bytes, *, first: bool) -> None:
        self.messages += 1
        try:
            heard = self.feed.hear(message)
        except PageChanged:
            self.odd += 1
            if self.odd >= ODD:
                raise
            return
        self.odd = 0
        at_us = heard.at_us if heard and heard.at_us is not None else None
        at = datetime.fromtimestamp(at_us / 1e6, UTC) if at_us is not None else now()
        if at > now() + timedelta(hours=1):
            raise PageChanged(f"{self.feed.name}: its clock says {at:%Y-%m-%d %H:%M}; look at the server")
        if first:
            self._begin(at, at_us)
        self.reached = at
        if at_us is not None:
            self.cursor = at_us
        if heard:
            self._take(heard, message)

    def _begin(self, at: datetime, at_us: int | None) -> None:
        """Go on with the stretch, or begin a new one where something between was not heard."""
        goes_on = self.cursor is not None and at_us is not None and at_us - self.cursor <= GAP_US
        if not goes_on and self.cursor is not None and at_us is not None:
            missed = (at_us - self.cursor) / 1e6
            self._tell("gap", f"{missed / 3600:.1f} h before {at:%Y-%m-%d %H:%M} are not kept there any more")
        if goes_on and self.cursor is not None:
            at = self.seen_from or datetime.fromtimestamp(self.cursor / 1e6, UTC)
        if not goes_on:
            self.stretch = {}
        self.seen_from, self.outage = at, {}

    def _take(self, heard: Heard, message: bytes) -> None:
        for watch, post in heard.posts:
            if unstorable(post) is None:  # one that is made to break the writing costs itself alone
                self.batch.posts.append((watch, post, message))
        self.batch.removals += [(one.post, one.because) for one in heard.removals]
        self.batch.left += [one for one in heard.left if one[0] in self.authors]

    def _full(self) -> bool:
        held = len(self.batch.posts) + len(self.batch.removals)
        return held >= FLUSH_AT or asyncio.get_running_loop().time() - self.flushed_at >= FLUSH_S

    async def _flush(self) -> None:
        """Write what was heard and how far, together."""
        self.flushed_at = asyncio.get_running_loop().time()
        if not self.feed.resumes:
            self.reached = now()  # as long as the connection holds, silence is silence
        if self.reached is None or self.seen_from is None:
            return
        batch = self.batch
        messages = {post.id: message for _, post, message in batch.posts}
        posts = await self.feed.complete([(watch, post) for watch, post, _ in batch.posts], self._get)
        raw = {name: self.owner.blobs.put(message) for name, message in messages.items()}
        by_watch: dict[str, list[tuple[Post, str]]] = {}
        for watch, post in posts:
            by_watch.setdefault(watch.id, []).append((post, raw[post.id]))
        at = now()
        with self.ledger.write():
            for name, some in by_watch.items():
                self.ledger.save_posts(name, some, seen_at=at)
            if batch.removals:  # after the posts: one may come and go within a batch
                save_removals(self.ledger, batch.removals, at=at)
            if batch.left:
                save_left(self.ledger, self.feed.platform, batch.left, at=at)
            crawls = self._crawls({name: len(some) for name, some in by_watch.items()}, at)
            stretch = save_stretch(self.ledger, self.stretch, crawls)
            if self.feed.resumes and self.cursor is not None:
                save_place(self.ledger, self.feed.name, self.cursor, at=at)
        self.stretch, self.batch = stretch, _Batch()
        self.authors |= {post.author_id for _, post in posts}
        self.posts += len(messages)
        behind = (at - self.reached).total_seconds()
        self.owner.heard(
            State(feed=self.feed.name, messages=self.messages, posts=self.posts, behind_s=max(behind, 0.0))
        )

    def _crawls(self, counts: Mapping[str, int], at: datetime) -> list[Crawl]:
        assert self.reached is not None  # noqa: S101 - for mypy; _flush looked
        return [
            Crawl(
                watch=watch.id, started_at=self.reached, finished_at=at, coverage=Coverage.OK, route=STREAM,
                posts=counts.get(watch.id, 0), seen_from=self.seen_from,
            )
            for watch in self.feed.watches
            if watch.id not in self.feed.deaf
        ]  # fmt: skip

    def _blind(self, lost: Lost) -> None:
        """Note that nobody listens, once an outage."""
        if self.feed.optional:
            return
        at = now()
        crawls = [
            Crawl(
                watch=watch.id, started_at=at, finished_at=at, coverage=Coverage.BLIND, cause=lost.cause,
                why=lost.why, route=STREAM,
            )
            for watch in self.feed.watches
        ]  # fmt: skip
        if not self.outage:
            self._tell("blind", lost.why, lost.cause)
        self.outage = save_stretch(self.ledger, self.outage, crawls)
        self.stretch = {}

    def _tell(self, event: str, told: str, cause: str = "") -> None:
        self.owner.heard(
            State(
                feed=self.feed.name, event=event, told=told, cause=cause, messages=self.messages, posts=self.posts
            )
        )  # fmt: skip

    async def _get(self, url: str) -> Any:  # noqa: ANN401 - JSON is anything
        self.owner.check(url)
        try:
            async with self.session.get(url, allow_redirects=False) as answer:
                body = await answer.content.read(MOST_ANSWER_BYTES)
                if answer.status != 200:
                    raise SourceBlind(f"{url} answered {answer.status}", Cause.TROUBLE)
                return json.loads(body)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError) as error:
            raise SourceBlind(f"{url}: {type(error).__name__}: {error}", Cause.TROUBLE) from None


def _lost(address: str, error: Exception) -> Lost:
    """Why a connection ended, by name and in words."""
    if refused := egress.take_refusals():
        return Lost(Cause.REFUSED, refused[-1])
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        cause = {401: Cause.CREDENTIAL, 403: Cause.REFUSED, 404: Cause.NOT_FOUND, 429: Cause.RATE_LIMITED}
        return Lost(cause.get(status, Cause.TROUBLE), f"{address} answered {status} to the request for its stream")
    if isinstance(error, PageChanged):
        return Lost(Cause.CHANGED, str(error))
    if isinstance(error, SourceBlind):
        return Lost(error.cause, str(error))
    if isinstance(error, FetchRefused):
        return Lost(Cause.REFUSED, str(error))
    expected = isinstance(error, OSError | TimeoutError | WebSocketException | ClipwardenError)
    return Lost(Cause.TROUBLE if expected else Cause.OURS, f"{address}: {type(error).__name__}: {error}")
