"""Sign-in: what opens the desk, for whom, for how long, and what does not."""

import asyncio
import html
import re
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyotp
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from review import people, sealing
from review.bounded import MOST_BYTES, Bounded
from review.desk import now
from review.passwords import Passwords, recovery_codes, typed
from review.people import inside
from store import audit, keys
from store import people as accounts
from store.ledger import Ledger
from tests.review.doors import PASSWORD, account, act, browser, bytes_of, desk_on, empty_ledger, form_of, sign_in

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
COOKIE = "clipwarden-80"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    with empty_ledger(tmp_path) as opened:
        yield opened


@pytest.fixture
def fresh(ledger: Ledger) -> Iterator[FastAPI]:
    """A desk that nobody has signed in to yet."""
    with desk_on(ledger) as made:
        yield made


@pytest.fixture
def app(fresh: FastAPI, ledger: Ledger) -> FastAPI:
    """A desk with an admin, ada, and a reviewer, ben."""
    account(fresh, ledger, "ada", "admin")
    account(fresh, ledger, "ben", "reviewer")
    return fresh


@pytest.fixture
def ben(app: FastAPI) -> TestClient:
    """Ben, signed in."""
    visitor = browser(app)
    assert sign_in(visitor, "ben").status_code == 303
    return visitor


def name_of(visitor: TestClient) -> str | None:
    """Who the desk takes a browser for."""
    answer = visitor.get("/v1/me", headers={"accept": "application/json"})
    return answer.json()["name"] if answer.status_code == 200 else None


# -------------------------------------------------------------------- links
def test_first_link_opens_a_fresh_desk_once(fresh: FastAPI, ledger: Ledger) -> None:
    """The link of a fresh install signs its first admin in, and nobody after them."""
    key = people.first_link(ledger, at=now())
    first, second = browser(fresh), browser(fresh)
    got = [
        visitor.post("/sign-in/once", data=form_of(visitor.get(f"/sign-in/once?key={key}").text)).status_code
        for visitor in (first, second)
    ]

    assert (got, name_of(first), name_of(second)) == ([303, 403], "admin", None)


def test_looking_at_a_link_does_not_use_it_up(fresh: FastAPI, ledger: Ledger) -> None:
    """A program that only looks at links, as mail scanners do, leaves them whole."""
    key = people.first_link(ledger, at=now())
    for _ in range(3):
        browser(fresh).get(f"/sign-in/once?key={key}")

    assert keys.use_link(ledger, str(key), at=now()) == "admin"


def test_link_ends_after_fifteen_minutes(ledger: Ledger) -> None:
    """A link found later opens nothing."""
    key = people.first_link(ledger, at=NOON)

    assert keys.use_link(ledger, str(key), at=NOON + timedelta(minutes=15)) is None


def test_no_first_link_once_somebody_can_sign_in(app: FastAPI, ledger: Ledger) -> None:
    """A desk in use prints no link at its start."""
    assert people.first_link(ledger, at=now()) is None


# ------------------------------------------------------------------ sessions
@pytest.mark.parametrize(
    ("address", "name", "secure"),
    [("http://desk.example:8484", "clipwarden-8484", False), ("https://desk.example", "__Host-clipwarden", True)],
)
def test_session_cookie_is_for_this_desk_alone(app: FastAPI, address: str, name: str, secure: bool) -> None:  # noqa: FBT001 - a case of the table
    """No script reads it, no other site sends it, and by https it never goes in the clear."""
    [cookie] = [
        line for line in sign_in(browser(app, address), "ben").headers.get_list("set-cookie") if line.startswith(name)
    ]
    flags = {part.strip().lower() for part in cookie.split(";")[1:]}

    assert {"httponly", "samesite=strict", "path=/"} <= flags
    assert ("secure" in flags) is secure


def test_ledger_holds_nothing_that_signs_in(app: FastAPI, ledger: Ledger, ben: TestClient, tmp_path: Path) -> None:
    """Session, token, link, password: whoever reads the ledger finds none of them."""
    token = keys.make_token(ledger, "bot", ["see"], by="ada", until=NOON + timedelta(days=400), at=NOON)
    link = keys.make_link(ledger, "ben", by="ada", at=now())
    there = bytes_of(tmp_path)

    assert [key for key in (ben.cookies[COOKIE], token, link, PASSWORD) if key.encode() in there] == []


def test_session_key_that_was_planted_is_not_taken_over(app: FastAPI) -> None:
    """Who plants a key in a browser before the sign-in does not hold the session after it."""
    victim, planted = browser(app), "planted-key-of-somebody-else"
    victim.cookies.set(COOKIE, planted, domain="desk.example")
    sign_in(victim, "ben")
    thief = browser(app)
    thief.cookies.set(COOKIE, planted)

    assert name_of(thief) is None


