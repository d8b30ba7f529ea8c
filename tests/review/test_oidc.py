"""Sign-in by the company: a real provider on loopback vouches, and what it does not vouch for is refused."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from fastapi import FastAPI
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from core.errors import ClipwardenError, SettingsWrong
from review import oidc, way_out
from review.desk import now
from review.oidc import Company, provider_of
from store import audit, keys, people
from store.ledger import Ledger
from tests.review.doors import browser, desk_on, empty_ledger
from tests.review.provider import CLIENT, SECRET, Provider, running


@pytest.fixture(scope="module")
def served() -> Iterator[Provider]:
    """One provider for all tests of this file."""
    with running() as provider:
        yield provider


@pytest.fixture
def provider(served: Provider) -> Provider:
    """The provider as it is when nothing is wrong."""
    fresh = Provider(issuer=served.issuer, key=served.key)
    for name in ("person", "twist", "alg", "signing_key", "asked", "codes", "described", "fetched", "floods", "drips"):
        setattr(served, name, getattr(fresh, name))
    return served


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    with empty_ledger(tmp_path) as opened:
        yield opened


@pytest.fixture
def desk(provider: Provider, ledger: Ledger) -> Iterator[Callable[..., FastAPI]]:
    """A desk with this provider: desk(make_accounts=True, roles={...})."""
    with ExitStack() as stack:

        def make(**settings: Any) -> FastAPI:
            given = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET, "make_accounts": True}
            made: AbstractContextManager[FastAPI] = desk_on(ledger, oidc=given | settings)
            return stack.enter_context(made)

        yield make


def go(visitor: TestClient, place: str = "/") -> str:
    """From the desk to the provider; the address it sends the browser back to."""
    sent = visitor.get("/sign-in/company", params={"next": place}).headers["location"]
    return requests.get(sent, allow_redirects=False, timeout=5).headers["location"]


def sign_in(visitor: TestClient, place: str = "/") -> Any:
    """All the way round, as a browser goes."""
    return visitor.get(go(visitor, place))


def name_of(visitor: TestClient) -> str | None:
    """Who the desk takes a browser for."""
    answer = visitor.get("/v1/me", headers={"accept": "application/json"})
    return answer.json()["name"] if answer.status_code == 200 else None


def test_company_vouches_and_the_desk_opens(desk: Callable[..., FastAPI], provider: Provider, ledger: Ledger) -> None:
    """Code, PKCE, state and nonce go round; our own page leads on, since a redirect would leave the cookie behind."""
    visitor = browser(desk())
    answer = sign_in(visitor, "/people")

    assert (answer.status_code, name_of(visitor)) == (200, "grace.h")
    assert '<meta http-equiv="refresh" content="0; url=/people">' in answer.text
    assert audit.listed(ledger, act="sign-in")[0]["detail"]["how"] == "company"
    assert {"code_challenge", "nonce", "state"} <= set(provider.asked)


TWISTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "another nonce": lambda claims: claims.update(nonce="of another sign-in"),
    "no nonce": lambda claims: claims.pop("nonce"),
    "for another client": lambda claims: claims.update(aud="another-client"),
    "for another client, but authorised for us": lambda claims: claims.update(aud="another-client", azp=CLIENT),
    "for many, not authorised for us": lambda claims: claims.update(aud=[CLIENT, "other"], azp="other"),
    "no audience": lambda claims: claims.pop("aud"),
    "of another issuer": lambda claims: claims.update(iss="https://id.evil.example"),
    "too old": lambda claims: claims.update(exp=int(time.time()) - 120),
    "without an end": lambda claims: claims.pop("exp"),
    "an end that is no number": lambda claims: claims.update(exp="9999999999"),
    "from the future": lambda claims: claims.update(iat=int(time.time()) + 600),
    "nobody": lambda claims: claims.pop("sub"),
    "an empty person": lambda claims: claims.update(sub=""),
    "a person that is a list": lambda claims: claims.update(sub=["u-1"]),
    "a person of 300 letters": lambda claims: claims.update(sub="u" * 300),
    "a person that breaks the line": lambda claims: claims.update(sub="u-1\nadmin"),
}


@pytest.mark.parametrize("twist", TWISTS)
def test_token_that_is_not_what_was_asked_for(
    desk: Callable[..., FastAPI], provider: Provider, ledger: Ledger, twist: str
) -> None:
    """Each refused with 403, no account, no session, and a line in the log."""
    provider.twist = TWISTS[twist]
    visitor = browser(desk())
    answer = sign_in(visitor)

    assert (answer.status_code, name_of(visitor), people.listed(ledger)) == (403, None, [])
    assert audit.listed(ledger)[0]["act"] == "sign-in-refused"


@pytest.mark.parametrize("alg", ["none", "HS256"])
def test_token_without_the_provider_s_signature(desk: Callable[..., FastAPI], provider: Provider, alg: str) -> None:
    """alg=none, and HS256 with the public key for a secret: the two old tricks."""
    provider.alg = alg
    visitor = browser(desk())

    assert (sign_in(visitor).status_code, name_of(visitor)) == (403, None)


@pytest.mark.parametrize("kid", ["one", "unheard-of"])
def test_token_signed_with_another_key(desk: Callable[..., FastAPI], provider: Provider, kid: str) -> None:
    """A key of the right name, or of a new one, that the provider does not publish."""
    provider.signing_key = RSAKey.generate_key(2048, {"kid": kid})
    visitor = browser(desk())

    assert (sign_in(visitor).status_code, name_of(visitor)) == (403, None)


def test_new_key_of_the_provider_is_asked_for(desk: Callable[..., FastAPI], provider: Provider) -> None:
    """Providers change their keys; the next sign-in finds the new one, and asks no oftener than every ten seconds."""
    app = desk()
    sign_in(browser(app))
    app.state.company._keys_at -= 11
    before, provider.key = provider.key, RSAKey.generate_key(2048, {"kid": "two"})
    later = browser(app)
    sign_in(later)
    provider.key = before

    assert (name_of(later), provider.fetched) == ("grace.h", ["description", "keys", "keys"])


def test_answer_of_one_browser_signs_no_other_in(desk: Callable[..., FastAPI]) -> None:
    """An attacker's own answer, sent to a victim, signs the victim in as nobody."""
    app = desk()
    attacker, victim = browser(app), browser(app)
    back = go(attacker)
    go(victim)

    assert (victim.get(back).status_code, name_of(victim)) == (403, None)


