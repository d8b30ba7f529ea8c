"""Runs the compiled scan: shares the blocks among threads, and gathers what they find."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

import numpy as np

from core.errors import ShapeError
from matchers.compiled import scan
from matchers.index import BLOCK, Found, Rows, Store, Words, by_query

ROOM = 1 << 14  # pairs a thread finds before it hands them over: 230 KB
THREAD_PAIRS = 1 << 24  # a millisecond of work: less is not worth a thread
SEEN_BYTES = 1 << 24  # of marks, one bit for each query and owner
# Farther than this from the middle a bound of random hashes is within the threshold once in a million
# rows (five standard deviations), so that hardly a group is counted in full.
FIRST_BITS, PAIR_BITS, PAIRS_BITS = 12, 31, 71
Part = TypeVar("Part")
NO_OWNERS, NO_MARKS = np.empty((0, 0), np.int32), np.empty((0, 0), np.uint64)


def search(store: Store, queries: Words, threshold: int, most: int, threads: int) -> tuple[Found, Rows]:
    """Find the pairs of a few thousand queries.

    returns pairs, by query and then by row, and the count of each query; a query that has more than
            `most` has not all of its pairs
    """
    filled = _filled(queries)

    def one(part: tuple[int, int]) -> tuple[list[Found], Rows]:
        return _scan(store, filled, len(queries), threshold, most, NO_MARKS, part)

    done = _shared(one, store, len(queries), threads)
    return by_query([pairs for found, _ in done for pairs in found]), np.sum([counts for _, counts in done], axis=0)


def crowd(store: Store, queries: Words, threshold: int, most: int, threads: int) -> Rows:
    """Count different owners near each query; above `most`, a count is any number above it."""
    known, compact = _compact(store)
    chunk = max(8 * SEEN_BYTES // max(known, 1) // scan.LANES * scan.LANES, scan.LANES)
    counts = []
    for start in range(0, len(queries), chunk):
        some = queries[start : start + chunk]
        filled = _filled(some)

        def one(part: tuple[int, int], filled: Words = filled, asked: int = len(some)) -> Words:
            marks = np.zeros((len(filled), -(-known // 64)), np.uint64)
            _scan(compact, filled, asked, threshold, most, marks, part)
            return marks[:asked]

        union = np.bitwise_or.reduce(_shared(one, store, len(some), threads))
        counts.append(np.bitwise_count(union).sum(axis=1, dtype=np.int64))
    return np.concatenate(counts)


def _shared(one: Callable[[tuple[int, int]], Part], store: Store, queries: int, threads: int) -> list[Part]:
    """Give each thread an equal run of blocks; the parts come back in the order of the rows."""
    worth = 1 + len(store.blocks) * BLOCK * queries // THREAD_PAIRS
    edges = np.linspace(0, len(store.blocks), max(min(threads, worth), 1) + 1).astype(int).tolist()
    parts = list(pairwise(edges))
    if len(parts) == 1:
        return [one(parts[0])]
    with ThreadPoolExecutor(len(parts)) as pool:
        return list(pool.map(one, parts))


def _scan(  # noqa: PLR0917  one thread's share of the arguments above
    store: Store, queries: Words, asked: int, threshold: int, most: int, marks: Words, part: tuple[int, int]
) -> tuple[list[Found], Rows]:
    owners = NO_OWNERS if store.owners is None else store.owners
    counts = np.zeros(len(queries), np.int64)
    counts[asked:] = most + 1  # closed: only there to fill the lanes
    at, found = np.array([part[0], 0, 0], np.int64), []
    query, row, distance = np.empty(ROOM, np.int32), np.empty(ROOM, np.int64), np.empty(ROOM, np.uint16)
    mode, limit = _mode(store.words, threshold), threshold
    while at[0] < part[1]:
        written = scan.scan(
            store.blocks, owners, store.rows, part[1], queries, mode, limit, most, store.gone, store.gone_before,
            counts, marks, at, query, row, distance,
        )  # fmt: skip
        if written:
            found.append((query[:written].astype(np.int64), row[:written].copy(), distance[:written].copy()))
    return found, counts[:asked]


def _mode(words: int, threshold: int) -> int:
    """Choose the bound that costs least and still settles nearly every row."""
    if words == 1 or threshold <= FIRST_BITS:
        return scan.FIRST
    if threshold <= PAIR_BITS:
        return scan.PAIR
    return scan.PAIRS if words >= 4 and threshold <= PAIRS_BITS else scan.EVERY


def _filled(queries: Words) -> Words:
    """Fill up to whole lanes, with copies of a query."""
    more = -len(queries) % scan.LANES
    return np.ascontiguousarray(np.concatenate([queries, np.repeat(queries[:1], more, axis=0)]), np.uint64)


def _compact(store: Store) -> tuple[int, Store]:
    """Number the owners 0, 1, 2 ..., so that a mark is one bit; negative ones stay negative."""
    if store.owners is None:
        raise ShapeError("these hashes have no owners to count")
    numbers, inverse = np.unique(store.owners, return_inverse=True)
    negative = int(np.searchsorted(numbers, 0))
    owners = (inverse - negative).astype(np.int32).reshape(store.owners.shape)
    there = np.isin(store.gone, numbers)
    gone = (np.searchsorted(numbers, store.gone[there]) - negative).astype(np.int32)
    return len(numbers) - negative, replace(store, owners=owners, gone=gone, gone_before=store.gone_before[there])
