"""The Bluesky spider against the network's own servers: an account store (PDS), an AppView, and its moderation.

What this network's search does not do: it looks for the query in the text alone (case counts, `tag` and `since` do
not), so that the asked words are held to the platform's own lexicon here, and not to its ranking.
"""

import io
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import av
import numpy as np
import pytest
from scrapy.http import TextResponse

from app.home import Home
from core.causes import Cause
from core.records import Coverage, Post, Presence, Watch, WatchKind
from crawler.spiders.bluesky import BlueskySpider
from store import queries
from store.spending import spent
from tests.builders import watch
from tests.real.conftest import Crawled
from tests.real.servers import Account, Network

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
POSTED = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


@pytest.fixture(scope="session")
def mp4() -> bytes:
    """A second of a light that crosses the dark."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height = 64, 36
        for at in range(10):
            picture = np.zeros((36, 64, 3), np.uint8)
            picture[:, at * 6 : at * 6 + 8] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()


class Author:
    """An account that posts clips; each post a second before the last one."""

    def __init__(self, network: Network, name: str, mp4: bytes) -> None:
        self.network, self.account = network, network.join(name)
        self.blob = network.ask("com.atproto.repo.uploadBlob", mp4, by=self.account.token)["blob"]
        self.clock = POSTED

    def record(self, text: str, **changes: Any) -> dict[str, Any]:
        """A post with a clip, and with what it says tagged marked as tags."""
        self.clock -= timedelta(seconds=1)
        made = {
            "$type": "app.bsky.feed.post",
            "text": text,
            "facets": [facet(text, word) for word in text.split() if word.startswith("#")],
            "createdAt": f"{self.clock:%Y-%m-%dT%H:%M:%SZ}",
            "embed": self.video(),
        }
        return {name: value for name, value in (made | changes).items() if value is not None}

    def video(self) -> dict[str, Any]:
        """The clip as an embed."""
        size = {"width": 64, "height": 36}
        return {"$type": "app.bsky.embed.video", "video": self.blob, "aspectRatio": size, "alt": "a light"}

    def post(self, *records: dict[str, Any]) -> list[str]:
        """Post, until it can be seen; gives the posts' addresses."""
        made = self.network.post(self.account, records)
        self.network.settle()
        return [one["uri"] for one in made]


def facet(text: str, word: str) -> dict[str, Any]:
    """A hashtag's mark: where it stands is counted in bytes."""
    start = len(text[: text.index(word)].encode())
    where = {"byteStart": start, "byteEnd": start + len(word.encode())}
    return {"index": where, "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": word[1:]}]}


@pytest.fixture
def author(network: Network, mp4: bytes, request: pytest.FixtureRequest) -> Author:
    """A fresh account for each test."""
    return Author(network, f"a{zlib.crc32(request.node.name.encode())}", mp4)


@pytest.fixture
def quoted(network: Network, mp4: bytes) -> str:
    """A clip of someone else."""
    other = Author(network, "quoted", mp4)
    return other.post(other.record("mine"))[0]


@pytest.fixture(autouse=True)
def _session(network: Network, monkeypatch: pytest.MonkeyPatch, searcher: Account) -> None:
    """The credential of someone who searches: an app password, as a team would give it."""
    monkeypatch.setenv("CLIPWARDEN_BLUESKY_HANDLE", searcher.handle)
    monkeypatch.setenv("CLIPWARDEN_BLUESKY_APP_PASSWORD", searcher.password)


@pytest.fixture(scope="session")
def searcher(network: Network) -> Account:
    """Someone who searches, with an app password."""
    made = network.join("searcher")
    said = network.ask("com.atproto.server.createAppPassword", {"name": "clipwarden"}, by=made.token)
    return Account(did=made.did, handle=made.handle, password=said["password"], token=made.token)


def tagged(network: Network, tag: str, **changes: Any) -> Watch:
    """A watch of a hashtag: search goes through the account store."""
    return watch(tag, id=f"brand:bluesky:hashtag:{tag}", platform="bluesky", site=network.pds, **changes)


