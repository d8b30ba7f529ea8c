"""Sign-in by the company: a real provider on loopback vouches, and what it does not vouch for is refused."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from joserfc.jwk import RSAKey

from core.errors import SettingsWrong
from review.desk import now
from review.oidc import provider_of
from store import audit, keys, people
from store.ledger import Ledger
from tests.review.doors import browser, go, name_of, vouched
from tests.review.provider import CLIENT, Provider


def test_company_vouches_and_the_desk_opens(
    company_desk: Callable[..., FastAPI], provider: Provider, ledger: Ledger
) -> None:
    """Code, PKCE, state and nonce go round; our own page leads on, since a redirect would leave the cookie behind."""
    visitor = browser(company_desk())
    answer = vouched(visitor, "/people")

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
    company_desk: Callable[..., FastAPI], provider: Provider, ledger: Ledger, twist: str
) -> None:
    """Each refused with 403, no account, no session, and a line in the log."""
    provider.twist = TWISTS[twist]
    visitor = browser(company_desk())
    answer = vouched(visitor)

    assert (answer.status_code, name_of(visitor), people.listed(ledger)) == (403, None, [])
    assert audit.listed(ledger)[0]["act"] == "sign-in-refused"


@pytest.mark.parametrize("alg", ["none", "HS256"])
def test_token_without_the_provider_s_signature(
    company_desk: Callable[..., FastAPI], provider: Provider, alg: str
) -> None:
    """alg=none, and HS256 with the public key for a secret: the two old tricks."""
    provider.alg = alg
    visitor = browser(company_desk())

    assert (vouched(visitor).status_code, name_of(visitor)) == (403, None)


@pytest.mark.parametrize("kid", ["one", "unheard-of"])
def test_token_signed_with_another_key(company_desk: Callable[..., FastAPI], provider: Provider, kid: str) -> None:
    """A key of the right name, or of a new one, that the provider does not publish."""
    provider.signing_key = RSAKey.generate_key(2048, {"kid": kid})
    visitor = browser(company_desk())

    assert (vouched(visitor).status_code, name_of(visitor)) == (403, None)


def test_new_key_of_the_provider_is_asked_for(company_desk: Callable[..., FastAPI], provider: Provider) -> None:
    """Providers change their keys; the next sign-in finds the new one, and asks no oftener than every ten seconds."""
    app = company_desk()
    vouched(browser(app))
    app.state.company._keys_at -= 11
    before, provider.key = provider.key, RSAKey.generate_key(2048, {"kid": "two"})
    later = browser(app)
    vouched(later)
    provider.key = before

    assert (name_of(later), provider.fetched) == ("grace.h", ["description", "keys", "keys"])


def test_answer_of_one_browser_signs_no_other_in(company_desk: Callable[..., FastAPI]) -> None:
    """An attacker's own answer, sent to a victim, signs the victim in as nobody."""
    app = company_desk()
    attacker, victim = browser(app), browser(app)
    back = go(attacker)
    go(victim)

    assert (victim.get(back).status_code, name_of(victim)) == (403, None)


def test_answer_counts_once(company_desk: Callable[..., FastAPI]) -> None:
    """Whoever finds the address in a history cannot use it again, not even in the same browser."""
    visitor = browser(company_desk())
    back = go(visitor)
    got = [visitor.get(back).status_code for _ in range(2)]

    assert got == [200, 403]


def test_answer_to_nothing_is_refused(company_desk: Callable[..., FastAPI], ledger: Ledger) -> None:
    """No state, a made-up one, an error of the provider with a script in it: a page, and nothing in the log."""
    visitor = browser(company_desk())
    asked = ["", "?state=x&code=y", "?error=%3Cscript%3Ealert(1)%3C/script%3E&state=", "?state=" + "s" * 5000]
    got = [visitor.get(f"/sign-in/company/back{query}") for query in asked]

    assert [answer.status_code for answer in got] == [403] * 4
    assert [answer for answer in got if "<script" in answer.text] == []
    assert audit.verify(ledger).rows == 0


