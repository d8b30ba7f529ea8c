"""A desk on a real ledger of a few hits, and somebody who asks."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from review.desk import Desk, create
from review.rights import ROLES, Person
from store.ledger import Ledger
from tests.review.doors import account, browser, desk_on, empty_ledger, sign_in
from tests.review.provider import CLIENT, SECRET, Provider, running
from tests.review.seed import seed

JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9")


@pytest.fixture
def home_ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Some weeks of a small home."""
    with Ledger(tmp_path / "ledger.db") as ledger:
        seed(ledger, posts=400, findings=120, days=14)
        yield ledger


@pytest.fixture
def desk(home_ledger: Ledger) -> Desk:
    """What the app would lend, without its workers."""
    folder = home_ledger.path.parent
    return Desk(
        ledger=home_ledger.path,
        blob=lambda sha256: folder / "blobs" / sha256,
        picture=lambda _sha256, _offset_s: JPEG,
        screen=lambda _path: {"score": 0.0, "matches": []},
        add=lambda **_: None,
        settings={},
    )


@pytest.fixture
def application(desk: Desk) -> FastAPI:
    """The desk, to which one says who one is by a header of the test's own."""

    async def who(request: Request) -> Person | None:
        role = request.headers.get("x-test-role")
        name = request.headers.get("x-test-name", "ada")
        return Person(name=name, role=role, rights=ROLES[role], csrf="right") if role else None

    return create(desk, who)


@pytest.fixture
def as_role(application: FastAPI) -> Callable[..., TestClient]:
    """A client of somebody with a role: as_role("viewer", name="ben")."""

    def make(role: str, name: str = "ada", **headers: Any) -> TestClient:
        said = {"x-test-role": role, "x-test-name": name, "x-csrf": "right", **headers}
        return TestClient(application, headers=said, raise_server_exceptions=True)

    return make


@pytest.fixture
def client(as_role: Callable[..., TestClient]) -> TestClient:
    """A client of an admin."""
    return as_role("admin")


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


@pytest.fixture(scope="module")
def served() -> Iterator[Provider]:
    """One provider for all tests of a file."""
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
def company_desk(provider: Provider, ledger: Ledger) -> Iterator[Callable[..., FastAPI]]:
    """A desk with this provider: desk(make_accounts=True, roles={...})."""
    with ExitStack() as stack:

        def make(**settings: Any) -> FastAPI:
            given = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET, "make_accounts": True}
            made: AbstractContextManager[FastAPI] = desk_on(ledger, oidc=given | settings)
            return stack.enter_context(made)

        yield make
