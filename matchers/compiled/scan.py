"""The scan, compiled: every reference read once for all queries, most of them settled by a bound.

GROUP rows stay in the processor's nearest cache while four queries at a time pass over them. A pass
keeps only the smallest of a lower bound on the distances: no branch, so that it runs on whole vector
registers. Only a group whose smallest bound is within the threshold is counted exactly.

    bound of a pair of words   bits(a | b) <= bits(a) + bits(b): one count where the sum needs two
"""

from typing import Any, Literal

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from matchers.compiled.cache import compiled, part

GROUP = 128  # rows a pass: what is counted in full when one of them may be near; larger was no faster
LANES = 4  # queries a pass: the rows are loaded once for four; the caller fills up with closed queries
EVERY, FIRST, PAIR, PAIRS = 0, 1, 2, 3  # what a bound looks at: nothing, one word, two, four

Words64 = NDArray[np.uint64]
FAR = np.uint64(1 << 62)  # bits: farther than any two hashes
NEAR = np.uint64(0)


def _count_bits(_context: Any, _word: Any) -> Any:  # noqa: ANN401  numba's own objects, which have no types
    def emit(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:  # noqa: ANN401  as above
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), emit


bits: Any = intrinsic(_count_bits)  # one instruction where the processor has it


@part
def _first(a: Words64, queries: Words64, at: int) -> Any:  # noqa: ANN401  numba's uint64
    least = FAR
    for i in range(GROUP):
        v0, v1 = bits(a[i] ^ queries[at, 0]), bits(a[i] ^ queries[at + 1, 0])
        v2, v3 = bits(a[i] ^ queries[at + 2, 0]), bits(a[i] ^ queries[at + 3, 0])
        v0, v2 = min(v0, v1), min(v2, v3)
        v0 = min(v0, v2)
        least = min(least, v0)
    return least


@part
def _pair(a: Words64, b: Words64, queries: Words64, at: int) -> Any:  # noqa: ANN401  numba's uint64
    a0, a1, a2, a3 = queries[at, 0], queries[at + 1, 0], queries[at + 2, 0], queries[at + 3, 0]
    b0, b1, b2, b3 = queries[at, 1], queries[at + 1, 1], queries[at + 2, 1], queries[at + 3, 1]
    least = FAR
    for i in range(GROUP):
        v0, v1 = bits((a[i] ^ a0) | (b[i] ^ b0)), bits((a[i] ^ a1) | (b[i] ^ b1))
        v2, v3 = bits((a[i] ^ a2) | (b[i] ^ b2)), bits((a[i] ^ a3) | (b[i] ^ b3))
        v0, v2 = min(v0, v1), min(v2, v3)
        v0 = min(v0, v2)
        least = min(least, v0)
    return least


@part
def _pairs(  # noqa: PLR0917  four columns
    a: Words64, b: Words64, c: Words64, d: Words64, queries: Words64, at: int
) -> Any:  # noqa: ANN401  numba's uint64
    a0, a1, a2, a3 = queries[at, 0], queries[at + 1, 0], queries[at + 2, 0], queries[at + 3, 0]
    b0, b1, b2, b3 = queries[at, 1], queries[at + 1, 1], queries[at + 2, 1], queries[at + 3, 1]
    c0, c1, c2, c3 = queries[at, 2], queries[at + 1, 2], queries[at + 2, 2], queries[at + 3, 2]
    d0, d1, d2, d3 = queries[at, 3], queries[at + 1, 3], queries[at + 2, 3], queries[at + 3, 3]
    least = FAR
    for i in range(GROUP):
        v0 = bits((a[i] ^ a0) | (b[i] ^ b0)) + bits((c[i] ^ c0) | (d[i] ^ d0))
        v1 = bits((a[i] ^ a1) | (b[i] ^ b1)) + bits((c[i] ^ c1) | (d[i] ^ d1))
        v2 = bits((a[i] ^ a2) | (b[i] ^ b2)) + bits((c[i] ^ c2) | (d[i] ^ d2))
        v3 = bits((a[i] ^ a3) | (b[i] ^ b3)) + bits((c[i] ^ c3) | (d[i] ^ d3))
        v0, v2 = min(v0, v1), min(v2, v3)
        v0 = min(v0, v2)
        least = min(least, v0)
    return least


@part
def _columns(block: Words64, start: int) -> Any:  # noqa: ANN401  four arrays
    """Return four words of GROUP rows; of a hash that has fewer, the last again."""
    end, last = start + GROUP, len(block) - 1
    b, c, d = block[min(1, last), start:end], block[min(2, last), start:end], block[min(3, last), start:end]
    return block[0, start:end], b, c, d


