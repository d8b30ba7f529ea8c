"""A forward proxy on loopback: for the browser, whose sockets Python cannot see, and for all when a proxy is set.

Each request is checked by the guard's own rule, its address pinned, and every refusal recorded. Behind the operator's
own proxy the names are looked up there: then the rule is `check_name`.
Never speaks HTTP/2 and never keeps a connection for a second request.
"""

import asyncio
import contextlib
import os
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from core.errors import FetchRefused
from crawler.egress import (
    AddressRefused,
    Allowed,
    UrlRefused,
    allow_own,
    check_addresses,
    check_name,
    check_url,
    install,
    note_refusal,
    proxy_address,
)

WEB_PORTS = frozenset({80, 443})

# Without these Chromium goes around its proxy: to localhost, over QUIC, and over WebRTC's UDP.
CHROMIUM_ARGS = (
    "--proxy-bypass-list=<-loopback>",
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    # What it asks its maker at each start, whatever else it is told: sent where the guard refuses it unasked.
    "--gaia-url=https://127.0.0.1",
    "--component-updater=url-source=https://127.0.0.1",
)


class ProxyRefused(FetchRefused, OSError):
    """The operator's own proxy let a request not through."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """One request to the proxy: `fields` are the header lines that go on, and `body_bytes` follow them."""

    method: str
    parts: SplitResult
    port: int
    fields: tuple[str, ...] = ()
    body_bytes: int = 0

    @property
    def host(self) -> str:
        """The name or address that is asked for, without its brackets."""
        return self.parts.hostname or ""

    @property
    def tunnel(self) -> bool:
        """Whether bytes pass both ways unread, as TLS does."""
        return self.method == "CONNECT"

    def head(self, *, whole: bool) -> bytes:
        """What goes on: the whole address to a proxy, the path alone to the server itself."""
        origin = {"scheme": "", "netloc": ""}
        target = self.parts._replace(path=self.parts.path or "/", fragment="", **({} if whole else origin)).geturl()
        # Connection: close: one request a connection, so no later one can ride on this one's checked address.
        first = [f"{self.method} {target} HTTP/1.1", f"Host: {self.parts.netloc}", "Connection: close"]
        return "\r\n".join([*first, *self.fields, "", ""]).encode("latin-1")


def _read_ask(raw: bytes, allowed: Allowed) -> _Ask:
    """Read one request head, strictly: what two parsers could read in two ways is refused.

    raises  UrlRefused, AddressRefused
    """
    lines = raw.removesuffix(b"\r\n\r\n").decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    fields = [line.partition(":")[::2] for line in lines[1:]]
    clean = all(name and name.isascii() and not set(name) & set(' \t()<>@,;\\"/[]?={}') for name, _ in fields)
    if len(words) != 3 or words[2] not in {"HTTP/1.1", "HTTP/1.0"} or not clean or set("\r\n\0") & set("".join(lines)):
        raise UrlRefused("the request head is not plain HTTP/1.1")
    named = {name.lower(): value.strip() for name, value in fields}
    length = named.get("content-length", "0")
    doubled = sum(name.lower() == "content-length" for name, _ in fields) > 1
    if "transfer-encoding" in named or doubled or not (length.isascii() and length.isdecimal()):
        raise UrlRefused("the request body has no one plain Content-Length")
    method, target, _ = words
    url = f"https://{target}" if method == "CONNECT" else target
    check_url(url, allowed)
    parts = urlsplit(url)
    if method == "CONNECT":
        return _Ask(method, parts, parts.port or 443)
    if parts.scheme != "http":
        raise UrlRefused(f"{url[:200]!r} must come as CONNECT")
    hop = {"host", "connection", "keep-alive", "te", "trailer", "upgrade", "proxy-connection", "proxy-authorization"}
    hop |= {name.strip().lower() for name in named.get("connection", "").split(",")}
    kept = [f"{name}:{value}" for name, value in fields if name.lower() not in hop]
    return _Ask(method, parts, parts.port or 80, tuple(kept), int(length))


class EgressProxy:
    """A forward proxy on loopback for a browser: each request checked, its address pinned, refusals recorded.

    Only ports 80 and 443, and those of allowed hosts: a page's script has no business with a mail server.
    upstream    http://NAME:PORT of the operator's proxy, which all but the allowed hosts go through; "" for none
    tell        hears why, of each refused request
    refused     one "METHOD url: why" for each refused request, newest last
    """

    HEAD_BYTES = 32 * 1024  # a browser's head with its cookies stays under 16 KiB
    CONNECT_S = 15.0

    def __init__(
        self,
        allowed_hosts: frozenset[str],
        upstream: str = "",
        *,
        idle_s: float = 60.0,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.allowed = Allowed.of(allowed_hosts)
        self.upstream = proxy_address(upstream) if upstream else None
        self.idle_s, self.tell = idle_s, tell
        self.refused: deque[str] = deque(maxlen=1000)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Listen on 127.0.0.1 at a free port, and return that port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=self.HEAD_BYTES)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and cut every open connection."""
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  a server's callback always runs in a task
        self._open.add(task)
        try:
            await self._pass_on(reader, writer)
        except (OSError, EOFError, TimeoutError):  # either side went away: nothing is left to say
            pass
        finally:
            self._open.discard(task)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw = b"?"
        try:
            raw = await asyncio.wait_for(self._head(reader), self.idle_s)
            ask = _read_ask(raw, self.allowed)
            upstream = await self._connect(ask)
        except FetchRefused as refusal:
            self.refused.append(f"{raw.split(b' HTTP/')[0][:200].decode('latin-1')}: {refusal}")
            self.tell(str(refusal))
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return await writer.drain()
        except OSError:
            if raw == b"?":  # the client itself went silent
                raise
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return await writer.drain()
        try:
            if not ask.tunnel:
                upstream[1].write(ask.head(whole=self._chained(ask)))
            else:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            beat = [asyncio.get_running_loop().time()]
            await asyncio.gather(
                self._pump(reader, upstream[1], beat, None if ask.tunnel else ask.body_bytes),
                self._pump(upstream[0], writer, beat, None),
            )
        finally:
            upstream[1].close()

    @staticmethod
    async def _head(reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            raise UrlRefused("the request head is too long") from None

    async def _connect(self, ask: _Ask) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Resolve once, check every answer, and connect to one of those same answers."""
        if ask.port not in WEB_PORTS and not self.allowed.names(ask.host, ask.port):
            raise AddressRefused(f"port {ask.port} is neither 80 nor 443 nor that of an allowed host")
        if self._chained(ask):
            return await self._connect_by_proxy(ask)
        loop = asyncio.get_running_loop()
        answers = await loop.getaddrinfo(ask.host, ask.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
        check_addresses(ask.host, ask.port, addresses, self.allowed)
        failure = OSError(f"{ask.host} has no address")
        for address in addresses:
            try:
                return await asyncio.wait_for(asyncio.open_connection(address, ask.port), self.CONNECT_S)
            except OSError as error:
                failure = error
        raise failure

    def _chained(self, ask: _Ask) -> bool:
        return self.upstream is not None and not self.allowed.names(ask.host, ask.port)

    async def _connect_by_proxy(self, ask: _Ask) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the operator's proxy, and through it when the request is a tunnel."""
        assert self.upstream is not None  # noqa: S101  asked for by _chained
        check_name(ask.host, ask.port, self.allowed)
        reader, writer = await asyncio.wait_for(asyncio.open_connection(*self.upstream[:2]), self.CONNECT_S)
        try:
            if ask.tunnel:
                await asyncio.wait_for(self._open_tunnel(ask, reader, writer), self.CONNECT_S)
        except BaseException:
            writer.close()
            raise
        return reader, writer

    async def _open_tunnel(self, ask: _Ask, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        place = f"[{ask.host}]:{ask.port}" if ":" in ask.host else f"{ask.host}:{ask.port}"
        writer.write(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode("latin-1"))
        told = (await self._head(reader)).split(b" ")[1:2]
        if told in ([b"403"], [b"407"]):
            why = f"answered {told[0].decode()} when asked for {place}"
            raise ProxyRefused(f"the proxy of network.proxy {why}; ask who runs it")
        if told != [b"200"]:
            raise ConnectionError(f"the proxy of network.proxy opened no way to {place}")

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, beat: list[float], left: int | None
    ) -> None:
        """Copy until the end, `left` bytes, or until neither direction has moved for idle_s."""
        loop = asyncio.get_running_loop()
        while left is None or left > 0:
            try:
                block = await asyncio.wait_for(reader.read(65536 if left is None else min(left, 65536)), self.idle_s)
            except TimeoutError:
                if loop.time() - beat[0] < self.idle_s:
                    continue
                raise
            if not block:
                break
            beat[0] = loop.time()
            left = None if left is None else left - len(block)
            writer.write(block)
            await writer.drain()
        if left is None and writer.can_write_eof():
            writer.write_eof()


@contextlib.contextmanager
def proxy_thread(allowed_hosts: frozenset[str], upstream: str = "") -> Iterator[int]:
    """Run an EgressProxy in a loop and thread of its own; yield its port on 127.0.0.1."""
    proxy = EgressProxy(allowed_hosts, upstream)
    loop, port = _run(proxy)
    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(proxy.stop(), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)


def _run(proxy: EgressProxy) -> tuple[asyncio.AbstractEventLoop, int]:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop, asyncio.run_coroutine_threadsafe(proxy.start(), loop).result(timeout=10)


def guard_process(allowed_hosts: frozenset[str], *, proxy: str, ca_file: str, no_children: bool) -> str:
    """Guard this process for the rest of its life, and return the proxy its libraries must be given ("": none).

    With a proxy of the operator's, all but the allowed hosts goes to it by an EgressProxy of this process, which
    checks every request, redirects too: what Python's sockets no longer show.
    proxy       http://NAME:PORT or ""; it may stand at a private address, since the operator named it
    ca_file     PEM file of the authorities to trust, as OpenSSL reads SSL_CERT_FILE; "" for the built-in ones
    """
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]  # what a proxy resolves the guard does not see: only the one that is named is used
    if ca_file:
        os.environ["SSL_CERT_FILE"] = ca_file
    named = {proxy_address(proxy)[2]} if proxy else set()
    install(allowed_hosts | named, no_children=no_children)
    if not proxy:
        return ""
    _, port = _run(EgressProxy(allowed_hosts, proxy, tell=note_refusal))
    allow_own(port)
    own = f"http://127.0.0.1:{port}"
    os.environ["http_proxy"] = os.environ["https_proxy"] = own  # Scrapy and websockets look here
    return own
