"""Every page and every export of the desk, on a home that only attackers wrote: their words come out as words."""

import json
import re
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from app.digest import compose, message
from app.home import Home, open_home
from review.desk import Desk, create, now
from review.rights import ROLES, Person
from review.routes.feed import MOST_ENTRIES
from review.words import readable
from tests.review.conftest import JPEG
from tests.review.hostile_home import fill
from tests.review.payloads import HALVES, LARGE, PAYLOADS
from tests.review.test_rights import routes_of

TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
BROKEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\ud800-\udfff]")
EMPTY = set(
    re.findall(r"\w+", "meta link img br hr input col source track wbr area base embed rect polygon polyline line path")
)
OURS = set(
    re.findall(
        r"\w+",
        "html head body meta title link script header nav main section article aside footer form label input select"
        " option textarea button fieldset legend datalist progress meter table caption thead tbody tr th td ul ol li"
        " dl dt dd p h1 h2 h3 a b i em strong small span bdi kbd code pre time figure figcaption img details summary"
        " dialog div ins del svg g title desc rect polygon polyline line path circle text tspan",
    )
)
# What names no one page, and is not asked for by itself.
ASIDE = {"/pictures/{sha256}/{at_ms}.jpg", "/media/{sha256}", "/sign-in/company", "/sign-in/company/back"}


class Seen(HTMLParser):
    """A page as a browser takes it in: its tags, its attributes, its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.said: list[str] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes what is not open")

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"a comment: {data[:60]}")

    def handle_pi(self, data: str) -> None:
        self.wrong.append(f"an instruction: {data[:60]}")

    def problems(self) -> list[str]:
        """What no page of ours has: tags, attributes, scripts, addresses of somebody else's making."""
        found = [*self.wrong, *(f"<{tag}> is left open" for tag in self.open)]
        for tag, attributes in self.tags:
            if tag not in OURS:
                found.append(f"<{tag}> is none of ours")
            found += [f"<{tag} {name}>" for name in attributes if name.startswith("on") or name in {"style", "srcdoc"}]
            for name in ("src", "href", "action", "formaction", "data-clip"):
                value = attributes.get(name, "/")
                if not re.match(r"/(?!/)|#|\?|https?://[^@\s\"'<>]*$", value) or (name != "href" and value[0] != "/"):
                    found.append(f"<{tag} {name}={value[:60]!r}>")
        text = "".join(self.said + [value for _, attributes in self.tags for value in attributes.values()])
        return found + [f"{one!r} in the text" for one in sorted({*TURNING.findall(text), *BROKEN.findall(text)})]


class Hostile:
    """The desk of such a home, and who asks: an admin, of whatever name."""

    def __init__(self, home: Home) -> None:
        self.home, self.name = home, "ada"
        self.cases = fill(home.ledger)

        async def who(_: Request) -> Person:
            return Person(name=self.name, role="admin", rights=ROLES["admin"], csrf="right")

        desk = Desk(
            ledger=home.ledger.path, blob=home.blobs.path, picture=lambda _sha256, _offset_s: JPEG,
            screen=lambda _path: {"score": 0.0, "matches": []}, add=lambda **_: None, settings={},
        )  # fmt: skip
        self.app: FastAPI = create(desk, who)
        self.client = TestClient(self.app, headers={"x-csrf": "right"})

    def get(self, path: str) -> Any:
        """One page; any answer but a fault."""
        answer = self.client.get(path)
        assert answer.status_code < 500, f"{path}: {answer.status_code}"
        return answer

    def addresses(self) -> list[str]:
        """Every GET route of the desk, with something in its gaps, and its other views."""
        given = {"{case}": self.cases[1]}
        paths = [
            route.path for route in routes_of(self.app) if "GET" in (route.methods or ()) and route.path not in ASIDE
        ]
        for gap, value in given.items():
            paths = [path.replace(gap, value) for path in paths]
        assert not [path for path in paths if "{" in path], f"say in this test what stands in the gap: {paths}"
        return [
            *paths,
            "/?status=",
            "/review?status=",
            "/references?state=retired",
            *(f"/references?skip={skip}" for skip in (50, 100)),
            "/v1/cases?status=&limit=500",
            "/v1/references?skip=50",
            "/v1/audit?limit=1000",
            "/audit?before=300",
        ]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    """A hostile home, once for all of these tests, which change nothing in it."""
    with open_home(tmp_path_factory.mktemp("hostile"), new=True) as opened:
        yield Hostile(opened)


def test_there_are_enough_payloads() -> None:
    """All different, and those of a megabyte among them."""
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 150
    assert [len(one.encode()) >= 2**20 for one in LARGE] == [True] * len(LARGE)


