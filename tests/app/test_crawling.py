"""The discover stage on real HTTP: whole when all is well, and never silent when it is not."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from app.crawling import crawl
from app.demo.platform import LoopbackPlatform, serve
from app.demo.posts import plant, synthetic
from app.home import Home, open_home
from core.coverage import Crawl
from core.records import Coverage, Watch, WatchKind
from store import queries
from tests.builders import NOW, brand, watch

TAG = "TheHollowChoir"
TIMELINE = f"/api/v1/timelines/tag/{TAG}"
OK, PARTIAL, BLIND = Coverage.OK, Coverage.PARTIAL, Coverage.BLIND


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that are only names: a crawl downloads none."""
    folder = tmp_path_factory.mktemp("media")
    for post in [*plant(NOW), *synthetic(4, NOW)]:
        (folder / post.media).write_bytes(b"x")
    return folder


@pytest.fixture
def site(media: Path) -> Iterator[LoopbackPlatform]:
    """The demo's platform, whole again for each test."""
    with serve(plant(NOW), media) as running:
        yield running


@contextmanager
def made(folder: Path, site: LoopbackPlatform, *watches: Watch, settings: str = "") -> Iterator[Home]:
    """A home with these watches (one hashtag on Mastodon when left out) and no delay."""
    text = f'allowed_hosts = ["{urlsplit(site.base_url).netloc}"]\n[crawl]\ndelay_s = 0\n{settings}'
    (folder / "clipwarden.toml").write_text(text, encoding="utf-8")
    with open_home(folder, alone=True) as opened:
        opened.ledger.sync(brand(*(watches or [watch(TAG, site=site.base_url)])))
        yield opened


@pytest.fixture
def home(site: LoopbackPlatform, tmp_path: Path) -> Iterator[Home]:
    """A home that watches the horror franchise on Mastodon."""
    with made(tmp_path, site) as opened:
        yield opened


def crawled(home: Home) -> Crawl:
    """Crawl the one watch of a home."""
    (ended,) = crawl(home, queries.watches(home.ledger))
    return ended


def planted(site: LoopbackPlatform, platform: str, name: str = TAG) -> set[str]:
    """The ids of the posts that a tag has on a platform."""
    return {post.post_id for post in site.of(platform) if name in post.hashtags}


def stored(home: Home) -> set[str]:
    """The ids of the posts in the ledger."""
    return {row["id"] for row in home.ledger.rows("SELECT id FROM posts")}


def test_crawl_sees_all_and_the_next_asks_one_page(site: LoopbackPlatform, home: Home) -> None:
    """Everything at first; then what the instance gives, one page that shows that all is known, and nothing more."""
    first = crawled(home)
    before = len(site.requests)
    second = crawled(home)
    asked = [request for request in site.requests[before:] if "robots" not in request]

    assert (first.coverage, second.coverage) == (OK, OK)
    assert stored(home) == planted(site, "mastodon")
    assert len(asked) == 2


def test_peertube_asks_details_of_new_videos_only(site: LoopbackPlatform, tmp_path: Path) -> None:
    """A known video's own answer is not asked again."""
    with made(tmp_path, site, watch(TAG, platform="peertube", site=site.base_url)) as home:
        crawled(home)
        before = len(site.requests)
        crawled(home)

        assert stored(home) == planted(site, "peertube")
        assert not [request for request in site.requests[before:] if "/api/v1/videos/" in request]


def test_raw_answers_are_kept(site: LoopbackPlatform, home: Home) -> None:
    """Each post names the answer it stood in, and the answer is there to be parsed again."""
    crawled(home)
    raw = {row["raw_sha256"] for row in home.ledger.rows("SELECT raw_sha256 FROM posts")}

    assert all(json.loads(home.blobs.get(sha256).read_bytes()) for sha256 in raw)