@part
def _count(block: Words64, start: int, query: Words64, into: Words64) -> Any:  # noqa: ANN401  numba's uint64
    """Count exactly, GROUP rows at once; return the smallest."""
    into[:] = 0
    for word in range(len(query)):
        column, wanted = block[word, start : start + GROUP], query[word]
        for i in range(GROUP):
            into[i] += bits(column[i] ^ wanted)
    least = FAR
    for i in range(GROUP):
        least = min(least, into[i])
    return least


@part
def _removed(row: int, owner: int, gone: NDArray[np.int32], gone_before: NDArray[np.int64]) -> bool:
    """Say whether a row was added before its reference was last removed."""
    at = np.searchsorted(gone, owner)
    return bool(at < len(gone) and gone[at] == owner and row < gone_before[at])


@part
def _mark(seen: Words64, owner: int) -> bool:
    """Note an owner; say whether it is new, as any is where none are noted."""
    if len(seen) == 0:
        return True
    word, bit = owner >> 6, np.uint64(1) << np.uint64(owner & 63)
    new = seen[word] & bit == 0
    seen[word] |= bit
    return bool(new)


def _read_only(kind: Any, dimensions: int, layout: Literal["A", "C"] = "C") -> Any:  # noqa: ANN401  numba's own types
    return types.Array(kind, dimensions, layout, readonly=True)


SIGNATURE = types.int64(
    _read_only(types.uint64, 3),
    _read_only(types.int32, 2, "A"),
    types.int64,
    types.int64,
    _read_only(types.uint64, 2),
    types.int64,
    types.uint64,
    types.int64,
    _read_only(types.int32, 1),
    _read_only(types.int64, 1),
    types.int64[::1],
    types.uint64[:, ::1],
    types.int64[::1],
    types.int32[::1],
    types.int64[::1],
    types.uint16[::1],
)


@compiled([SIGNATURE])
def scan(  # noqa: PLR0912, PLR0917  compiled code takes arrays, not records, and a call in here costs
    blocks: Words64, owners: NDArray[np.int32], rows: int, last: int,
    queries: Words64, mode: int, threshold: int, most: int,
    gone: NDArray[np.int32], gone_before: NDArray[np.int64], counts: NDArray[np.int64], seen: Words64,
    at: NDArray[np.int64],
    found_query: NDArray[np.int32], found_row: NDArray[np.int64], found_distance: NDArray[np.uint16],
) -> int:  # fmt: skip
    """Write the pairs of blocks at[0]..last into found_*, until these are full or all is read.

    blocks     uint64 (n, words or more, BLOCK): a block holds its rows word by word
    owners     int32 (n, BLOCK); (0, 0) when no row has one, and `gone` and `seen` are empty
    queries    uint64 (a multiple of LANES, words)
    counts     pairs so far by query; one above `most` is closed, and skipped
    seen       uint64 (queries, owners / 64): given, owners are counted once each and no pair is written
    at         (block, row in it, query) to begin with; where to go on when full; at[0] == last when done
    returns    pairs written; room for LANES * GROUP is needed for any
    """
    written, size, distances = 0, blocks.shape[2], np.empty(GROUP, np.uint64)
    for place in range(at[0], last):
        block = blocks[place]
        for start in range(at[1], size, GROUP):
            a, b, c, d = _columns(block, start)
            for quad in range(at[2], len(queries), LANES):
                if mode == PAIR:  # chosen here: in a function of its own it is three times slower
                    least = _pair(a, b, queries, quad)
                elif mode == PAIRS:
                    least = _pairs(a, b, c, d, queries, quad)
                elif mode == FIRST:
                    least = _first(a, queries, quad)
                else:
                    least = NEAR
                if least > threshold:
                    continue
                if written + LANES * GROUP > len(found_row):
                    at[0], at[1], at[2] = place, start, quad
                    return written
                for lane in range(LANES):
                    number = quad + lane
                    if counts[number] > most or _count(block, start, queries[number], distances) > threshold:
                        continue
                    for i in range(min(GROUP, rows - place * size - start)):
                        if distances[i] <= threshold and counts[number] <= most:
                            row = place * size + start + i
                            owner = owners[place, start + i] if len(owners) else 0
                            if owner >= 0 and not _removed(row, owner, gone, gone_before):
                                counts[number] += _mark(seen[number], owner)
                                if seen.shape[1] == 0:
                                    found_query[written], found_row[written] = number, row
                                    found_distance[written] = distances[i]
                                    written += 1
            at[2] = 0
        at[1] = 0
    at[0] = last
    return written
