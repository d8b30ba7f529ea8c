"""Scrapy, yt-dlp and Chromium at production URLs, certificates checked, and not a host asked that was not meant."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import numpy as np
import pytest
from websockets.sync.client import connect

from app.crawling import crawl
from app.doctor import _network
from app.home import open_home
from app.settings import NetworkSettings, load
from core.coverage import Crawl
from core.errors import SettingsWrong
from core.records import Coverage, Rendition, Watch, WatchKind
from crawler.crawl import platforms
from crawler.download import DownloadSettings, ErrorClass, Got, Job, Outcome, Refused, download
from crawler.egress import AddressRefused, Allowed, check_name
from store import queries
from tests.builders import brand, watch
from tests.gateway import FROZEN, Answer, Authority, Gateway, frozen, gateway

TAG = "TheHollowChoir"
LANTERN = "https://lantern.example"
TIMELINE = f"GET {LANTERN}/api/v1/timelines/tag"
INSIDE = {
    "a": "https://169.254.169.254/latest/meta-data/",
    "b": "http://127.1/",
    "c": "https://localhost/",
    "d": "http://wiki/",
    "e": "https://vault.corp/",
}
OPEN = Answer(body=b'{"domain": "lantern.example", "configuration": {}}')
ROBOTS = Answer(body=b"User-agent: *\nAllow: /\n", headers={"Content-Type": "text/plain"})
MASTODON: dict[str, str | Answer] = {
    f"GET {LANTERN}/robots.txt": ROBOTS,
    f"{TIMELINE}/{TAG}*max_id=*": "mastodon/last_page",
    f"{TIMELINE}/{TAG}*": "mastodon/timeline",
    f"{TIMELINE}/clipwarden*": "mastodon/empty_first_page",  # the canary's made-up word
    **{f"{TIMELINE}/{name}[?]*": Answer(status=302, headers={"Location": place}) for name, place in INSIDE.items()},
    f"GET {LANTERN}/api/v2/instance": OPEN,
}
ANSWERS: dict[str, str | Answer] = MASTODON | {
    "GET https://youtube.googleapis.com/youtube/v3/search*pageToken=*": "youtube/search_page2",
    "GET https://youtube.googleapis.com/youtube/v3/search*": "youtube/search_page1",
    "GET https://youtube.googleapis.com/youtube/v3/videos*": "youtube/videos",
    "GET https://youtube.googleapis.com/youtube/v3/channels*": "youtube/channel",
    "GET https://youtube.googleapis.com/youtube/v3/playlistItems*": "youtube/uploads",
    f"GET https://api.x.com/2/tweets/counts/recent*{TAG}*": "x/counts",
    "GET https://api.x.com/2/tweets/counts/recent*": "x/counts_none",
    "GET https://api.x.com/2/tweets/search/recent*next_token=*": "x/search_page2",
    "GET https://api.x.com/2/tweets/search/recent*": "x/search_page1",
    "POST https://bsky.social/xrpc/com.atproto.server.createSession*": "bluesky/session",
    "GET https://bsky.social/xrpc/app.bsky.feed.searchPosts*cursor=*": "bluesky/search_page2",
    "GET https://bsky.social/xrpc/app.bsky.feed.searchPosts*": "bluesky/search_page1",
    "GET https://public.api.bsky.app/xrpc/app.bsky.feed.getAuthorFeed*": "bluesky/feed",
    "GET https://api.dailymotion.com/videos*search=clipwarden*": "dailymotion/empty",
    "GET https://api.dailymotion.com/videos*page=2&*": "dailymotion/page2",
    "GET https://api.dailymotion.com/videos*": "dailymotion/page1",
    "POST https://open.tiktokapis.com/v2/oauth/token/*": "tiktok/token",
    "POST https://open.tiktokapis.com/v2/research/video/query/*search_id*": "tiktok/videos_last",
    "POST https://open.tiktokapis.com/v2/research/video/query/*": "tiktok/videos_page1",
    "POST https://www.reddit.com/api/v1/access_token*": "reddit/token",
    "GET https://oauth.reddit.com/search*q=clipwarden*": "reddit/search_empty",
    "GET https://oauth.reddit.com/search*after=*": "reddit/search_last",
    "GET https://oauth.reddit.com/search*": "reddit/search_page1",
    "GET https://oauth.reddit.com/r/videos/new*": "reddit/search_last",
}
PLATFORMS = ("youtube", "x", "bluesky", "dailymotion", "tiktok", "reddit")
OF_CANARIES = {"bluesky/feed"}  # read to see whether the source sees, and not kept


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a crawl through a gateway ended: by watch, and the ids of the posts in the ledger."""

    crawls: dict[str, Crawl]
    posts: set[str]
    gateway: Gateway


