"""The lookups of feature_index.py. Compiled."""

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from matchers.compiled.cache import compiled

SIZE_BINS, TURN_BINS = 8, 16  # an octave each; 22.5 degrees each


def _count_bits(_context: Any, _word: Any) -> Any:  # noqa: ANN401  numba's own objects, which have no types
    def emit(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:  # noqa: ANN401  as above
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), emit


ones: Any = intrinsic(_count_bits)  # one instruction where the processor has it; as in scan.py, see cache.py for why


@compiled(
    "Tuple((int64[:,:], uint8[:]))(uint64[:,::1], int32[:,::1], uint64[:,::1], int32[:,::1], int64[:,::1],"
    " int64[::1], int64[::1])"
)
def shared(  # noqa: PLR0917 - a compiled function takes no keywords
    query: NDArray[np.uint64],
    keys: NDArray[np.int32],
    bits: NDArray[np.uint64],
    order: NDArray[np.int32],
    buckets: NDArray[np.int64],
    seen: NDArray[np.int64],
    rules: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Find the pairs (query feature, reference feature) of few differing bits.

    query, bits     uint64 (n, 2), (m, 2)
    keys            int32 (tables, n): each query feature's bucket
    order, buckets  int32 (tables, m), int64 (tables, 2^bits + 1): the rows of each bucket
    seen            int64 (m,): the last query feature each row was found near
    rules           how many query features were asked before these; most bits apart; most rows in a bucket
    returns         int64 (k, 2), uint8 (k,): the pairs, by query feature, and their distances
    """
    asked, near, most = rules
    pairs, distances, n = np.empty((1024, 2), np.int64), np.empty(1024, np.uint8), 0
    for i in range(len(query)):
        for table in range(len(keys)):
            start, end = buckets[table, keys[table, i]], buckets[table, keys[table, i] + 1]
            if end - start > most:
                continue
            for place in range(start, end):
                row = order[table, place]
                apart = ones(query[i, 0] ^ bits[row, 0]) + ones(query[i, 1] ^ bits[row, 1])
                if apart > near or seen[row] == asked + i:  # few are near: `seen` is elsewhere in memory
                    continue
                seen[row] = asked + i
                if n == len(pairs):
                    pairs = np.concatenate((pairs, np.empty((n, 2), np.int64)))
                    distances = np.concatenate((distances, np.empty(n, np.uint8)))
                pairs[n, 0], pairs[n, 1] = i, row
                distances[n] = apart
                n += 1
    return pairs[:n], distances[:n]


@compiled("Tuple((int32[:], int64[:], float64[:]))(int64[::1], int32[::1], float32[::1], float32[::1], int64, int64)")
def votes(  # noqa: PLR0917 - a compiled function takes no keywords
    feature: NDArray[np.int64],
    frame: NDArray[np.int32],
    octaves: NDArray[np.float32],
    turn: NDArray[np.float32],
    n: int,
    least: int,
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]:
    """Say which reference frames are worth a look: those whose pairs agree on a change of size and a turn.

    feature, frame, octaves, turn   (m,): the pairs, in the order of their frames
    n, least    features of the query, of which one that many frames share counts less; fewest pairs
    returns     the frames; where the pairs of each begin, and one more; their votes, 0 for too few
    source      H. Jégou, M. Douze, C. Schmid 2008, weak geometric consistency
    """
    common = np.zeros(n)
    starts, groups = np.empty(len(frame) + 1, np.int64), 0
    for i in range(len(frame)):
        common[feature[i]] += 1
        if i == 0 or frame[i] != frame[i - 1]:
            starts[groups] = i
            groups += 1
    starts[groups] = len(frame)
    counted = np.zeros(groups)
    for group in range(groups):
        first, last = starts[group], starts[group + 1]
        if last - first < least:
            continue
        bins = np.zeros((SIZE_BINS, TURN_BINS))
        for i in range(first, last):
            size = min(max(int(np.round(octaves[i] + SIZE_BINS / 2)), 0), SIZE_BINS - 1)
            angle = int(np.floor((turn[i] / (2 * np.pi)) * TURN_BINS)) % TURN_BINS
            worth = 1 / np.sqrt(common[feature[i]])
            # Twice, so that no turn falls between two bins.
            bins[size, angle] += worth
            bins[size, (angle + 1) % TURN_BINS] += worth
        counted[group] = bins.max()
    return frame[starts[:groups]], starts[: groups + 1], counted


@compiled(
    "Tuple((int64[:,:], uint8[:]))(uint64[:,::1], float32[:,::1], uint64[:,::1], float32[:,::1], float64[::1],"
    " float64[::1])"
)
def guided(  # noqa: PLR0917 - a compiled function takes no keywords
    query: NDArray[np.uint64],
    places: NDArray[np.float32],
    bits: NDArray[np.uint64],
    known: NDArray[np.float32],
    affine: NDArray[np.float64],
    rules: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Pair the features of two frames of which it is known how one lies in the other.

    query, bits     uint64 (n, 2), (m, 2)
    places, known   float32 (4, n), (4, m): x px, y px, log2 of the diameter in px, angle in radians
    affine          float64 (6,): query px -> reference px
    rules           most bits apart; most px, octaves and radians from where a feature is expected
    returns         int64 (k, 2), uint8 (k,): pairs and their distances. No feature stands in two, and in none that
                    is as near to one elsewhere in the frame: stripes and corners are like each other everywhere
    """
    near, reach, octaves, radians = rules
    a, b, tx, c, d, ty = affine
    size, turn = 0.5 * np.log2(max(abs(a * d - b * c), 1e-9)), np.arctan2(c - b, a + d)
    mine, apart = np.full(len(bits), -1, np.int64), np.full(len(bits), 255, np.uint8)
    for i in range(len(query)):
        x = a * places[0, i] + b * places[1, i] + tx
        y = c * places[0, i] + d * places[1, i] + ty
        here = -1
        nearest = elsewhere = np.int64(near) + 1
        for j in range(len(bits)):
            bits_apart = np.int64(ones(query[i, 0] ^ bits[j, 0]) + ones(query[i, 1] ^ bits[j, 1]))
            if bits_apart >= nearest and bits_apart >= elsewhere:
                continue
            dx, dy = x - known[0, j], y - known[1, j]
            around = abs(known[3, j] - places[3, i] - turn) % (2 * np.pi)
            if (
                dx * dx + dy * dy > reach * reach
                or abs(known[2, j] - places[2, i] - size) > octaves
                or min(around, 2 * np.pi - around) > radians
            ):
                elsewhere = min(elsewhere, bits_apart)
            elif bits_apart < nearest:
                here, nearest = j, bits_apart
        if here >= 0 and nearest < elsewhere and nearest < apart[here]:
            mine[here], apart[here] = i, np.uint8(nearest)
    chosen = np.flatnonzero(mine >= 0)
    return np.stack((mine[chosen], chosen), axis=1), apart[chosen]
