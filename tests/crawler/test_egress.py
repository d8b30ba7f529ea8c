"""The guard: public addresses only, at lookup, at connect time and through the browser's proxy."""

import asyncio
import contextlib
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from crawler.egress import AddressRefused, Allowed, UrlRefused, check_url, is_public
from crawler.egress_proxy import EgressProxy

PUBLIC = """
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 93.184.216.34 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1
    169.253.255.255 169.255.0.1 172.15.255.255 172.32.0.1 192.0.1.1 192.0.3.1 192.167.255.255 192.169.0.1
    198.17.255.255 198.20.0.1 203.0.112.255 203.0.114.1 223.255.255.255 168.63.129.15
    2001:200::1 2001:4860:4860::8888 2606:4700::1111 2a00:1450:4001::200e 2400:cb00::1 64:ff9b::808:808
"""
CLOSED = """
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254
    169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.8 192.0.0.192 192.0.2.1 192.88.99.1
    192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.255
    240.0.0.1 255.255.255.255 168.63.129.16
    :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:a9fe:a9fe ::ffff:0:127.0.0.1
    64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::808:808 100::1 1000::1 4000::1
    2001::1 2001:0:53aa:64c::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:808:808::1 3ffe::1 3fff::1
    5f00::1 fc00::1 fd00:ec2::254 fdff::1 fe80::1 fe80::1%eth0 febf::1 fec0::1 ff02::1 ff0e::1 2606:4700::1111%eth0
"""


@pytest.mark.parametrize("ip", PUBLIC.split())
def test_public_address_may_be_reached(ip: str) -> None:
    """The internet, and the neighbours of every closed range, stay open."""
    assert is_public(ip)


@pytest.mark.parametrize("ip", CLOSED.split())
def test_closed_address_is_not_public(ip: str) -> None:
    """Private, local, shared, documented, multicast and wrapped addresses are nobody's public address."""
    assert not is_public(ip)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/a.mp4",
        "data:text/plain,a",
        "//example.org/a.mp4",
        "http:///a.mp4",
        "http://example.org\\@127.0.0.1/",
        "http://user:secret@example.org/",
        "http://example.org/a b",
        "http://example.org/a\r\nHost: x",
        "http://example.org:99999/",
        "http://[::1/",
    ],
)
def test_url_that_is_not_plain_http_is_refused(url: str) -> None:
    """Only http(s), and only what two parsers read alike."""
    with pytest.raises(UrlRefused):
        check_url(url, Allowed())


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "https://[::1]/", "http://169.254.169.254/latest/meta-data"])
def test_url_with_a_private_address_is_refused(url: str) -> None:
    """An address that stands in the URL needs no lookup to be refused."""
    with pytest.raises(AddressRefused):
        check_url(url, Allowed())


def test_allowed_host_is_allowed_at_its_port_only() -> None:
    """Allowing one service of a host does not open the others."""
    allowed = Allowed.of(["127.0.0.1:8080", "Media.Intranet.example.", "[::1]:81", "::2"])
    asked = [
        ("127.0.0.1", 8080),
        ("127.0.0.1", 80),
        ("media.intranet.example", 9),
        ("::1", 81),
        ("::1", 80),
        ("::2", 1),
    ]

    assert [allowed.names(host, port) for host, port in asked] == [True, False, True, True, False, True]


@pytest.mark.parametrize("host", ["", "http://a.example", "a.example/x", "user@a.example", "a.example:http"])
def test_allowed_host_that_cannot_be_read_is_an_error(host: str) -> None:
    """A mistake in the allow list never passes for an empty one."""
    with pytest.raises(ValueError, match=r"allowed host|Port|port"):
        Allowed.of([host])


