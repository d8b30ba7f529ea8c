"""The demo's job: make the clips, serve them, run every stage on them, and hold the hits against the truth.

It is the production job on a small world: the spiders, the downloader and the matchers know nothing of it.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

from rich.table import Table

from app import refs, stages
from app.console import out, read_brands
from app.demo.make import make
from app.demo.platform import LoopbackPlatform, serve
from app.demo.posts import PlantedPost, brand_yaml, plant, references
from app.hits import DailyList, daily
from app.hits_page import render
from app.hits_pictures import gather_pictures
from app.hits_table import print_table
from app.home import Home, open_home
from app.progress import track
from app.verbs.stages import run_stages
from core.records import Bank

SETTINGS = """\
# The demo's own: its platform stands on this machine and minds no haste.
allowed_hosts = ["{host}"]

[crawl]
delay_s = 0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The hits against what was planted: post ids.

    missed      what had to be found and was not
    excused     hard edits that may still be missed, and were
    false       hits on posts that show nothing protected, or under the wrong basis
    """

    found: frozenset[str]
    missed: frozenset[str]
    excused: frozenset[str]
    false: frozenset[str]

    @property
    def passed(self) -> bool:
        """Whether the planted truth was found, and nothing else."""
        return not self.missed and not self.false


def run_demo(parent: Path, *, keep_serving: bool) -> int:
    """Run it under `parent`/demo and show the hits. Returns the exit code: 0 when the planted truth was found."""
    started = time.monotonic()
    studio, folder = parent / "demo" / "studio", parent / "demo" / "home"
    with track("clips", None) as progress:
        make(studio, lambda done, total: progress.to(done, total=total))
    posts = plant(datetime.now(UTC))
    # The job is shown from its beginning each time; the clips, which take longest, are kept.
    shutil.rmtree(folder, ignore_errors=True)
    with serve(posts, studio / "media") as site, _demo_home(folder, site.base_url, studio) as home:
        run_stages(home)
        today = daily(home.ledger, datetime.now(UTC).date(), datetime.now(UTC))
        print_table(today, out)
        page = folder / "hits.html"
        page.write_text(render(today, gather_pictures(home, today).get), encoding="utf-8")
        score = judge(posts, today)
        _print_score(posts, score)
        out.print(f"The hit list as a page: {page}\nDone in {time.monotonic() - started:.0f} s.")
        if keep_serving:
            _stay(site)
    return 0 if score.passed else 1


@contextmanager
def _demo_home(folder: Path, site: str, studio: Path) -> Iterator[Home]:
    (folder / "brands").mkdir(parents=True)
    (folder / "brands" / "northlight.yml").write_text(brand_yaml(site), encoding="utf-8")
    (folder / "clipwarden.toml").write_text(SETTINGS.format(host=urlsplit(site).netloc), encoding="utf-8")
    with open_home(folder, alone=True) as home:
        read_brands(home)
        with track("references") as progress:
            for (franchise, element, bank), group in groupby(sorted(references(studio), key=_place), key=_place):
                brand, title = franchise.split("/")
                part = element.rsplit("/", 1)[-1] if element else None
                paths = [path for _, _, _, path in group]
                kind = Bank(bank)
                refs.add(home, brand=brand, franchise=title, element=part, bank=kind, paths=paths, progress=progress)
        stages.fingerprint_files(home)
        stages.read_all_marks(home)
        yield home


def _place(reference: tuple[str, str | None, str, Path]) -> tuple[str, str, str]:
    franchise, element, bank, _ = reference
    return franchise, element or "", bank


def judge(posts: tuple[PlantedPost, ...], today: DailyList) -> Score:
    """Hold the day's hits against the plan."""
    proved = {row.post.id for row in today.copies}
    suggested = {row.post.id for row in today.suggestions}
    copies = {post.post_id for post in posts if post.expected == "copy"}
    drawn = {post.post_id for post in posts if post.expected == "suggestion"}
    hard = {post.post_id for post in posts if post.may_miss}
    found = (copies & proved) | (drawn & suggested)
    # A copy that only its words gave away is listed under the right title, but not proved: it counts as missed.
    return Score(
        found=frozenset(found),
        missed=frozenset((copies | drawn) - found - hard),
        excused=frozenset(((copies | drawn) - found) & hard),
        false=frozenset((proved - copies) | (suggested - drawn - copies)),
    )


def _print_score(posts: tuple[PlantedPost, ...], score: Score) -> None:
    table = Table("planted", "found", "missed", title="Against the planted truth", box=None)
    for edit in dict.fromkeys(post.edit for post in posts if post.expected != "nothing"):
        mine = {post.post_id for post in posts if post.edit == edit and post.expected != "nothing"}
        missed = mine - score.found
        table.add_row(edit, f"{len(mine & score.found)} of {len(mine)}", ", ".join(sorted(missed)))
    out.print(table)
    hard = len(score.excused)
    out.print(f"found {len(score.found)}, missed {len(score.missed)} (and {hard} hard ones), false {len(score.false)}")
    for post in sorted(score.false):
        out.print(f"[red]false[/] {post}")


def _stay(site: LoopbackPlatform) -> None:
    out.print(f"The platform stays up at {site.base_url} until Ctrl-C.")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        out.print("stopped")
