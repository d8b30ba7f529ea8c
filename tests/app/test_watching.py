"""What is watched, on trial and learned: on the demo's real loopback platform."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app import watching
from app.console import read_brands
from app.demo.platform import LoopbackPlatform, serve
from app.demo.posts import plant
from app.home import Home, open_home
from core.errors import NotFound
from core.findings import finding_id
from core.records import AuthorClass, Basis, Finding, Verdict
from tests.builders import NOW, post

ROOT = Path(__file__).parents[2]
BRAND = """\
brand: Lantern House
generator_tags: [seedance]
franchises:
  - title: The Hollow Choir
    owner: Lantern House LLC
    hashtags: [TheHollowChoir]
    elements:
      - name: Choir Mother
        nature: creature
        descriptions: [a tall faceless singer in a torn white gown among black candles]
watches:
  - {platform: mastodon, sites: ["SITE"], hashtags: franchises, every: 2h}
  - {platform: peertube, sites: ["SITE"], search: [titles, generated, descriptions], most: 5}
"""


@pytest.fixture(scope="module")
def site(demo_folder: Path) -> Iterator[LoopbackPlatform]:
    """The demo's platform, with its real media."""
    with serve(plant(NOW), demo_folder / "media") as running:
        yield running


@pytest.fixture
def home(site: LoopbackPlatform, tmp_path: Path) -> Iterator[Home]:
    """A home with one brand that watches the loopback platform."""
    text = f'allowed_hosts = ["{urlsplit(site.base_url).netloc}"]\n[crawl]\ndelay_s = 0\n'
    (tmp_path / "clipwarden.toml").write_text(text, encoding="utf-8")
    (tmp_path / "brands").mkdir()
    (tmp_path / "brands" / "lantern.yml").write_text(BRAND.replace("SITE", site.base_url), encoding="utf-8")
    with open_home(tmp_path, alone=True) as opened:
        read_brands(opened)
        yield opened


def test_each_watch_says_where_it_comes_from(home: Home) -> None:
    """A made question names the words it was made from, and no more are made than the file allows."""
    rows = watching.rows(home)
    why = {row.watch.query: row.why for row in rows}

    assert why["The Hollow Choir"] == "the title"
    assert why["TheHollowChoir"] == "the brand's own hashtag"
    assert why["The Hollow Choir seedance"] == "the title with the generator tag seedance"
    assert sum(row.watch.platform == "peertube" for row in rows) == 5
    assert {row.coverage for row in rows} == {"never asked"}


def test_trial_shows_a_page_and_stores_nothing(home: Home, site: LoopbackPlatform) -> None:
    """One real page of a hashtag comes back as posts; ledger and blobs stay as they were."""
    blobs = sorted(home.blobs.folder.rglob("*"))
    watch = watching.one(home, "hashtag:TheHollowChoir")
    ended, posts = watching.trial(home, watch)

    assert ended.pages == 1
    assert posts
    assert {one.platform for one in posts} == {"mastodon"}
    assert home.ledger.count("posts") == home.ledger.count("crawls") == 0
    assert sorted(home.blobs.folder.rglob("*")) == blobs


def test_trial_of_an_unclear_name_lists_the_watches(home: Home) -> None:
    """A name that means no watch, or two, is an error that lists them."""
    for name in ("nothing-such", "peertube"):
        with pytest.raises(NotFound, match="there are"):
            watching.one(home, name)


def confirmed(home: Home, number: int, *tags: str) -> None:
    """A post with tags, found and confirmed by a person."""
    own = post(number, hashtags=tags)
    [watch, *_] = [row.watch for row in watching.rows(home)]
    home.ledger.save_posts(watch.id, [(own, "f" * 64)], seen_at=watching.datetime.now(watching.UTC))
    franchise = "lantern-house/the-hollow-choir"
    finding = Finding(
        id=finding_id(own.id, franchise), post=own.id, franchise=franchise, element=None, basis=Basis.SUGGESTION,
        score=0.8, reasons=(), ai_evidence=(), author_class=AuthorClass.UNKNOWN,
    )  # fmt: skip
    home.ledger.save_findings(own.id, [finding], 1, at=watching.datetime.now(watching.UTC))
    home.ledger.save_decision(finding.id, Verdict.INFRINGING, reviewer="r", note="", fair_use=None, at=NOW)


def test_accepted_tag_is_watched_from_the_next_sync(home: Home) -> None:
    """A tag beside two confirmed hits is proposed; accepted, it is asked of every platform that asks for tags."""
    for number in (1, 2):
        confirmed(home, number, "thehollowchoir", "candlechoir")
    [brand] = watching.brands(home)
    [proposal] = watching.proposed(home, brand)
    watching.accept(home, brand, proposal.tag, reviewer="r")
    read_brands(home)

    assert (proposal.tag, proposal.confirmed) == ("candlechoir", 2)
    assert "candlechoir" in {row.watch.query for row in watching.rows(home)}
    assert watching.proposed(home, watching.brands(home)[0]) == ()
    assert sum(row.confirmed for row in watching.rows(home)) == 2


def test_commands_by_hand(home: Home) -> None:
    """`watches`, `watches --try` and `tags` as a user calls them."""
    for number in (1, 2):
        confirmed(home, number, "candlechoir")
    folder = home.folder
    home.ledger.db.close()

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "app.cli", "--home", str(folder), *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    # The fixture still holds the home's lock.
    assert "at work" in run("watches").stderr
    (folder / "clipwarden.lock").unlink()
    listed, tried, proposed = run("watches", "--json"), run("watches", "--try", "hashtag:TheHollow"), run("tags")
    refused = run("tags", "--accept", "nosuchtag")

    assert len(json.loads(listed.stdout)) == 6
    assert tried.returncode == 0
    assert "posts with a video on one page" in tried.stdout
    assert "#candlechoir" in proposed.stdout
    assert (refused.returncode, "not proposed" in refused.stderr) == (1, True)