def crawled(folder: Path, gate: Gateway, *watches: Watch, settings: str = "") -> Ended:
    """Crawl these watches in a home that leaves by the gateway."""
    text = f"{settings or gate.settings()}[crawl]\ndelay_s = 0\nfragile = ['tiktok_page']\n"
    (folder / "clipwarden.toml").write_text(text, encoding="utf-8")
    with open_home(folder, alone=True) as home:
        home.ledger.sync(brand(*watches))
        ended = {one.watch: one for one in crawl(home, queries.watches(home.ledger))}
        return Ended(crawls=ended, posts={row["id"] for row in home.ledger.rows("SELECT id FROM posts")}, gateway=gate)


def told(*names: str) -> set[str]:
    """The ids of the posts that a person has read in these frozen answers."""
    files = [json.loads((FROZEN / f"{name}.posts.json").read_text(encoding="utf-8")) for name in names]
    return {post["id"] for file in files for post in file.get("posts", ())}


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """Seven platforms, each at its own address."""
    folder = tmp_path_factory.mktemp("gateway")
    asked = [watch(TAG, id=name, platform=name, site="") for name in PLATFORMS]
    asked += [watch(TAG, id="mastodon", site=LANTERN), *(watch(name, id=name, site=LANTERN) for name in INSIDE)]
    with gateway(folder, ANSWERS) as gate, pytest.MonkeyPatch.context() as patch:
        for secret in (secret for name in PLATFORMS for secret in platforms()[name].secrets):
            patch.setenv(f"CLIPWARDEN_{secret.name}", f"test-{secret.name.lower()}")
        yield crawled(folder, gate, *asked)


def test_platforms_are_crawled_at_their_production_addresses(ended: Ended) -> None:
    """Every watch is whole, and the ledger holds what a person has read in the frozen answers: no more, no less."""
    found = {name: (one.coverage, one.why) for name, one in ended.crawls.items() if name not in INSIDE}

    assert found == dict.fromkeys((*PLATFORMS, "mastodon"), (Coverage.OK, ""))
    assert ended.posts == told(*{name for name in ANSWERS.values() if isinstance(name, str)} - OF_CANARIES)


def test_no_other_host_and_no_unknown_address_is_asked(ended: Ended) -> None:
    """Nothing was refused, since nothing else was asked; and every question is one that the platform knows."""
    assert (ended.gateway.refused, ended.gateway.distrusted, ended.gateway.unknown) == ({}, {}, [])
    assert {line.split("/")[2] for line in ended.gateway.asked} == {pattern.split("/")[2] for pattern in ANSWERS}
    assert all(" https://" in line for line in ended.gateway.asked)


def test_host_that_the_proxy_refuses_blinds_its_watch_alone(tmp_path: Path) -> None:
    """The proxy's no is told by name, and counted: robots.txt and the page, each with Scrapy's three tries more."""
    with gateway(tmp_path, MASTODON) as gate:
        other = watch(TAG, id="other", site="https://elsewhere.example")
        ended = crawled(tmp_path, gate, watch(TAG, id="mastodon", site=LANTERN), other)

    assert {name: (one.coverage, one.cause) for name, one in ended.crawls.items()} == {
        "mastodon": (Coverage.OK, ""),
        "other": (Coverage.BLIND, "refused"),
    }
    assert "answered 403 when asked for elsewhere.example:443" in ended.crawls["other"].why
    assert gate.refused == {"elsewhere.example": 8}


def test_certificate_of_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    """Whoever opens TLS without the operator's word learns nothing: no request is sent, and the watch says why."""
    stranger = Authority(tmp_path, "a stranger")
    with gateway(tmp_path, MASTODON) as gate:
        settings = gate.settings().replace(str(gate.authority.file), str(stranger.file))
        ended = crawled(tmp_path, gate, watch(TAG, id="mastodon", site=LANTERN), settings=settings)

    assert (ended.crawls["mastodon"].coverage, ended.crawls["mastodon"].cause) == (Coverage.BLIND, "trouble")
    assert "certificate" in ended.crawls["mastodon"].why
    assert (gate.asked, set(gate.distrusted)) == ([], {"lantern.example"})


