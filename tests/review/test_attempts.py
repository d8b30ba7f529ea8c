"""Guessing at the door: counted before it is looked at, slower each time, and no disk is filled by it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI

from review import people
from review.passwords import Passwords
from review.people import Given, Refused
from store import audit, keys
from store.ledger import Ledger
from tests.review.doors import PASSWORD, account, browser, bytes_of, sign_in

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def app(fresh: FastAPI, ledger: Ledger) -> FastAPI:
    """A desk with one account, ben's."""
    account(fresh, ledger, "ben", "reviewer")
    return fresh


WRONG, HERE = "wrong", "192.0.2.7"


def given(name: str, password: str = WRONG, address: str = HERE) -> Given:
    """An attempt."""
    return Given(name=name, password=password, code="", address=address)


@pytest.fixture
def door(app: FastAPI, ledger: Ledger) -> Passwords:
    """How the desk hashes."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.mark.parametrize("name", ["ben", "nobody-of-that-name"])
def test_waits_double_for_names_known_and_unknown(ledger: Ledger, door: Passwords, name: str) -> None:
    """Five failures cost nothing, then 1, 2, 4 ... seconds, up to a quarter of an hour; alike for any name."""
    at, waits = NOON, []
    for _ in range(18):
        found = people.check(ledger, door, given(name), at=at)
        while isinstance(found, Refused) and found.wait_s:
            waits.append(found.wait_s)
            at += timedelta(seconds=found.wait_s)
            found = people.check(ledger, door, given(name), at=at)

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_right_password_waits_too(ledger: Ledger, door: Passwords, tmp_path: Path) -> None:
    """An attempt that is too early is not looked at, also after a restart; later it is."""
    for _ in range(5):
        people.check(ledger, door, given("ben"), at=NOON)
    with Ledger(tmp_path / "ledger.db") as again:
        early = people.check(again, door, given("ben", PASSWORD), at=NOON)
        later = people.check(again, door, given("ben", PASSWORD), at=NOON + timedelta(seconds=1))

    assert (early, later) == (Refused(wait_s=1), "ben")


def test_one_address_guesses_at_few_names(ledger: Ledger, door: Passwords) -> None:
    """Thirty names from one address, then it waits; another address does not."""
    found = [people.check(ledger, door, given(f"name{number}"), at=NOON) for number in range(40)]
    other = people.check(ledger, door, given("ben", PASSWORD, "198.51.100.1"), at=NOON)

    assert ([one.wait_s for one in found if isinstance(one, Refused)], other) == ([0] * 30 + [1] * 10, "ben")


def test_own_account_buys_no_guesses_at_others(ledger: Ledger, door: Passwords) -> None:
    """Signing in between the guesses does not make the address new."""
    for number in range(29):
        people.check(ledger, door, given(f"name{number}"), at=NOON)
        people.check(ledger, door, given("ben", PASSWORD), at=NOON)
    people.check(ledger, door, given("one more"), at=NOON)

    assert people.check(ledger, door, given("ada"), at=NOON) == Refused(wait_s=1)


def test_many_guesses_at_once_are_all_counted(ledger: Ledger, door: Passwords, tmp_path: Path) -> None:
    """Twenty attempts in the same instant are twenty: five are looked at."""

    def guess(_: int) -> bool:
        with Ledger(tmp_path / "ledger.db") as own:
            return people.check(own, door, given("ben"), at=NOON) == Refused(wait_s=0)

    with ThreadPoolExecutor(8) as pool:
        looked_at = list(pool.map(guess, range(20)))

    assert sum(looked_at) == 5


def test_waiting_is_told_by_status_and_header(app: FastAPI) -> None:
    """A browser sees 429 and for how long, on the same page."""
    visitor = browser(app)
    got = [sign_in(visitor, "ben", "wrong password") for _ in range(6)]

    assert [answer.status_code for answer in got] == [401] * 5 + [429]
    assert int(got[-1].headers["retry-after"]) >= 1


def test_refusals_fill_no_disk(ledger: Ledger) -> None:
    """A flood of guesses is told in full for its first thousand, then by count."""
    with ledger.write():
        for _ in range(5000):
            keys.refused(ledger, "nobody", {"address": "192.0.2.7"}, at=NOON)
    told = audit.listed(ledger, act="sign-in-refused", limit=5000)

    assert (len(told), told[0]["detail"]["refused_this_hour"]) == (1003, 4096)


def test_what_is_typed_as_a_name_stands_in_no_log(app: FastAPI, tmp_path: Path) -> None:
    """It may be a password in the wrong box."""
    sign_in(browser(app), "my secret password!", "")

    assert b"my secret" not in bytes_of(tmp_path).replace(b"account:my secret", b"")
