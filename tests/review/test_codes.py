"""One-time codes: what they open, how they are drawn and kept, and the way back when their key is lost."""

import html
import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyotp
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from review import people, sealing
from review.desk import now
from review.passwords import recovery_codes, typed
from store import audit, keys
from store import people as accounts
from store.ledger import Ledger
from tests.review.doors import PASSWORD, act, browser, bytes_of, sign_in


@pytest.fixture
def enrolled(ledger: Ledger, app: FastAPI, ben: TestClient) -> tuple[pyotp.TOTP, list[str]]:
    """Ben's app and recovery codes, got through the page."""
    shown = act(ben, "/me/codes", {"password": PASSWORD}).text
    secret = shown.split("<code>")[1].split("</code>")[0]
    if (left_s := 30 - time.time() % 30) < 5:  # or the last half minute's code is one older by the time it is read
        time.sleep(left_s)
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