def test_redirect_into_the_house_is_not_passed_to_the_proxy(ended: Ended) -> None:
    """Where the proxy looks names up the rule still stands: what leads inside is refused before it is asked."""
    assert {name: ended.crawls[name].coverage for name in INSIDE} == dict.fromkeys(INSIDE, Coverage.BLIND)
    assert {name: ended.crawls[name].cause for name in INSIDE if INSIDE[name].startswith("http:")} == {
        "b": "refused",
        "d": "refused",
    }
    assert ended.gateway.refused == {}


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "wiki",
        "a.local",
        "vault.corp.",
        "2130706433",
        "127.1",
        "0x7f.1",
        "1.2.3.0x4",
        "10.0.0.1",
        "::1",
        "",
    ],
)
def test_name_that_another_would_find_inside_is_refused(host: str) -> None:
    """What is no public name goes to no proxy; an address is held to the whole rule."""
    with pytest.raises(AddressRefused):
        check_name(host, 443, Allowed())


@pytest.mark.parametrize(("host", "allowed"), [("www.x.com", ()), ("93.184.216.34", ()), ("wiki", ("wiki:443",))])
def test_name_that_is_public_or_allowed_passes(host: str, allowed: tuple[str, ...]) -> None:
    """The rule takes nothing away that the guard would let pass."""
    check_name(host, 443, Allowed.of(allowed))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('proxy = "https://proxy.example:3128"', "write http://name:port"),
        ('proxy = "http://proxy.example"', "write http://name:port"),
        ('proxy = "http://me:hunter2@proxy.example:3128"', "a proxy with a login is not spoken"),
        ('ca_file = "ca.pem"', "no absolute path"),
        ('ca_file = "/nowhere/ca.pem"', "no PEM file of certificates: No such file"),
        ('ca_file = "/dev/null"', "no PEM file of certificates"),
    ],
)
def test_network_setting_that_cannot_be_used_is_told(tmp_path: Path, line: str, why: str) -> None:
    """A mistake is told when the settings are read, by its name, and no password is repeated."""
    (tmp_path / "clipwarden.toml").write_text(f"[network]\n{line}\n", encoding="utf-8")
    with pytest.raises(SettingsWrong, match=re.escape(why)) as raised:
        load(tmp_path)

    assert "hunter2" not in str(raised.value)


def test_doctor_says_how_one_goes_out(tmp_path: Path) -> None:
    """By which proxy; and that nothing goes out while that one does not answer."""
    with gateway(tmp_path, {}) as gate, open_home(tmp_path, alone=True) as home:
        network = NetworkSettings(proxy=gate.url, ca_file=str(gate.authority.file))
        behind = replace(home, settings=home.settings.model_copy(update={"network": network}))
        there = _network(behind)
    gone = _network(behind)

    assert (there.ok, there.says) == (True, f"by {gate.url}, trusting {gate.authority.file}")
    assert (gone.ok, gone.needed, "does not answer" in gone.says) == (False, True, True)


