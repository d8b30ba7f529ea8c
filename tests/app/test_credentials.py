"""Credentials: from the environment or a keyring, one collector each, and in no file of a home."""

import base64
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote, urlsplit

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import PasswordDeleteError

from app import credentials
from app.crawling import crawl
from app.home import open_home
from core.errors import Busy, ClipwardenError
from core.records import Coverage
from crawler.crawl import platforms
from crawler.redact import MASK, redactor
from tests.builders import brand, watch

ROOT = Path(__file__).parents[2]
TOKEN = "tok/en+with %signs-and-äöü-9f8e7d"  # noqa: S105 - made for this test
X = platforms()["x"].secrets


class Drawer(KeyringBackend):
    """A keyring that forgets when the test ends: this machine has none."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        """What is kept."""
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep it."""
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Forget it."""
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("not there")


@pytest.fixture
def drawer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Drawer]:
    """A keyring in place of the system's, and no token in the environment."""
    monkeypatch.delenv("CLIPWARDEN_X_BEARER_TOKEN", raising=False)
    before, own = keyring.get_keyring(), Drawer()
    keyring.set_keyring(own)
    yield own
    keyring.set_keyring(before)


def test_environment_comes_before_the_keyring(drawer: Drawer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kept credential is used, one in the environment overrules it, and only its place is told."""
    assert credentials.secrets_of(X) == {}
    credentials.keep("X_BEARER_TOKEN", "kept")
    assert credentials.secrets_of(X) == {"X_BEARER_TOKEN": "kept"}
    assert [row.where for row in credentials.held("x", X)] == ["keyring"]
    monkeypatch.setenv("CLIPWARDEN_X_BEARER_TOKEN", "set")
    assert credentials.secrets_of(X) == {"X_BEARER_TOKEN": "set"}
    assert "set" not in str(credentials.held("x", X)).replace("asset", "")
    assert (credentials.forget("X_BEARER_TOKEN"), credentials.forget("X_BEARER_TOKEN")) == (True, False)
    assert drawer.kept == {}


def test_system_without_a_keyring_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be kept, the error names the variable to set; reading finds none and goes on."""
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())
    try:
        with pytest.raises(ClipwardenError, match="CLIPWARDEN_X_BEARER_TOKEN"):
            credentials.keep("X_BEARER_TOKEN", "v")
        monkeypatch.delenv("CLIPWARDEN_X_BEARER_TOKEN", raising=False)
        assert credentials.secrets_of(X) == {}
    finally:
        keyring.set_keyring(before)


def test_one_collector_a_credential() -> None:
    """A second holder is refused while the first lives, also when the first is another process; then it may."""
    code = (
        "from app.credentials import alone_with; import time\n"
        "with alone_with({'A': 'one-token'}):\n    print('held', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert child.stdout
    child.stdout.readline()
    with pytest.raises(Busy, match="same credential"), credentials.alone_with({"A": "one-token"}):
        pass
    with credentials.alone_with({"A": "another-token"}):
        pass
    child.kill()
    child.wait()
    with credentials.alone_with({"A": "one-token"}):
        pass


class Echo(BaseHTTPRequestHandler):
    """A platform that tells the token back wherever it can: status, headers, redirects, bodies."""

    turns = 0

    def do_GET(self) -> None:
        """Answer with what was sent."""
        sent = self.headers.get("Authorization", "")
        Echo.turns += 1
        kind = urlsplit(self.path).path.rsplit("/", 1)[-1]
        body = f'{{"detail": "no such token {sent}", "again": "{quote(TOKEN)}", "b": "{_coded()}"}}'.encode()
        self.send_response(302 if Echo.turns == 1 else 400 if kind == "recent" else 500)
        if Echo.turns == 1:
            self.send_header("Location", f"/elsewhere?token={quote(TOKEN, safe='')}")
        self.send_header("X-Echo", quote(sent))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _coded() -> str:
    return base64.b64encode(f"user:{TOKEN}".encode()).decode()


def test_token_is_nowhere_in_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real crawl of a platform that echoes the token: not one byte of it, in any form, in ledger, logs or blobs."""
    monkeypatch.setenv("CLIPWARDEN_X_BEARER_TOKEN", TOKEN)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    Thread(target=server.serve_forever, daemon=True).start()
    site = f"http://127.0.0.1:{server.server_port}"
    (tmp_path / "clipwarden.toml").write_text(f'allowed_hosts = ["{urlsplit(site).netloc}"]\n[crawl]\ndelay_s = 0\n')
    watches = [watch(f"tag{number}", platform="x", site=site) for number in range(2)]
    with open_home(tmp_path, alone=True) as home:
        home.ledger.sync(brand(*watches))
        ended = crawl(home, watches)
        told = " ".join(one.why for one in ended)
    server.shutdown()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    forms = {form.encode() for form in (TOKEN, quote(TOKEN), quote(TOKEN, safe=""), TOKEN[:20])}

    assert {one.coverage for one in ended} == {Coverage.BLIND}
    assert Echo.turns >= 2
    assert [path.name for path in files if any(form in path.read_bytes() for form in forms)] == []
    assert TOKEN not in told
    assert any(MASK.encode() in path.read_bytes() for path in files)


def test_every_written_form_is_masked() -> None:
    """As it is, percent-encoded in both ways, and in base64 behind any user's name."""
    redact = redactor([TOKEN, "abc"])
    for user in ("", "u", "us", "use", "user"):
        coded = base64.b64encode(f"{user}:{TOKEN}".encode()).decode()
        assert redact(f"Basic {coded}") != f"Basic {coded}"
    assert redact(f"a {TOKEN} b {quote(TOKEN, safe='')} c") == f"a {MASK} b {MASK} c"
    assert redact("abc stays: it is too short to be one") == "abc stays: it is too short to be one"


def test_redacting_costs_little() -> None:
    """A megabyte of log is looked through in no time."""
    redact, text, started = (
        redactor([TOKEN, "another-secret-of-forty-letters-aaaaaaaa"]),
        "x" * 1_000_000,
        time.process_time(),
    )
    redact(text)

    assert time.process_time() - started < 0.2
