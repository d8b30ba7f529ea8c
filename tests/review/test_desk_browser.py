"""A reviewer at the keyboard, in a real Chromium: one key a case, undone to the letter, and keys of their own.

At any size: python -m tests.review.seed FOLDER 1000000 100000 60, then CLIPWARDEN_DESK_LEDGER=FOLDER/ledger.db and
pytest -s. The file is copied first; what the tests do to it is gone with them.
"""

import os
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import Request
from playwright.sync_api import Page, sync_playwright

from app.browser import find_browser
from review.desk import Desk, create
from review.rights import ROLES, Person
from store.ledger import Ledger
from tests.review.seed import FILES, REFERENCES, seed
from tests.review.views import drawn
from tests.store.test_acts import state

pytestmark = pytest.mark.browser
CLEARED = 200
CUT = ("net::ERR_FAILED", "status of 401")  # what the browser says of requests that a test itself spoiled
# From the key to the next case painted, in the page's own clock: the frame after the one in which it was put there.
WATCH = """
window.waits = []; window.bare = 0; let pressed = 0;
addEventListener('keydown', () => { pressed = performance.now(); }, true);
new MutationObserver(() => requestAnimationFrame(() => {
  if (!pressed) return;
  waits.push(performance.now() - pressed); pressed = 0;
  bare += [...document.querySelectorAll('.card:not([hidden]) .pair:not([hidden]) img')].some((one) => !one.complete);
})).observe(document.body, { attributes: true, attributeFilter: ['data-painted'] });
"""


