"""The one guard for everything that leaves this machine: public addresses only, unless a host is allowed by name.

Three forms of one rule: `install` guards a Python process at name lookup and again at connect time, so that a
redirect, a manifest or a name that changes its answer meets it too; `check_url` says no before anything is started;
`EgressProxy` stands before a browser, whose sockets Python cannot see.
Never guards code that brings its own sockets (libcurl, a child program): docs/decisions/0003.
"""

import asyncio
import contextlib
import ipaddress
import socket
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from core.errors import FetchRefused

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

# Written out and not left to ipaddress.is_global alone: its tables change with the Python patch release, it calls
# multicast global, and it does not look inside the v6 wrappings of a v4 address.
CLOSED_V4 = """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
    192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
    168.63.129.16/32
"""  # the last is Azure's wire server: a public number that only answers inside
CLOSED_V6 = "2001::/23 2001:db8::/32 2002::/16 3ffe::/16 3fff::/20"  # 2001::/23 holds Teredo and ORCHID
CLOSED = tuple(ipaddress.ip_network(net) for net in (CLOSED_V4 + CLOSED_V6).split())
OPEN_V6 = ipaddress.IPv6Network("2000::/3")  # all that IANA has given out as global unicast
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # how a v6-only network reaches every v4 host: the v4 inside decides

CHILD_EVENTS = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn"}
)
WEB_PORTS = frozenset({80, 443})

# Without these Chromium goes around its proxy: to localhost, over QUIC, and over WebRTC's UDP.
CHROMIUM_ARGS = (
    "--proxy-bypass-list=<-loopback>",
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
)


class AddressRefused(FetchRefused, OSError):
    """A connection to an address that is not public and not allowed."""


class UrlRefused(FetchRefused, ValueError):
    """A URL that is not plain http(s)."""


class ChildRefused(FetchRefused, OSError):
    """A program that would have been started outside the guard."""


def is_public(ip: str) -> bool:
    """Whether an address belongs to the public internet.

    ip      an address in its usual text form; a scope (fe80::1%eth0) is allowed
    raises  ValueError when it is no address
    """
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not _closed(address)
    if address in NAT64:
        return is_public(str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)))
    return address in OPEN_V6 and address.scope_id is None and not _closed(address)


def _closed(address: Address) -> bool:
    return any(address in net for net in CLOSED if net.version == address.version)


@dataclass(frozen=True, slots=True)
class Allowed:
    """The hosts that may stand at a private address: (name or address, port; None: every port)."""

    entries: frozenset[tuple[str, int | None]] = frozenset()

    @classmethod
    def of(cls, hosts: Iterable[str]) -> "Allowed":
        """Read "127.0.0.1:8080", "127.0.0.1", "[::1]:8080", "::1" or "media.intranet.example".

        raises  ValueError for anything else
        """
        return cls(frozenset(_entry(host) for host in hosts))

    def names(self, host: str, port: int | None) -> bool:
        """Whether `host` is allowed at `port` (None: not known yet, any allowed port will do)."""
        ports = [allowed for name, allowed in self.entries if name == _plain(host)]
        return bool(ports) and (port is None or None in ports or port in ports)

    def ports(self, host: str) -> list[int | None]:
        """Every port at which `host` is allowed."""
        return [port for name, port in self.entries if name == _plain(host)]


def _plain(host: str) -> str:
    return host.lower().rstrip(".")


def _entry(host: str) -> tuple[str, int | None]:
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(host)), None
    parts = urlsplit(f"//{host}")
    if not parts.hostname or parts.netloc != host or parts.username is not None:
        raise ValueError(f"{host!r} is not an allowed host; write name, name:port, address or address:port")
    return _plain(parts.hostname), parts.port