def test_answer_counts_once(desk: Callable[..., FastAPI]) -> None:
    """Whoever finds the address in a history cannot use it again, not even in the same browser."""
    visitor = browser(desk())
    back = go(visitor)
    got = [visitor.get(back).status_code for _ in range(2)]

    assert got == [200, 403]


def test_answer_to_nothing_is_refused(desk: Callable[..., FastAPI], ledger: Ledger) -> None:
    """No state, a made-up one, an error of the provider with a script in it: a page, and nothing in the log."""
    visitor = browser(desk())
    asked = ["", "?state=x&code=y", "?error=%3Cscript%3Ealert(1)%3C/script%3E&state=", "?state=" + "s" * 5000]
    got = [visitor.get(f"/sign-in/company/back{query}") for query in asked]

    assert [answer.status_code for answer in got] == [403] * 4
    assert [answer for answer in got if "<script" in answer.text] == []
    assert audit.verify(ledger).rows == 0


def test_refusal_of_the_provider_is_told_as_text(desk: Callable[..., FastAPI]) -> None:
    """What an attacker writes into error_description stays letters."""
    visitor = browser(desk())
    state = parse_qs(urlsplit(go(visitor)).query)["state"][0]
    told = {"state": state, "error": "access_denied", "error_description": "<script>alert(1)</script>"}
    answer = visitor.get("/sign-in/company/back", params=told)

    assert (answer.status_code, "<script" in answer.text) == (403, False)


def test_state_and_verifier_are_no_longer_good_after_ten_minutes(desk: Callable[..., FastAPI], ledger: Ledger) -> None:
    """Who comes back later begins again."""
    visitor = browser(desk())
    back = go(visitor)
    ledger.db.execute("UPDATE company_sign_ins SET until_at = '2026-01-01T00:00:00.000Z'")

    assert (visitor.get(back).status_code, name_of(visitor)) == (403, None)


def test_begun_sign_ins_fill_no_disk(ledger: Ledger) -> None:
    """Anyone may begin one: only the newest thousand are kept."""
    with ledger.write():
        for number in range(1200):
            steps = {"state": f"s{number}", "browser": "b", "verifier": "v", "nonce": "n", "next": "/"}
            keys.begin_company(ledger, steps, at=now())

    assert ledger.count("company_sign_ins") == 1000