def test_refusal_of_the_provider_is_told_as_text(company_desk: Callable[..., FastAPI]) -> None:
    """What an attacker writes into error_description stays letters."""
    visitor = browser(company_desk())
    state = parse_qs(urlsplit(go(visitor)).query)["state"][0]
    told = {"state": state, "error": "access_denied", "error_description": "<script>alert(1)</script>"}
    answer = visitor.get("/sign-in/company/back", params=told)

    assert (answer.status_code, "<script" in answer.text) == (403, False)


def test_state_and_verifier_are_no_longer_good_after_ten_minutes(
    company_desk: Callable[..., FastAPI], ledger: Ledger
) -> None:
    """Who comes back later begins again."""
    visitor = browser(company_desk())
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
def test_no_account_is_made_unless_settings_say_so(company_desk: Callable[..., FastAPI], ledger: Ledger) -> None:
    """The page tells the id that an admin has to write down; with it, the person gets in."""
    app = company_desk(make_accounts=False)
    first = vouched(browser(app))
    people.add(ledger, "grace", "approver", by="test", at=now(), company=(app.state.company.provider.issuer, "u-1"))
    visitor = browser(app)
    vouched(visitor)

    assert (first.status_code, "with the id u-1" in first.text, name_of(visitor)) == (403, True, "grace")


def test_groups_give_the_role_at_each_sign_in(
    company_desk: Callable[..., FastAPI], provider: Provider, ledger: Ledger
) -> None:
    """The first group that fits, in the settings' order; who left all of them is out."""
    app, got = company_desk(roles={"cw-admins": "admin", "cw-review": "reviewer"}), []
    for groups in (["cw-review", "x"], ["cw-review", "cw-admins"], "cw-review", ["x"], None, 7, {"cw-admins": 1}):
        provider.person |= {"groups": groups}
        status = vouched(browser(app)).status_code
        got.append((status, (people.find(ledger, "grace.h") or {})["role"]))

    assert got == [(200, "reviewer"), (200, "admin"), (200, "reviewer"), *[(403, "reviewer")] * 4]


def test_name_of_the_provider_takes_no_account_over(
    company_desk: Callable[..., FastAPI], provider: Provider, ledger: Ledger
) -> None:
    """preferred_username=admin is another person than our admin."""
    people.add(ledger, "admin", "admin", by="test", at=now())
    provider.person |= {"preferred_username": "admin", "email": "admin"}
    visitor = browser(company_desk())
    vouched(visitor)
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
def test_hostile_names_become_names(
    company_desk: Callable[..., FastAPI], provider: Provider, said: object, name: str
) -> None:
    """Whatever the provider calls people, an account's name is a short plain word."""
    provider.person |= {"preferred_username": said, "name": said}
    visitor = browser(company_desk())
    vouched(visitor)
    page = visitor.get("/me").text

    assert (name_of(visitor), "<script>" in page, "\u202e" in page) == (name, False, False)


def test_closed_account_stays_out(company_desk: Callable[..., FastAPI], ledger: Ledger) -> None:
    """The company vouches, the desk does not let in."""
    app = company_desk()
    vouched(browser(app))
    people.set_disabled(ledger, "grace.h", disabled=True, by="test", at=now())
    visitor = browser(app)

    assert (vouched(visitor).status_code, name_of(visitor)) == (403, None)


def test_account_of_the_company_has_no_password_here(company_desk: Callable[..., FastAPI]) -> None:
    """Neither page nor form offers one: who leaves the company is out of the desk."""
    visitor = browser(company_desk())
    vouched(visitor)
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
    company_desk: Callable[..., FastAPI], provider: Provider, described: dict[str, str]
) -> None:
    """Another issuer's, or one that sends codes or asks for keys in the clear."""
    provider.described = described

    assert browser(company_desk()).get("/sign-in/company").status_code == 502
