"""Every route asks for a right, and really refuses whoever lacks it: the route table is walked, so none is left out."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import Mount
from starlette.testclient import TestClient

from review import people
from review.desk import now
from review.rights import OPEN, ROLES, SAFE_METHODS, Right
from store import keys
from store import people as accounts
from store.ledger import Ledger
from tests.review.doors import desk_on, empty_ledger

COOKIE = "clipwarden-80"
SELF = frozenset({"/me", "/me/password", "/me/codes", "/me/codes/confirm", "/me/codes/end", "/sign-out", "/v1/me"})


def routes_of(holder: Any) -> Iterator[APIRoute]:
    """Every route of an application or a router; what is no route of ours and not the static files fails the walk."""
    for one in holder.routes:
        if isinstance(one, APIRoute):
            yield one
        elif hasattr(one, "original_router"):  # how FastAPI holds an included router since 0.165
            yield from routes_of(one.original_router)
        else:
            assert isinstance(one, Mount), f"{one} is no route that can be checked"
            assert one.path == "/static", f"{one.path} is mounted, which asks nobody for a right"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A ledger with an account of each role."""
    with empty_ledger(tmp_path_factory.mktemp("rights")) as opened:
        for role in ROLES:
            accounts.add(opened, role, role, by="test", at=now())
        yield opened


@pytest.fixture(scope="module")
def app(ledger: Ledger) -> Iterator[FastAPI]:
    """The whole desk."""
    with desk_on(ledger) as made:
        yield made


@pytest.fixture(scope="module")
def visitor(app: FastAPI) -> Iterator[TestClient]:
    """Someone who sends requests; who they are, each says for itself."""
    with TestClient(
        app, base_url="http://desk.example", follow_redirects=False, raise_server_exceptions=False
    ) as sends:
        yield sends


def asked(dependant: Dependant) -> set[Right] | None:
    """The rights a route asks for; None when it does not even ask who comes."""
    found = [set(rights) for one in dependant.dependencies if (rights := getattr(one.call, "rights", None)) is not None]
    return set[Right]().union(*found) if found else None


def requests_of(app: FastAPI) -> list[tuple[str, str, set[Right] | None]]:
    """(method, address with something in its gaps, rights) of each route."""
    return [
        (method, re.sub(r"\{\w+(:\w+)?\}", "1", route.path), asked(route.dependant))
        for route in routes_of(app)
        for method in sorted(route.methods or ())
    ]


def session(ledger: Ledger, role: str) -> str:
    """The key of a new session of somebody with this role."""
    return keys.begin_session(ledger, role, "test", how="test", at=now())


def send(visitor: TestClient, method: str, path: str, *, key: str = "", csrf: str = "", bearer: str = "") -> int:
    """The status of one bare request."""
    headers = {"cookie": f"{COOKIE}={key}", "x-csrf": csrf, "authorization": f"Bearer {bearer}" if bearer else ""}
    given = {name.encode(): value.encode() for name, value in headers.items() if value}
    return visitor.request(method, path, headers=given).status_code


def test_walk_sees_the_whole_desk(app: FastAPI) -> None:
    """The walk finds what is known to be there: queue, decisions, people, sign-in, the log."""
    paths = {route.path for route in routes_of(app)}

    assert {"/", "/review", "/people", "/sign-in", "/sign-out", "/v1/tokens", "/audit"} <= paths
    assert len(paths) >= 30


def test_every_route_asks_for_a_right_or_is_named_open(app: FastAPI) -> None:
    """A new route without needs(...) fails here, unless somebody wrote its path into OPEN."""
    bare = {route.path for route in routes_of(app) if asked(route.dependant) is None}

    assert bare == OPEN


def test_only_one_s_own_account_asks_for_no_right(app: FastAPI) -> None:
    """needs() without a right lets anybody in who has an account: right for few routes."""
    paths = {route.path for route in routes_of(app) if asked(route.dependant) == set()}

    assert paths == SELF


def test_reading_changes_nothing(app: FastAPI) -> None:
    """GET asks for no proof against forgery, so no route serves both."""
    both = [route.path for route in routes_of(app) if route.methods and {"GET"} < route.methods - {"HEAD"}]

    assert both == []