def of_account(network: Network, account: Account) -> Watch:
    """A watch of an account: its feed is the AppView's, without a session."""
    name = f"brand:bluesky:account:{account.handle}"
    return watch(account.handle, id=name, platform="bluesky", site=network.appview, kind=WatchKind.ACCOUNT)


def stored(home: Home) -> dict[str, Post]:
    """The posts in the ledger, by the address that the network gave them."""
    posts = [queries.post(home.ledger, row["id"]) for row in home.ledger.rows("SELECT id FROM posts")]
    return {f"at://{one.author_id}/app.bsky.feed.post/{one.id.rsplit('/', 1)[-1]}": one for one in posts}


def shown(network: Network, uri: str) -> Presence:
    """What the spider makes of the AppView's answer about a post."""
    url = f"{network.appview}/xrpc/app.bsky.feed.getPosts?{urlencode({'uris': uri})}"
    with urlopen(url, timeout=60) as answer:
        return BlueskySpider.seen_gone(TextResponse(url, status=answer.status, body=answer.read(), encoding="utf-8"))


# --------------------------------------------------------------------------------------------------------- searching
def test_search_brings_every_clip_of_two_pages_and_the_next_only_the_new(
    network: Network, author: Author, home: Home, crawled: Crawled
) -> None:
    """130 clips are two pages, and what carries none is left; the next crawl asks one page, and finds what is new."""
    clips = author.post(*(author.record(f"#PagesOfChoir {number}") for number in range(130)))
    author.post(author.record("#PagesOfChoir without a clip", embed=None), author.record("of something else"))
    (first,) = crawled(tagged(network, "PagesOfChoir"))
    before = set(stored(home))
    (second,) = crawled(tagged(network, "PagesOfChoir"))
    author.clock = POSTED + timedelta(hours=1)
    new = author.post(author.record("#PagesOfChoir again"))
    (third,) = crawled(tagged(network, "PagesOfChoir"))

    assert (first.coverage, first.pages, before) == (Coverage.OK, 2, set(clips))
    assert (second.coverage, second.pages) == (Coverage.OK, 1)
    assert (third.coverage, set(stored(home)) - before) == (Coverage.OK, set(new))


def test_post_is_read_whole(network: Network, author: Author, home: Home, crawled: Crawled) -> None:
    """Tags of any script from marks and from beside the text, language, time, author, likes, and a label on itself."""
    text = "👁 sie singt #Whole다 #歌う"
    label = {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "ai-generated"}]}
    (uri,) = author.post(author.record(text, langs=["de"], tags=["Seedance"], labels=label))
    liked = network.ask("app.bsky.feed.getPosts", site=network.appview, uris=uri)["posts"][0]
    record = {"subject": {"uri": uri, "cid": liked["cid"]}, "createdAt": f"{POSTED:%Y-%m-%dT%H:%M:%SZ}"}
    said = {"repo": author.account.did, "collection": "app.bsky.feed.like", "record": record}
    network.ask("com.atproto.repo.createRecord", said, by=author.account.token)
    network.settle()
    crawled(tagged(network, "Whole다"))
    post = stored(home)[uri]

    assert (post.text, post.language, post.posted_at) == (text, "de", author.clock)
    assert set(post.hashtags) == {"whole다", "歌う", "seedance"}
    assert (post.author_handle, post.author_id) == (author.account.handle, author.account.did)
    assert home.ledger.rows("SELECT likes FROM sightings WHERE post = ?", [post.id])[0]["likes"] == 1
    assert post.ai_label
    assert post.ai_label.value.startswith("ai-generated")


def test_keyword_finds_words(network: Network, author: Author, home: Home, crawled: Crawled) -> None:
    """A phrase with quotes and marks in it reaches the search as it was meant."""
    clips = author.post(author.record("a pale monster & its choir, 100% +1"))
    asked = watch("pale monster & its choir, 100% +1", platform="bluesky", site=network.pds, kind=WatchKind.KEYWORD)
    (ended,) = crawled(asked)

    assert (ended.coverage, set(stored(home))) == (Coverage.OK, set(clips))


