"""The audit log: every act of a person or a program, in one chain that shows where it was touched.

A row's hash covers the hash before it, so a row changed, taken out or put in breaks every later one. Whoever may
write the file could forge all of them anew, or cut the end off: `head`, kept elsewhere, shows that too.
Never holds a password, a key or a code.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from core.times import to_text
from store.ledger import Ledger

BEGINNING = "0" * 64  # what the first row follows
_CANONICAL = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), sort_keys=True).encode
ROWS = "SELECT id, at, person, act, detail, hash FROM audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What a walk along the log found.

    rows    how many are whole, from the first on
    head    hash of the last of them
    broken  what is wrong with the first that is not; "" when all are whole
    """

    rows: int
    head: str
    broken: str = ""


def note(ledger: Ledger, person: str, act: str, detail: Mapping[str, Any], *, at: datetime) -> str:
    """Add one act to the log, in the transaction it is called in; return the row's hash.

    person  the account's name; "token:NAME" for a program, "terminal:NAME" for the command line
    act     what was done, in a word or two: "decide", "sign-in-refused"
    detail  what it was done to; plain values
    """
    with ledger.write():
        last = ledger.db.execute("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1").fetchone()
        number, before = (last[0] + 1, last[1]) if last else (1, BEGINNING)
        row = (number, to_text(at), person, act, _CANONICAL(dict(detail)))
        own = _hash(before, row)
        ledger.db.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)", [*row, own])
    return own


def verify(ledger: Ledger, *, head: str = "") -> Chain:
    """Walk the whole log and say where it breaks, if it does.

    head  a head that was kept elsewhere: the log is broken when it stands nowhere in it
    """
    before, number, seen = BEGINNING, 0, head in {"", BEGINNING}
    for *row, own in ledger.db.execute(f"{ROWS} ORDER BY id"):
        if row[0] != number + 1:
            told = f"row {number + 1} is missing" if row[0] > number else f"row {row[0]} stands before the first"
            return Chain(rows=number, head=before, broken=told)
        if _hash(before, row) != own:
            told = f"row {row[0]} is not what was written (act {row[3]!r} by {row[2]!r}), or the one before it was cut"
            return Chain(rows=number, head=before, broken=told)
        number, before = row[0], own
        seen = seen or own == head
    return Chain(rows=number, head=before, broken="" if seen else f"no row has the hash {head}: the end was cut off")


def listed(
    ledger: Ledger, *, person: str = "", act: str = "", before: int | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Rows of the log, the newest first, with `detail` as plain values.

    before  only rows older than this id: the page after
    """
    wanted = {"person = ?": person or None, "act = ?": act or None, "id < ?": before}
    given = {term: value for term, value in wanted.items() if value is not None}
    where = f" WHERE {' AND '.join(given)}" if given else ""
    rows = ledger.rows(f"{ROWS}{where} ORDER BY id DESC LIMIT ?", [*given.values(), limit])
    return [row | {"detail": json.loads(row["detail"])} for row in rows]


def _hash(before: str, row: Sequence[Any]) -> str:
    return sha256(f"{before}{_CANONICAL(list(row))}".encode("ascii")).hexdigest()