def test_anonymous_is_refused_everywhere(app: FastAPI, visitor: TestClient) -> None:
    """No cookie, a made-up cookie, a made-up token: 401 on every route that is not open."""
    got = {
        (method, path, which): status
        for method, path, rights in requests_of(app)
        if rights is not None
        for which, given in {"none": {}, "cookie": {"key": "made-up"}, "token": {"bearer": "cw_made-up"}}.items()
        if (status := send(visitor, method, path, **given)) != 401
    }

    assert got == {}


@pytest.mark.parametrize("role", ROLES)
def test_role_is_refused_what_it_may_not(app: FastAPI, visitor: TestClient, ledger: Ledger, role: str) -> None:
    """403 on every route whose right the role lacks, with the right key against forgery too."""
    lacking = [(method, path) for method, path, rights in requests_of(app) if rights and not rights <= ROLES[role]]
    key = session(ledger, role)
    got = [(method, path, send(visitor, method, path, key=key, csrf=people.csrf_of(key))) for method, path in lacking]

    assert [one for one in got if one[2] != 403] == []
    assert bool(lacking) is (role != "admin")


@pytest.mark.parametrize("role", ROLES)
def test_change_without_its_key_is_refused(app: FastAPI, visitor: TestClient, ledger: Ledger, role: str) -> None:
    """A cookie alone, as another site could make a browser send it, changes nothing."""
    changes = [(method, path) for method, path, rights in requests_of(app) if rights is not None]
    changes = [(method, path) for method, path in changes if method not in SAFE_METHODS]
    key, other = session(ledger, role), session(ledger, role)
    got = [
        (method, path, status)
        for method, path in changes
        for csrf in ("", people.csrf_of(other), "é")
        if (status := send(visitor, method, path, key=key, csrf=csrf)) != 403
    ]

    assert (got, len(changes) > 15) == ([], True)


@pytest.mark.parametrize("role", ROLES)
def test_role_is_let_through_where_it_may(app: FastAPI, visitor: TestClient, ledger: Ledger, role: str) -> None:
    """The same walk the other way: what the role may is not refused, and no bare request breaks the desk."""
    got = []
    for method, path, rights in requests_of(app):
        if rights is None or not rights <= ROLES[role]:
            continue
        key = session(ledger, role)  # a new one each time: signing out is among the routes
        status = send(visitor, method, path, key=key, csrf=people.csrf_of(key))
        if status in {401, 403} or status >= 500:
            got.append((method, path, status))

    assert got == []


@pytest.mark.parametrize("scope", list(Right))
def test_token_opens_what_its_scope_names(app: FastAPI, visitor: TestClient, ledger: Ledger, scope: Right) -> None:
    """A program needs no key against forgery, and has no right beside its scopes."""
    token = people.make_token(ledger, f"only {scope}", [scope], days=1, by="admin", at=now())
    got = [
        (method, path, status)
        for method, path, rights in requests_of(app)
        if rights and (status := send(visitor, method, path, bearer=token)) is not None
        if (status == 403) is (rights <= {scope}) and path not in {"/people/tokens"}
    ]

    assert got == []


def test_token_does_no_more_than_its_maker_may_today(visitor: TestClient, ledger: Ledger) -> None:
    """Its maker lost the right, or the account: so did the token. It ends by hand and by its date, too."""
    accounts.add(ledger, "maker", "admin", by="test", at=now())
    token = people.make_token(ledger, "of a maker", ["see", "people"], days=1, by="maker", at=now())
    got = [send(visitor, "GET", "/v1/people", bearer=token)]
    accounts.set_role(ledger, "maker", "viewer", by="test", at=now())
    got.append(send(visitor, "GET", "/v1/people", bearer=token))
    accounts.set_role(ledger, "maker", "admin", by="test", at=now())
    accounts.set_disabled(ledger, "maker", disabled=True, by="test", at=now())
    got.append(send(visitor, "GET", "/v1/people", bearer=token))
    accounts.set_disabled(ledger, "maker", disabled=False, by="test", at=now())
    keys.end_token(ledger, keys.tokens(ledger)[0]["id"], by="test", at=now())
    got.append(send(visitor, "GET", "/v1/people", bearer=token))

    assert got == [200, 403, 401, 401]
    assert keys.token(ledger, token, at=now()) is None


