"""A home: where one team's ledger, blobs, brand files and settings live, held by one clipwarden at a time."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from app.settings import Settings, load
from core.errors import Busy, NotFound
from store.blobs import Blobs
from store.ledger import Ledger

DEFAULT = Path("data")
LEDGER = "ledger.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """An open home."""

    folder: Path
    settings: Settings
    ledger: Ledger
    blobs: Blobs

    @property
    def scratch(self) -> Path:
        """Unfinished files; whatever lies here belongs to nobody once the lock is free."""
        return self.folder / "tmp"

    @property
    def logs(self) -> Path:
        """One log a platform."""
        return self.folder / "logs"

    @property
    def brands(self) -> Path:
        """The brand files."""
        return self.folder / "brands"


@contextmanager
def temporary(home: Path) -> Iterator[Path]:
    """A folder for one child of a home; gone after it, and after a kill at the next start.

    It stands in the system's place for such, not in the home: a browser puts sockets there, whose
    paths may not be longer than 107 bytes.
    """
    folder = Path(tempfile.mkdtemp(prefix=_mark(home)))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def open_home(folder: Path, *, alone: bool = False, new: bool = False) -> Iterator[Home]:
    """Open a home; `alone` holds its lock, as everything that writes more than a row must.

    new     make one that is not there; whoever works alone may always
    raises  Busy when another clipwarden holds it; NotFound when there is none, as after a slip in --home
    """
    folder = folder.absolute()
    settings = load(folder)
    if not (alone or new or (folder / LEDGER).is_file()):
        raise NotFound(f"{folder} holds no ledger; check --home, or begin with `clipwarden init` and `clipwarden run`")
    if settings.match.model:  # before any method is loaded, here or in a worker
        os.environ["CLIPWARDEN_MODEL"] = settings.match.model
    folder.mkdir(parents=True, exist_ok=True)
    told = f"another clipwarden is at work in {folder}; wait for it, or stop it first"
    with held(folder / "clipwarden.lock", told) if alone else nullcontext(), Ledger(folder / LEDGER) as ledger:
        home = Home(folder=folder, settings=settings, ledger=ledger, blobs=Blobs(folder / "blobs", folder / "tmp"))
        home.logs.mkdir(exist_ok=True)
        if alone:
            _sweep([*home.scratch.iterdir(), *_left_behind(folder)])
        yield home


@contextmanager
def held(path: Path, told: str) -> Iterator[None]:
    """Hold a lock file of a home for as long as something goes on.

    raises  Busy, with what is `told`, when another process holds it
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise Busy(told) from None
    try:
        yield
    finally:
        lock.release()


def _mark(folder: Path) -> str:
    """What the temporary folders of a home are called by."""
    return f"clipwarden-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}-"


def _left_behind(folder: Path) -> Iterator[Path]:
    """Our own temporary folders of a killed clipwarden; one that another user laid there is not ours."""
    for path in Path(tempfile.gettempdir()).glob(f"{_mark(folder)}*"):
        if not path.is_symlink() and path.stat().st_uid == os.getuid():
            yield path


def _sweep(left: Iterable[Path]) -> None:
    """Delete what a killed clipwarden left; links are removed, never followed."""
    for entry in left:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