def serving(ledger: Path) -> Iterator[str]:
    """A desk on a port of its own, where everybody is Ada."""

    async def who(_: Request) -> Person:
        return Person(name="eve", role="reviewer", rights=ROLES["reviewer"], csrf="right")

    picture = drawn()
    desk = Desk(
        ledger=ledger, blob=lambda sha256: ledger.parent / sha256, picture=lambda _sha256, _offset_s: picture,
        screen=lambda _path: {}, add=lambda **_: None, settings={},
    )  # fmt: skip
    server = uvicorn.Server(uvicorn.Config(create(desk, who), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some weeks of work, or the ledger that the environment names."""
    if given := os.environ.get("CLIPWARDEN_DESK_LEDGER"):
        return Path(given)
    path = tmp_path_factory.mktemp("seeded") / "ledger.db"
    with Ledger(path) as opened:
        seed(opened, posts=6000, findings=4000, days=10, files=FILES, references=REFERENCES)
    return path


@pytest.fixture
def ledger(seeded: Path, tmp_path: Path) -> Iterator[Ledger]:
    """A copy of it for each test."""
    shutil.copy(seeded, tmp_path / "ledger.db")
    with Ledger(tmp_path / "ledger.db") as opened:
        yield opened


@pytest.fixture
def desk(ledger: Ledger) -> Iterator[str]:
    """Its address."""
    yield from serving(ledger.path)


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of a real Chromium that tells what went wrong in it."""
    path = find_browser()
    assert path, "no Chromium here; `clipwarden doctor` says how to get one"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        made = browser.new_page(viewport={"width": 1280, "height": 800})
        wrong: list[str] = []
        made.on("pageerror", lambda error: wrong.append(str(error)))
        made.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        made.on(
            "console",
            lambda said: (
                wrong.append(said.text) if said.type == "error" and not any(one in said.text for one in CUT) else None
            ),
        )
        yield made
        browser.close()
    assert wrong == []


def attribute(page: Page, name: str) -> int:
    """A count that the page keeps."""
    return int(page.evaluate(f"document.body.dataset.{name} || 0"))


def until(page: Page, name: str, count: int) -> None:
    """Wait until the page has counted so far."""
    ready(page, f"Number(document.body.dataset.{name} || 0) >= {count}")


def ready(page: Page, true: str, *, within_s: float = 60.0) -> None:
    """Wait until something is true in the page; asked from outside, since its content policy lets nobody in."""
    deadline = time.monotonic() + within_s
    while not page.evaluate(true):
        assert time.monotonic() < deadline, f"not in {within_s:.0f} s: {true}; {page.locator('#told').inner_text()}"
        page.wait_for_timeout(5)


def test_one_key_a_case_and_undo_restores_everything(desk: str, page: Page, ledger: Ledger) -> None:
    """200 cases, one key each; the next is painted before one has looked up; 200 undos, and nothing happened."""
    before = state(ledger)
    page.goto(f"{desk}/review")
    page.evaluate(WATCH)
    until(page, "painted", 1)
    for number in range(CLEARED):
        ready(page, f"document.querySelectorAll('#stage > .card').length > 1 && waits.length === {number}")
        page.keyboard.press("ynu"[number % 3])
        until(page, "decided", number + 1 - 3)  # no faster than the desk writes, three behind at most
    until(page, "decided", CLEARED)
    waits, bare = sorted(page.evaluate("waits")), page.evaluate("bare")
    decided = ledger.rows("SELECT count(DISTINCT case_id) AS n FROM acts WHERE person = 'eve'")[0]["n"]
    begun = time.monotonic()
    for number in range(CLEARED):
        page.keyboard.press("z")
        until(page, "undone", number + 1)
    p95, undo_ms = statistics.quantiles(waits, n=20)[-1], 1000 * (time.monotonic() - begun) / CLEARED
    told = f"p50 {statistics.median(waits):.0f}, p95 {p95:.0f}, most {waits[-1]:.0f} ms; an undo {undo_ms:.0f} ms\n"
    sys.stderr.write(f"{len(waits)} keys, {bare} without their pictures yet: {told}")

    assert decided == CLEARED
    assert p95 < 150, told
    assert state(ledger) == before


def test_keys_are_remapped_and_kept(desk: str, page: Page) -> None:
    """A key that was given to another act does that one, now and after the page was left."""
    page.goto(f"{desk}/review")
    until(page, "painted", 1)
    page.keyboard.press("?")
    page.locator("dialog [data-key=infringing]").click()
    page.keyboard.press("g")
    page.keyboard.press("Escape")
    page.reload()
    until(page, "painted", 1)
    page.keyboard.press("g")
    until(page, "decided", 1)

    assert page.locator("#buttons [data-act=infringing] kbd").inner_text() == "g"


def test_desk_that_goes_away_loses_no_decision(page: Page, ledger: Ledger) -> None:
    """What was decided while the desk was down is sent when it is back; nothing is asked of the person."""
    served = serving(ledger.path)
    address = next(served)
    page.goto(f"{address}/review")
    ready(page, "document.querySelectorAll('#stage > .card').length > 3")
    fails: list[Any] = []
    page.route("**/decision", lambda route: (fails.append(1), route.abort()) if len(fails) < 3 else route.continue_())
    page.keyboard.press("y")
    page.keyboard.press("n")
    until(page, "decided", 2)
    page.goto("about:blank")  # before its desk goes: it may be asking for the next cases
    next(served, None)

    assert len(fails) == 3
    assert ledger.rows("SELECT count(*) AS n FROM acts WHERE person = 'eve' AND kind = 'decide'")[0]["n"] == 2


def test_decision_outlives_the_session(page: Page, ledger: Ledger) -> None:
    """A session that ended sends one to the sign-in; what was decided is sent when one is back."""
    served = serving(ledger.path)
    address = next(served)
    page.goto(f"{address}/review")
    ready(page, "document.querySelectorAll('#stage > .card').length > 3")
    page.route("**/decision", lambda route: route.fulfill(status=401, json={"detail": "sign in first"}))
    page.route("**/sign-in", lambda route: route.fulfill(body="signed out"))
    page.keyboard.press("y")
    page.wait_for_url("**/sign-in")
    page.unroute("**/decision")
    page.goto(f"{address}/review")
    until(page, "decided", 1)
    page.goto("about:blank")  # before its desk goes: it may be asking for the next cases
    next(served, None)

    assert ledger.rows("SELECT count(*) AS n FROM acts WHERE person = 'eve' AND kind = 'decide'")[0]["n"] == 1