def check_url(url: str, allowed: Allowed) -> None:
    """Refuse what is not a plain http(s) URL, or names a private address outright.

    raises  UrlRefused, AddressRefused
    """
    # Two parsers read "http://a\\@b/" as two hosts; a URL on which they may differ is not worth fetching.
    if any(mark in url for mark in "\\") or any(ord(mark) <= 0x20 or ord(mark) == 0x7F for mark in url):
        raise UrlRefused(f"{url[:200]!r} holds a backslash, a space or a control character")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UrlRefused(f"{url[:200]!r} cannot be read: {error}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise UrlRefused(f"{url[:200]!r} is not a plain http(s) URL; only those are fetched")
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(parts.hostname)
        _check(parts.hostname, port or (443 if parts.scheme == "https" else 80), [parts.hostname], allowed)


def _check(host: str, port: int | None, addresses: Iterable[str], allowed: Allowed) -> None:
    """Raise AddressRefused when a host that is not allowed by name has any address that is not public."""
    if allowed.names(host, port):
        return
    closed = [address for address in addresses if not is_public(address)]
    if closed:
        raise AddressRefused(f"{host} is at {closed[0]}, which is not public; allow the host by name if it is yours")


class _Guard:
    """The state of one guarded process: what is allowed, what that resolved to, what was refused."""

    def __init__(self, hosts: frozenset[str], *, no_children: bool) -> None:
        self.hosts = hosts
        self.allowed = Allowed.of(hosts)
        self.no_children = no_children
        self.known: set[tuple[str, int | None]] = {entry for entry in self.allowed.entries if _is_address(entry[0])}
        self.refused: deque[str] = deque(maxlen=1000)

    def resolved(self, host: str | bytes | None, port: object, addresses: list[str]) -> None:
        """Check one answer of the resolver, and remember it when its host is allowed by name."""
        if host is None:  # a server asks for its own address; connecting to it would still be checked
            return
        name = host.decode("idna") if isinstance(host, bytes) else host
        number = int(str(port)) if port and str(port).isdecimal() else None
        with self.recorded():
            _check(name, number, addresses, self.allowed)
        self.known.update((address, allowed) for address in addresses for allowed in self.allowed.ports(name))

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """Meet every connection and every child program of this process, whoever starts it."""
        if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
            sock, address = args
            if address is not None and sock.family != socket.AF_UNIX:  # the pool itself speaks over AF_UNIX
                with self.recorded():
                    self.connect(address)
        elif self.no_children and event in CHILD_EVENTS:
            raise ChildRefused(f"{event}: a child program would go around the guard; none is started here")

    def connect(self, address: object) -> None:
        """Check the address that a socket is about to reach."""
        if not (isinstance(address, tuple) and len(address) >= 2 and _is_address(address[0])):
            raise AddressRefused(f"{address!r} is not a resolved address; look the name up first")
        ip, port = str(ipaddress.ip_address(address[0])), address[1]
        if not is_public(ip) and (ip, port) not in self.known and (ip, None) not in self.known:
            raise AddressRefused(f"{ip} port {port} is not public; allow the host by name if it is yours")

    @contextlib.contextmanager
    def recorded(self) -> Iterator[None]:
        """Keep the message of a refusal: libraries swallow the exception that carried it."""
        try:
            yield
        except AddressRefused as refusal:
            self.refused.append(str(refusal))
            raise


def _is_address(text: object) -> bool:
    try:
        ipaddress.ip_address(text)  # type: ignore[arg-type]
    except ValueError:
        return False
    return isinstance(text, str)  # ip_address(2130706433) is an address too, but no socket takes it


_guard: _Guard | None = None


def install(allowed_hosts: frozenset[str], *, no_children: bool = False) -> None:
    """Guard this process for the rest of its life; call it first, before a library keeps its own getaddrinfo.

    allowed_hosts   see Allowed.of; they alone may stand at a private address
    no_children     also refuse to start programs, which the guard could not follow
    raises          RuntimeError when the process is already guarded with other hosts
    """
    global _guard  # noqa: PLW0603  an audit hook cannot be taken out: a process has one guard
    if _guard is not None:
        if (_guard.hosts, _guard.no_children) != (allowed_hosts, no_children):
            raise RuntimeError(f"this process is already guarded with {sorted(_guard.hosts)}")
        return
    guard = _guard = _Guard(allowed_hosts, no_children=no_children)
    _wrap_resolver(guard)
    sys.addaudithook(guard.audit)


def take_refusals() -> list[str]:
    """Hand over, and forget, what this process was refused since the last call."""
    if _guard is None:
        return []
    taken = list(_guard.refused)
    _guard.refused.clear()
    return taken


def _wrap_resolver(guard: _Guard) -> None:
    getaddrinfo, one, several = socket.getaddrinfo, socket.gethostbyname, socket.gethostbyname_ex

    def checked_getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  getaddrinfo's own
        answers = getaddrinfo(host, port, *args, **kwargs)
        guard.resolved(host, port, [str(answer[4][0]) for answer in answers])
        return answers

    def checked_gethostbyname(host: str) -> str:
        address = one(host)
        guard.resolved(host, None, [address])
        return address

    def checked_gethostbyname_ex(host: str) -> tuple[str, list[str], list[str]]:
        answer = several(host)
        guard.resolved(host, None, answer[2])
        return answer

    socket.getaddrinfo = checked_getaddrinfo
    socket.gethostbyname = checked_gethostbyname
    socket.gethostbyname_ex = checked_gethostbyname_ex


@dataclass(frozen=True, slots=True)
class _Ask:
    """One request to the proxy. `head` is what goes upstream, b"" for CONNECT; `body_bytes` follow it."""

    host: str
    port: int
    head: bytes
    body_bytes: int


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
        return _Ask(parts.hostname or "", parts.port or 443, b"", 0)
    if parts.scheme != "http":
        raise UrlRefused(f"{url[:200]!r} must come as CONNECT")
    hop = {"host", "connection", "keep-alive", "te", "trailer", "upgrade", "proxy-connection", "proxy-authorization"}
    hop |= {name.strip().lower() for name in named.get("connection", "").split(",")}
    kept = [f"{name}:{value}" for name, value in fields if name.lower() not in hop]
    path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    # Connection: close: one request a connection, so no later one can ride on this one's checked address.
    head = "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close", *kept, "", ""])
    return _Ask(parts.hostname or "", parts.port or 80, head.encode("latin-1"), int(length))