def guarded(code: str, *hosts: str, no_children: bool = False, before: str = "") -> str:
    """Run `code` in a guarded process of its own, and return what it printed."""
    script = (
        f"import socket, os, _socket, subprocess\n{before}\nfrom crawler import egress\n"
        f"egress.install(frozenset({hosts!r}), no_children={no_children})\n"
        f"def tried(act):\n"
        f"    try: act(); print('passed')\n"
        f"    except OSError as error: print(type(error).__name__)\n"
        f"{code}\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    return run.stdout.strip()


class Page(http.server.BaseHTTPRequestHandler):
    """Answers every request with its own first line and headers."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Echo."""
        body = f"{self.requestline}\n{self.headers}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Echo, with the body."""
        taken = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(taken)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A real HTTP server on loopback."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_name_at_a_private_address_is_refused_at_lookup(port: int) -> None:
    """A public-looking name that points inside gets no further than its lookup; allowing the number is not enough."""
    assert guarded(f"tried(lambda: socket.create_connection(('localhost', {port})))", f"127.0.0.1:{port}") == (
        "AddressRefused"
    )


def test_name_that_is_allowed_is_reached(port: int) -> None:
    """A studio's own media host may stand at a private address."""
    assert guarded(f"tried(lambda: socket.create_connection(('localhost', {port})))", f"localhost:{port}") == "passed"


def test_other_port_of_an_allowed_host_is_refused(port: int) -> None:
    """What resolved from an allowed host is open at that host's port alone."""
    code = f"ip = socket.gethostbyname('localhost')\ntried(lambda: socket.socket().connect((ip, {port})))"

    assert guarded(code, "localhost:9") == "AddressRefused"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", ""])
def test_connect_is_refused_however_the_address_was_found(host: str, port: int) -> None:
    """A library that keeps its own resolver, or lets the kernel read odd numbers, meets the guard at connect."""
    assert guarded(f"tried(lambda: socket.socket().connect(({host!r}, {port})))") == "AddressRefused"


def test_connect_ex_and_datagrams_are_refused(port: int) -> None:
    """The quieter ways of sending are the same way."""
    code = (
        f"tried(lambda: socket.socket().connect_ex(('127.0.0.1', {port})))\n"
        "tried(lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9)))\n"
        "tried(lambda: socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('127.0.0.1', 9)))"
    )

    assert guarded(code).split() == ["AddressRefused"] * 3


def test_name_that_changes_its_answer_is_refused_at_connect(port: int) -> None:
    """Rebinding: checked as public, connected as loopback; the second answer meets the guard whoever asked for it."""
    rebinding = (
        "answers = iter(['93.184.216.34', '127.0.0.1'])\n"
        "real = socket.getaddrinfo\n"
        "socket.getaddrinfo = lambda host, *rest, **more: real(next(answers), *rest, **more)\n"
    )
    code = (
        f"socket.getaddrinfo('rebind.example', {port})\n"
        f"tried(lambda: socket.create_connection(('rebind.example', {port})))\n"
        f"tried(lambda: socket.socket().connect(_socket.getaddrinfo('127.0.0.1', {port})[0][4]))"
    )

    assert guarded(code, before=rebinding).split() == ["AddressRefused", "AddressRefused"]


def test_own_sockets_still_work() -> None:
    """socketpair and AF_UNIX carry asyncio and the pool itself."""
    code = "import asyncio\na, b = socket.socketpair()\na.send(b'x')\nasyncio.run(asyncio.sleep(0))\nprint(b.recv(1))"

    assert guarded(code) == "b'x'"


def test_child_program_is_refused_when_asked() -> None:
    """An external downloader would go around the guard, so none is started."""
    code = (
        "tried(lambda: subprocess.run(['true']))\n"
        "tried(lambda: os.system('true'))\n"
        "tried(lambda: os.posix_spawn('/bin/true', ['true'], {}))\n"
        "tried(os.fork)"
    )

    assert guarded(code, no_children=True).split() == ["ChildRefused"] * 4


def test_refusals_are_kept_for_whoever_asks(port: int) -> None:
    """Libraries swallow the exception; the sentence is still there, once."""
    code = (
        f"tried(lambda: socket.create_connection(('localhost', {port})))\n"
        "print(egress.take_refusals()[0].split(',')[0], egress.take_refusals())"
    )

    assert guarded(code).splitlines()[1] in {"localhost is at 127.0.0.1 []", "localhost is at ::1 []"}


def test_second_guard_with_other_hosts_is_an_error() -> None:
    """A guard cannot be taken off or widened."""
    code = "egress.install(frozenset())\ntry: egress.install(frozenset({'a'}))\nexcept RuntimeError: print('no')"

    assert guarded(code) == "no"


def through(allowed: set[str], request: bytes, *, idle_s: float = 5.0) -> tuple[bytes, list[str]]:
    """Send bytes to a proxy of our own; return all it answers and what it refused."""

    async def go() -> tuple[bytes, list[str]]:
        proxy = EgressProxy(frozenset(allowed), idle_s=idle_s)
        reader, writer = await asyncio.open_connection("127.0.0.1", await proxy.start())
        writer.write(request)
        answer = b""
        with contextlib.suppress(ConnectionResetError):  # a refused client that is still talking is cut off
            answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        await proxy.stop()
        return answer, list(proxy.refused)

    return asyncio.run(go())


def test_proxy_passes_an_allowed_request_on(port: int) -> None:
    """One request, in origin form, with the Host of its URL, and the connection closed after it."""
    ask = (
        f"GET http://127.0.0.1:{port}/a?b=1 HTTP/1.1\r\nHost: other\r\nProxy-Connection: keep-alive\r\nX-Own: 1\r\n\r\n"
    )
    answer, refused = through({f"127.0.0.1:{port}"}, ask.encode())
    echo = answer.partition(b"\r\n\r\n")[2].decode().split()

    assert (echo, refused) == (
        ["GET", "/a?b=1", "HTTP/1.1", "Host:", f"127.0.0.1:{port}", "Connection:", "close", "X-Own:", "1"],
        [],
    )


def test_proxy_passes_a_body_on_and_no_more(port: int) -> None:
    """The declared bytes follow the head; a second request hidden behind them does not."""
    ask = f"POST http://127.0.0.1:{port}/ HTTP/1.1\r\nContent-Length: 4\r\n\r\nbodyGET / HTTP/1.1\r\n\r\n"
    answer, _ = through({f"127.0.0.1:{port}"}, ask.encode())

    assert answer.endswith(b"\r\n\r\nbody")


def test_proxy_tunnels_to_an_allowed_host(port: int) -> None:
    """CONNECT carries what TLS would."""
    ask = f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\nGET /in HTTP/1.0\r\n\r\n"
    answer, _ = through({f"127.0.0.1:{port}"}, ask.encode())

    assert (answer[:12], b"GET /in HTTP/1.0" in answer) == (b"HTTP/1.1 200", True)


@pytest.mark.parametrize(
    "head",
    [
        "GET http://127.0.0.1:{port}/ HTTP/1.1",
        "GET http://localhost:{port}/ HTTP/1.1",
        "GET http://localhost/ HTTP/1.1",
        "CONNECT localhost:443 HTTP/1.1",
        "CONNECT 169.254.169.254:80 HTTP/1.1",
        "CONNECT [::1]:443 HTTP/1.1",
        "CONNECT 93.184.216.34:25 HTTP/1.1",
        "GET https://example.org/ HTTP/1.1",
        "GET file:///etc/passwd HTTP/1.1",
        "GET / HTTP/1.1",
        "GET http://allowed.example/ HTTP/2",
        "GET http://127.0.0.1:1/ HTTP/1.1\r\nTransfer-Encoding: chunked",
        "POST http://127.0.0.1:1/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2",
        "POST http://127.0.0.1:1/ HTTP/1.1\r\nContent-Length: +1",
        "GET http://127.0.0.1:1/ HTTP/1.1\r\nX: a\nY: b",
        "GET http://127.0.0.1:1/ HTTP/1.1\r\nHost : a",
        "GET http://127.0.0.1:1/ HTTP/1.1\r\n folded: a",
    ],
)
def test_proxy_refuses_and_records(head: str, port: int) -> None:
    """Private addresses, odd ports and heads that two parsers could read in two ways: 403, and a line about it."""
    answer, refused = through({"127.0.0.1:1"}, head.format(port=port).encode() + b"\r\n\r\n")

    assert (answer.split(b"\r\n")[0], len(refused)) == (b"HTTP/1.1 403 Forbidden", 1)


def test_proxy_refuses_an_endless_head() -> None:
    """A head is a few kilobytes; one that never ends is cut."""
    _, refused = through(set(), b"GET http://example.org/ HTTP/1.1\r\nX: " + b"a" * 200_000)

    assert len(refused) == 1


def test_proxy_drops_a_silent_client() -> None:
    """A connection that says nothing is closed after idle_s."""
    assert through(set(), b"GET ", idle_s=0.2) == (b"", [])
