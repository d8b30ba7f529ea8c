"""Bluesky's Jetstream: every post and every deletion of the network, without a key.

Read by the schema of version 1 (`/subscribe`): the place in it is a time in microseconds, good on every server.
Only a person's id comes with a post; the name is asked of the public interface, for the few posts that are kept.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from core.errors import ClipwardenError, PageChanged
from core.records import AiLabel, Attachment, Post, Removal, Rendition, Watch, WatchKind
from core.words import hashtags, tag
from crawler.fields import Fields
from crawler.streams.stream import Feed, Get, Heard, wants

PLATFORM = "bluesky"
HOSTS = (
    "wss://jetstream1.us-east.bsky.network", "wss://jetstream2.us-east.bsky.network",
    "wss://jetstream1.us-west.bsky.network", "wss://jetstream2.us-west.bsky.network",
)  # fmt: skip
PUBLIC = "https://public.api.bsky.app"
POSTS = "app.bsky.feed.post"
VIDEO = "app.bsky.embed.video"
AI_VALUES = frozenset({"ai-generated", "ai", "synthetic", "aigenerated"})
PROFILES = 25  # the most getProfiles takes
LEFT = frozenset({"takendown", "suspended", "deleted", "deactivated"})  # an account's states in which it shows nothing
MOST_NAMES = 50_000
YEAR_2020_US, YEAR_2100_US = 1_577_836_800_000_000, 4_102_444_800_000_000


class Jetstream(Feed):
    """One connection for all Bluesky watches: each message is held against each of them here."""

    platform: ClassVar[str] = PLATFORM
    resumes: ClassVar[bool] = True

    def __init__(self, watches: Sequence[Watch], addresses: Sequence[str]) -> None:
        super().__init__("jetstream", "", watches, addresses or HOSTS)
        self._names: dict[str, str] = {}
        self._accounts: dict[str, list[Watch]] = {}

    def url(self, address: str, cursor: int | None) -> str:
        """The subscription to posts; accounts that go come with any of them."""
        asked = {"wantedCollections": POSTS} | ({"cursor": str(cursor)} if cursor else {})
        return f"{address.rstrip('/')}/subscribe?{urlencode(asked)}"

    async def prepare(self, get: Get) -> None:
        """The ids behind the watched accounts' names."""
        watched = [watch for watch in self.watches if watch.kind is WatchKind.ACCOUNT]
        named = {watch.query.lstrip("@").lower(): watch for watch in watched if not watch.query.startswith("did:")}
        self._accounts = {watch.query: [watch] for watch in watched if watch.query.startswith("did:")}
        for did, handle in await _profiles(list(named), get):
            self._names[did] = handle
            if watch := named.pop(handle.lower(), None):
                self._accounts.setdefault(did, []).append(watch)
        told = "the id behind its name could not be had; check the name, and that public.api.bsky.app answers"
        self.deaf = {watch.id: told for watch in named.values()}

    def hear(self, message: bytes) -> Heard | None:
        """A post, a deletion, or an account that goes."""
        event = _event(message)
        at, kind = event.integer("time_us"), event.text("kind")
        did = event.text("did")
        if not YEAR_2020_US < at < YEAR_2100_US:
            raise PageChanged(f"Jetstream: 'time_us' is no time: {at}; look at what answers there")
        if kind == "account":
            status = event.maybe("account.status", str)
            left = (
                ((did, f"account {status}"),) if status in LEFT and event.data["account"].get("active") is False else ()
            )
            return Heard(at_us=at, left=left)
        if kind != "commit" or event.text("commit.collection") != POSTS:
            return Heard(at_us=at)
        post = f"bluesky:{did}/{event.text('commit.rkey')}"
        if event.text("commit.operation") == "delete":
            return Heard(at_us=at, removals=(Removal(post=post, because="deleted in the stream"),))
        return Heard(at_us=at, posts=tuple(self._wanted(event, post, did, at)))

    def _wanted(self, event: Fields, name: str, did: str, at: int) -> Iterator[tuple[Watch, Post]]:
        record = Fields(event.data["commit"].get("record"), where=event.where)
        if not _has_video(record.data):
            return
        # What a person writes into their own record is theirs to spoil: it costs that post, never the stream.
        try:
            post = _post(record, name, did, at)
        except PageChanged:
            return
        yield from ((watch, post) for watch in self.watches if wants(watch, post))
        yield from ((watch, post) for watch in self._accounts.get(did, ()))

    async def complete(self, posts: Sequence[tuple[Watch, Post]], get: Get) -> Sequence[tuple[Watch, Post]]:
        """The names of authors; an id stands for one that cannot be had."""
        unknown = list({post.author_id for _, post in posts} - self._names.keys())
        if len(self._names) > MOST_NAMES:
            self._names.clear()
        self._names |= dict(await _profiles(unknown, get))
        return [
            (watch, replace(post, author_handle=self._names.get(post.author_id, post.author_id)))
            for watch, post in posts
        ]


