"""Every page of the desk with something on it, behind its real doors, for tests that look at pages in a real browser.

The pages are those that the route table names, so that a new one is looked at without being told of here.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import uvicorn
from fastapi import FastAPI
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from app.browser import find_browser
from core.times import to_text
from review import people
from review.desk import Desk, create, now
from review.rights import OPEN
from store import keys, queries, references
from store import people as accounts
from store.ledger import Ledger
from tests.builders import match, segment
from tests.review.doors import CHEAP, PASSWORD, hasher
from tests.review.seed import FILES, REFERENCES, seed
from tests.review.test_rights import routes_of

# No pages: files, and what leads to the company's own sign-in and back.
ASIDE = {"/pictures/{sha256}/{at_ms}.jpg", "/media/{sha256}", "/sign-in/company", "/sign-in/company/back"}
PRESSED = ("?", "l", "f", "c", " ")  # keys of the review screen that open something: all keys, forms, the clip
OTHERS = (
    "/?status=&text=gown",
    "/?text=zzzzz",
    "/?least_score=x",
    "/references?state=retired",
    "/cases/C-none",
    "/sign-in/once?key=x",
)
COMPANY = {"issuer": "https://id.studio.example", "client_id": "desk", "client_secret": "x", "shown": "Northlight"}
OPENED = "for (const one of document.querySelectorAll('details')) one.open = true"


def drawn(width: int = 480, height: int = 270) -> bytes:
    """A JPEG of about the size of a frame's: 40 kB of sky with grain over it."""
    sky = Image.merge(
        "RGB", [Image.linear_gradient("L").resize((width, height))] * 2 + [Image.new("L", (width, height), 140)]
    )
    file = BytesIO()
    Image.blend(sky, Image.effect_noise((width, height), 90).convert("RGB"), 0.35).save(file, "JPEG", quality=88)
    return file.getvalue()


def clip(path: Path) -> None:
    """A second of grey that a browser plays."""
    with av.open(path, "w") as file:
        stream = file.add_stream("libvpx", rate=Fraction(5), options={"deadline": "realtime"})
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for _ in range(5):
            grey = av.VideoFrame.from_image(Image.new("RGB", (160, 90), "grey"))
            file.mux(stream.encode(grey))
        file.mux(stream.encode())


class Shown:
    """A desk that is served, and contexts of a real browser before it.

    address     of the desk
    case        one that has all that a case's page shows
    """

    def __init__(self, app: FastAPI, address: str, case: str, key: str, browser: Browser) -> None:
        self.app, self.address, self.case, self._key, self.browser = app, address, case, key, browser

    def context(self, *, signed_in: bool = True, **options: Any) -> BrowserContext:
        """A new one, of an admin or of nobody."""
        made = self.browser.new_context(base_url=self.address, **options)
        if signed_in:
            name = f"clipwarden-{urlsplit(self.address).port}"
            made.add_cookies([{"name": name, "value": self._key, "url": self.address}])
        return made

    @cached_property
    def pages(self) -> list[str]:
        """The addresses of the GET routes that answer with a page, as an admin or as nobody where they are open."""
        paths = [route.path for route in routes_of(self.app) if "GET" in (route.methods or ())]
        paths = [path.replace("{case}", self.case) for path in paths if path not in ASIDE]
        assert not [path for path in paths if "{" in path], f"say in this file what stands in the gap: {paths}"
        asks = {signed_in: self.context(signed_in=signed_in).request for signed_in in (True, False)}
        answers = {
            path: asks[path not in OPEN].get(path, max_redirects=0, headers={"accept": "text/html"}) for path in paths
        }
        found = {
            path: one.status for path, one in answers.items() if "text/html" in one.headers.get("content-type", "")
        }
        assert set(found.values()) == {200}, f"an error page is not the page: {found}"
        assert {"/", "/review", "/dashboard", "/people", "/sign-in"} <= set(found)
        return list(found)

    def walk(self, **options: Any) -> Iterator[tuple[str, Page]]:
        """Each page in each of its states, with what can be opened opened: what it is called, and the page."""
        ours, nobody = (self.context(signed_in=signed_in, **options).new_page() for signed_in in (True, False))
        for path in [*self.pages, *OTHERS]:
            page = nobody if path.partition("?")[0] in OPEN else ours
            page.goto(path)
            if path == "/review":
                until(page, "painted")
            page.evaluate(OPENED)
            yield path, page
        for key in PRESSED:
            ours.goto(f"/review?case={self.case}&status=")
            until(ours, "painted")
            ours.keyboard.press(key)
            yield f"/review, key {key!r}", ours
        ours.goto("/me")
        form = ours.locator("form[action='/me/codes']")
        form.locator("[name=password]").fill(PASSWORD)
        form.locator("button").click()
        yield "/me, codes begun", ours
        ours.context.close()
        nobody.context.close()


