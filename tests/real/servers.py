"""Real servers on loopback, in a folder that goes with the run; each ends with the process that started it.

The Bluesky network in a box (@atproto/dev-env on a Node of its own, the system's PostgreSQL), and mocks that Prism
makes of official OpenAPI files. Never asks anything beyond this machine.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import yaml

from core.errors import NotFound

HERE = Path(__file__).parent
POSTGRES = Path("/usr/lib/postgresql")  # where Debian keeps one folder a version
START_S = 120  # the network makes its tables and its first accounts: 15 s here


def _dying(signal_name: str, *, user: str = "") -> list[str]:
    """A command's beginning: it gets this signal when we die, however we do; and runs as another user, if named."""
    as_user = ["--reuid", user, "--regid", user, "--init-groups"] if user else []
    return ["setpriv", "--pdeathsig", signal_name, *as_user, "--"]


@contextmanager
def _process(command: Sequence[str], end: signal.Signals, **options: Any) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, text=True, **options) as process:
        try:
            yield process
        finally:
            if process.stdin:
                with suppress(BrokenPipeError):
                    process.stdin.close()
            else:
                process.send_signal(end)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """An empty database in `folder` (not there yet), behind a socket in it; gives its URL."""
    versions = sorted((int(path.name), path / "bin") for path in POSTGRES.glob("[0-9]*") if path.name.isdigit())
    if not versions:
        raise NotFound(f"no PostgreSQL in {POSTGRES}; install Debian's postgresql")
    programs = versions[-1][1]
    folder.mkdir(mode=0o700)
    user = ""
    if os.geteuid() == 0:  # it refuses to run as root
        user = "postgres"
        shutil.chown(folder, user, user)
    made = [*_dying("INT", user=user), str(programs / "initdb"), "--auth=trust", "--username=real", "--no-sync"]
    command = [*made, "--encoding=UTF8", "--locale=C.UTF-8", str(folder / "data")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    settings = {"listen_addresses": "", "unix_socket_directories": folder, "fsync": "off", "max_connections": 300}
    flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [*_dying("INT", user=user), str(programs / "postgres"), "-D", str(folder / "data"), *flags]
    with (
        (folder.parent / "postgres.log").open("w") as log,
        _process(command, signal.SIGINT, stdout=log, stderr=subprocess.STDOUT) as process,
    ):
        ready = [str(programs / "pg_isready"), "--quiet", "--host", str(folder)]
        _wait(process, lambda: subprocess.run(ready, check=False).returncode == 0, Path(log.name))
        yield f"postgres://real@localhost/postgres?host={folder}"


def _wait(process: "subprocess.Popen[str]", ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"{log.name} did not start:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.1)


# ----------------------------------------------------------------------------------------------------------- Bluesky
@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Someone on the network; `token` is of a session."""

    did: str
    handle: str
    password: str
    token: str


@dataclass(frozen=True, slots=True)
class Network:
    """A running network: where accounts are kept (pds), where posts are looked for (appview), and its process."""

    pds: str
    appview: str
    process: "subprocess.Popen[str]"

    def settle(self) -> None:
        """Wait until all that was posted can be seen."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "{}\n"

    def ask(self, method: str, body: object = None, *, site: str = "", by: str = "", **params: str) -> Any:
        """One call of the protocol; a body (bytes: a blob) is posted. `by` is the Authorization header."""
        url = f"{site or self.pds}/xrpc/{method}?{urlencode(params)}"
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Content-Type": "video/mp4" if isinstance(body, bytes) else "application/json"}
        request = Request(url, data=raw, headers=headers | ({"Authorization": by} if by else {}))
        with urlopen(request, timeout=60) as response:
            content = response.read()
        return json.loads(content) if content else {}

    def join(self, name: str) -> Account:
        """A new account."""
        said = {"handle": f"{name}.test", "email": f"{name}@example.test", "password": f"{name}-password"}
        made = self.ask("com.atproto.server.createAccount", said)
        return Account(
            did=made["did"], handle=made["handle"], password=said["password"], token=f"Bearer {made['accessJwt']}"
        )

    def post(self, by: Account, records: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
        """Posts in one commit; gives each its uri and cid."""
        writes = [
            {"$type": "com.atproto.repo.applyWrites#create", "collection": "app.bsky.feed.post", "value": record}
            for record in records
        ]
        said = {"repo": by.did, "writes": writes}
        results: list[dict[str, str]] = self.ask("com.atproto.repo.applyWrites", said, by=by.token)["results"]
        return results

    def delete(self, by: Account, uri: str) -> None:
        """An author deletes a post."""
        _, _, did, collection, key = uri.split("/")
        said = {"repo": did, "collection": collection, "rkey": key}
        self.ask("com.atproto.repo.deleteRecord", said, by=by.token)

    def take_down(self, subject: dict[str, str]) -> None:
        """The platform takes down a post or an account, where it is shown."""
        said = {"subject": subject, "takedown": {"applied": True, "ref": "test"}}
        self.ask("com.atproto.admin.updateSubjectStatus", said, site=self.appview, by=ADMIN)


ADMIN = "Basic YWRtaW46YWRtaW4tcGFzcw=="  # admin:admin-pass, as dev-env sets it


@contextmanager
def bluesky(servers: Path, folder: Path, database: str) -> Iterator[Network]:
    """The network in a box on an empty database."""
    # Node looks for modules beside the script.
    script = Path(shutil.copy(HERE / "network.mjs", servers))
    (folder / "tmp").mkdir()
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(folder / "tmp"), "POSTGRES_URL": database}
    command = [str(servers / "node_modules" / ".bin" / "node"), str(script)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with _process(command, signal.SIGTERM, env=environment, **pipes) as process:
        assert process.stdout
        said = process.stdout.readline()
        assert said, "the network did not start; why stands in what it wrote to stderr"
        yield Network(**json.loads(said), process=process)


# ------------------------------------------------------------------------------------------------------------- Prism
@dataclass(frozen=True, slots=True)
class Mock:
    """A mock made of an OpenAPI file, and its log."""

    url: str
    log: Path

    def asked(self) -> list[str]:
        """The paths that were asked for, in turn."""
        return re.findall(r"\[HTTP SERVER\] get (\S+) .*Request received", self._said())

    def refused(self) -> list[str]:
        """What of our requests the document does not allow, each once."""
        return sorted({told[:160] for told in re.findall(r"\[VALIDATOR\] ✖ +error +(Request .*)", self._said())})

    def _said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


def document(path: Path) -> dict[str, Any]:
    """An OpenAPI file as plain JSON data: YAML's own dates become text again, and every key a string."""
    text = path.read_text(encoding="utf-8")
    # PeerTube's file has a tab where YAML wants a space.
    read = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text.replace("\t", " "))
    plain: dict[str, Any] = json.loads(json.dumps(read, default=str))
    return plain


@contextmanager
def prism(servers: Path, openapi: dict[str, Any], folder: Path) -> Iterator[Mock]:
    """A mock of an OpenAPI document: it checks what it is asked, and answers anything that its schemas allow."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "openapi.json").write_text(json.dumps(openapi), encoding="utf-8")
    modules = servers / "node_modules"
    program = modules / "@stoplight" / "prism-cli" / "dist" / "index.js"
    options = ["mock", "--dynamic", "--seed", "1", "--port", str(port), str(folder / "openapi.json")]
    command = [*_dying("KILL"), str(modules / ".bin" / "node"), str(program), *options]
    mock = Mock(f"http://127.0.0.1:{port}", folder / "prism.log")
    with (
        mock.log.open("w") as log,
        _process(command, signal.SIGTERM, stdout=log, stderr=subprocess.STDOUT) as process,
    ):
        _wait(process, lambda: "Prism is listening" in mock.log.read_text(errors="replace"), mock.log)
        yield mock
