"""kill -9 at any point loses and doubles nothing."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.demo.platform import LoopbackPlatform, serve
from app.demo.posts import plant
from tests.builders import NOW

ROOT = Path(__file__).parents[2]
KILLS = 8 if os.environ.get("CI") else 20  # each takes 20 s; the gate has twenty minutes for everything
# When something happened differs between two runs; what happened must not.
CLOCKS = {"due_at", "seen_at", "fetched_at", "found_at", "at", "added_at", "started_at", "finished_at"}
TABLES = {
    "posts": "*", "sightings": "*", "media": "*", "fingerprints": "*", "matches": "*", "findings": "*",
    "receipts": "*", "failures": "*", "work": "*", "waiting": "*", "refs": "*",
    "crawls": "watch, coverage, why, pages, posts, ground",
}  # fmt: skip


def rows(home: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the ledger, without its clocks."""
    found = {}
    with sqlite3.connect(home / "ledger.db") as connection:
        connection.row_factory = sqlite3.Row
        for table, columns in TABLES.items():
            listed = [dict(row) for row in connection.execute(f"SELECT {columns} FROM {table}")]  # noqa: S608
            found[table] = sorted(tuple(str(v) for k, v in row.items() if k not in CLOCKS) for row in listed)
    found["blobs"] = sorted((path.name,) for path in (home / "blobs").rglob("*") if path.is_file())
    return found


def command(home: Path, *words: str) -> list[str]:
    """A clipwarden command on a home."""
    return [sys.executable, "-m", "app.cli", "--home", str(home), *words]


@pytest.fixture(scope="module")
def site(demo_folder: Path) -> Iterator[LoopbackPlatform]:
    """A platform with a dozen of the demo's posts, on Mastodon and PeerTube."""
    planted = [post for post in plant(NOW) if post.platform in {"mastodon", "peertube"}]
    with serve(planted[::3], demo_folder / "media") as running:
        yield running


@pytest.fixture(scope="module")
def fresh(site: LoopbackPlatform, demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that is set up and has seen nothing yet."""
    home = tmp_path_factory.mktemp("kill") / "fresh"
    (home / "brands").mkdir(parents=True)
    (home / "brands" / "b.yml").write_text(
        "brand: Northlight Pictures\nfranchises:\n"
        "  - {title: Lanterns of Avelore, owner: O, hashtags: [LanternsOfAvelore]}\n"
        "  - {title: The Hollow Choir, owner: O, hashtags: [TheHollowChoir]}\n"
        "watches:\n"
        f"  - {{platform: mastodon, sites: ['{site.base_url}'], hashtags: franchises}}\n"
        f"  - {{platform: peertube, sites: ['{site.base_url}'], hashtags: franchises}}\n",
        encoding="utf-8",
    )
    settings = f'allowed_hosts = ["{urlsplit(site.base_url).netloc}"]\n[crawl]\ndelay_s = 0\n'
    (home / "clipwarden.toml").write_text(settings, encoding="utf-8")
    stills = sorted((demo_folder / "references").rglob("*.mp4")) or sorted((demo_folder / "references").rglob("*.jpg"))
    words = ["refs", "add", "--brand", "Northlight Pictures", "--franchise", "The Hollow Choir"]
    subprocess.run(command(home, *words, *map(str, stills)), cwd=ROOT, check=True)
    return home


@pytest.mark.timeout(900)
def test_kill_at_any_point_loses_and_doubles_nothing(fresh: Path, tmp_path: Path) -> None:
    """After 20 SIGKILLs at random points, and a restart, the ledger equals an undisturbed run's, row for row."""
    calm = tmp_path / "calm"
    shutil.copytree(fresh, calm)
    started = time.monotonic()
    subprocess.run(command(calm, "run"), cwd=ROOT, check=True)
    took_s = time.monotonic() - started
    expected = rows(calm)
    chance, kills, runs = random.Random(20), 0, 0  # noqa: S311 - a seed, so that a failure can be had again
    while kills < KILLS:
        home = tmp_path / f"killed-{runs}"
        shutil.copytree(fresh, home)
        runs += 1
        while not finishes(home, chance.uniform(0.1, took_s) if kills < KILLS else took_s * 20):
            kills += 1

        assert rows(home) == expected
        assert not list((home / "tmp").iterdir())
    assert len(expected["media"]) >= 5
    assert expected["matches"]


def finishes(home: Path, after_s: float) -> bool:
    """Start a run and kill it after so long; True when it was done before."""
    process = subprocess.Popen(command(home, "run"), cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        assert process.wait(timeout=after_s) == 0
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return False
    return True