# ---------------------------------------------------------------------------------------------------------- accounts
def test_account_feed_needs_no_session(
    author: Author, quoted: str, home: Home, crawled: Crawled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An author's clips, a quote's own clip among them; not what they repost."""
    monkeypatch.delenv("CLIPWARDEN_BLUESKY_APP_PASSWORD")
    network = author.network
    (view,) = network.ask("app.bsky.feed.getPosts", site=network.appview, uris=quoted)["posts"]
    strong = {"uri": quoted, "cid": view["cid"]}
    both = {
        "$type": "app.bsky.embed.recordWithMedia",
        "record": {"$type": "app.bsky.embed.record", "record": strong},
        "media": author.video(),
    }
    own = author.post(author.record("plain"), author.record("look", embed=both))
    record = {"subject": strong, "createdAt": f"{POSTED:%Y-%m-%dT%H:%M:%SZ}"}
    said = {"repo": author.account.did, "collection": "app.bsky.feed.repost", "record": record}
    network.ask("com.atproto.repo.createRecord", said, by=author.account.token)
    network.settle()
    (ended,) = crawled(of_account(network, author.account))

    assert (ended.coverage, ended.why, set(stored(home))) == (Coverage.OK, "", set(own))


# -------------------------------------------------------------------------------------------------------------- gone
def gone_by_author(network: Network, author: Author, uri: str) -> None:
    """The author deletes the post."""
    network.delete(author.account, uri)


def gone_by_platform(network: Network, author: Author, uri: str) -> None:
    """The platform takes the post down."""
    (view,) = network.ask("app.bsky.feed.getPosts", site=network.appview, uris=uri)["posts"]
    network.take_down({"$type": "com.atproto.repo.strongRef", "uri": uri, "cid": view["cid"]})


def gone_with_account(network: Network, author: Author, uri: str) -> None:
    """The platform takes the account down."""
    network.take_down({"$type": "com.atproto.admin.defs#repoRef", "did": author.account.did})


def gone_for_now(network: Network, author: Author, uri: str) -> None:
    """The author closes the account, perhaps for a while."""
    network.ask("com.atproto.server.deactivateAccount", {}, by=author.account.token)


@pytest.mark.parametrize("goes", [gone_by_author, gone_by_platform, gone_with_account, gone_for_now])
def test_post_that_goes_is_gone(network: Network, author: Author, home: Home, crawled: Crawled, goes: Any) -> None:
    """Up before, gone after; and a search finds it no more."""
    tag = f"Goes{goes.__name__.replace('_', '')}"
    going, staying = author.post(author.record(f"#{tag}"), author.record("other"))
    before = shown(network, going)
    goes(network, author, going)
    network.settle()
    (ended,) = crawled(tagged(network, tag))

    assert (before, shown(network, going)) == (Presence.UP, Presence.GONE)
    assert (ended.coverage, stored(home)) == (Coverage.OK, {})
    assert shown(network, staying) is (Presence.UP if goes in {gone_by_author, gone_by_platform} else Presence.GONE)


def test_account_taken_down_is_not_found(network: Network, author: Author, crawled: Crawled) -> None:
    """A watched account that the platform took down is blind for that, not for a change of the interface."""
    author.post(author.record("soon gone"))
    gone_with_account(network, author, "")
    (ended,) = crawled(of_account(network, author.account))

    assert (ended.coverage, ended.cause) == (Coverage.BLIND, Cause.NOT_FOUND)


# ----------------------------------------------------------------------------------------------------------- refused
def test_wrong_password_is_named_and_not_told(
    network: Network, crawled: Crawled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The credential is at fault, and nothing shows it."""
    monkeypatch.setenv("CLIPWARDEN_BLUESKY_APP_PASSWORD", "wrong-secret-word")
    (ended,) = crawled(tagged(network, "Anything"))

    assert (ended.coverage, ended.cause) == (Coverage.BLIND, Cause.CREDENTIAL)
    assert "wrong-secret-word" not in ended.why


def test_watches_that_start_together_share_a_session(network: Network, home: Home, crawled: Crawled) -> None:
    """The platform gives a hundred sessions a day: one a crawl, however many hashtags are watched."""
    ended = crawled(*(tagged(network, f"Shared{number}") for number in range(5)))

    assert {one.coverage for one in ended} == {Coverage.OK}
    assert spent(home.ledger, "bluesky", "sessions", LONG_AGO) == 1
