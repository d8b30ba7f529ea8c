"""Who sits at the terminal, and what is taken out of the ledger there: each export is an act in the audit log."""

import getpass
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TypeVar

from core.words import printable
from store import audit
from store.ledger import Ledger

T = TypeVar("T")


def at_terminal() -> str:
    """Nobody asks for a password there, since whoever can write the ledger is in already: the system's own name."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        name = f"uid {os.getuid()}"
    return f"terminal:{printable(name, most=40)}"


def note_export(ledger: Ledger, what: str, *, rows: int, **detail: str) -> None:
    """Note what is about to leave, so that nothing does without its row. rows: hits, hashes."""
    audit.note(ledger, at_terminal(), "export", {"what": what, "rows": rows} | detail, at=datetime.now(UTC))


def noted(ledger: Ledger, what: str, things: Iterable[T], *, rows: int, **detail: str) -> Iterator[T]:
    """The things themselves, the export noted before the first of them is taken; of nothing, nothing is noted."""
    if rows:
        note_export(ledger, what, rows=rows, **detail)
    yield from things
