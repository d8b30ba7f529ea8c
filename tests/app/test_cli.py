"""The whole way, by the command line alone: from a hashtag to a drafted notice."""

import csv
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from app.browser import find_browser
from app.home import open_home

ROOT = Path(__file__).parents[2]
REPORTER = """
[reporter]
full_name = "Ada Example"
company = "Northlight Pictures"
title = "Counsel"
address = "1 Studio Way, Example City"
phone = "+1 555 0100"
email = "notices@northlight.example"
"""


def clipwarden(home: Path, *words: str, ok: int = 0, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command on a home and hold it to its exit code."""
    command = [sys.executable, "-m", "app.cli", "--home", str(home), *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280, **options)
    assert done.returncode == ok, f"{words}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done


@pytest.fixture(scope="module")
def demo(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The home that `demo --once` leaves, and what it printed. The clips are those made already."""
    parent = tmp_path_factory.mktemp("cli")
    shutil.copytree(demo_folder, parent / "demo" / "studio")
    return parent / "demo" / "home", clipwarden(parent, "demo", "--once").stdout


def hits(home: Path) -> list[dict[str, Any]]:
    """Today's hits, as JSON gives them."""
    listed = json.loads(clipwarden(home, "hits", "--json").stdout)
    return [*listed["copies"], *listed["suggestions"]]


def test_demo_finds_what_was_planted(demo: tuple[Path, str]) -> None:
    """Exit code 0, nothing that had to be found is missed, nothing false."""
    assert re.search(r"found \d\d, missed 0 \(and \d hard ones\), false 0", demo[1])


def test_hits_carry_reasons_and_keep_the_two_problems_apart(demo: tuple[Path, str]) -> None:
    """Each hit says why; a copy's reason has distance and threshold, a suggestion has neither."""
    found = hits(demo[0])
    copies = [hit for hit in found if hit["basis"] == "copy"]
    suggestions = [hit for hit in found if hit["basis"] == "suggestion"]

    assert len(copies) >= 25
    assert len(suggestions) >= 6
    assert all(any("distance" in reason["detail"] for reason in hit["reasons"]) for hit in copies)
    assert not any("distance" in reason["detail"] for hit in suggestions for reason in hit["reasons"])


def test_csv_holds_no_formula(demo: tuple[Path, str], tmp_path: Path) -> None:
    """The planted =HYPERLINK(...) reaches a spreadsheet as text."""
    path = tmp_path / "hits.csv"
    clipwarden(demo[0], "hits", "--csv", str(path))
    cells = [cell for row in csv.reader(path.open(encoding="utf-8-sig")) for cell in row]

    assert any("HYPERLINK" in cell for cell in cells)
    assert not [cell for cell in cells if cell[:1] in set("=+-@\t\r")]


def test_decision_and_draft_end_in_a_letter(demo: tuple[Path, str], tmp_path: Path) -> None:
    """A confirmed hit becomes a notice only when nothing is missing from it; then it names the post."""
    home = tmp_path / "home"
    shutil.copytree(demo[0], home)
    hit = next(hit for hit in hits(home) if hit["basis"] == "copy")
    clipwarden(home, "decide", hit["finding"], "infringing", "--reviewer", "rita")
    refused = clipwarden(home, "draft", ok=1).stderr
    clipwarden(
        home, "decide", hit["finding"], "infringing", "--reviewer", "rita", "--fair-use", "whole scene, nothing added"
    )
    with (home / "clipwarden.toml").open("a", encoding="utf-8") as settings:
        settings.write(REPORTER)
    drafted = json.loads(clipwarden(home, "draft", "--json", "--out", str(tmp_path / "letters")).stdout)
    letter = (tmp_path / "letters" / f"{drafted[0]['notice']}.md").read_text(encoding="utf-8")
    again = json.loads(clipwarden(home, "draft", "--json").stdout)

    assert "reporter.email" in refused
    assert hit["finding"] in refused
    assert hit["url"] in letter
    assert "Ada Example" in letter
    assert again == []


def test_scan_scores_a_file_without_a_crawl(demo: tuple[Path, str], demo_folder: Path) -> None:
    """A JSON line a file: the trailer scores, the dunes do not, and a text file is an error of its own."""
    text = demo[0] / "note.mp4"
    text.write_text("not a clip", encoding="utf-8")
    names = [demo_folder / "media" / "choir-border.mp4", demo_folder / "media" / "dunes.mp4", text]
    lines = clipwarden(demo[0], "scan", "--json", *map(str, names)).stdout.splitlines()
    records = {Path(record["path"]).name: record for record in map(json.loads, lines)}
    match = records["choir-border.mp4"]["matches"][0]

    assert (records["choir-border.mp4"]["score"] > 0.7, records["dunes.mp4"]["score"] < 0.5) == (True, True)
    assert {"reference", "method", "distance", "threshold", "segments"} <= match.keys()
    assert "note.mp4" in records["note.mp4"]["error"]


def test_ledger_says_what_is_done(demo: tuple[Path, str]) -> None:
    """Counts by stage: all done, nothing left."""
    stages = {row["stage"]: row for row in json.loads(clipwarden(demo[0], "ledger", "--json").stdout)["stages"]}

    assert stages["download"]["done"] == stages["find"]["done"] == 61
    assert {row["pending"] for row in stages.values()} == {0}


def test_reference_list_names_each(demo: tuple[Path, str]) -> None:
    """Every reference with its bank and element, readable."""
    listed = json.loads(clipwarden(demo[0], "refs", "list", "--json").stdout)

    assert len(listed) == 16
    assert all(one["readable"] and one["bank"] == "positive" for one in listed)


def test_first_steps_on_an_empty_home(tmp_path: Path) -> None:
    """init writes both files and never overwrites; doctor names what is missing and exits 1."""
    home = tmp_path / "home"
    clipwarden(home, "init")
    (home / "clipwarden.toml").write_text("[crawl]\npages = 3\n", encoding="utf-8")
    again = clipwarden(home, "init").stdout
    checks = {check["name"]: check for check in json.loads(clipwarden(home, "doctor", "--json", ok=1).stdout)}

    assert again.count("kept") == 2
    assert (home / "clipwarden.toml").read_text(encoding="utf-8") == "[crawl]\npages = 3\n"
    assert (checks["brands"]["ok"], checks["references"]["ok"]) == (True, False)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("decide", "F-none", "infringing"), 1, "no finding called 'F-none'"),
        (("decide", "F-none", "maybe"), 2, "maybe"),
        (("hits", "--day", "yesterday"), 2, "is no day"),
        (("scan", "nowhere.mp4"), 1, "no references yet"),
        (("refs", "add", "--brand", "X", "--franchise", "Y", "nowhere"), 1, "no franchise 'Y' in brand 'X'"),
        (("refs", "remove", "R-none"), 1, "no reference begins with 'R-none'"),
        (("crawl", "--watch", "nothing"), 1, "no watch begins with nothing"),
        (("fly",), 2, "fly"),
        (("--home", "not-here", "hits"), 1, "holds no ledger; check --home"),
    ],
)
def test_mistake_is_told_in_one_line(tmp_path: Path, words: tuple[str, ...], code: int, told: str) -> None:
    """What is wrong, and an exit code; never a traceback."""
    with open_home(tmp_path, new=True):
        pass
    done = clipwarden(tmp_path, *words, ok=code)

    assert told in re.sub(r"[│\s]+", " ", done.stderr)
    assert "Traceback" not in done.stderr