def test_rate_limit_is_waited_out(site: LoopbackPlatform, home: Home) -> None:
    """A 429 with Retry-After delays the crawl; it loses nothing."""
    site.fault(TIMELINE, status=429, headers={"Retry-After": "2"}, times=2)
    started = time.monotonic()
    ended = crawled(home)

    assert (ended.coverage, stored(home)) == (OK, planted(site, "mastodon"))
    assert time.monotonic() - started >= 4


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"body": b'[{"id": "1", "reblog": null, "media_attachments": []}]'}, "'uri' should be str, got nothing"),
        ({"body": b'{"error": "This method requires an authenticated user"}', "status": 422}, "answered 422"),
        ({"body": b"<html>Log in</html>", "headers": {"Content-Type": "text/html"}}, "a page where JSON was asked for"),
        ({"body": b""}, "200 with nothing in it"),
        ({"body": b"{}"}, "expected a list, got dict"),
        ({"status": 403}, "refuses us"),
        ({"status": 404}, "no such page"),
        ({"status": 500}, "answered 500"),
        ({"status": 302, "headers": {"Location": "http://169.254.169.254/latest/meta-data/"}}, "not public"),
        ({"status": 302, "headers": {"Location": "file:///etc/passwd"}}, ""),
        ({"body": b"[]", "headers": {"Link": '<http://elsewhere.example/x>; rel="next"'}}, "on another host"),
    ],
)
def test_source_that_fails_is_blind_and_says_why(
    site: LoopbackPlatform, home: Home, fault: dict[str, object], told: str
) -> None:
    """Whatever stands where the posts were, it is never "no posts"."""
    site.fault(TIMELINE, times=99, **fault)  # type: ignore[arg-type]
    ended = crawled(home)

    assert ended.coverage is BLIND
    assert told in ended.why


def test_disabled_feed_is_blind(site: LoopbackPlatform, home: Home) -> None:
    """An instance that gives tag feeds to nobody answers []; that is no answer."""
    closed = {"configuration": {"timelines_access": {"hashtag_feeds": {"local": "disabled", "remote": "disabled"}}}}
    # More than once: the canary asks as well.
    site.fault(TIMELINE, body=b"[]", times=9)
    site.fault("/api/v2/instance", body=json.dumps(closed).encode(), times=9)

    assert crawled(home).coverage is BLIND


def test_empty_tag_of_an_open_instance_is_no_posts(site: LoopbackPlatform, tmp_path: Path) -> None:
    """A tag nobody uses is seen, and empty."""
    with made(tmp_path, site, watch("nobodyusesthis", site=site.base_url)) as home:
        ended = crawled(home)

    assert (ended.coverage, ended.posts) == (OK, 0)


def test_robots_is_obeyed_by_all_who_wait_for_it(site: LoopbackPlatform, tmp_path: Path) -> None:
    """Five watches of one site that forbids its API: none of them is asked (Scrapy's own lets the third pass)."""
    site.fault("/robots.txt", body=b"User-agent: *\nDisallow: /api\n", times=9)
    watches = [watch(f"tag{number}", site=site.base_url) for number in range(5)]
    before = len(site.requests)
    with made(tmp_path, site, *watches) as home:
        ended = crawl(home, watches)

    assert {one.coverage for one in ended} == {BLIND}
    assert {request for request in site.requests[before:] if "/api/" in request} == set()


def test_robots_is_obeyed(site: LoopbackPlatform, home: Home) -> None:
    """A site that forbids its API is not asked, and the watch says so."""
    site.fault("/robots.txt", body=b"User-agent: *\nDisallow: /api\n", times=9)
    ended = crawled(home)

    assert (ended.coverage, "robots.txt" in ended.why) == (BLIND, True)
    assert not [request for request in site.requests if TIMELINE in request]


def test_dead_site_is_blind(tmp_path: Path, site: LoopbackPlatform) -> None:
    """Nobody listens: the watch says so."""
    with made(tmp_path, site, watch(TAG, site="http://127.0.0.1:1")) as home:
        ended = crawled(home)

    assert ended.coverage is BLIND


def test_kind_a_platform_cannot_watch_is_blind(tmp_path: Path, site: LoopbackPlatform) -> None:
    """A keyword on Mastodon needs a login we do not have."""
    with made(tmp_path, site, watch(TAG, kind=WatchKind.KEYWORD, site=site.base_url)) as home:
        ended = crawled(home)

    assert (ended.coverage, "cannot watch a keyword" in ended.why) == (BLIND, True)


def test_account_is_watched_by_its_handle(tmp_path: Path, site: LoopbackPlatform) -> None:
    """An account's own posts, whatever their tags."""
    with made(tmp_path, site, watch("northlight_official", kind=WatchKind.ACCOUNT, site=site.base_url)) as home:
        crawled(home)

        assert stored(home) == {post.post_id for post in site.of("mastodon") if post.name == "northlight_official"}


def feed(tmp_path: Path, media: Path, count: int) -> "tuple[LoopbackPlatform, ExitStack]":
    """A platform with a long feed."""
    stack = ExitStack()
    return stack.enter_context(serve(synthetic(count, NOW), media)), stack