# ------------------------------------------------------------------- accounts
def test_no_account_is_made_unless_settings_say_so(desk: Callable[..., FastAPI], ledger: Ledger) -> None:
    """The page tells the id that an admin has to write down; with it, the person gets in."""
    app = desk(make_accounts=False)
    first = sign_in(browser(app))
    people.add(ledger, "grace", "approver", by="test", at=now(), company=(app.state.company.provider.issuer, "u-1"))
    visitor = browser(app)
    sign_in(visitor)

    assert (first.status_code, "with the id u-1" in first.text, name_of(visitor)) == (403, True, "grace")


def test_groups_give_the_role_at_each_sign_in(desk: Callable[..., FastAPI], provider: Provider, ledger: Ledger) -> None:
    """The first group that fits, in the settings' order; who left all of them is out."""
    app, got = desk(roles={"cw-admins": "admin", "cw-review": "reviewer"}), []
    for groups in (["cw-review", "x"], ["cw-review", "cw-admins"], "cw-review", ["x"], None, 7, {"cw-admins": 1}):
        provider.person |= {"groups": groups}
        status = sign_in(browser(app)).status_code
        got.append((status, (people.find(ledger, "grace.h") or {})["role"]))

    assert got == [(200, "reviewer"), (200, "admin"), (200, "reviewer"), *[(403, "reviewer")] * 4]


def test_name_of_the_provider_takes_no_account_over(
    desk: Callable[..., FastAPI], provider: Provider, ledger: Ledger
) -> None:
    """preferred_username=admin is another person than our admin."""
    people.add(ledger, "admin", "admin", by="test", at=now())
    provider.person |= {"preferred_username": "admin", "email": "admin"}
    visitor = browser(desk())
    sign_in(visitor)
    found = people.find(ledger, str(name_of(visitor))) or {}

    assert (found["name"] != "admin", found["name"][:6], found["role"]) == (True, "admin-", "viewer")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Zoë O'Hara", "zo-o-hara"), ("<script>alert(1)</script>", "script-alert-1-script"), ("", "person"),
        ("\u202eevil\0", "evil"), ("x" * 10_000, "x" * 50), ("../../etc/passwd", "etc-passwd"),
        ("token:bot", "token-bot"),
        ("admin\r\nSet-Cookie: a=b", "admin-set-cookie-a-b"), (["list"], "u-1"), ({"a": 1}, "u-1"), ("👑", "person"),
    ],
)  # fmt: skip
def test_hostile_names_become_names(desk: Callable[..., FastAPI], provider: Provider, said: object, name: str) -> None:
    """Whatever the provider calls people, an account's name is a short plain word."""
    provider.person |= {"preferred_username": said, "name": said}
    visitor = browser(desk())
    sign_in(visitor)
    page = visitor.get("/me").text

    assert (name_of(visitor), "<script>" in page, "\u202e" in page) == (name, False, False)


def test_closed_account_stays_out(desk: Callable[..., FastAPI], ledger: Ledger) -> None:
    """The company vouches, the desk does not let in."""
    app = desk()
    sign_in(browser(app))
    people.set_disabled(ledger, "grace.h", disabled=True, by="test", at=now())
    visitor = browser(app)

    assert (sign_in(visitor).status_code, name_of(visitor)) == (403, None)


def test_account_of_the_company_has_no_password_here(desk: Callable[..., FastAPI]) -> None:
    """Neither page nor form offers one: who leaves the company is out of the desk."""
    visitor = browser(desk())
    sign_in(visitor)
    page = visitor.get("/me").text
    key = page.split('name="csrf" value="')[1].split('"')[0]

    assert 'name="fresh"' not in page
    assert visitor.post("/me/password", data={"csrf": key, "fresh": "a password of my own"}).status_code == 403


# ----------------------------------------------------------------- settings
@pytest.mark.parametrize(
    "wrong", [{"issuer": "http://id.company.example"}, {"issuer": "ftp://x"}, {"roles": {"g": "emperor"}}]
)
def test_unsafe_settings_are_refused(wrong: dict[str, Any]) -> None:
    """No sign-in over a line that anyone can answer on, and no role that is not there."""
    with pytest.raises(SettingsWrong, match=r"https|no role"):
        provider_of({"oidc": {"issuer": "https://id.company.example", "client_id": "x"} | wrong})