def until(page: Page, name: str, count: int = 1) -> None:
    """Wait until the review screen has counted so far; asked from outside, its content policy lets nobody in."""
    deadline = time.monotonic() + 30
    while page.evaluate(f"Number(document.body.dataset.{name} || 0)") < count:
        assert time.monotonic() < deadline, f"not {count} {name} in 30 s: {page.locator('#told').inner_text()}"
        page.wait_for_timeout(10)


@contextmanager
def shown(folder: Path) -> Iterator[Shown]:
    """A desk on a filled ledger, and a browser."""
    path, picture = find_browser(), drawn()
    assert path, "no Chromium here; `clipwarden doctor` says how to get one"
    clip(folder / "clip.webm")
    desk = Desk(
        ledger=folder / "ledger.db", blob=lambda _: folder / "clip.webm", picture=lambda _sha256, _offset_s: picture,
        screen=lambda _: {}, add=lambda **_: None,
        settings={"argon2": CHEAP, "scratch": str(folder), "oidc": COMPANY, "address": ""},
    )  # fmt: skip
    app = create(desk, people.who)
    with Ledger(folder / "ledger.db") as ledger:
        case, key = _fill(ledger, hasher(app).hashed(PASSWORD))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield Shown(app, address, case, key, browser)
        browser.close()
    server.should_exit = True
    thread.join(10)


def _fill(ledger: Ledger, hashed: str) -> tuple[str, str]:
    """The case that has everything, and the key of an admin's session, whose password is given hashed."""
    at = now()
    seed(ledger, posts=400, findings=150, days=10, files=FILES, references=REFERENCES)
    for name, role in (("eve", "admin"), ("ben", "viewer"), ("chi.with.a.longer.name", "counsel")):
        people.add(ledger, name, role, by="eve", at=at, shown=name.title())
    accounts.set_password(ledger, "eve", hashed, by="eve", at=at)
    accounts.set_disabled(ledger, "ben", disabled=True, by="eve", at=at)
    keys.make_token(ledger, "partner", ["see", "screen"], by="eve", until=at + timedelta(days=9), at=at)
    references.retire(ledger, "R-01", person="eve", why="another cut of it is there", at=at)
    sql = "SELECT case_id FROM queue WHERE members > 2 AND basis = 'copy' AND element IS NOT NULL LIMIT 1"
    case: str = ledger.rows(sql)[0]["case_id"]
    lead, *_, last = ledger.rows(
        "SELECT m.finding, f.post, d.sha256 FROM members m JOIN findings f ON f.id = m.finding"
        " JOIN media d ON d.post = f.post WHERE m.case_id = ? ORDER BY f.score DESC, f.found_at, f.id", [case],
    )  # fmt: skip
    ledger.db.execute("UPDATE members SET differs = 'another title in it' WHERE finding = ?", [last["finding"]])
    for day in range(1, 6):
        seen = [lead["post"], to_text(at + timedelta(days=day)), 9000 * day * day]
        sql = "INSERT INTO sightings SELECT post, watch, ?2, ?3, 9, NULL, NULL FROM sightings WHERE post = ?1 LIMIT 1"
        ledger.db.execute(sql, seen)
    said = queries.finding_called(ledger, lead["finding"]).post
    said = replace(said, text=f"Official trailer, {said.text[7:]}", hashtags=("trailer",))
    with ledger.write():
        ledger.save_posts(f"{said.platform}-tag", [(said, "0" * 64)], seen_at=at)
    stretch = segment(query_start_s=0.4, query_end_s=2.6, reference_start_s=3.0, reference_end_s=5.2)
    ledger.save_matches("match", lead["sha256"], "phash", 1, [
        match(lead["sha256"], of=one, segments=(stretch,)) for one in REFERENCES[::5]
    ], at=at)  # fmt: skip
    return case, keys.begin_session(ledger, "eve", "192.0.2.7", how="test", at=at)