def test_hole_in_the_middle_is_filled_by_the_next_crawl(tmp_path: Path, media: Path) -> None:
    """A later page that fails leaves a partial crawl; the next goes on past what it knows, to the end."""
    site, stack = feed(tmp_path, media, 200)
    with stack, made(tmp_path, site, watch("LoopbackBench", site=site.base_url)) as home:
        page = "/api/v1/timelines/tag/LoopbackBench"
        site.fault(page, status=500, times=9, after=2)
        first = crawled(home)
        kept = len(stored(home))
        site.clear_faults()
        second = crawled(home)

        assert (first.coverage, kept, second.coverage, len(stored(home))) == (PARTIAL, 80, OK, 200)


def test_budget_ends_a_first_crawl_and_history_begins_there(tmp_path: Path, media: Path) -> None:
    """What a first crawl's budget cuts off is said; later crawls need only reach what it saw."""
    site, stack = feed(tmp_path, media, 200)
    with stack, made(tmp_path, site, watch("LoopbackBench", site=site.base_url), settings="pages = 2\n") as home:
        first, second = crawled(home), crawled(home)

        assert (first.coverage, "page budget of 2" in first.why, second.coverage) == (PARTIAL, True, OK)


def test_crawl_that_hangs_is_ended_at_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site that accepts and never answers costs the time limit, and blinds the watch."""
    monkeypatch.setattr("app.crawling.GRACE_S", 2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        (tmp_path / "clipwarden.toml").write_text(
            f'allowed_hosts = ["{address}"]\n[crawl]\ndelay_s = 0\ntime_limit_s = 10\n', encoding="utf-8"
        )
        with open_home(tmp_path, alone=True) as home:
            home.ledger.sync(brand(watch(TAG, site=f"http://{address}")))
            started = time.monotonic()
            ended = crawled(home)

    assert ended.coverage is BLIND
    assert time.monotonic() - started < 25


def test_page_drawn_by_scripts_is_read_through_a_browser(site: LoopbackPlatform, tmp_path: Path) -> None:
    """Chromium draws the page and scrolls it to its end; every post on it is seen."""
    with made(tmp_path, site, watch(TAG, platform="browser", site=f"{site.base_url}/tags/{{query}}")) as home:
        ended = crawled(home)

        assert (ended.coverage, stored(home)) == (OK, planted(site, "browser"))
        assert not list(home.scratch.iterdir())


def test_page_without_its_videos_is_blind(site: LoopbackPlatform, tmp_path: Path) -> None:
    """A captcha in place of the page is told by what is missing."""
    site.fault(f"/tags/{TAG}", body=b"<html>Prove that you are human</html>", headers={"Content-Type": "text/html"})
    with made(tmp_path, site, watch(TAG, platform="browser", site=f"{site.base_url}/tags/{{query}}")) as home:
        ended = crawled(home)

    assert (ended.coverage, "VideoObject" in ended.why) == (BLIND, True)


def test_without_a_browser_the_watch_says_so(
    site: LoopbackPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No Chromium: its watches are blind with the way out, and the rest goes on."""
    monkeypatch.setattr("app.crawling.find_browser", lambda: None)
    in_page = watch(TAG, id="page", platform="browser", site=f"{site.base_url}/tags/{{query}}")
    with made(tmp_path, site, in_page, watch(TAG, site=site.base_url)) as home:
        ended = {one.watch: one for one in crawl(home, queries.watches(home.ledger))}

    assert (ended["page"].coverage, "clipwarden doctor" in ended["page"].why) == (BLIND, True)
    assert ended[watch(TAG).id].coverage is OK


def test_ten_thousand_posts_leave_memory_flat(tmp_path: Path, media: Path) -> None:
    """The crawl's process holds no more at the end than when it was warm; the next crawl asks one page."""
    site, stack = feed(tmp_path, media, 10_000)
    settings = "pages = 1000\n"
    with stack, made(tmp_path, site, watch("LoopbackBench", site=site.base_url), settings=settings) as home:
        with Memory() as memory:
            ended = crawled(home)
        before = len(site.requests)
        crawled(home)
        warm, late = memory.held(0.3, 0.5), memory.held(0.8, 1.0)

        assert (ended.coverage, len(stored(home))) == (OK, 10_000)
        assert len([request for request in site.requests[before:] if "timelines" in request]) == 1
        assert late < warm * 1.15 + 10


class Memory:
    """What the children of this process hold, in MiB, ten times a second."""

    def __init__(self) -> None:
        self.samples: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            with contextlib.suppress(psutil.Error):
                children = psutil.Process().children(recursive=True)
                crawls = [child for child in children if "crawler.crawl" in " ".join(child.cmdline())]
                self.samples += [sum(child.memory_info().rss for child in crawls) / 2**20] if crawls else []

    def held(self, since: float, until: float) -> float:
        """The most in a part of the run, given as shares of it."""
        count = len(self.samples)
        return max(self.samples[int(count * since) : int(count * until)])
