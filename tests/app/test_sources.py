"""Canaries, incidents, routes: a silence is told from blindness, once, with the next step."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app import sources
from app.crawling import crawl
from app.demo.platform import LoopbackPlatform, serve
from app.demo.posts import plant
from app.home import Home, open_home
from core.causes import NEXT_STEP, Cause
from core.coverage import Crawl
from core.records import Coverage, WatchKind
from crawler import canaries
from crawler.facts import Canary
from crawler.runs import WatchRun
from crawler.spiders.mastodon import MastodonSpider
from store.incidents import note_cycle, open_incidents
from tests.builders import NOW, brand, watch

TAG = "TheHollowChoir"
FROZEN = Path(__file__).parents[1] / "fixtures" / "platforms" / "mastodon"
BLIND = ("captcha", "a captcha stands before it")
PLACE = ("mastodon", "https://site.example", "api")


@pytest.fixture
def site(demo_folder: Path) -> Iterator[LoopbackPlatform]:
    """The demo's platform."""
    with serve(plant(NOW), demo_folder / "media") as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, site: LoopbackPlatform) -> Iterator[Home]:
    """A home that watches one tag of it, and asks its canaries each time."""
    text = f'allowed_hosts = ["{urlsplit(site.base_url).netloc}"]\n[crawl]\ndelay_s = 0\ncanary_s = 0\n'
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "clipwarden.toml").write_text(text)
    with open_home(tmp_path / "home", alone=True) as opened:
        opened.ledger.sync(brand(watch(TAG, site=site.base_url)))
        yield opened


def cycle(home: Home, site: LoopbackPlatform) -> Crawl:
    """One crawl of the watch."""
    [ended] = crawl(home, [watch(TAG, site=site.base_url)])
    return ended


def test_made_up_word_that_brings_posts_blinds_the_source(home: Home, site: LoopbackPlatform) -> None:
    """A server that answers every tag with the same posts answers something else than it is asked."""
    body = (FROZEN / "timeline.json").read_bytes()
    site.fault("/api/v1/timelines/tag/", body=body, times=9)
    ended = cycle(home, site)

    assert (ended.coverage, ended.cause) == (Coverage.BLIND, Cause.CANARY)
    assert "a made-up word" in ended.why
    # What the watch itself was given is kept, and nothing of the canary.
    assert {row["watch"] for row in home.ledger.rows("SELECT DISTINCT watch FROM posts")} <= {ended.watch}


def test_canaries_leave_no_trace_among_posts_and_crawls(home: Home, site: LoopbackPlatform) -> None:
    """Where the source sees, the canary costs a question and nothing else."""
    ended = cycle(home, site)
    rows = home.ledger.rows("SELECT verdict FROM canaries")

    assert (ended.coverage, ended.cause) == (Coverage.OK, "")
    assert rows == [{"verdict": "sees"}]
    assert {row["watch"] for row in home.ledger.rows("SELECT watch FROM crawls")} == {ended.watch}


def run_of(canary: Canary, told: int, *, pages: int = 1) -> tuple[Canary, WatchRun]:
    """A canary's run that brought so many posts."""
    made = WatchRun(watch=watch("w"), ground_at=None, started_at=NOW, canary=canary, told=told, pages=pages)
    return canary, made


@pytest.mark.parametrize(
    ("hit", "nonsense", "verdict"),
    [(3, 0, "sees"), (0, 0, "empty"), (3, 2, "wrong"), (0, 2, "wrong")],
)
def test_verdict_matrix(hit: int, nonsense: int, verdict: str) -> None:
    """What must bring posts and what must bring none, in all four ways."""
    known, made_up = (
        Canary(kind=WatchKind.HASHTAG, query="a", hits=True),
        Canary(kind=WatchKind.HASHTAG, query="{}", hits=False),
    )
    spider = MastodonSpider()
    spider.runs = {str(number): run for number, (_, run) in enumerate([run_of(known, hit), run_of(made_up, nonsense)])}
    said = canaries.judge(spider)["https://site.example"]
    quiet = Crawl(watch="w", started_at=NOW, finished_at=NOW, coverage=Coverage.OK, ground=True)
    busy = Crawl(watch="w", started_at=NOW, finished_at=NOW, coverage=Coverage.OK, posts=3, ground=True)
    doubted = [canaries.doubted(one, "https://site.example", {said.site: said}).coverage for one in (quiet, busy)]

    assert said.verdict == verdict
    assert (
        doubted
        == {
            "sees": [Coverage.OK, Coverage.OK],
            "empty": [Coverage.BLIND, Coverage.OK],
            "wrong": [Coverage.BLIND, Coverage.BLIND],
        }[verdict]
    )


def test_incident_opens_once_and_ends_once(home: Home) -> None:
    """Three blind cycles are one incident; the next sound one ends it; only these two are told."""
    told = [note_cycle(home.ledger, PLACE, said, at=NOW) for said in (BLIND, BLIND, BLIND, None, None)]

    assert [bool(one) for one in told] == [True, False, False, True, False]
    assert told[3] is not None
    assert (told[3].cycles, told[3].closed_at) == (3, NOW)
    assert open_incidents(home.ledger) == []


def test_blind_source_is_told_with_its_next_step(
    home: Home, site: LoopbackPlatform, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line when it goes blind, none while it stays so, one when it sees again."""
    site.fault("/api/v1/timelines/tag/", status=403, times=4)
    said = []
    for _ in range(3):
        cycle(home, site)
        said.append(capsys.readouterr().out)

    assert "source blind" in said[0]
    assert "Next: open the address in a browser" in said[0]
    assert said[1] == ""
    assert "sees again" in said[2]


def test_broken_route_gives_way_and_is_tried_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two blind cycles by the interface: the next route is asked; after a while the interface is tried again."""
    monkeypatch.setenv("CLIPWARDEN_YOUTUBE_API_KEY", "k")
    place, now = ("youtube", "", "api"), datetime.now(UTC)
    routes = []
    for at in (now - timedelta(hours=3), now - timedelta(minutes=5), now - timedelta(minutes=1)):
        note_cycle(home.ledger, place, BLIND, at=at)
        routes.append(sources.route_of(home, "youtube"))
    home.ledger.db.execute("UPDATE incidents SET last_at = '2026-01-01T00:00:00.000Z'")

    assert routes == ["api", "page", "page"]
    assert sources.route_of(home, "youtube") == "api"


def test_missing_key_leaves_the_page(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key, the best route that needs none is taken from the start."""
    monkeypatch.delenv("CLIPWARDEN_YOUTUBE_API_KEY", raising=False)

    assert sources.route_of(home, "youtube") == "page"


def test_sources_show_share_and_gaps(home: Home, site: LoopbackPlatform) -> None:
    """A source that was seen is watched whole; then blind, it shows the incident and what to do."""
    cycle(home, site)
    [seen] = sources.rows(home)
    site.fault("/api/v1/timelines/tag/", status=403, times=9)
    cycle(home, site)
    [blind] = sources.rows(home)

    assert (seen.share, seen.incident, seen.route) == (1.0, None, "api")
    assert blind.incident is not None
    assert blind.incident.cause == Cause.REFUSED
    assert blind.next_step


def test_every_cause_has_a_next_step() -> None:
    """No cause is told without what to do about it."""
    assert set(NEXT_STEP) == set(Cause)
