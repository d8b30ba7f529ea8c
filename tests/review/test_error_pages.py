"""What a person meets when a page cannot be shown is a page; what a program meets is JSON, as it was."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI, HTTPException, Request
from starlette.testclient import TestClient

from review.desk import Desk, create
from review.rights import ROLES, Person
from tests.builders import brand, reference
from tests.review.doors import empty_ledger
from tests.review.payloads import LARGE, PAYLOADS
from tests.review.test_hostile import Seen

PICTURE = f"/pictures/{'ab' * 32}"
MET = {  # who asks for what, and what is answered
    "an address of nothing": ("viewer", "GET", "/nowhere", 404),
    "a case that is not there": ("viewer", "GET", "/cases/C-none", 404),
    "a page that is not for everybody": ("viewer", "GET", "/people", 403),
    "a form without its proof": ("admin", "POST", "/people/add", 403),
    "a form of somebody signed out": ("", "POST", "/people/add", 401),
    "a form's address": ("viewer", "GET", "/sign-out", 405),
    "a moment that is no number": ("viewer", "GET", f"{PICTURE}/now.jpg", 422),
    "too many at once": ("viewer", "GET", f"{PICTURE}/429.jpg", 429),
    "a fault": ("viewer", "GET", f"{PICTURE}/500.jpg", 500),
    "what has no words of its own": ("viewer", "GET", f"{PICTURE}/418.jpg", 418),
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """A desk whose pictures fail in the way that their moment says; who asks is named by a header."""

    def picture(_sha256: str, offset_s: float) -> bytes:
        status = round(offset_s * 1000)
        if status == 500:
            raise RuntimeError("secret of the house")
        raise HTTPException(status, "wait a little", headers={"Retry-After": "7"})

    async def who(request: Request) -> Person | None:
        role = request.headers.get("x-test-role")
        return Person(name="eve", role=role, rights=ROLES[role], csrf="right") if role else None

    folder = tmp_path_factory.mktemp("errors")
    with empty_ledger(folder) as ledger:
        ledger.sync(brand())
        ledger.save_references([reference("ab" * 32)])
        desk = Desk(
            ledger=ledger.path, blob=lambda sha256: folder / sha256, picture=picture, screen=lambda _: {},
            add=lambda **_: None, settings={},
        )  # fmt: skip
        yield create(desk, who)


def ask(app: FastAPI, met: str, accept: str) -> tuple[int, int, Any]:
    """The status that must be answered, the one that is, and the answer."""
    role, method, path, status = MET[met]
    client = TestClient(app, raise_server_exceptions=False, follow_redirects=False)
    answer = client.request(method, path, headers={"accept": accept, "x-test-role": role})
    return status, answer.status_code, answer


@pytest.mark.parametrize("met", MET)
def test_person_meets_a_page_that_says_what_to_do(app: FastAPI, met: str) -> None:
    """With what it means, a way back, and all headers of a page; of a fault nothing that only the house may know."""
    wanted, status, answer = ask(app, met, "text/html,application/xhtml+xml,*/*;q=0.8")
    texts = app.state.pages.globals["t"].error
    kind = str(status) if status != 418 else "other"

    assert (status, answer.headers["content-type"]) == (wanted, "text/html; charset=utf-8")
    assert Seen(answer.text).problems() == []
    assert texts.title[kind] in answer.text
    assert texts.means[kind] in answer.text
    assert f'href="{"/sign-in" if status == 401 else "/"}"' in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers.get("retry-after") == ("7" if status in {418, 429} else None)
    assert "secret" not in answer.text


@pytest.mark.parametrize("met", MET)
def test_program_keeps_json(app: FastAPI, met: str) -> None:
    """The same refusals, to whoever does not ask for a page."""
    wanted, status, answer = ask(app, met, "*/*")

    assert (status, answer.headers["content-type"]) == (wanted, "application/json")
    assert answer.json()["detail"]
    assert "secret" not in answer.text


def test_api_answers_json_to_a_browser_too(app: FastAPI) -> None:
    """Its pages are JSON when all is well; they are when it is not."""
    client = TestClient(app, headers={"accept": "text/html", "x-test-role": "viewer"})

    assert client.get("/v1/cases/C-none").json()["detail"].startswith("no case")


def test_every_title_has_its_meaning(app: FastAPI) -> None:
    """And there is one for each that the desk was asked for, and for the rest."""
    texts = app.state.pages.globals["t"].error

    assert {*texts.title._texts} == {*texts.means._texts} >= {*map(str, (403, 404, 405, 422, 429, 500)), "other"}


def test_what_the_path_says_comes_back_as_text(app: FastAPI) -> None:
    """Whatever is written into an address or a field, the page that refuses it is ours alone."""
    client = TestClient(app, headers={"accept": "text/html", "x-test-role": "admin"}, raise_server_exceptions=False)
    wrong = {}
    for payload in PAYLOADS[::2]:
        text = quote(payload[:300], safe="") if payload not in LARGE else "x" * 4000
        for path in (f"/cases/{text}", f"/{text}/{text}", f"{PICTURE}/{text}.jpg", f"/audit?before={text}"):
            answer = client.get(path)
            problems = Seen(answer.text).problems() if "html" in answer.headers["content-type"] else []
            if answer.status_code >= 500 or problems:
                wrong[path[:80]] = [answer.status_code, *problems[:3]]

    assert wrong == {}