def test_signing_in_again_ends_the_session_before(app: FastAPI, ben: TestClient) -> None:
    """A browser has one session; the one it had cannot be used any more."""
    old, thief = ben.cookies[COOKIE], browser(app)
    hidden = form_of(browser(app).get("/sign-in").text)
    ben.cookies.set("clipwarden-form", hidden["csrf"])
    ben.post("/sign-in", data={**hidden, "name": "ben", "password": PASSWORD})
    thief.cookies.set(COOKIE, old)

    assert name_of(thief) is None


@pytest.mark.parametrize(
    ("minutes", "there"), [([60, 119, 119], True), ([121], False), ([115] * 6, True), ([115] * 7, False)]
)
def test_session_ends_when_idle_and_after_half_a_day(
    app: FastAPI,
    ledger: Ledger,
    minutes: list[int],
    there: bool,  # noqa: FBT001 - a case of the table
) -> None:
    """Two hours without a click, or twelve hours in all."""
    key, at, found = keys.begin_session(ledger, "ben", "here", how="test", at=NOON), NOON, None
    for step in minutes:
        at += timedelta(minutes=step)
        found = keys.session(ledger, key, at=at)

    assert (found is not None) is there


def test_sign_out_ends_the_session_itself(app: FastAPI, ben: TestClient) -> None:
    """A key that was copied before is worth nothing after it."""
    copied = browser(app)
    copied.cookies.set(COOKIE, ben.cookies[COOKIE])
    act(ben, "/sign-out")

    assert name_of(copied) is None


def test_sign_out_everywhere(app: FastAPI, ben: TestClient) -> None:
    """One click ends a person's sessions in all browsers, and nobody else's."""
    other, ada = browser(app), browser(app)
    sign_in(other, "ben")
    sign_in(ada, "ada")
    act(ben, "/sign-out", {"everywhere": "yes"})

    assert (name_of(ben), name_of(other), name_of(ada)) == (None, None, "ada")


def test_role_holds_from_the_next_request(app: FastAPI, ledger: Ledger, ben: TestClient) -> None:
    """What is taken from a person is gone at once, not at the next sign-in."""
    before = ben.get("/review").status_code
    people.change_role(ledger, "ben", "viewer", by="ada", at=now())

    assert (before, ben.get("/review").status_code) == (200, 403)


def test_closed_account_is_out_at_once(app: FastAPI, ledger: Ledger, ben: TestClient) -> None:
    """Its sessions end, and its password opens nothing."""
    people.disable(ledger, "ben", by="ada", at=now())

    assert name_of(ben) is None
    assert sign_in(browser(app), "ben").status_code == 401


# ------------------------------------------------------------------ passwords
@pytest.mark.parametrize("password", ["short", "", "x" * 1025, "y" * 200_000])
def test_password_of_a_wrong_size_is_not_set(ben: TestClient, password: str) -> None:
    """Too short to be safe, or so long that hashing it were work."""
    answer = act(ben, "/me/password", {"password": PASSWORD, "fresh": password})

    assert answer.status_code == 400
    assert "12 to 1024" in answer.text


def test_huge_body_is_refused_before_anyone_is_asked(app: FastAPI) -> None:
    """Ten megabytes from nobody fill no memory."""
    visitor = browser(app)

    told = [visitor.post("/sign-in", data={"password": "z" * 10_000_000}), visitor.post("/v1/people", json="z" * 10**7)]

    assert [answer.status_code for answer in told] == [413, 413]


def test_body_without_a_length_is_counted_while_it_comes() -> None:
    """Who does not say how much is coming is stopped at the bound; the rest is never asked for."""
    asked = 0

    async def endless() -> Message:
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": b"z" * 65_536, "more_body": True}

    async def reads_all(_scope: Scope, receive: Receive, _send: Send) -> None:
        while (await receive())["more_body"]:
            pass

    async def send(_message: Message) -> None:
        pass

    scope = {"type": "http", "path": "/sign-in", "headers": []}
    with pytest.raises(HTTPException, match="at most"):
        asyncio.run(Bounded(reads_all)(scope, endless, send))

    assert asked == MOST_BYTES // 65_536 + 1


@pytest.mark.parametrize("password", ["pass\0word of a kind", "naïve ✨ password", "\ud800 lone half of a pair"])
def test_any_letters_make_a_password(password: str) -> None:
    """NUL, emoji, even half a character: what was set is what opens."""
    some = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    kept = some.hashed(password)

    assert (some.match(kept, password), some.match(kept, password + "!")) == (True, False)


