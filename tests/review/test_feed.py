"""The feed, asked for as feed readers do, with real tokens."""

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as Tree

import pytest
from starlette.testclient import TestClient

from review.desk import Desk, create
from review.people import who
from review.routes import feed
from store import audit, keys, people
from store.ledger import Ledger
from tests.review.seed import UNTIL

ATOM = {"a": "http://www.w3.org/2005/Atom"}
HOSTILE = "<script>alert(1)</script> ]]> \x00\x1b \u202egnp {{7*7}} & \ud800".encode("utf-8", "replace").decode()


@pytest.fixture
def reader(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A program with nothing yet, at the desk as it really asks who one is."""
    monkeypatch.setattr(feed, "now", lambda: UNTIL)
    return TestClient(create(desk, who))


@pytest.fixture
def token(home_ledger: Ledger) -> Callable[..., str]:
    """A token of an admin's, with these scopes."""
    at = datetime.now(UTC)
    people.add(home_ledger, "ada", "admin", by="test", at=at)

    def make(*scopes: str) -> str:
        name = "-".join(scopes)
        return keys.make_token(home_ledger, name, scopes, by="ada", until=at + timedelta(days=9), at=at)

    return make


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"x:{password}".encode()).decode()}


def parsed(content: bytes) -> Tree.Element:
    return Tree.fromstring(content)  # noqa: S314 - our own, and it is what is tested


def test_feed_is_given_to_a_token_in_the_query_or_as_a_password(reader: TestClient, token: Callable[..., str]) -> None:
    """The two ways that feed readers know; and the one of programs."""
    key = token("see")
    answers = [
        reader.get(f"/feed.atom?token={key}"),
        reader.get("/feed.atom", headers=basic(key)),
        reader.get("/feed.atom", headers={"Authorization": f"Bearer {key}"}),
    ]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert {answer.headers["content-type"] for answer in answers} == {"application/atom+xml"}


@pytest.mark.parametrize("given", ["", "?token=wrong", "?token=%00%F0%9F%98%80"])
def test_feed_is_refused_without_one(reader: TestClient, token: Callable[..., str], given: str) -> None:
    """And it says how to sign in, as feed readers understand it."""
    token("see")
    answer = reader.get(f"/feed.atom{given}")

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="clipwarden"')


@pytest.mark.parametrize("header", ["Basic", "Basic ?", "Basic " + "A" * 5_000, "Basic //79", "Digest x"])
def test_broken_sign_in_is_refused(reader: TestClient, header: str) -> None:
    """What cannot be read opens nothing and breaks nothing."""
    assert reader.get("/feed.atom", headers={"Authorization": header}).status_code == 401


def test_token_for_something_else_may_not_read(reader: TestClient, token: Callable[..., str]) -> None:
    """A partner's upload check does not see the hit list."""
    assert reader.get(f"/feed.atom?token={token('screen')}").status_code == 403


def test_feed_lists_hits_once_under_the_same_id(reader: TestClient, token: Callable[..., str]) -> None:
    """The newest first, each with its case; asked twice, the very same."""
    address = f"/feed.atom?token={token('see')}"
    first = reader.get(address)
    root = parsed(first.content)
    ids = [entry.findtext("a:id", "", ATOM) for entry in root.findall("a:entry", ATOM)]
    updated = [entry.findtext("a:updated", "", ATOM) for entry in root.findall("a:entry", ATOM)]
    links = [link.get("href", "") for link in root.iterfind("a:entry/a:link[@rel='alternate']", ATOM)]

    assert first.content == reader.get(address).content
    assert len(ids) == len(set(ids)) > 20
    assert updated[1:] == sorted(updated[1:], reverse=True)
    assert all(link.startswith("http://testserver/cases/C-") for link in links)


def test_feed_says_which_source_is_blind(reader: TestClient, token: Callable[..., str]) -> None:
    """First of all entries, so that a quiet feed is not taken for a quiet day."""
    root = parsed(reader.get(f"/feed.atom?token={token('see')}").content)

    assert root.findtext("a:entry/a:title", "", ATOM) == "source blind: tiktok"


def test_feed_holds_hostile_words_as_text(reader: TestClient, token: Callable[..., str], home_ledger: Ledger) -> None:
    """It stays well-formed, no entry holds markup, and no address but a web page's is linked."""
    home_ledger.db.execute("UPDATE posts SET text = ?, author_handle = ?, url = 'javascript:alert(1)'", [HOSTILE] * 2)
    root = parsed(reader.get(f"/feed.atom?token={token('see')}").content)
    hrefs = {link.get("href", "") for link in root.iterfind(".//a:link", ATOM)}
    kinds = {one.get("type") for one in root.iterfind("a:entry/a:content", ATOM)}
    names = [name.text or "" for name in root.iterfind("a:entry/a:author/a:name", ATOM)]

    assert kinds == {"text"}
    assert [href for href in hrefs if not href.startswith("http://testserver/")] == []
    assert all("<script>alert(1)</script>" in name for name in names)


def test_feed_that_is_read_is_an_act(reader: TestClient, token: Callable[..., str], home_ledger: Ledger) -> None:
    """Whose token took how many hits out; a reader that asks again and finds nothing new adds no row."""
    address = f"/feed.atom?token={token('see')}"
    taken = [parsed(reader.get(address).content).findall("a:entry/a:id", ATOM) for _ in range(2)]
    hits = [one.text.rpartition(":")[2] for one in taken[0] if one.text and ":finding:" in one.text]
    home_ledger.db.execute("UPDATE findings SET score = 0.1 WHERE id = ?", hits[:1])
    [reader.get(address) for _ in range(2)]
    rows = audit.listed(home_ledger, act="export")

    assert [(row["person"], row["detail"]["rows"]) for row in rows] == [
        ("token:see", len(hits) - 1), ("token:see", len(hits)),
    ]  # fmt: skip
    assert audit.verify(home_ledger).broken == ""