# ------------------------------------------------------------------------- yt-dlp
@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A second of 320x240 as an mp4."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=12, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(12):
            picture = np.full((240, 320, 3), number * 20, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path.read_bytes()


def fetched(folder: Path, gate: Gateway, *jobs: Job, **changes: Any) -> dict[str, tuple[Outcome, bytes]]:
    """Download through a gateway; by post, the outcome and the bytes."""
    plain = {"proxy": gate.url, "ca_file": str(gate.authority.file)} | changes
    settings = DownloadSettings(attempts=folder / "attempts", min_free_bytes=1, max_seconds=20.0, **plain)
    return {
        one.job.post: (one, one.path.read_bytes() if isinstance(one, Got) else b"")
        for one in download(jobs, settings=settings)
    }


def direct(post: str, url: str) -> Job:
    """A file by its address."""
    return Job(post=post, position=0, renditions=(Rendition(url=url),))


def test_media_are_fetched_at_their_production_addresses(tmp_path: Path, clip: bytes) -> None:
    """Files, a page that yt-dlp's own extractor reads; a redirect inside is our no, the proxy's no may pass."""
    page = {
        "status": 2,
        "title": "she sings",
        "files": {"mp4": {"url": "https://cdn-cf-east.streamable.com/a.mp4", "width": 320, "height": 240}},
    }
    media = Answer(body=clip, headers={"Content-Type": "video/mp4"})
    inside = Answer(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data/"})
    answers: dict[str, str | Answer] = {
        "GET https://v.redd.it/abc/DASH_480.mp4*": media,
        "GET https://v16.tiktokcdn.com/moved*": inside,
        "GET https://ajax.streamable.com/videos/dnd1": Answer(body=json.dumps(page).encode()),
        "GET https://cdn-cf-east.streamable.com/a.mp4": media,
        "GET http://media.example/a.mp4": media,
    }
    jobs = (
        direct("reddit:1", "https://v.redd.it/abc/DASH_480.mp4?source=fallback"),
        direct("tiktok:1", "https://v16.tiktokcdn.com/moved"),
        Job(post="streamable:1", position=0, page="https://streamable.com/dnd1"),
        direct("plain:1", "http://media.example/a.mp4"),
        direct("own:1", "https://elsewhere.example/a.mp4"),
    )
    with gateway(tmp_path, answers) as gate:
        found = fetched(tmp_path, gate, *jobs)
    classes = {post: one.error_class for post, (one, _) in found.items() if isinstance(one, Refused)}

    assert [found[post][1] == clip for post in ("reddit:1", "streamable:1", "plain:1")] == [True] * 3
    assert classes == {"tiktok:1": ErrorClass.PRIVATE_ADDRESS, "own:1": ErrorClass.TEMPORARY}
    assert (gate.refused, gate.unknown) == ({"elsewhere.example": 1}, [])


def test_allowed_host_is_asked_without_the_proxy(tmp_path: Path, clip: bytes) -> None:
    """A studio's own media host stands inside, where its proxy does not lead."""
    media = Answer(body=clip, headers={"Content-Type": "video/mp4"})
    (tmp_path / "own").mkdir()
    with gateway(tmp_path, {}) as gate, gateway(tmp_path / "own", {"GET http://127.0.0.1:*/a.mp4": media}) as own:
        host = urlsplit(own.url).netloc
        found = fetched(tmp_path, gate, direct("a", f"{own.url}/a.mp4"), allowed_hosts=frozenset({host}))

    assert (found["a"][1] == clip, gate.asked, gate.refused) == (True, [], {})


def test_download_from_an_unknown_authority_is_refused(tmp_path: Path, clip: bytes) -> None:
    """yt-dlp checks certificates too, by the operator's list and not by the one it brings."""
    stranger = Authority(tmp_path, "a stranger")
    with gateway(tmp_path, {"GET https://v.redd.it/*": Answer(body=clip)}) as gate:
        refused, _ = fetched(tmp_path, gate, direct("a", "https://v.redd.it/a.mp4"), ca_file=str(stranger.file))["a"]

    assert isinstance(refused, Refused)
    assert (refused.error_class, "CERTIFICATE_VERIFY_FAILED" in refused.message) == (ErrorClass.TEMPORARY, True)
    assert gate.asked == []


# ----------------------------------------------------------------------- WebSocket
def test_stream_is_heard_at_its_production_address(tmp_path: Path) -> None:
    """A collector's WebSocket leaves by the proxy as well, with its certificate checked."""
    said = ('{"kind": "commit"}', "x" * 1000)
    place = "wss://jetstream2.us-east.bsky.network/subscribe"
    answers = {"GET https://jetstream2.us-east.bsky.network/*": Answer(messages=said)}
    with (
        gateway(tmp_path, answers) as gate,
        connect(place, proxy=gate.url, ssl=gate.authority.trusted) as stream,
    ):
        heard = (stream.recv(), stream.recv())

    assert (heard, gate.refused) == (said, {})


# ------------------------------------------------------------------------ Chromium
@pytest.mark.browser
def test_browser_shows_production_pages_and_asks_no_other_host(tmp_path: Path) -> None:
    """A page under its real name, its certificate checked; what the page asks elsewhere is refused, and counted."""
    page = frozen("tiktok_page/tag_older_build")
    tracked = page.body.replace(b"</body>", b'<script src="https://tracker.example/t.js"></script></body>')
    answers: dict[str, str | Answer] = {
        "GET https://www.tiktok.com/robots.txt": ROBOTS,
        "GET https://www.tiktok.com/tag/*": Answer(body=tracked, headers=page.headers),
    }
    with gateway(tmp_path, answers) as gate:
        ended = crawled(tmp_path, gate, watch(TAG, id="page", platform="tiktok_page", site=""))

    assert (ended.crawls["page"].coverage, ended.crawls["page"].why) == (Coverage.OK, "")
    assert ended.posts == told("tiktok_page/tag_older_build")
    assert gate.refused == {"tracker.example": 2}  # the watch's page, and its canary's


@pytest.mark.browser
def test_browser_refuses_the_certificate_of_an_unknown_authority(tmp_path: Path) -> None:
    """The browser is not told to look away."""
    stranger = Authority(tmp_path, "a stranger")
    with gateway(tmp_path, {"GET https://tagpage.example/*": "browser/tag_page"}) as gate:
        settings = gate.settings().replace(str(gate.authority.file), str(stranger.file))
        page = watch("https://tagpage.example/tags/a", id="page", platform="browser", site="", kind=WatchKind.URL)
        ended = crawled(tmp_path, gate, page, settings=settings)

    assert (ended.crawls["page"].coverage, "ERR_CERT_AUTHORITY_INVALID" in ended.crawls["page"].why) == (
        Coverage.BLIND,
        True,
    )
    assert gate.asked == []