def test_new_password_ends_all_other_sessions(app: FastAPI, ben: TestClient) -> None:
    """Whoever had the old one is out; the person who changed it stays in, with a new key."""
    other = browser(app)
    sign_in(other, "ben")
    old = ben.cookies[COOKIE]
    act(ben, "/me/password", {"password": PASSWORD, "fresh": "another lantern entirely"})

    assert (name_of(ben), name_of(other), ben.cookies[COOKIE] != old) == ("ben", None, True)
    assert sign_in(browser(app), "ben", "another lantern entirely").status_code == 303


def test_open_session_alone_changes_no_password(app: FastAPI, ben: TestClient) -> None:
    """Whoever finds a desk unlocked does not take the account over."""
    assert act(ben, "/me/password", {"password": "a guess of twelve", "fresh": "taken over now"}).status_code == 400
    assert sign_in(browser(app), "ben").status_code == 303


def test_old_hash_is_renewed_at_sign_in(app: FastAPI, ledger: Ledger) -> None:
    """Stronger parameters reach everyone who signs in."""
    weaker = PasswordHasher(time_cost=1, memory_cost=16, parallelism=1).hash(PASSWORD)
    ledger.db.execute("UPDATE people SET password = ? WHERE name = 'ben'", [weaker])
    sign_in(browser(app), "ben")

    assert "m=8," in (accounts.find(ledger, "ben") or {})["password"]


def test_unknown_name_takes_as_long_as_a_known_one(ledger: Ledger, app: FastAPI) -> None:
    """Time says nothing about who has an account. Measured in this thread's own time, which no other work disturbs."""
    slower = Passwords(PasswordHasher(time_cost=2, memory_cost=4096, parallelism=1))
    kept = slower.hashed(PASSWORD)
    took: dict[str | None, list[float]] = {kept: [], None: []}
    for _ in range(15):
        for one, times in took.items():
            began = time.thread_time()
            slower.match(one, "not the password")
            times.append(time.thread_time() - began)

    assert 0.7 < statistics.median(took[kept]) / statistics.median(took[None]) < 1.4


# ------------------------------------------------------------ one-time codes
@pytest.fixture
def enrolled(ledger: Ledger, app: FastAPI, ben: TestClient) -> tuple[pyotp.TOTP, list[str]]:
    """Ben's app and recovery codes, got through the page."""
    shown = act(ben, "/me/codes", {"password": PASSWORD}).text
    secret = shown.split("<code>")[1].split("</code>")[0]
    told = act(ben, "/me/codes/confirm", {"code": pyotp.TOTP(secret).at(now() - timedelta(seconds=30))}).text
    codes = [part.split("</code>")[0] for part in told.split("<li><code>")[1:]]
    assert f"otpauth://totp/clipwarden:ben?secret={secret}" in shown.replace("&amp;", "&")
    return pyotp.TOTP(secret), codes


def test_password_alone_opens_no_account_with_codes(app: FastAPI, enrolled: tuple[pyotp.TOTP, list[str]]) -> None:
    """The code of now opens it, once: a code that was watched is worth nothing."""
    code = enrolled[0].now()
    got = [sign_in(browser(app), "ben", code=given).status_code for given in ("", "000000", code, code)]

    assert got == [401, 401, 303, 401]


def test_recovery_code_opens_once(app: FastAPI, ledger: Ledger, enrolled: tuple[pyotp.TOTP, list[str]]) -> None:
    """However it is typed; and the log tells how many are left."""
    typed_so = enrolled[1][0].upper().replace("-", " ")
    got = [sign_in(browser(app), "ben", code=typed_so).status_code for _ in range(2)]

    assert (got, len(enrolled[1])) == ([303, 401], 10)
    assert audit.listed(ledger, act="recovery-code-used")[0]["detail"]["left"] == 9


def test_codes_are_turned_off_by_password_and_code(
    app: FastAPI, ben: TestClient, enrolled: tuple[pyotp.TOTP, list[str]]
) -> None:
    """Not by the password alone."""
    without = act(ben, "/me/codes/end", {"password": PASSWORD})
    with_code = act(ben, "/me/codes/end", {"password": PASSWORD, "code": enrolled[1][1]})

    assert (without.status_code, with_code.status_code, sign_in(browser(app), "ben").status_code) == (400, 200, 303)


