"""Hashes that match too much: logos, end cards, black frames, and pictures with nothing in them.

One such hash among the references makes every clip of the platform a copy. Two kinds are told apart:
those that say nothing by themselves (`plain`), and those that many references share (`common`).
Never removes anything: it says which rows, and who may compare with them decides.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import ShapeError
from matchers.index import Index, Rows, Words

LEAST_SET, MOST_SET = 1 / 8, 7 / 8  # share of set bits; 256 random bits leave it once in 10^34
LEAST_DISTINCT = 1 / 4  # share of bytes that differ from each other; 32 random bytes: 30, stripes: 2 to 4
EXAMPLES, WORST = 64, 10  # common rows whose owners are counted to the end, and those shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowded:
    """A row that many references share: at `offset_s` of `owner`; `near` counts the owners, its own with them."""

    row: int
    owner: int
    offset_s: float
    near: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodReport:
    """What in an index would flood a search.

    rows    in the index
    plain   rows that say nothing by themselves
    asked   rows whose neighbours were counted: all, or a sample evenly spread
    common  of those asked, the rows with more than `most` owners within `threshold`
    owners  references that hold such a row
    worst   the worst of up to 64 common rows, evenly spread, the most crowded first
    """

    rows: int
    plain: int
    asked: int
    common: int
    owners: int
    threshold: int
    most: int
    worst: tuple[Crowded, ...]

    def lines(self) -> list[str]:
        """Say it in sentences."""
        share = f" of {self.asked:,} looked at" if self.asked < self.rows else ""
        return [
            f"{self.rows:,} hashes; {self.plain:,} say nothing by themselves (nearly all bits alike, or a pattern)",
            f"{self.common:,}{share} match more than {self.most} references within {self.threshold} bits; "
            f"{self.owners:,} references hold one",
            *(f"  reference {one.owner} at {one.offset_s:.3f} s: {one.near} references" for one in self.worst),
        ]


def plain(values: Words) -> NDArray[np.bool_]:
    """Flag hashes that say nothing: nearly all bits alike, or a few bytes over and over.

    values  uint64 (n, words)
    returns (n,); it sees the hash only: a method's quality, taken from the picture, catches more
    """
    if len(values) == 0:
        return np.zeros(0, np.bool_)
    size = 64 * values.shape[1]
    ones = np.bitwise_count(values).sum(axis=1, dtype=np.int64)
    ordered = np.sort(np.ascontiguousarray(values).view(np.uint8), axis=1)
    distinct = 1 + (ordered[:, 1:] != ordered[:, :-1]).sum(axis=1)
    flagged: NDArray[np.bool_] = (ones < LEAST_SET * size) | (ones > MOST_SET * size)
    flagged |= distinct <= LEAST_DISTINCT * size / 8
    return flagged


def common(
    values: Words, owners: NDArray[np.int32], threshold: int, most: int, *, threads: int = 1
) -> NDArray[np.bool_]:
    """Flag rows that have more than `most` different owners within `threshold` bits, their own counted.

    values  uint64 (n, words)
    owners  int32 (n,), 0 or more
    returns (n,), exact: every row against every row. A row is given up once it is known, and copies are
            asked once; a million rows take minutes at worst, ten times the rows a hundred times that:
            then ask a sample of them, as flood_report does
    raises  ShapeError when lengths differ
    """
    every = np.arange(len(values))
    found: NDArray[np.bool_] = _crowd(values, owners, every, threshold=threshold, most=most, threads=threads) > most
    return found


def flood_report(
    values: Words,
    owners: NDArray[np.int32],
    offsets_s: NDArray[np.float64],
    threshold: int,
    most: int,
    *,
    sample: int | None = None,
    threads: int = 1,
) -> FloodReport:
    """Look at all rows, or at `sample` of them evenly spread; each is compared with all. Raises as `common`."""
    step = 1 if sample is None else -(-len(values) // max(sample, 1)) or 1
    asked = np.arange(0, len(values), step)
    guilty = asked[_crowd(values, owners, asked, threshold=threshold, most=most, threads=threads) > most]
    shown = guilty[:: -(-len(guilty) // EXAMPLES) or 1]
    near = _crowd(values, owners, shown, threshold=threshold, most=len(owners), threads=threads)
    first = np.argsort(-near, kind="stable")[:WORST]
    return FloodReport(
        rows=len(values),
        plain=int(plain(values).sum()),
        asked=len(asked),
        common=len(guilty),
        owners=len(np.unique(owners[guilty])),
        threshold=threshold,
        most=most,
        worst=tuple(
            Crowded(row=row, owner=int(owners[row]), offset_s=float(offsets_s[row]), near=count)
            for row, count in zip(shown[first].tolist(), near[first].tolist(), strict=True)
        ),
    )


def _crowd(values: Words, owners: NDArray[np.int32], asked: Rows, *, threshold: int, most: int, threads: int) -> Rows:
    """Count owners near the rows asked; copies stand once on either side, or a still would be a square of work."""
    if len(values) != len(owners):
        raise ShapeError(f"{len(owners)} owners for {len(values)} hashes; each row has one")
    if len(asked) == 0:
        return np.empty(0, np.int64)
    unique, owner_of = _once(values, owners)
    queries, back = _distinct(values[asked])
    return Index(unique, owner_of).crowd(queries, threshold, most=most, threads=threads)[back]


def _once(values: Words, owners: NDArray[np.int32]) -> tuple[Words, NDArray[np.int32]]:
    """Leave out rows that repeat both hash and owner."""
    both = np.column_stack([values, owners.astype(np.uint64)])
    kept = _distinct(both)[0]
    return np.ascontiguousarray(kept[:, :-1]), kept[:, -1].astype(np.int32)


def _distinct(rows: Words) -> tuple[Words, Rows]:
    """Return the distinct rows, sorted, and for each row the number of its like among them."""
    order = np.lexsort(rows.T[::-1])
    ordered = rows[order]
    new = np.r_[True, (ordered[1:] != ordered[:-1]).any(axis=1)]
    back = np.empty(len(rows), np.int64)
    back[order] = np.cumsum(new) - 1
    return ordered[new], back