def _event(message: bytes) -> Fields:
    try:
        return Fields(json.loads(message), where="Jetstream")
    except (ValueError, RecursionError):
        raise PageChanged("Jetstream: a message that is no JSON; look at what answers there") from None


def _has_video(record: dict[str, Any]) -> bool:
    embed = record.get("embed")
    media = embed.get("media") if isinstance(embed, dict) and embed.get("$type") != VIDEO else embed
    return isinstance(media, dict) and media.get("$type") == VIDEO


def _post(record: Fields, name: str, did: str, at_us: int) -> Post:
    text, key = record.maybe("text", str) or "", name.rsplit("/", 1)[-1]
    url = f"https://bsky.app/profile/{quote(did, safe=':')}/post/{quote(key, safe='')}"
    return Post(
        id=name,
        platform=PLATFORM,
        url=url,
        author_handle=did,
        author_id=did,
        text=text,
        hashtags=tuple(dict.fromkeys([*hashtags(text), *_tags(record)])),
        language=next((one for one in record.maybe("langs", list) or () if isinstance(one, str)), None),
        posted_at=datetime.fromtimestamp(at_us / 1e6, UTC),  # what the author says may be any time
        attachments=(Attachment(position=0, kind="video", renditions=(Rendition(url=url),)),),
        ai_label=_label(record),
    )


def _tags(record: Fields) -> Iterator[str]:
    """Tags beside the text, and those its facets mark."""
    said = [one for one in record.maybe("tags", list) or () if isinstance(one, str)]
    for facet in record.maybe("facets", list) or ():
        features = facet.get("features") if isinstance(facet, dict) else None
        marked = [one.get("tag") for one in features if isinstance(one, dict)] if isinstance(features, list) else []
        said += [one for one in marked if isinstance(one, str)]
    yield from (one for one in map(tag, said) if one)


def _label(record: Fields) -> AiLabel | None:
    """The author's own word; labels of others come by another way."""
    for label in record.maybe("labels.values", list) or ():
        if isinstance(label, dict) and str(label.get("val", "")).lower() in AI_VALUES:
            return AiLabel(field="record.labels.values[].val", value=str(label["val"]))
    return None


async def _profiles(names: Sequence[str], get: Get) -> list[tuple[str, str]]:
    """(id, name) of accounts, by either; those that cannot be had are left out."""
    found: list[tuple[str, str]] = []
    for start in range(0, len(names), PROFILES):
        query = urlencode([("actors", name) for name in names[start : start + PROFILES]])
        try:
            answer = Fields(await get(f"{PUBLIC}/xrpc/app.bsky.actor.getProfiles?{query}"), where="getProfiles")
            found += [(one.text("did"), one.text("handle")) for one in answer.objects("profiles")]
        except ClipwardenError:
            continue
    return found


def feeds(watches: Sequence[Watch], addresses: Sequence[str]) -> Iterable[Feed]:
    """One feed for all watches that name no server of their own."""
    mine = [watch for watch in watches if not watch.site]
    return [Jetstream(mine, addresses)] if mine else []


FEEDS = feeds