def test_reset_opens_the_account_by_a_new_link_alone(
    app: FastAPI, ledger: Ledger, enrolled: tuple[pyotp.TOTP, list[str]]
) -> None:
    """Who lost phone and paper gets a link from an admin; the old password opens nothing."""
    key = people.reset(ledger, "ben", by="ada", at=now())

    assert sign_in(browser(app), "ben").status_code == 401
    assert keys.use_link(ledger, key, at=now()) == "ben"


def test_recovery_codes_are_read_as_people_type_them() -> None:
    """Upper case, blanks or nothing between the groups."""
    [code, *_] = recovery_codes()
    ways = {code, code.upper(), code.replace("-", " "), f" {code.replace('-', '')} "}

    assert {typed(way) for way in ways} == {code}


def test_drawn_code_is_read_by_an_app(ben: TestClient) -> None:
    """The page's own SVG, drawn by its own strokes and read by OpenCV, is the address; with a name for who hears it."""
    shown = act(ben, "/me/codes", {"password": PASSWORD}).text
    label, svg = re.findall(r'<div class="qr" role="img" aria-label="([^"]+)">\n?(<svg.*?</svg>)', shown)[0]
    address = html.unescape(re.findall(r"otpauth://[^<]+", shown)[0])
    read, *_ = cv2.QRCodeDetector().detectAndDecode(rasterised(svg))

    assert (read, "QR code" in label) == (address, True)
    assert ("style" in svg, "script" in svg, 'fill="#fff" d="M0 0h' in svg) == (False, False, True)


def rasterised(svg: str) -> np.ndarray[Any, Any]:
    """The picture of a code's SVG, 8 pixels a module: rows of strokes, h on and m along."""
    side = int(re.findall(r'viewBox="0 0 (\d+) \1"', svg)[0])
    picture, x, y = np.full((side, side), 255, np.uint8), 0.0, 0.0
    for kind, first, second in re.findall(r"([Mmh])(-?[\d.]+) ?(-?[\d.]+)?", svg.split('stroke="#000" d="')[1]):
        if kind == "h":
            picture[int(y), int(x) : int(x + float(first))] = 0
            x += float(first)
        else:
            x, y = (0.0, 0.0) if kind == "M" else (x, y)
            x, y = x + float(first), y + float(second)
    return picture.repeat(8, 0).repeat(8, 1)


def test_copy_of_the_ledger_makes_no_codes(
    app: FastAPI, ledger: Ledger, enrolled: tuple[pyotp.TOTP, list[str]], tmp_path: Path
) -> None:
    """The secret stands nowhere in its file; the key, which this user alone may read, is another file."""
    key = tmp_path / sealing.KEY_FILE

    assert enrolled[0].secret.encode() not in bytes_of(tmp_path)
    assert (key.stat().st_mode & 0o777, key.read_bytes() in bytes_of(tmp_path)) == (0o600, False)
    assert sign_in(browser(app), "ben", code=enrolled[0].now()).status_code == 303


KEYS_GONE: dict[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "another": lambda key: key.write_text("0" * 64),
    "cut": lambda key: key.write_text("0" * 10),
    "no text": lambda key: key.write_bytes(b"\xff" * 64),
    "a link to nowhere": lambda key: key.replace(key.with_name("elsewhere")).with_name(key.name).symlink_to("nowhere"),
}


@pytest.mark.parametrize("what", KEYS_GONE)
def test_lost_key_is_told_and_there_is_a_way_back(
    app: FastAPI, ledger: Ledger, enrolled: tuple[pyotp.TOTP, list[str]], tmp_path: Path, what: str
) -> None:
    """Whoever is refused reads why, and so does an admin; recovery codes and a reset work, and no new key is made."""
    kept, key = (tmp_path / sealing.KEY_FILE).read_text(), tmp_path / sealing.KEY_FILE
    KEYS_GONE[what](key)
    by_code, stranger = (sign_in(browser(app), name, code=enrolled[0].now()) for name in ("ben", "nobody"))
    ada = browser(app)
    sign_in(ada, "ada")
    shown = ada.get("/people").text
    begun = act(ada, "/me/codes", {"password": PASSWORD})
    by_recovery = sign_in(browser(app), "ben", code=enrolled[1][0])
    key.unlink(missing_ok=True)
    key.write_text(kept)

    assert [answer.status_code for answer in (by_code, stranger, by_recovery)] == [401, 401, 303]
    assert all("One-time codes cannot be checked on this desk now" in answer.text for answer in (by_code, stranger))
    assert "no one-time code of ben can be checked: codes.key" in html.unescape(shown)
    if what != "another":  # a key that is whole seals what comes; what was sealed before is told on the page
        assert (begun.status_code, "codes.key" in begun.text) == (400, True)
    assert sign_in(browser(app), "ben", code=enrolled[0].now()).status_code == 303


