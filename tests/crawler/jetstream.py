"""A Jetstream on loopback: events in the order of their times, from a cursor on, as the real one keeps them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve

START_US = 1_780_000_000_000_000
REWIND_US = 1_000_000  # the real one begins a little before the cursor it is given


def posted(number: int, text: str = "#Lanterns", *, did: str = "did:plc:maker", video: bool = True) -> dict[str, Any]:
    """A post, one a second."""
    embed = {"$type": "app.bsky.embed.video", "video": {"$type": "blob", "mimeType": "video/mp4"}}
    picture = {"$type": "app.bsky.embed.images", "images": []}
    record = {"$type": "app.bsky.feed.post", "text": text, "langs": ["en"], "embed": embed if video else picture}
    commit = {"operation": "create", "collection": "app.bsky.feed.post", "rkey": f"key{number}", "record": record}
    return {"did": did, "time_us": START_US + number * 1_000_000, "kind": "commit", "commit": commit}


def deleted(number: int, of: int, *, did: str = "did:plc:maker") -> dict[str, Any]:
    """The deletion of a post."""
    commit = {"operation": "delete", "collection": "app.bsky.feed.post", "rkey": f"key{of}"}
    return {"did": did, "time_us": START_US + number * 1_000_000, "kind": "commit", "commit": commit}


def left(number: int, did: str, status: str = "takendown") -> dict[str, Any]:
    """An account that goes."""
    account = {"did": did, "active": False, "status": status}
    return {"did": did, "time_us": START_US + number * 1_000_000, "kind": "account", "account": account}


@dataclass
class Server:
    """What it tells, how it fails, and what it was asked.

    drop_after  messages of a connection after which it is cut, for the first connections; then none is
    kept_from   the number of its oldest event
    """

    events: list[dict[str, Any] | str | bytes]
    drop_after: list[int] = field(default_factory=list)
    kept_from: int = 0
    pause_s: float = 0.0
    asked: list[str] = field(default_factory=list)
    url: str = ""

    async def answer(self, socket: ServerConnection) -> None:
        """Tell from the cursor on, then wait as a live stream does."""
        assert socket.request is not None
        self.asked.append(socket.request.path)
        cursor = parse_qs(urlsplit(socket.request.path).query).get("cursor")
        start = int(cursor[0]) - REWIND_US if cursor else 0
        cut = self.drop_after.pop(0) if self.drop_after else None
        sent = 0
        for event in self.events[self.kept_from :]:
            if isinstance(event, dict) and event["time_us"] < start:
                continue
            if cut is not None and sent >= cut:
                await socket.close(1011)
                return
            await socket.send(event if isinstance(event, str | bytes) else json.dumps(event))
            sent += 1
            if self.pause_s:
                await asyncio.sleep(self.pause_s)
        await socket.wait_closed()


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[Server]:
    """The server on a port of its own."""
    async with serve(server.answer, "127.0.0.1", 0) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        server.url = f"ws://127.0.0.1:{port}"
        yield server
