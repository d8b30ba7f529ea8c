"""The internet as a test knows it: a proxy on loopback that plays the platforms under their real host names.

Everything asks for production URLs, and checks certificates: the gateway has an authority of its own, made for the
run, which the side under test trusts only because its settings name it. A host that is not on the list is refused and
counted, so that a test can say: this was asked, and nothing else.
"""

import base64
import hashlib
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

FROZEN = Path(__file__).parent / "fixtures" / "platforms"
KINDS = {".json": "application/json", ".html": "text/html; charset=utf-8", ".xml": "application/atom+xml"}
WEBSOCKET = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a platform says. `messages`: to a WebSocket's upgrade, the texts that it then sends."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    messages: tuple[str, ...] = ()


Replica: TypeAlias = Callable[[str], Answer | None]
"""From "METHOD https://host/path?query" (and, after a line break, the body) to the answer; None: it knows none."""


def frozen(name: str, **changes: bytes) -> Answer:
    """A frozen answer as it came: `platform/name`."""
    meta = yaml.safe_load((FROZEN / f"{name}.yml").read_text(encoding="utf-8"))
    path = next(path for kind in KINDS if (path := FROZEN / f"{name}{kind}").exists())
    headers = {"Content-Type": KINDS[path.suffix], **meta.get("headers", {})}
    return Answer(status=meta.get("status", 200), body=changes.get("body", path.read_bytes()), headers=headers)


def replica(answers: Mapping[str, str | Answer]) -> Replica:
    """A platform of answers by pattern, as "GET https://host/path*": the first that matches is given."""

    def answer(asked: str) -> Answer | None:
        found = next((answers[pattern] for pattern in answers if fnmatchcase(asked, pattern)), None)
        return frozen(found) if isinstance(found, str) else found

    return answer


class Authority:
    """A certificate authority for one run, and the certificates that it gives to hosts."""

    def __init__(self, folder: Path, name: str = "clipwarden test authority") -> None:
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.lock, self.contexts = threading.Lock(), dict[str, ssl.SSLContext]()
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)  # noqa: FBT003  its fields, in X.509's order
        made = self._begun(self.name, self.key.public_key()).add_extension(x509.BasicConstraints(True, 0), True)  # noqa: FBT003  x509's own
        certificate = made.add_extension(usage, critical=True).sign(self.key, hashes.SHA256())
        self.file = folder / f"{name.replace(' ', '-')}.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _begun(self, name: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return x509.CertificateBuilder(
            self.name, name, key, x509.random_serial_number(), now - timedelta(hours=1), now + timedelta(days=2)
        )

    def context(self, host: str) -> ssl.SSLContext:
        """TLS as `host` speaks it; a certificate is made at the first call."""
        with self.lock:
            if host not in self.contexts:
                self.contexts[host] = self._context(host)
            return self.contexts[host]

    @property
    def trusted(self) -> ssl.SSLContext:
        """TLS as one speaks it who trusts this authority and no other."""
        return ssl.create_default_context(cafile=self.file)

    def _context(self, host: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._begun(x509.Name([]), key.public_key())
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=True)
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        certificate = made.sign(self.key, hashes.SHA256())
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = self.folder / f"{host}.pem"
        path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


class Gateway:
    """What a running gateway knows.

    url         what network.proxy is set to
    asked       every request that came through, as a Replica is given them, without their bodies
    unknown     those of them that no replica answered (they got a 404)
    refused     how often each host was asked for that is not on the list
    distrusted  how often a client hung up on each host's certificate
    """

    def __init__(self, hosts: Mapping[str, Replica], authority: Authority) -> None:
        self.hosts, self.authority = dict(hosts), authority
        self.asked, self.unknown = list[str](), list[str]()
        self.refused, self.distrusted = Counter[str](), Counter[str]()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Door", (_Door,), {"gateway": self}))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def settings(self) -> str:
        """The lines of a clipwarden.toml that send everything through it."""
        return f'[network]\nproxy = "{self.url}"\nca_file = "{self.authority.file}"\n'


@contextmanager
def gateway(folder: Path, answers: Mapping[str, str | Answer]) -> Iterator[Gateway]:
    """A gateway that plays the hosts of these answers (see `replica`), and no others."""
    played = replica(answers)
    hosts = {urlsplit(pattern.split(" ")[1]).hostname or "": played for pattern in answers}
    running = Gateway(hosts, Authority(folder))
    thread = threading.Thread(target=running.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.server.shutdown()
        running.server.server_close()


class _Door(BaseHTTPRequestHandler):
    """One connection: a tunnel that is opened here, or plain HTTP."""

    protocol_version = "HTTP/1.1"
    timeout = 20
    gateway: Gateway
    tunnel = ""  # the host that the tunnel leads to

    def handle(self) -> None:
        """A client that hangs up, or that trusts no such certificate, is no error of ours."""
        try:
            super().handle()
        except ssl.SSLError:  # its alert comes with the handshake, or (TLS 1.3) with what is read first
            self.gateway.distrusted[self.tunnel] += 1
        except OSError:
            pass

    def do_CONNECT(self) -> None:
        """Open a tunnel's TLS as the host would."""
        host, _, port = self.path.rpartition(":")
        if port != "443" or not self._is_played(host):
            return
        self.send_response_only(200)
        self.end_headers()
        self.tunnel = host
        self.connection = self.gateway.authority.context(host).wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.close_connection = False

    def _is_played(self, host: str) -> bool:
        if host in self.gateway.hosts:
            return True
        self.gateway.refused[host] += 1
        self.send_error(403)
        self.close_connection = True
        return False

    def _serve(self) -> None:
        here = f"https://{self.tunnel}" if self.tunnel else f"http://{self.headers['Host']}"
        url = f"{here}{self.path}" if self.path.startswith("/") else self.path
        host = urlsplit(url).hostname or ""
        if not self._is_played(host):
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = f"{self.command} {url}"
        self.gateway.asked.append(asked)
        answer = self.gateway.hosts[host](f"{asked}\n{body.decode('utf-8', 'replace')}" if body else asked)
        if answer is None:
            self.gateway.unknown.append(asked)
            answer = Answer(status=404)
        if answer.messages and self.headers.get("Upgrade", "").lower() == "websocket":
            self._speak(answer.messages)
            return
        self.send_response(answer.status)
        for name, value in (*answer.headers.items(), ("Content-Length", str(len(answer.body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body if self.command != "HEAD" else b"")

    do_GET = do_HEAD = do_POST = do_OPTIONS = _serve  # noqa: N815  http.server's names

    def _speak(self, messages: tuple[str, ...]) -> None:
        """Take the upgrade, send each text, and wait until the client has had enough."""
        accept = hashlib.sha1(self.headers["Sec-WebSocket-Key"].encode() + WEBSOCKET).digest()  # noqa: S324  the protocol's
        self.send_response_only(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade")):
            self.send_header(name, value)
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(accept).decode())
        self.end_headers()
        for message in map(str.encode, messages):
            size = len(message)
            length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
            self.wfile.write(b"\x81" + length + message)
        self.wfile.flush()
        self.close_connection = True
        with suppress(OSError):
            self.rfile.read(2)  # the head of its next frame: a close, or a pong
        self.wfile.write(b"\x88\x00")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
