"""Spiders against mocks made of the platforms' own OpenAPI files: what we ask must be allowed there.

A mock checks each request by the document, and answers anything that its schemas allow: which no platform would, so
that what a spider makes of it is held to one thing, that it never breaks.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.home import Home
from core.causes import Cause
from core.coverage import Crawl
from core.records import Watch, WatchKind
from store.spending import spent
from tests.builders import watch
from tests.real.conftest import PURSE_USD, Crawled
from tests.real.servers import Mock, document, prism

SCHEMAS = os.environ.get("CLIPWARDEN_SCHEMAS", "")  # the folder of OpenAPI files: ./run test --real --schemas DIR
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
QUERIES = ("TheHollowChoir", "歌う", 'pale "tall" monster (2026)', "a" * 300, "100% & more", "-from:someone OR x")

Mocked = Callable[..., Mock]


@pytest.fixture
def mock(servers: Path, tmp_path: Path) -> Iterator[Mocked]:
    """Make a mock of one of the files, with what it has wrong mended; skipped where the file is not given."""
    with ExitStack() as stack:

        def make(name: str, mend: Callable[[dict[str, Any]], None] = lambda _: None) -> Mock:
            if not SCHEMAS:
                pytest.skip("no OpenAPI files: ./run test --real --schemas DIR, a folder that holds " + name)
            openapi = document(Path(SCHEMAS) / name)
            mend(openapi)
            return stack.enter_context(prism(servers, openapi, tmp_path))

        yield make


def watches(platform: str, site: str, accounts: tuple[str, ...] = ("netflix", "_under_1")) -> list[Watch]:
    """Hashtags, words and accounts, plain ones and such as people write into brand files."""
    asked = [(kind, query) for kind in (WatchKind.HASHTAG, WatchKind.KEYWORD) for query in QUERIES]
    asked += [(WatchKind.ACCOUNT, account) for account in accounts]
    return [
        watch(query, id=f"brand:{platform}:{kind}:{number}", platform=platform, site=site, kind=kind)
        for number, (kind, query) in enumerate(asked)
    ]


def broken(ended: list[Crawl]) -> list[str]:
    """What went wrong by our own mistake."""
    return [one.why for one in ended if one.cause == Cause.OURS]


# ----------------------------------------------------------------------------------------------------------------- X
OTHER = {"2.159": "post", "2.167": "tweet"}  # how the version does not call a post
POSTS = ("/2/tweets/search/recent", "/2/users/{id}/tweets")


def as_x_answers(version: str) -> Callable[[dict[str, Any]], None]:
    """X refuses a parameter that it does not know, and says so with 400; and a user's id is a number everywhere."""
    other = f"{OTHER[version]}.fields"
    told = f"The query parameter [{other}] is not one of [query,max_results]"
    error = {"type": "object", "required": ["errors"], "properties": {"errors": {"const": [{"message": told}]}}}
    refusal = {"description": "refused", "content": {"application/json": {"schema": error}}}

    def mend(openapi: dict[str, Any]) -> None:
        for path in POSTS:
            asked = openapi["paths"][path]["get"]
            asked["parameters"].append({"name": other, "in": "query", "schema": {"type": "string", "maxLength": 0}})
            asked["responses"] = {"200": asked["responses"]["200"], "400": refusal}
        openapi["components"]["schemas"]["User"]["properties"]["id"] = {"type": "string", "pattern": "^[0-9]{1,19}$"}

    return mend


@pytest.mark.parametrize("version", ["2.159", "2.167"])
def test_x_asks_what_its_document_allows(
    mock: Mocked, crawled: Crawled, home: Home, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """Fields, expansions and lengths are those of the version, once it has said how it calls a post; the purse holds.

    What a mock counts may be less than nothing, and its pages never end.
    """
    monkeypatch.setenv("CLIPWARDEN_X_BEARER_TOKEN", "token-of-tests")
    made = mock(f"x_openapi_{version}.json", as_x_answers(version))
    ended = crawled(*watches("x", made.url))
    other = f"{OTHER[version]}.fields"

    assert broken(ended) == []
    assert [told for told in made.refused() if f"parameter {other}" not in told] == []
    assert [one.why for one in ended if f"[{other}]" in one.why] == []
    assert {"/2/tweets/counts/recent", "/2/tweets/search/recent"} < set(made.asked())
    assert 0 < spent(home.ledger, "x", "dollars", LONG_AGO) <= PURSE_USD


# ----------------------------------------------------------------------------------------------------------- PeerTube
def as_the_server_has_it(openapi: dict[str, Any]) -> None:
    """Where the document is stricter than PeerTube's own validators (server/core/middlewares/validators/search.ts)."""
    named = openapi["components"]["parameters"]
    named["nsfw"]["schema"]["enum"].append("both")
    named["idOrUUID"]["schema"]["anyOf"] = named["idOrUUID"]["schema"].pop("oneOf")  # each UUID is a short one as well
    search = openapi["paths"]["/api/v1/search/videos"]["get"]["parameters"]
    next(one for one in search if one.get("name") == "search")["required"] = False  # tags alone will do


def test_peertube_asks_what_its_document_allows(mock: Mocked, crawled: Crawled) -> None:
    """Searches, accounts, and the videos they name."""
    made = mock("peertube_6.3_openapi.yaml", as_the_server_has_it)
    ended = crawled(*watches("peertube", made.url))

    assert broken(ended) == []
    assert made.refused() == []
    assert {path.rpartition("/")[0] for path in made.asked()} > {"/api/v1/search", "/api/v1/videos"}


# --------------------------------------------------------------------------------------------------------------- Vimeo
def without_its_key(openapi: dict[str, Any]) -> None:
    """Prism does not know "bearer" in small letters, as Vimeo's own pages write it; to HTTP it is the same word."""
    del openapi["security"]


def test_vimeo_asks_what_its_document_allows(mock: Mocked, crawled: Crawled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches, users and channels, by the numbers that the document knows them by.

    The questions alone: Prism has no answer for the "*" in the Accept header that Vimeo wants.
    """
    monkeypatch.setenv("CLIPWARDEN_VIMEO_TOKEN", "token-of-tests")
    made = mock("vimeo_api.yaml", without_its_key)
    ended = crawled(*watches("vimeo", made.url, ("152184", "channels/927")))

    assert broken(ended) == []
    assert made.refused() == []
    assert set(made.asked()) == {"/videos", "/users/152184/videos", "/channels/927/videos"}
