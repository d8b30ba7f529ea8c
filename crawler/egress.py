"""The one guard for everything that leaves this machine: public addresses only, unless a host is allowed by name.

Three forms of one rule: `install` guards a Python process at name lookup and again at connect time, so that a
redirect, a manifest or a name that changes its answer meets it too; `check_url` says no before anything is started;
`EgressProxy` stands before a browser, whose sockets Python cannot see, and before a proxy of the operator's, which
looks up names where Python cannot see it.
Never guards code that brings its own sockets (libcurl, a child program): docs/decisions/0003.
"""

import contextlib
import ipaddress
import socket
import sys
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
# Names that a resolver answers from inside: RFC 6761, 6762, 8375, .internal, and what ICANN never gives out.
INSIDE = frozenset({"localhost", "local", "localdomain", "internal", "intranet", "lan", "corp", "home", "mail", "arpa"})
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # how a v6-only network reaches every v4 host: the v4 inside decides

CHILD_EVENTS = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn"}
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
        check_addresses(parts.hostname, port or (443 if parts.scheme == "https" else 80), [parts.hostname], allowed)


def check_addresses(host: str, port: int | None, addresses: Iterable[str], allowed: Allowed) -> None:
    """Raise AddressRefused when a host that is not allowed by name has any address that is not public."""
    if allowed.names(host, port):
        return
    closed = [address for address in addresses if not is_public(address)]
    if closed:
        raise AddressRefused(f"{host} is at {closed[0]}, which is not public; allow the host by name if it is yours")


def check_name(host: str, port: int | None, allowed: Allowed) -> None:
    """Refuse a host that a proxy's resolver would find inside: the check there is where another looks the name up.

    A public name that points inside passes: only who resolves it sees that, and such a proxy must keep its own inside
    closed. Literal addresses are held to the whole rule.
    raises  AddressRefused
    """
    if _is_address(host):
        check_addresses(host, port, [host], allowed)
        return
    name, last = _plain(host), _plain(host).rpartition(".")[2]
    # A last label that is a number is an address to many a resolver: 127.1, 0x7f.0.0.1, 2130706433.
    inside = "." not in name or last in INSIDE or last.isdecimal() or last.startswith("0x")
    if inside and not allowed.names(name, port):
        raise AddressRefused(f"{host} is a name of the inside, not public; allow the host by name if it is yours")


def proxy_address(url: str) -> tuple[str, int, str]:
    """Read a proxy's URL: its host, its port, and both as Allowed.of takes them.

    raises  ValueError unless it is http://NAME:PORT; a login is not spoken
    """
    parts = urlsplit(url)
    if parts.username is not None:
        raise ValueError("a proxy with a login is not spoken; let a local forwarder log in, and name that one")
    if parts.scheme != "http" or not parts.hostname or not parts.port or parts.path.strip("/") or parts.query:
        raise ValueError(f"{url!r} is no proxy; write http://name:port")
    return parts.hostname, parts.port, parts.netloc


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
            check_addresses(name, number, addresses, self.allowed)
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


def allow_own(port: int) -> None:
    """Let this process reach the EgressProxy that it runs itself at 127.0.0.1 `port`; from there that one checks."""
    if _guard is not None:
        _guard.allowed = Allowed(_guard.allowed.entries | {("127.0.0.1", port)})
        _guard.known.add(("127.0.0.1", port))


def note_refusal(refusal: str) -> None:
    """Keep what this process's own EgressProxy was refused, or refused, for `take_refusals`."""
    if _guard is not None:
        _guard.refused.append(refusal)


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
