"""What the app lends the desk: pictures made where a hostile file can do no harm, blobs, screening, references."""

import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.credentials import secrets_of
from app.hits_pictures import PictureJob, make_picture
from app.home import Home
from app.isolation import Guard, Workers
from app.stages import guard
from core.errors import ClipwardenError
from crawler.facts import Secret
from review.desk import Desk

OIDC_SECRET = Secret(name="OIDC_SECRET", what="the desk's client secret", how=(), where="", optional=True)
MOST_PICTURES = 20_000  # kept ready, 60 kB each: 1.2 GB
NONE = b""  # kept in the place of a picture that cannot be made


class Pictures:
    """Frames as JPEGs, made once in processes that can be killed, and kept in the home's pictures folder."""

    def __init__(self, home: Home) -> None:
        self._folder, self._blob = home.folder / "pictures", home.blobs.path
        own = guard(home)
        self._workers = Workers(Guard(workers=own.workers, max_seconds=20, memory_bytes=own.memory_bytes))
        self._making: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def __call__(self, sha256: str, offset_s: float) -> bytes | None:
        """The frame at a moment; None where none can be made."""
        name = f"{sha256}-{round(offset_s * 1000)}"
        path = self._folder / sha256[:2] / f"{name}.jpg"
        if (kept := _read(path)) is not None:
            return kept or None
        with self._lock:
            making = self._making.setdefault(name, threading.Lock())
        with making:  # two who ask for the same picture wait for one
            if (kept := _read(path)) is None:
                kept = self._make(PictureJob(sha256=sha256, offset_s=offset_s, path=self._blob(sha256)))
                _write(path, kept)
        with self._lock:
            self._making.pop(name, None)
        return kept or None

    def _make(self, job: PictureJob) -> bytes:
        if not job.path.is_file():
            return NONE
        made = self._workers.do(make_picture, job)
        return NONE if isinstance(made, ClipwardenError) else made

    def close(self) -> None:
        """End the workers, and keep the newest pictures only."""
        self._workers.close()
        kept = sorted(self._folder.glob("*/*.jpg"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in kept[MOST_PICTURES:]:
            path.unlink(missing_ok=True)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).replace(path)


def lend(home: Home, pictures: Pictures, *, screen: Callable[[Path], dict[str, Any]], add: Callable[..., Any]) -> Desk:
    """The desk's view of a home."""
    return Desk(
        ledger=home.ledger.path,
        blob=home.blobs.path,
        picture=pictures,
        screen=screen,
        add=add,
        settings={"scratch": str(home.scratch), "address": home.settings.desk.address, "oidc": _company(home)},
    )


def _company(home: Home) -> dict[str, Any]:
    """The company's sign-in, with its secret, as review.oidc takes it."""
    given, network = home.settings.oidc, home.settings.network
    secret = secrets_of([OIDC_SECRET]).get(OIDC_SECRET.name, "")
    ways = {"proxy": network.proxy, "ca_file": network.ca_file, "allowed_hosts": home.settings.allowed_hosts}
    return given.model_dump() | {"client_secret": secret} | ways
