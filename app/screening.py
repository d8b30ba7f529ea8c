"""What the desk does with a file that somebody uploads: screen it against the references, or add it to them.

Never decodes in this process: a worker does, with a limit of memory and time. Screening writes nothing to the ledger.
"""

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from app import refs
from app.fingerprinting import FileJob, fingerprint
from app.home import LEDGER, Home
from app.isolation import Workers
from app.matching import reference_bank
from app.progress import Track
from app.scan import scored
from app.stages import guard, warm
from core.errors import Busy, ClipwardenError, NotFound
from core.records import Bank as RefBank
from core.records import Reference
from matchers.frames import FIRST, read
from matchers.method import Bank, Method, methods
from store import queries
from store.blobs import sha256_of
from store.ledger import Ledger

FRESH_S = 5.0  # a reference that was added or retired counts after so long at most
STATE = """
SELECT count(DISTINCT refs.id), max(refs.rowid), max(refs.added_at), count(r.subject), max(r.at),
  (SELECT max(id) FROM retirements) FROM refs
LEFT JOIN receipts r ON r.stage = 'fingerprint' AND r.subject = refs.sha256
"""


class Screening:
    """The workers and the banks that stay open between two uploads. May be asked by many threads."""

    def __init__(self, home: Home, *, fresh_s: float = FRESH_S) -> None:
        self._home, self._fresh_s = home, fresh_s
        self._lock, self._ledger = threading.Lock(), Ledger(home.folder / LEDGER)
        warm()
        self._workers = Workers(guard(home))
        for _ in range(guard(home).workers):  # meanwhile, so that the first who asks does not wait for the libraries
            threading.Thread(target=self._workers.do, args=(_load, None), daemon=True).start()
        self._state: tuple[Any, ...] = ()
        self._looked_at = float("-inf")
        self._known: dict[str, Method] = methods()
        self._banks: dict[str, Bank] = {}
        self._references: dict[str, Reference] = {}

    def close(self) -> None:
        """Stop the workers."""
        self._workers.close()
        self._ledger.db.close()

    def screen(self, path: Path) -> dict[str, Any]:
        """Return a file's score and matches, as `clipwarden scan --json` gives them; score None and an error if unread.

        raises  NotFound when there is no reference to compare with
        """
        with self._lock:  # before the decoding: who has nothing to compare with need not wait for it
            self._refresh()
        result = self._workers.do(fingerprint, FileJob(sha256=path.name, path=path, methods=tuple(self._known)))
        with self._lock:
            return scored(path.name, result, self._known, self._banks, self._references)

    def _refresh(self) -> None:
        """Open the banks anew if references changed since they were opened."""
        if time.monotonic() - self._looked_at < self._fresh_s:
            return
        state = self._ledger.db.execute(STATE).fetchone()
        if state != self._state:
            self._ledger.db.execute("BEGIN")  # one view of it: no bank holds a reference that the list lacks
            try:
                self._banks = {name: reference_bank(self._ledger, method) for name, method in self._known.items()}
                self._references = {one.id: one for one in queries.references(self._ledger)}
            finally:
                self._ledger.db.execute("COMMIT")
            self._state = state
        if not state[3]:
            raise NotFound("there is nothing to compare with yet: no reference that has been fingerprinted")
        self._looked_at = time.monotonic()

    def add(self, path: Path, *, brand: str, franchise: str, element: str | None, bank: RefBank) -> dict[str, Any]:
        """Add one file as `clipwarden refs add` does, once its first frame has been decoded in a worker.

        path      its own name is the reference's
        franchise, element  by their ids
        returns   reference (its id), name, kind, and new: whether it was not there before
        raises    MediaUnreadable when it does not decode; NotFound for no such franchise or element; as refs.add
        """
        opened = self._workers.do(_opens, path)
        if isinstance(opened, ClipwardenError):
            raise opened
        with Ledger(self._home.folder / LEDGER) as ledger:
            home = replace(self._home, ledger=ledger)
            title, part = _named(home, franchise, element)
            found = refs.resolve(home, brand, title, part)
            if (found[0].id, found[1].id if found[1] else None) != (franchise, element):
                raise NotFound(
                    f"two things of {brand} are called {title!r} / {part!r}; add it with `clipwarden refs add`"
                )
            try:
                track = Track("references", 0)
                added = refs.add(
                    home, brand=brand, franchise=title, element=part, bank=bank, paths=[path], progress=track
                )
            except FileNotFoundError:  # whoever opens the home alone sweeps its unfinished files
                raise Busy("another clipwarden started at this moment; upload the file again") from None
        if added.skipped:
            raise NotFound(f"{path.name}: not a picture or video by its name")
        made = refs.reference_id(franchise, element, bank, sha256_of(path))
        kind = "image" if path.suffix.lower() in refs.IMAGES else "video"
        return {"reference": made, "name": path.name, "kind": kind, "new": bool(added.new)}


def _load(_: None) -> None:
    """Look at an example by each method: what it loads or compiles stays in the worker."""
    for method in methods().values():
        method.fingerprint(next(iter(method.alike()))[0])


def _opens(path: Path) -> str:
    """Decode the first frame; what kind of file it is."""
    return read(path, plan=FIRST).kind


def _named(home: Home, franchise: str, element: str | None) -> tuple[str, str | None]:
    """The names that `refs add` knows them by."""
    for one in queries.franchises(home.ledger):
        if one.id == franchise:
            part = next((part.name for part in one.elements if part.id == element), None)
            if element is None or part is not None:
                return one.title, part
    raise NotFound(f"no {element or franchise!r} in the brand files; reload the page")