def test_reset_after_a_lost_key_begins_anew(
    app: FastAPI, ledger: Ledger, enrolled: tuple[pyotp.TOTP, list[str]], tmp_path: Path
) -> None:
    """Once nobody's codes hang on the key that is lost, the next secret makes another."""
    (tmp_path / sealing.KEY_FILE).unlink()
    people.reset(ledger, "ben", by="ada", at=now())
    sealed = sealing.seal(ledger, "ada", "SECRET")

    assert (sealing.lost(ledger), sealing.opened(ledger, "ada", sealed)) == ("", "SECRET")


def test_secret_opens_for_its_own_account_alone(
    app: FastAPI, ledger: Ledger, enrolled: tuple[pyotp.TOTP, list[str]]
) -> None:
    """Who can write the ledger gives nobody a secret whose codes he has himself."""
    own = (accounts.find(ledger, "ben") or {})["totp"]
    ledger.db.execute("UPDATE people SET totp = ? WHERE name = 'ada'", [own])

    assert sign_in(browser(app), "ada", code=enrolled[0].now()).status_code == 401
    assert "no one-time code of ada can be checked" in sealing.lost(ledger)


def test_secret_from_before_there_were_keys_works_and_is_sealed(app: FastAPI, ledger: Ledger) -> None:
    """The next sign-in of anybody seals what stands open."""
    secret = pyotp.random_base32()
    ledger.db.execute("UPDATE people SET totp = ? WHERE name = 'ben'", [secret])
    sign_in(browser(app), "ada")
    sealed = (accounts.find(ledger, "ben") or {})["totp"]

    assert (secret in sealed, sealing.opened(ledger, "ben", sealed)) == (False, secret)
    assert sign_in(browser(app), "ben", code=pyotp.TOTP(secret).now()).status_code == 303


# -------------------------------------------------------------- other places
ELSEWHERE = [
    "//evil.example", "https://evil.example/", "http:evil.example", "/\\evil.example", "\\\\evil.example",
    "/%0d%0aSet-Cookie:%20a=b\r\nSet-Cookie: a=b", "javascript:alert(1)", "data:text/html,x", "///evil.example",
    "/\t/evil.example", " //evil.example", "evil.example", "", "/" + "a" * 600, "/\u202e", "//evil.example%2f..", "http://[",
]  # fmt: skip


def test_sign_in_leads_nowhere_else(app: FastAPI) -> None:
    """Whatever stands in next=, one lands on the desk, and it becomes no header."""
    got = {}
    for place in ELSEWHERE:
        visitor = browser(app)
        hidden = form_of(visitor.get("/sign-in", params={"next": place}).text)
        answer = visitor.post("/sign-in", data={**hidden, "name": "ben", "password": PASSWORD, "next": place})
        got[place] = (answer.headers["location"], hidden["next"], "a" in answer.cookies)

    assert {place: found for place, found in got.items() if found != ("/", "/", False)} == {}


@pytest.mark.parametrize("place", ["/", "/cases/case-1?tab=2", "/?status=open&text=a%20b", "/people"])
def test_sign_in_leads_on_to_where_one_wanted(place: str) -> None:
    """Places of the desk stay what they are."""
    assert inside(place) == place


def test_page_that_wants_a_person_comes_back_after_the_sign_in(app: FastAPI) -> None:
    """The place one wanted is kept through the sign-in."""
    visitor = browser(app)
    sent = visitor.get("/?status=open&day=2026-11-20").headers["location"]
    hidden = form_of(visitor.get(sent).text)

    assert hidden["next"].replace("&amp;", "&") == "/?status=open&day=2026-11-20"


def test_nobody_is_signed_in_as_somebody_else_from_outside(app: FastAPI) -> None:
    """A form on another site has not the key of ours, whatever account it names."""
    visitor = browser(app)
    visitor.get("/sign-in")
    answer = visitor.post("/sign-in", data={"name": "ben", "password": PASSWORD, "csrf": "guessed"})

    assert (answer.status_code, name_of(visitor)) == (403, None)


def test_link_from_a_mail_finds_the_session(app: FastAPI, ben: TestClient) -> None:
    """Browsers hold the cookie back when a mail leads here; our own page asks once more, from the desk itself."""
    first = browser(app).get("/sign-in?next=/people", headers={"Sec-Fetch-Site": "cross-site"})

    assert '<meta http-equiv="refresh" content="0; url=/sign-in?next=/people">' in first.text
    assert ben.get("/sign-in?next=/people").headers["location"] == "/people"
