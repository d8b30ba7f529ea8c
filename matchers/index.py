"""Nearest references among many hashes, exactly.

Never builds anything beside the hashes themselves: a scan reads 16 or 32 bytes of each, once for all
queries. A few are counted in numpy; more than that pays for loading the compiled scan.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.errors import ShapeError

Words: TypeAlias = NDArray[np.uint64]  # (n, words), most significant word first
Distances: TypeAlias = NDArray[np.uint16]  # (n, m)
Rows: TypeAlias = NDArray[np.int64]
Found: TypeAlias = tuple[Rows, Rows, Distances]  # query rows, reference rows, distances, of as many pairs

BLOCK = 1024  # rows kept together, word by word: 8 KB a word, so that a scan reads only the words it needs
ALIGNED_BYTES = 64  # a cache line and the widest register: loads that straddle two took twice as long
NUMPY_QUERIES = 256  # counted at once in numpy against one block: 8 MB of words
QUERIES = 4096  # searched at once: 128 KB of words stay in the processor's second cache
NUMPY_PAIRS = 1 << 24  # counted in numpy in a process before it loads the compiled scan: each takes half a second


def pack(values: Iterable[bytes]) -> Words:
    """Turn fingerprint values into words.

    values  each of the same length, a multiple of 8 bytes
    returns uint64 (n, length / 8); (0, 0) for none
    raises  ShapeError when lengths differ
    """
    listed = list(values)
    size = len(listed[0]) if listed else 0
    if size % 8 or any(len(value) != size for value in listed):
        raise ShapeError(f"hashes of {sorted({len(v) for v in listed})} bytes in one batch; pack one method at a time")
    words = np.frombuffer(b"".join(listed), dtype=">u8").astype(np.uint64)
    return words.reshape(len(listed), size // 8)


def hamming(queries: Words, references: Words) -> Distances:
    """Count the differing bits between every query and every reference.

    returns uint16 (n, m): for small sets, as all of it stands in memory
    raises  ShapeError when the two have different widths
    """
    if queries.ndim != 2 or references.ndim != 2 or queries.shape[1] != references.shape[1]:
        raise _other_width(queries.shape, references.shape)
    counts = np.bitwise_count(queries[:, None, :] ^ references[None, :, :])
    total: Distances = counts.sum(axis=2, dtype=np.uint16)
    return total


@dataclass(frozen=True, slots=True)
class Capped:
    """What was found near each query, where no query may bring more than `most` pairs.

    pairs       as `Index.within` gives them, without those of flooded queries
    flooded     int64: the queries left out, as they had more; such a hash is a logo's or an empty frame's
    """

    pairs: Found
    flooded: Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Rows as a scan reads them: in memory, or mapped from a file.

    blocks       uint64 (n, words or more, BLOCK), read-only: each block holds its rows word by word
    rows         how many are filled
    words        of a hash
    owners       int32 (n, BLOCK): the reference of each row, below 0 where it is none's; None when nobody said
    gone         int32 (k,), rising: the owners that were removed
    gone_before  int64 (k,): their rows before this one count no longer; an owner may come back after it
    """

    blocks: Words
    rows: int
    words: int
    owners: NDArray[np.int32] | None = None
    gone: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    gone_before: Rows = field(default_factory=lambda: np.empty(0, np.int64))

    def alive(self, rows: Rows) -> NDArray[np.bool_]:
        """Say which rows count."""
        if self.owners is None:
            return np.ones(len(rows), np.bool_)
        owners = self.owners[rows // BLOCK, rows % BLOCK]
        kept: NDArray[np.bool_] = owners >= 0
        if len(self.gone):
            at = np.searchsorted(self.gone, owners).clip(max=len(self.gone) - 1)
            kept &= (self.gone[at] != owners) | (rows >= self.gone_before[at])
        return kept


class Index:
    """References to search.

    values  uint64 (m, words)
    owners  int32 (m,), 0 or more: which reference each row belongs to; only `crowd` asks for it
    raises  ShapeError when the two have different lengths, or an owner is below 0
    """

    def __init__(self, values: Words, owners: NDArray[np.int32] | None = None) -> None:
        if owners is not None and (len(owners) != len(values) or (owners < 0).any()):
            raise ShapeError(f"{len(owners)} owners for {len(values)} hashes; each row has one, of 0 or more")
        blocks, kept = -(-len(values) // BLOCK), None
        if owners is not None:
            kept = np.zeros((blocks, BLOCK), np.int32)
            kept.reshape(-1)[: len(owners)] = owners
        self._store = Store(blocks=_blocks(values), rows=len(values), words=values.shape[1], owners=kept)

    def __len__(self) -> int:
        return self._store.rows

    def within(self, queries: Words, threshold: int, *, threads: int = 1) -> Found:
        """Find every pair at most `threshold` bits apart.

        queries uint64 (n, words)
        threads that share the scan; the answer is the same for any number
        returns (query rows, reference rows, distances), by query row, then by reference row; all of
                it stands in memory: ask `capped` where a stranger chose the queries
        raises  ShapeError when the widths differ
        """
        return self.capped(queries, threshold, most=len(self), threads=threads).pairs

    def capped(self, queries: Words, threshold: int, *, most: int, threads: int = 1) -> Capped:
        """Find every pair at most `threshold` bits apart, of the queries that have at most `most` of them.

        A query is given up as soon as it has more: memory is bounded by queries x most x threads.
        """
        if len(queries) == 0 or len(self) == 0 or threshold < 0:
            return Capped(_joined([]), np.empty(0, np.int64))
        self._same_width(queries)
        parts, flooded = [], []
        for start in range(0, len(queries), QUERIES):
            some = queries[start : start + QUERIES]
            pairs, counts = _search(self._store, some, threshold, most, threads)
            kept = counts[pairs[0]] <= most
            parts.append((pairs[0][kept] + start, pairs[1][kept], pairs[2][kept]))
            flooded.append(np.flatnonzero(counts > most) + start)
        return Capped(_joined(parts), np.concatenate(flooded))

    def crowd(self, queries: Words, threshold: int, *, most: int, threads: int = 1) -> Rows:
        """Count the different owners that have a row near each query.

        returns int64 (n,): exact up to `most`; above it, anything above it
        raises  ShapeError when the rows have no owners, or the widths differ
        """
        if self._store.owners is None:
            raise ShapeError("these hashes have no owners to count; give them: Index(values, owners)")
        if len(queries) == 0 or len(self) == 0 or threshold < 0:
            return np.zeros(len(queries), np.int64)
        self._same_width(queries)
        from matchers.compiled.driver import crowd  # noqa: PLC0415  it loads the compiler: half a second

        return crowd(self._store, queries, threshold, most, threads)

    def _same_width(self, queries: Words) -> None:
        if queries.ndim != 2 or queries.shape[1] != self._store.words:
            raise _other_width(queries.shape, (self._store.rows, self._store.words))


def _search(store: Store, queries: Words, threshold: int, most: int, threads: int) -> tuple[Found, Rows]:
    """Return the pairs, at least those of queries that are not flooded, and how many each query has."""
    if _COUNTED.afford(len(queries) * store.rows):
        return _in_numpy(store, queries, threshold, most)
    from matchers.compiled.driver import search  # noqa: PLC0415  it loads the compiler: half a second

    return search(store, queries, threshold, most, threads)


def _in_numpy(store: Store, queries: Words, threshold: int, most: int) -> tuple[Found, Rows]:
    counts, found = np.zeros(len(queries), np.int64), []
    for number, block in enumerate(store.blocks):
        values = block[: store.words, : store.rows - number * BLOCK].T
        open_queries = np.flatnonzero(counts <= most)
        for start in range(0, len(open_queries), NUMPY_QUERIES):
            some = open_queries[start : start + NUMPY_QUERIES]
            distances = hamming(queries[some], values)
            at, rows = np.nonzero(distances <= threshold)
            kept = store.alive(rows + number * BLOCK)
            at, rows = at[kept], rows[kept]
            found.append((some[at], rows + number * BLOCK, distances[at, rows]))
            counts += np.bincount(some[at], minlength=len(queries))
    return by_query(found), counts


def by_query(found: list[Found]) -> Found:
    """Join pairs whose rows rise within each query, and sort them by query."""
    queries, rows, distances = _joined(found)
    order = np.argsort(queries, kind="stable")
    return queries[order], rows[order], distances[order]


def _joined(parts: list[Found]) -> Found:
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint16)
    queries, rows, distances = (np.concatenate(part) for part in zip(*parts, strict=True))
    return queries, rows, distances


def _blocks(values: Words) -> Words:
    """Lay rows out block by block and word by word; what is left of the last block is zero."""
    count, words = -(-len(values) // BLOCK), values.shape[1]
    room = np.zeros(count * words * BLOCK + ALIGNED_BYTES // 8, np.uint64)
    start = -room.ctypes.data % ALIGNED_BYTES // 8
    blocks = room[start : start + count * words * BLOCK].reshape(count, words, BLOCK)
    whole = len(values) // BLOCK
    blocks[:whole] = values[: whole * BLOCK].reshape(whole, BLOCK, words).transpose(0, 2, 1)
    blocks[whole:, :, : len(values) - whole * BLOCK] = values[whole * BLOCK :].T
    blocks.flags.writeable = False
    return blocks


def _other_width(queries: tuple[int, ...], references: tuple[int, ...]) -> ShapeError:
    return ShapeError(f"hashes of {queries} against {references}; both must be (n, words) of one method")


class _Counted:
    """What this process has counted in numpy so far."""

    def __init__(self) -> None:
        self.pairs = 0

    def afford(self, pairs: int) -> bool:
        """Say whether so many more are worth less than loading the compiled scan, and note them if so."""
        if self.pairs + pairs > NUMPY_PAIRS:
            return False
        self.pairs += pairs
        return True


_COUNTED = _Counted()
