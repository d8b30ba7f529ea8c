"""How the desk asks the company's provider: by the egress guard, so much and no more, and not for ever.

The desk cannot guard its whole process as a stage does, since browsers come to it from anywhere: what it asks goes by a
forward proxy of its own, which checks every address, and which cuts all lines when the time is over.
Never follows where an answer points, and never unpacks one.
"""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from core.errors import FetchRefused
from crawler.egress import Allowed, check_name
from crawler.egress_proxy import EgressProxy

MOST_BYTES = 1024 * 1024  # a description, keys or a token have some kilobytes
TIMEOUT_S = 10  # of silence
MOST_S = 15.0  # in all, headers too


@contextmanager
def way_out(
    session: requests.Session, issuer: str, *, proxy: str, ca_file: str, allowed_hosts: tuple[str, ...]
) -> Iterator[None]:
    """Let a session ask for some seconds.

    issuer  whoever wrote the settings named it: its host may stand at a private address, and no other but allowed_hosts
    proxy   the operator's own, which looks names up where the guard cannot see; an issuer inside goes straight
    """
    allowed = frozenset(allowed_hosts)
    if not proxy or _inside(issuer, allowed):
        allowed |= {urlsplit(issuer).netloc}
    session.trust_env = False  # what goes out, and whom it trusts, stands in our settings alone
    session.verify = ca_file or True
    session.headers["Accept-Encoding"] = "identity"
    standing = EgressProxy(allowed, proxy)
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Bounded(standing))
    with _standing(standing) as port:
        session.proxies = dict.fromkeys(("http", "https"), f"http://127.0.0.1:{port}")
        yield


def _inside(url: str, allowed: frozenset[str]) -> bool:
    parts = urlsplit(url)
    try:
        check_name(parts.hostname or "", parts.port, Allowed.of(allowed))
    except FetchRefused:
        return True
    return False


@contextmanager
def _standing(proxy: EgressProxy) -> Iterator[int]:
    """Run a proxy in a thread of its own for at most MOST_S; yield its port."""
    began: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def stand() -> None:
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.set_exception_handler(_tell)
        try:
            began.set_result((await proxy.start(), loop, over))
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), MOST_S)
        finally:
            await proxy.stop()

    thread = threading.Thread(target=lambda: asyncio.run(stand()), daemon=True)
    thread.start()
    port, loop, over = began.result(timeout=MOST_S)
    try:
        yield port
    finally:
        with suppress(RuntimeError):  # the time was over, and its loop is closed
            loop.call_soon_threadsafe(over.set)
        thread.join(MOST_S)


def _tell(loop: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
    """What went wrong in the proxy; a line that was cut is none of it, which Python 3.11's streams do not know."""
    if not isinstance(told.get("exception"), asyncio.CancelledError):
        loop.default_exception_handler(told)


class _Bounded(HTTPAdapter):
    """Reads each answer whole itself, and no more of it than is allowed."""

    def __init__(self, proxy: EgressProxy) -> None:
        super().__init__()
        self._proxy = proxy

    def send(self, request: requests.PreparedRequest, *given: Any, **more: Any) -> requests.Response:  # noqa: ANN401 - the adapter's own
        """One request.

        raises  requests.RequestException, in the guard's own words where it refused
        """
        began, wrong, body = time.monotonic(), "", b""
        try:
            response = super().send(request, *given, **more | {"stream": True})
            with response.raw as raw:
                body = raw.read(MOST_BYTES + 1, decode_content=False)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            wrong = str(error)
        if time.monotonic() - began > MOST_S - 0.1:  # whatever is there: where a line is cut, an answer may seem whole
            wrong = f"no whole answer in {MOST_S:.0f} s"
        if self._proxy.refused:
            wrong = self._proxy.refused[-1]
        if wrong:
            raise requests.ConnectionError(wrong)
        if len(body) > MOST_BYTES:
            raise requests.ConnectionError(f"an answer of more than {MOST_BYTES} bytes")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise requests.ConnectionError("an answer that is packed, though none was asked for")
        response.raw = BytesIO(body)
        return response