def test_token_ends_on_its_day(ledger: Ledger) -> None:
    """A token that is forgotten opens nothing later."""
    at = now()
    token = people.make_token(ledger, "short", ["see"], days=2, by="admin", at=at)

    assert keys.token(ledger, token, at=at) is not None
    assert keys.token(ledger, token, at=at.replace(year=at.year + 1)) is None


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("/v1/people", {"name": "eve", "role": "admin"}),
        ("/v1/people", {"name": "eve", "role": "reviewer"}),
        ("/v1/people/admin/reset", None),
        ("/v1/tokens", {"name": "more", "scopes": ["people"], "days": 1}),
    ],
)
def test_nobody_gives_what_they_have_not(
    visitor: TestClient, ledger: Ledger, path: str, given: dict[str, Any] | None
) -> None:
    """A program that manages people makes no admin, and takes over none."""
    token = people.make_token(
        ledger, f"clerk {path[1:].replace('/', ' ')} {len(str(given))}", ["people", "see"], days=1, by="admin", at=now()
    )
    answer = visitor.post(path, json=given, headers={"authorization": f"Bearer {token}"})

    assert (answer.status_code, accounts.find(ledger, "eve")) == (403, None)


def test_cookie_does_not_help_a_wrong_token_out(visitor: TestClient, ledger: Ledger) -> None:
    """A request with both is the token's."""
    assert send(visitor, "GET", "/v1/people", key=session(ledger, "admin"), bearer="cw_wrong") == 401


def test_hostile_names_are_shown_as_text(visitor: TestClient, ledger: Ledger, tmp_path: Path) -> None:
    """Names come from the company's sign-in: no script of theirs, no line turned around."""
    name = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}\u202egnp\0"
    people.add(ledger, "mallory", "viewer", by="test", at=now(), shown=name, company=("https://id.example", "<b>"))
    page = visitor.get("/people", headers={"cookie": f"{COOKIE}={session(ledger, 'admin')}"}).text

    assert ("&lt;script&gt;alert(1)" in page, "<script>alert" in page, "<img src=x" in page) == (True, False, False)
    assert ("\u202e" in page, "\0" in page, "49" in page.split("mallory")[1].split("</tr>")[0]) == (False, False, False)


@pytest.mark.parametrize(
    "charset", ["unicode_escape", "utf-7", "utf-8; charset=utf-16", '"utf-16"; x=charset=utf-8', "rot13", "utf-8''x"]
)
def test_forms_are_utf_8(visitor: TestClient, charset: str) -> None:
    """Another codec could make half letters, which neither the ledger nor a page can hold."""
    part = b'--B\r\nContent-Disposition: form-data; name="name"\r\n\r\n\\ud800\r\n--B--\r\n'
    headers = {"content-type": f"multipart/form-data; boundary=B; charset={charset}"}

    assert visitor.post("/sign-in", content=part, headers=headers).status_code == 415


def test_what_no_ledger_holds_breaks_nothing(visitor: TestClient, ledger: Ledger) -> None:
    """Half letters, NUL, numbers without end, a thousand brackets: an answer that says what is wrong, never a 500."""
    sent = [
        ("POST", "/v1/people", '{"name": "\\ud800", "role": "viewer"}'),
        ("POST", "/v1/people", '{"name": "zed", "role": "viewer", "shown": "\\ud800\\u0000"}'),
        ("POST", "/v1/people", '{"name": "zed", "role": "viewer", "\\ud800": 1}'),
        ("PATCH", "/v1/people/admin", '{"role": "\\ud800"}'),
        ("POST", "/v1/tokens", '{"name": "x", "scopes": ["see"], "days": 1e999}'),
        ("POST", "/v1/tokens", '{"name": "x", "scopes": ["see"], "days": NaN}'),
        ("POST", "/v1/tokens", "[" * 100_000),
        ("DELETE", "/v1/tokens/99999999999999999999", ""),
        ("POST", "/people/tokens/99999999999999999999/end", ""),
        ("POST", "/v1/people/%ED%A0%80%00/reset", ""),
        ("GET", "/v1/audit?before=99999999999999999999&person=%00", ""),
        ("GET", "/audit?person=%ED%A0%80&act=%00", ""),
    ]
    key = session(ledger, "admin")
    headers = {"cookie": f"{COOKIE}={key}", "x-csrf": people.csrf_of(key), "content-type": "application/json"}
    got = [visitor.request(method, path, content=body, headers=headers).status_code for method, path, body in sent]

    assert got == [422, 422, 422, 422, 422, 422, 400, 422, 422, 404, 422, 200]
