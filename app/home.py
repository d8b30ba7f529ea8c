"""A home: where one team's ledger, blobs, brand files and settings live, held by one clipwarden at a time."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from app.settings import Settings, load
from core.errors import Busy
from store.blobs import Blobs
from store.ledger import Ledger

DEFAULT = Path("data")


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
    def temporary(self, prefix: str) -> Iterator[Path]:
        """A folder for one job; gone after it, and after a kill at the next start."""
        folder = Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=self.scratch))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def open_home(folder: Path, *, alone: bool = False) -> Iterator[Home]:
    """Open a home; `alone` holds its lock, as everything that writes more than a row must.

    raises  Busy when another clipwarden holds it
    """
    folder = folder.absolute()
    settings = load(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "clipwarden.lock")
    if alone:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise Busy(f"another clipwarden is at work in {folder}; wait for it, or stop it first") from None
    try:
        with Ledger(folder / "ledger.db") as ledger:
            home = Home(folder=folder, settings=settings, ledger=ledger, blobs=Blobs(folder / "blobs", folder / "tmp"))
            home.logs.mkdir(exist_ok=True)
            if alone:
                _sweep(home.scratch)
            yield home
    finally:
        lock.release()


def _sweep(scratch: Path) -> None:
    """Delete what a killed clipwarden left; links are removed, never followed."""
    for entry in scratch.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
