"""The contract of a stream, and the walk that finds the streams.

A stream is a websocket that tells what is posted while it is posted. It needs no question and costs the platform
little; it knows no past beyond what it keeps, and counts no views: crawls go on beside it.
"""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from core.records import Post, Removal, Watch, WatchKind
from core.words import mentions, plain, tag

Pairs: TypeAlias = Sequence[tuple[Watch, Post]]
Get: TypeAlias = Callable[[str], Awaitable[Any]]  # a JSON answer of an address, through the egress guard


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one message says.

    at_us     when it happened, by the stream's clock, in microseconds since 1970; None when it does not say
    posts     posts with a clip, each with the watches that want it
    removals  posts that went
    left      accounts that went, with all their posts: (author id, because)
    """

    at_us: int | None
    posts: tuple[tuple[Watch, Post], ...] = ()
    removals: tuple[Removal, ...] = ()
    left: tuple[tuple[str, str], ...] = ()


class Feed(ABC):
    """One connection and the watches it serves.

    name       what its place in the stream is kept under
    site       as the watches name it
    addresses  ws:// or wss:// addresses that tell the same; the next is tried when one fails
    resumes    whether it can be asked to begin where we stopped
    optional   whether a server may lawfully have it closed, so that this is no blindness
    deaf       watch id -> why it cannot be followed now
    """

    platform: ClassVar[str]
    resumes: ClassVar[bool] = False
    optional: ClassVar[bool] = False

    def __init__(self, name: str, site: str, watches: Sequence[Watch], addresses: Sequence[str]) -> None:
        self.name, self.site, self.watches, self.addresses = name, site, tuple(watches), tuple(addresses)
        self.deaf: dict[str, str] = {}

    @abstractmethod
    def url(self, address: str, cursor: int | None) -> str:
        """Where to connect, to begin at a place (microseconds since 1970) or, with None, at what comes now."""

    @abstractmethod
    def hear(self, message: bytes) -> Heard | None:
        """Read a message; None when it says nothing to us. Raises PageChanged when it is none of this stream's."""

    def hello(self) -> Iterable[str]:
        """What is sent after connecting."""
        return ()

    async def prepare(self, get: Get) -> None:  # noqa: B027 - most need nothing
        """Ask what must be known before connecting, such as the id behind an account's name."""

    async def complete(self, posts: Pairs, get: Get) -> Pairs:  # noqa: ARG002 - for streams that tell too little
        """Fill in what the stream leaves out; called with a batch before it is written."""
        return posts


Feeds: TypeAlias = Callable[[Sequence[Watch], Sequence[str]], Iterable[Feed]]


@cache
def streams() -> dict[str, Feeds]:
    """Platform -> its feeds for some watches, from every module here that ends in FEEDS."""
    found: dict[str, Feeds] = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        loaded = importlib.import_module(f"{__package__}.{module.name}")
        if feeds := getattr(loaded, "FEEDS", None):
            found[loaded.PLATFORM] = feeds
    return found


def wants(watch: Watch, post: Post) -> bool:
    """Whether a post is what a tag or keyword watch asks for: the tag, or every word of the query."""
    if watch.kind is WatchKind.HASHTAG:
        return tag(watch.query) in post.hashtags
    if watch.kind is not WatchKind.KEYWORD:
        return False
    text = plain(post.text)
    words = _phrases(watch.query)
    return bool(words) and all(
        tag(word) in post.hashtags if word.startswith("#") else mentions(text, plain(word)) for word in words
    )


def _phrases(query: str) -> list[str]:
    """The words of a query, a quoted phrase as one."""
    parts = query.split('"')
    return [word for number, part in enumerate(parts) for word in ([part] if number % 2 else part.split()) if word]
