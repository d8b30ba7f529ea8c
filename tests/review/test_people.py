"""Sign-in: what opens the desk, for whom, for how long, and what does not."""

import asyncio
import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from review import people
from review.bounded import MOST_BYTES, Bounded
from review.desk import now
from review.passwords import Passwords
from review.people import inside
from store import keys
from store import people as accounts
from store.ledger import Ledger
from tests.review.doors import PASSWORD, act, browser, bytes_of, form_of, sign_in

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
COOKIE = "clipwarden-80"


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
