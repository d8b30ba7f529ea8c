"""The same hostile home in a real Chromium: nothing of it runs, nothing leaves the desk, nothing breaks the layout."""

import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from fastapi import Request
from playwright.sync_api import Dialog, Page, sync_playwright

from app.browser import find_browser
from review.desk import Desk, create
from review.rights import ROLES, Person
from review.words import readable
from store.ledger import Ledger
from tests.review.conftest import JPEG
from tests.review.hostile_home import fill
from tests.review.payloads import PAYLOADS

pytestmark = pytest.mark.browser
WIDTHS = (1280, 1024)
PAGES = (
    "/?status=",
    "/dashboard",
    "/references",
    "/references?state=retired&skip=50",
    "/people",
    "/audit",
    "/me",
    "/sign-in",
)
WATCH = """
document.addEventListener('securitypolicyviolation',
  (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
"""
# What only a payload could have made, and how much wider the page is than its window.
LOOK = """() => {
  const ours = (at) => !at || new URL(at, location.href).origin === location.origin;
  const foreign = [...document.querySelectorAll('*')].filter((one) =>
    [...one.attributes].some((a) => a.name.startsWith('on')
      || ['style', 'srcdoc', 'formaction', 'http-equiv'].includes(a.name))
    || (one.localName === 'script' && !(one.getAttribute('src') || '').startsWith('/static/'))
    || ['iframe', 'object', 'embed', 'base', 'style', 'marquee', 'frameset', 'math', 'foreignobject', 'template',
        'noscript', 'plaintext', 'xmp', 'font', 'audio', 'portal'].includes(one.localName.toLowerCase())
    || (['img', 'form', 'link', 'source', 'video'].includes(one.localName)
        && !['src', 'action', 'href'].every((name) => ours(one.getAttribute(name)))));
  const main = document.querySelector('main'), width = document.body.getBoundingClientRect().width;
  return {
    foreign: foreign.map((one) => one.outerHTML.slice(0, 120)),
    wider: Math.max(document.documentElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth),
    bar: document.querySelector('.bar')?.getBoundingClientRect().width >= width,
    caption: document.querySelector('.card:not([hidden]) .caption')?.textContent ?? null,
  };
}"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """A desk on a hostile home: its address, and its cases. Who asks has a hostile name, too."""
    folder = tmp_path_factory.mktemp("hostile")
    with Ledger(folder / "ledger.db") as ledger:
        cases = fill(ledger)

    async def who(_: Request) -> Person:
        name = "<img src=x onerror=alert(1)>\u202e" + "W" * 60
        return Person(name=name, role="admin", rights=ROLES["admin"], csrf="right")

    desk = Desk(
        ledger=folder / "ledger.db", blob=lambda sha256: folder / sha256, picture=lambda _sha256, _offset_s: JPEG,
        screen=lambda _path: {}, add=lambda **_: None, settings={},
    )  # fmt: skip
    server = uvicorn.Server(uvicorn.Config(create(desk, who), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", cases
    server.should_exit = True
    thread.join(10)


class Watched:
    """A page of a real Chromium, and all that went wrong in it."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page, self.origin, self.wrong = page, origin, list[str]()
        page.add_init_script(WATCH)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        page.on("request", lambda asked: self._asked(asked.url))
        page.on("popup", lambda opened: self.wrong.append(f"window: {opened.url}"))
        page.on("framenavigated", lambda frame: self._asked(frame.url))

    def _dialog(self, dialog: Dialog) -> None:
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if url != "about:blank" and f"{parts.scheme}://{parts.netloc}" != self.origin:
            self.wrong.append(f"request: {url[:120]}")

    def looks(self, what: str, *widths: int) -> dict[str, Any]:
        """Look at both widths, or those that are given, and note what is not as it must be."""
        seen: dict[str, Any] = {}
        for width in widths or WIDTHS:
            if not (shown := self.page.viewport_size) or shown["width"] != width:
                self.page.set_viewport_size({"width": width, "height": 800})
            seen = self.page.evaluate(LOOK)
            if seen["foreign"] or seen["wider"] > 0 or not seen["bar"]:
                self.wrong.append(f"{what} at {width}: {seen['foreign'][:3]} by {seen['wider']} px, bar {seen['bar']}")
        return seen


@pytest.fixture
def watched(home: tuple[str, list[str]]) -> Iterator[Watched]:
    """A new page."""
    path = find_browser()
    assert path, "no Chromium here; `clipwarden doctor` says how to get one"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield Watched(browser.new_page(), home[0])
        browser.close()


def test_watch_sees_what_it_is_there_for(home: tuple[str, list[str]], watched: Watched) -> None:
    """An element with a handler, a foreign address and a page too wide are each seen; or the rest says nothing."""
    watched.page.goto(f"{home[0]}/sign-in")
    watched.page.evaluate(
        "document.body.insertAdjacentHTML('beforeend',"
        " '<img src=//evil.example/x onerror=alert(1)><p>' + 'W'.repeat(3000))"
    )
    watched.looks("bait")
    watched.page.wait_for_timeout(50)

    assert [any(word in one for one in watched.wrong) for word in ("onerror", "policy: img-src", "px, bar")] == [
        True
    ] * 3


def test_no_page_runs_or_breaks(home: tuple[str, list[str]], watched: Watched) -> None:
    """Queue, dashboard, references, people, log: all payloads at once on each."""
    for path in PAGES:
        watched.page.goto(f"{home[0]}{path}", wait_until="load")
        watched.looks(path)

    assert "\n".join(one for one in watched.wrong if "403" not in one) == ""


def test_no_case_runs_or_breaks(home: tuple[str, list[str]], watched: Watched) -> None:
    """Each fifth payload's own page shows its caption, letter for letter, and does nothing; all are among the cards."""
    address, cases = home
    for number, (case, payload) in enumerate(list(zip(cases, PAYLOADS, strict=True))[::5]):
        watched.page.goto(f"{address}/cases/{case}", wait_until="domcontentloaded")
        seen = watched.looks(f"{case} {payload[:40]!r}", WIDTHS[number % 2])
        if seen["caption"] != readable(payload, most=4000):
            watched.wrong.append(f"{case}: caption {seen['caption']!r:.80}")

    assert "\n".join(watched.wrong) == ""


def test_no_card_runs_or_breaks(home: tuple[str, list[str]], watched: Watched) -> None:
    """The review screen sets cards into its page by script: a key each, and each caption was seen, as text."""
    address, cases = home
    captions = {case: readable(payload, most=4000) for case, payload in zip(cases, PAYLOADS, strict=True)}
    watched.page.goto(f"{address}/review?status=")
    seen, deadline = set[str](), time.monotonic() + 60
    while len(seen) < len(cases) and time.monotonic() < deadline:
        case = watched.page.evaluate("document.body.dataset.case ?? ''")  # painted, not only there
        if not case or case in seen:
            watched.page.wait_for_timeout(5)
            continue
        seen.add(case)
        looks = watched.looks(f"card {case}", WIDTHS[len(seen) * len(WIDTHS) // (len(cases) + 1)])
        if looks["caption"] != captions[case]:
            watched.wrong.append(f"{case}: caption {looks['caption']!r:.80}")
        watched.page.keyboard.press("s")

    assert ("\n".join(watched.wrong), len(seen)) == ("", len(cases))