def test_every_page_and_export_holds(home: Hostile) -> None:
    """No tag, no attribute, no address of an attacker's making on any page; all JSON can be read."""
    wrong: dict[str, Any] = {}
    for path in home.addresses():
        answer = home.get(path)
        kind = answer.headers["content-type"].partition(";")[0]
        if answer.status_code not in {200, 303} and path != "/me":
            wrong[path] = answer.status_code
        if kind == "text/html" and (problems := Seen(answer.text).problems()):
            wrong[path] = problems[:20]
        if kind == "application/json":
            json.loads(answer.content.decode("utf-8"))

    assert wrong == {}


def test_feed_is_read_by_its_reader(home: Hostile) -> None:
    """Well-made XML, an entry for each hit, and no markup in it: whatever was written is text."""
    feed = ElementTree.fromstring(home.get("/feed.atom").content)  # noqa: S314 - our own, without entities
    atom = "{http://www.w3.org/2005/Atom}"

    assert len(feed.findall(f"{atom}entry")) >= MOST_ENTRIES
    assert {one.get("type") for one in feed.iter(f"{atom}content")} == {"text"}
    assert {one.get("href", "").split(":")[0] for one in feed.iter(f"{atom}link")} <= {"http", "https"}


def test_daily_mail_holds(home: Hostile) -> None:
    """The mail's HTML has its own style and pictures and nothing else of the kind; its text turns no terminal over."""
    found_at = home.home.ledger.rows("SELECT max(found_at) AS at FROM findings")[0]["at"]
    mail = message(
        compose(home.home, date.fromisoformat(found_at[:10]), now()), "desk@studio.example", "team@studio.example"
    )
    parts = {part.get_content_type(): part for part in mail.walk()}
    problems = Seen(parts["text/html"].get_content()).problems()
    text = parts["text/plain"].get_content().replace("\r\n", "\n")

    assert [one for one in problems if one != "<style> is none of ours" and "src='cid:" not in one] == []
    assert (TURNING.findall(text), BROKEN.findall(text), "<script>alert(1)" in text) == ([], [], True)


def test_every_caption_shows_as_text(home: Hostile) -> None:
    """Each case's page shows caption, account, title, element, reason and reviewer word for word, as text."""
    wrong: dict[str, Any] = {}
    for case, payload in zip(home.cases, PAYLOADS, strict=True):
        seen = Seen(home.get(f"/cases/{case}").text)
        text = "".join(seen.said)
        missing = [most for most in (4000, 400) if readable(payload, most=most) not in text]
        if problems := [*seen.problems(), *(f"not there as text, of {most}" for most in missing)]:
            wrong[payload[:60]] = problems[:5]

    assert wrong == {}


def test_cards_of_the_review_screen_hold(home: Hostile) -> None:
    """What the screen puts into its page is whole: no card closes what it did not open."""
    wrong = {}
    for case, payload in zip(home.cases, PAYLOADS, strict=True):
        answer = home.client.post("/v1/next", json={"only": case})
        assert answer.status_code == 200, payload[:60]
        if problems := Seen(answer.json()[0]["html"]).problems():
            wrong[payload[:60]] = problems[:5]

    assert wrong == {}


def test_reviewer_of_any_name_is_shown_as_text(home: Hostile) -> None:
    """The bar names who is signed in; a name of the company's directory is a stranger's word too."""
    wrong = {}
    for payload in PAYLOADS:
        home.name = payload[:300]
        seen = Seen(home.get("/audit?person=nobody").text)
        if problems := seen.problems():
            wrong[payload[:60]] = problems[:5]
    home.name = "ada"

    assert wrong == {}


def test_what_is_asked_for_is_echoed_as_text(home: Hostile) -> None:
    """Filters, searches and addresses come back on the page as they were typed, and run nothing."""
    wrong = {}
    names = ("text", "franchise", "platform", "case", "person", "act", "element", "next", "days")
    for number, payload in enumerate([*HALVES, *PAYLOADS]):
        text = payload[:300].encode("utf-8", "surrogatepass")
        large = ("/", "/dashboard", "/references") if number % 6 == 0 else ()  # they show all titles: a sixth
        for path in (("/review", "/audit", "/sign-in")[number % 3], *large):
            answer = home.client.get(path, params=dict.fromkeys(names, text), follow_redirects=False)
            problems: list[Any] = [answer.status_code] if answer.status_code >= 500 else []
            if answer.headers["content-type"].startswith("text/html"):
                problems += Seen(answer.text).problems()
            if problems:
                wrong[path, payload[:60]] = problems[:5]

    assert wrong == {}
