"""A bank of hashes whose references lie in a file: mapped, added to, and never built again in memory.

NAME.idx is an IndexFile; NAME.names, beside it, says whose rows they are, a line each, in the order they came:

    + REFERENCE ROWS    the next number is this reference; the index then had so many rows
    - NUMBER ROWS       this number is gone

An owner in the index is twice the number, plus one for parts of frames. Rows are committed before their line: an
index with more rows than the last line says was interrupted, and is made anew. The ledger is the truth: whoever
opens says which references there are.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import MediaUnreadable
from core.records import Fingerprint
from matchers.compare import WHOLE, HashBank, usable_of
from matchers.index import Rows, pack
from matchers.index_file import IndexFile

TOGETHER = 512  # references added in one commit: two syncs each
WORDS = 4  # of a hash: 256 bits, as all that are exchanged


@dataclass(frozen=True, slots=True)
class _Owner:
    """The number of the reference that a row belongs to."""

    index: IndexFile

    def __getitem__(self, rows: Rows, /) -> NDArray[np.int32]:
        return self.index.owners(rows) // 2


@dataclass(frozen=True, slots=True)
class _Offset:
    """When a row's frame is shown, seconds."""

    index: IndexFile

    def __getitem__(self, rows: Rows, /) -> NDArray[np.float64]:
        return self.index.offsets_s(rows)


@dataclass(frozen=True, slots=True)
class _Whole:
    """Whether a row is of a whole frame."""

    index: IndexFile

    def __getitem__(self, rows: Rows, /) -> NDArray[np.bool_]:
        whole: NDArray[np.bool_] = self.index.owners(rows) % 2 == 0
        return whole


def file_bank(
    empty: HashBank, path: Path, references: Sequence[str], fingerprints: Callable[[str], Iterable[Fingerprint]]
) -> HashBank:
    """The bank of a file, brought up to date: what is new is added, what is gone is removed.

    empty         a bank of the method without references
    path          NAME.idx, in a folder that is there; the file is made when it is not, or is not whole
    references    the ids that count now
    fingerprints  asked for each reference that is new
    raises        Busy when another process is adding; OSError
    """
    try:
        names, index = _opened(empty, path)
    except (MediaUnreadable, FileNotFoundError):
        names, index = _made(empty, path)
    wanted, have = set(references), {name: number for number, name in enumerate(names) if name}
    for name in have.keys() - wanted:
        index.remove(2 * have[name])
        index.remove(2 * have[name] + 1)
        _note(path, f"- {have[name]} {len(index)}\n")
        names[have[name]] = ""
    new = [name for name in references if name not in have]
    for start in range(0, len(new), TOGETHER):
        some = new[start : start + TOGETHER]
        _add(empty, index, len(names), [list(fingerprints(name)) for name in some])
        _note(path, "".join(f"+ {name} {len(index)}\n" for name in some))
        names += some
    return replace(
        empty,
        index=index,
        references=tuple(names),
        owner=_Owner(index),
        offset_s=_Offset(index),
        whole=_Whole(index),
        flooded={},
    )


def _add(empty: HashBank, index: IndexFile, first: int, each: Sequence[list[Fingerprint]]) -> None:
    kept = [
        (2 * number + (one.region not in WHOLE), one)
        for number, own in enumerate(each, first)
        for one in usable_of(empty.method, own)
    ]
    if kept:
        owners = np.array([owner for owner, _ in kept], np.int32)
        offsets = np.array([one.offset_s for _, one in kept], np.float64)
        index.append(owners, offsets, pack(one.value for _, one in kept))


def _opened(empty: HashBank, path: Path) -> tuple[list[str], IndexFile]:
    """The names by number ("" where one is gone), and the index; MediaUnreadable unless both belong together."""
    index, names, rows = IndexFile.open(path), list[str](), 0
    for line in path.with_suffix(".names").read_text(encoding="utf-8").splitlines():
        kind, name, count = line.split(" ")
        rows = int(count)
        if kind == "+":
            names.append(name)
        else:
            names[int(name)] = ""
    if (index.method, index.version) != (empty.method.name, empty.method.version) or len(index) != rows:
        raise MediaUnreadable(f"{path}: interrupted, or of another version; it is made again")
    return names, index


def _made(empty: HashBank, path: Path) -> tuple[list[str], IndexFile]:
    path.unlink(missing_ok=True)
    path.with_suffix(".names").write_text("", encoding="utf-8")
    return [], IndexFile.create(path, method=empty.method.name, version=empty.method.version, words=WORDS)


def _note(path: Path, lines: str) -> None:
    with path.with_suffix(".names").open("a", encoding="utf-8") as file:
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())
