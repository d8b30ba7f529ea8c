"""A desk with its real doors, and browsers that go through them."""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests
from fastapi import FastAPI
from starlette.testclient import TestClient

from review import people
from review.desk import Desk, create, now
from review.people import passwords_of
from store import people as accounts
from store.ledger import Ledger

CHEAP = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}  # argon2 in 0.1 ms
PASSWORD = "a lantern over the harbour"  # noqa: S105 - of a ledger that lives for one test


PAGES: dict[str, Any] = {}


@cache
def migrated() -> bytes:
    """An empty ledger's file; every step once a run, not once a test."""
    with TemporaryDirectory() as folder:
        with Ledger(Path(folder) / "ledger.db"):
            pass
        return (Path(folder) / "ledger.db").read_bytes()


@contextmanager
def empty_ledger(folder: Path) -> Iterator[Ledger]:
    """An empty ledger in a folder."""
    (folder / "ledger.db").write_bytes(migrated())
    with Ledger(folder / "ledger.db") as ledger:
        yield ledger


@contextmanager
def desk_on(ledger: Ledger, **settings: Any) -> Iterator[FastAPI]:
    """The application with real sign-in, on a ledger, until its browsers are closed."""
    folder = ledger.path.parent
    lent = Desk(
        ledger=ledger.path,
        blob=lambda sha256: folder / sha256,
        picture=lambda _sha256, _offset_s: None,
        screen=lambda _path: {"matches": []},
        add=lambda **_: None,
        settings={"argon2": CHEAP, "scratch": str(folder)} | settings,
    )
    app = create(lent, people.who)
    app.state.pages = PAGES.setdefault("read once", app.state.pages)
    with ExitStack() as app.state.browsers:
        yield app


def browser(app: FastAPI, address: str = "http://desk.example") -> TestClient:
    """A browser of its own, which follows no redirect by itself."""
    visitor = TestClient(app, base_url=address, follow_redirects=False, headers={"accept": "text/html"})
    found: TestClient = app.state.browsers.enter_context(visitor)  # one loop for all its requests, as in a server
    return found


def account(app: FastAPI, ledger: Ledger, name: str, role: str) -> None:
    """An account with the password of all tests."""
    people.add(ledger, name, role, by="test", at=now())
    accounts.set_password(ledger, name, hasher(app).hashed(PASSWORD), by="test", at=now())


def hasher(app: FastAPI) -> Any:
    """How this application hashes."""

    class _Asked:
        def __init__(self) -> None:
            self.app = app

    return passwords_of(_Asked())  # type: ignore[arg-type]  # all it reads of a request is the application


def form_of(page: str) -> dict[str, str]:
    """The hidden fields of a page."""
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))


def sign_in(visitor: TestClient, name: str, password: str = PASSWORD, **fields: str) -> Any:
    """Fill the sign-in form in, as a browser does."""
    hidden = form_of(visitor.get("/sign-in").text)
    return visitor.post("/sign-in", data={**hidden, "name": name, "password": password, **fields})


def act(visitor: TestClient, path: str, fields: Mapping[str, Any] | None = None) -> Any:
    """Send a form of a page that shows one's own account's key against forgery."""
    key = form_of(visitor.get("/me").text)["csrf"]
    return visitor.post(path, data={**(fields or {}), "csrf": key})


def bytes_of(folder: Path) -> bytes:
    """Everything the ledger wrote."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("ledger.db*")))


def go(visitor: TestClient, place: str = "/") -> str:
    """From the desk to the provider; the address it sends the browser back to."""
    sent = visitor.get("/sign-in/company", params={"next": place}).headers["location"]
    return requests.get(sent, allow_redirects=False, timeout=5).headers["location"]


def vouched(visitor: TestClient, place: str = "/") -> Any:
    """Sign in by the company, all the way round, as a browser goes."""
    return visitor.get(go(visitor, place))


def name_of(visitor: TestClient) -> str | None:
    """Who the desk takes a browser for."""
    answer = visitor.get("/v1/me", headers={"accept": "application/json"})
    return answer.json()["name"] if answer.status_code == 200 else None