class EgressProxy:
    """A forward proxy on loopback for a browser: each request checked, its address pinned, refusals recorded.

    Only ports 80 and 443, and those of allowed hosts: a page's script has no business with a mail server.
    refused     one "METHOD url: why" for each refused request, newest last
    """

    HEAD_BYTES = 32 * 1024  # a browser's head with its cookies stays under 16 KiB
    CONNECT_S = 15.0

    def __init__(self, allowed_hosts: frozenset[str], *, idle_s: float = 60.0) -> None:
        self.allowed = Allowed.of(allowed_hosts)
        self.idle_s = idle_s
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
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return await writer.drain()
        except OSError:
            if raw == b"?":  # the client itself went silent
                raise
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return await writer.drain()
        try:
            if ask.head:
                upstream[1].write(ask.head)
            else:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            beat = [asyncio.get_running_loop().time()]
            await asyncio.gather(
                self._pump(reader, upstream[1], beat, ask.body_bytes if ask.head else None),
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
        loop = asyncio.get_running_loop()
        answers = await loop.getaddrinfo(ask.host, ask.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
        _check(ask.host, ask.port, addresses, self.allowed)
        failure = OSError(f"{ask.host} has no address")
        for address in addresses:
            try:
                return await asyncio.wait_for(asyncio.open_connection(address, ask.port), self.CONNECT_S)
            except OSError as error:
                failure = error
        raise failure

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
def proxy_thread(allowed_hosts: frozenset[str]) -> Iterator[int]:
    """Run an EgressProxy in a loop and thread of its own; yield its port on 127.0.0.1."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    proxy = EgressProxy(allowed_hosts)
    try:
        yield asyncio.run_coroutine_threadsafe(proxy.start(), loop).result(timeout=10)
    finally:
        asyncio.run_coroutine_threadsafe(proxy.stop(), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
