"""Mastodon's streaming, where an instance has it open: the tag timelines as they grow.

It keeps no past and names a deleted post by a number of its own, so that crawls and rechecks go on beside it.
"""

import json
from collections.abc import Iterable, Sequence
from typing import ClassVar
from urllib.parse import urlsplit

from core.errors import ClipwardenError, PageChanged
from core.records import Watch, WatchKind
from core.words import tag
from crawler.fields import Fields
from crawler.spiders.mastodon import post_of
from crawler.streams.stream import Feed, Get, Heard, wants

PLATFORM = "mastodon"


class MastodonStream(Feed):
    """One connection to an instance for all the tags that are watched there."""

    platform: ClassVar[str] = PLATFORM
    optional: ClassVar[bool] = True

    def __init__(self, site: str, watches: Sequence[Watch]) -> None:
        super().__init__(f"mastodon {site}", site, watches, (site.rstrip("/").replace("http", "ws", 1),))
        self._base = ""

    def url(self, address: str, cursor: int | None) -> str:  # noqa: ARG002 - it knows no past
        """Where the instance says its streaming is; else at the instance itself."""
        return f"{(self._base or address).rstrip('/')}/api/v1/streaming"

    def hello(self) -> Iterable[str]:
        """A subscription for each tag."""
        for name in dict.fromkeys(tag(watch.query) for watch in self.watches):
            yield json.dumps({"type": "subscribe", "stream": "hashtag", "tag": name})

    async def prepare(self, get: Get) -> None:
        """Ask the instance where its streaming is."""
        try:
            about = Fields(await get(f"{self.site.rstrip('/')}/api/v2/instance"), where=self.site)
            base = about.maybe("configuration.urls.streaming", str) or ""
        except ClipwardenError:
            return  # an older one: at the instance itself
        # Never from a closed connection to an open one.
        wanted = {"wss"} if self.site.startswith("https") else {"ws", "wss"}
        self._base = base if urlsplit(base).scheme in wanted else ""

    def hear(self, message: bytes) -> Heard | None:
        """A new or edited status."""
        try:
            event = Fields(json.loads(message), where=self.name)
            if event.maybe("event", str) not in {"update", "status.update"}:
                return None
            status = Fields(json.loads(event.text("payload")), where=self.name)
        except (ValueError, RecursionError):
            raise PageChanged(f"{self.name}: a message that is no JSON; look at what answers there") from None
        found = [(watch, post) for post in post_of(status) for watch in self.watches if wants(watch, post)]
        return Heard(at_us=None, posts=tuple(found))


def feeds(watches: Sequence[Watch], addresses: Sequence[str]) -> Iterable[Feed]:  # noqa: ARG001 - the watches name theirs
    """One feed an instance."""
    for site in dict.fromkeys(watch.site for watch in watches):
        mine = [watch for watch in watches if watch.site == site and watch.kind is WatchKind.HASHTAG]
        if mine:
            yield MastodonStream(site, mine)


FEEDS = feeds
