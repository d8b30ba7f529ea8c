"""How the desk asks a provider: so much, not for long, and nowhere inside."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from fastapi import FastAPI

from core.errors import ClipwardenError
from review import oidc, way_out
from review.desk import now
from review.oidc import Company, provider_of
from store.ledger import Ledger
from tests.review.doors import browser, go, name_of, vouched
from tests.review.provider import Provider

ANSWERS = ("description", "keys", "token")


@pytest.mark.parametrize("which", ANSWERS)
def test_answer_without_end_is_cut(company_desk: Callable[..., FastAPI], provider: Provider, which: str) -> None:
    """Of any of the three no more than a megabyte is read, and the person is told."""
    visitor = browser(company_desk())
    back = go(visitor) if which != "description" else "/sign-in/company"
    provider.floods = which
    answer = visitor.get(back)

    assert (answer.status_code, name_of(visitor)) == (502 if which == "description" else 403, None)
    assert "an answer of more than 1048576 bytes" in answer.text


@pytest.mark.parametrize("which", ANSWERS)
def test_answer_that_drips_is_cut(
    company_desk: Callable[..., FastAPI], provider: Provider, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A letter now and then is no answer, however patient each single read is: all ends when the time is over."""
    monkeypatch.setattr(way_out, "MOST_S", 1.0)
    visitor = browser(company_desk())
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
def test_provider_leads_the_desk_nowhere_inside(
    company_desk: Callable[..., FastAPI], provider: Provider, place: str
) -> None:
    """Its description may name any address; only its own host may be private, and at its own port."""
    provider.described = {"jwks_uri": place}
    visitor = browser(company_desk())
    answer = vouched(visitor)

    assert (answer.status_code, name_of(visitor)) == (403, None)
    assert "which is not public" in answer.text or "neither 80 nor 443" in answer.text


def test_slow_provider_holds_one_thread_alone(
    company_desk: Callable[..., FastAPI], provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one sign-in waits for the provider, the next is told so soon, and waits for nothing."""
    monkeypatch.setattr(oidc, "PATIENCE_S", 0.1)
    monkeypatch.setattr(way_out, "MOST_S", 2.0)
    provider.drips, app = "description", company_desk()
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