@pytest.mark.parametrize(
    "described", [{"issuer": "https://id.evil.example"}, {"token_endpoint": "http://evil.example/"}, {"jwks_uri": ""}]
)
def test_description_of_somebody_else_is_refused(
    desk: Callable[..., FastAPI], provider: Provider, described: dict[str, str]
) -> None:
    """Another issuer's, or one that sends codes or asks for keys in the clear."""
    provider.described = described

    assert browser(desk()).get("/sign-in/company").status_code == 502


ANSWERS = ("description", "keys", "token")


@pytest.mark.parametrize("which", ANSWERS)
def test_answer_without_end_is_cut(desk: Callable[..., FastAPI], provider: Provider, which: str) -> None:
    """Of any of the three no more than a megabyte is read, and the person is told."""
    visitor = browser(desk())
    back = go(visitor) if which != "description" else "/sign-in/company"
    provider.floods = which
    answer = visitor.get(back)

    assert (answer.status_code, name_of(visitor)) == (502 if which == "description" else 403, None)
    assert "an answer of more than 1048576 bytes" in answer.text


@pytest.mark.parametrize("which", ANSWERS)
def test_answer_that_drips_is_cut(
    desk: Callable[..., FastAPI], provider: Provider, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A letter now and then is no answer, however patient each single read is: all ends when the time is over."""
    monkeypatch.setattr(way_out, "MOST_S", 1.0)
    visitor = browser(desk())
    back = go(visitor) if which != "description" else "/sign-in/company"
    provider.drips = which
    began = time.monotonic()
    answer = visitor.get(back)

    assert (answer.status_code, name_of(visitor)) == (502 if which == "description" else 403, None)
    assert "no whole answer in 1 s" in answer.text
    assert time.monotonic() - began < 5


def test_header_that_drips_is_cut(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    """Nor does a head without an end hold anyone, though each of its letters comes in time."""
    monkeypatch.setattr(way_out, "MOST_S", 1.0)
    with slow_head() as place:
        company = Company(provider_of({"oidc": {"issuer": place, "client_id": "x"}}) or pytest.fail("no provider"))
        began = time.monotonic()
        with pytest.raises(ClipwardenError, match="no whole answer in 1 s"):
            company.begin(ledger, "http://desk.example/back", "/", at=now())

    assert time.monotonic() - began < 5


@contextmanager
def slow_head() -> Iterator[str]:
    """A server whose first line is good and whose next one never ends; its address."""
    over = threading.Event()

    def drip(listening: socket.socket) -> None:
        line, _ = listening.accept()
        with line, suppress(OSError):
            line.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not over.wait(0.05):
                line.sendall(b"a")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=[listening], daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        over.set()
        thread.join(5)


@pytest.mark.parametrize("place", ["https://127.0.0.1:9/keys", "https://169.254.169.254/keys", "https://[::1]/keys"])
def test_provider_leads_the_desk_nowhere_inside(desk: Callable[..., FastAPI], provider: Provider, place: str) -> None:
    """Its description may name any address; only its own host may be private, and at its own port."""
    provider.described = {"jwks_uri": place}
    visitor = browser(desk())
    answer = sign_in(visitor)

    assert (answer.status_code, name_of(visitor)) == (403, None)
    assert "which is not public" in answer.text or "neither 80 nor 443" in answer.text


def test_slow_provider_holds_one_thread_alone(
    desk: Callable[..., FastAPI], provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one sign-in waits for the provider, the next is told so soon, and waits for nothing."""
    monkeypatch.setattr(oidc, "PATIENCE_S", 0.1)
    monkeypatch.setattr(way_out, "MOST_S", 2.0)
    provider.drips, app = "description", desk()
    first, second = browser(app), browser(app)
    waiting = threading.Thread(target=first.get, args=["/sign-in/company"])
    waiting.start()
    until = time.monotonic() + 5
    while not provider.fetched and time.monotonic() < until:
        time.sleep(0.01)
    answer = second.get("/sign-in/company")
    still = waiting.is_alive()
    waiting.join(10)

    assert (answer.status_code, "slow to answer" in answer.text, still) == (502, True, True)


def test_provider_that_is_away_is_told(ledger: Ledger) -> None:
    """One line with what to do, not a stack of calls."""
    away = provider_of({"oidc": {"issuer": "http://127.0.0.1:9", "client_id": "x"}})
    assert away is not None
    with pytest.raises(ClipwardenError, match="does not answer; ask its admins"):
        Company(away).begin(ledger, "http://desk.example/back", "/", at=now())