def test_brand_mistakes_stop_a_run_with_every_line(tmp_path: Path) -> None:
    """A mistake in a brand file ends the run before it asks anyone anything."""
    (tmp_path / "brands").mkdir()
    (tmp_path / "brands" / "b.yml").write_text("brand: B\nfranchises:\n  - {title: T}\ncolour: red\n", encoding="utf-8")
    told = clipwarden(tmp_path, "run", ok=1).stderr

    assert "b.yml:3: franchises.0.owner" in told
    assert "b.yml:4: colour" in told


def test_second_clipwarden_on_a_home_is_refused(demo: tuple[Path, str], tmp_path: Path) -> None:
    """Two writers would only wait for each other; the second says so at once."""
    code = (
        "import time; from pathlib import Path; from app.home import open_home\n"
        f"with open_home(Path({str(tmp_path)!r}), alone=True): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    holder.stdout.readline()
    try:
        told = clipwarden(tmp_path, "run", ok=1).stderr
    finally:
        holder.kill()
        holder.wait()

    assert "another clipwarden is at work" in told


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl-C is heard by what is started here, even where the tests themselves run in the background of a script."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("heard")
def test_stopped_run_says_so_and_leaves_no_child(tmp_path: Path, sent: signal.Signals) -> None:
    """Ctrl-C ends a crawl with exit code 130, and its child with it."""
    (tmp_path / "brands").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        host = f"127.0.0.1:{mute.getsockname()[1]}"
        brand = "brand: B\nfranchises: [{title: T, owner: O, hashtags: [t]}]\n"
        watches = f"watches: [{{platform: mastodon, sites: ['http://{host}'], hashtags: franchises}}]\n"
        (tmp_path / "brands" / "b.yml").write_text(brand + watches, encoding="utf-8")
        (tmp_path / "clipwarden.toml").write_text(f"allowed_hosts = ['{host}']\n", encoding="utf-8")
        command = [sys.executable, "-m", "app.cli", "--home", str(tmp_path), "run"]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        mute.settimeout(30)
        mute.accept()  # the crawl is in the middle of its first question
        process.send_signal(sent)
        _, told = process.communicate(timeout=40)
    left = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True, check=False).stdout

    assert (process.returncode, "nothing is lost" in told, left) == (130, True, "")


@pytest.mark.browser
def test_page_runs_nothing_and_asks_nobody(demo: tuple[Path, str], tmp_path: Path) -> None:
    """In a real Chromium the hit list opens no dialog, logs nothing, and asks no other origin."""
    page_path = tmp_path / "hits.html"
    clipwarden(demo[0], "hits", "--html", str(page_path))
    seen: list[str] = []
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=find_browser(), args=arguments)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("dialog", lambda dialog: seen.append(f"dialog {dialog.message}"))
        page.on("console", lambda message: seen.append(f"console {message.text}"))
        page.on("pageerror", lambda error: seen.append(f"error {error}"))
        page.on(
            "request", lambda request: None if request.url.startswith(("file:", "data:")) else seen.append(request.url)
        )
        page.goto(page_path.as_uri())
        pictures = page.eval_on_selector_all(
            "img", "images => images.filter(i => i.complete && i.naturalWidth > 50).length"
        )
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        text = page.inner_text("body")
        browser.close()

    assert seen == []
    assert pictures >= 60
    assert wide <= 0
    assert "<script>alert(1)</script> do NOT look" in text
