"""An inverted index of binary features: which reference frames share many with a query frame.

Several tables, each by some bits of the feature (multi-index hashing): two features that differ in
few bits fall into one bucket of some table. Nothing is learned.

source  M. Norouzi, A. Punjani, D. Fleet 2012, "Fast search in Hamming space with multi-index hashing"
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from matchers.features import Features

TABLES = 8
NEAR_BITS = 24  # of 128, for a pair to be looked up
# The same once it is known where a feature should stand: hardly a rule, since it is also the nearest of its frame.
EXPECTED_BITS = 40
MOST_IN_BUCKET = 4000  # a bucket larger than this is a pattern everybody has
LEAST_SHARED = 5  # features that a reference frame must share before geometry is asked
MOST_FRAMES = 12  # reference frames whose geometry is looked at, for one query frame
Places: TypeAlias = NDArray[np.float32]  # (4, n): x px, y px, log2 of the diameter in px, angle in radians


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A query frame and a reference frame that agree.

    frame   number of the reference frame
    cells   of 256, of the reference frame, that hold an agreeing feature
    spread  the fewer of the rows and columns that those cells stand in, of 16
    affine  float64 (6,): query px -> reference px: a b tx, c d ty
    box     x, y, width, height of what agrees, in fractions of the reference frame
    """

    frame: int
    cells: int
    spread: int
    affine: NDArray[np.float64]
    box: tuple[float, float, float, float]


class FeatureIndex:
    """The features of many frames, ready to be looked up.

    frames  one Features a reference frame; a frame's number is its place in it
    """

    def __init__(self, frames: Sequence[Features]) -> None:
        counts = np.array([len(one) for one in frames], np.int64)
        self.starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self.sizes = np.array([(one.width_px, one.height_px) for one in frames], np.float32).reshape(-1, 2)
        self.bits = np.concatenate([np.empty((0, 2), np.uint64), *(one.bits for one in frames)])
        self.geometry = np.concatenate([np.empty((4, 0), np.float32), *(one.geometry for one in frames)], axis=1)
        self.frame = np.repeat(np.arange(len(frames), dtype=np.int32), counts)
        self.key_bits = int(np.clip(np.ceil(np.log2(len(self.bits) + 1)) - 3, 10, 16))
        tables = [_table(_keys(self.bits, number, self.key_bits), self.key_bits) for number in range(TABLES)]
        self.order = np.stack([order for order, _ in tables])
        self.buckets = np.stack([starts for _, starts in tables])
        self._seen = np.full(len(self.bits), -1, np.int64)
        self._asked = 0

    def __len__(self) -> int:
        return len(self.sizes)

    def agreeing(self, query: Features, *, least_cells: int, least_spread: int) -> list[Agreement]:
        """Find the reference frames that show what the query frame shows, the most cells first."""
        if len(query) == 0 or len(self.bits) == 0:
            return []
        from matchers.compiled import features  # noqa: PLC0415  it loads the compiler: half a second

        keys = np.stack([_keys(query.bits, number, self.key_bits) for number in range(TABLES)])
        rules = np.array([self._asked, NEAR_BITS, MOST_IN_BUCKET], np.int64)
        pairs, distances = features.shared(query.bits, keys, self.bits, self.order, self.buckets, self._seen, rules)
        self._asked += len(query)
        pairs = pairs[np.lexsort((distances, self.frame[pairs[:, 1]]))]
        q, r = np.ascontiguousarray(pairs.T)
        octaves, turn = query.size[q] - self.geometry[2, r], query.angle[q] - self.geometry[3, r]
        numbers, starts, votes = features.votes(q, self.frame[r], octaves, turn, len(query), LEAST_SHARED)
        geometry, found = query.geometry, []
        for place in np.argsort(-votes, kind="stable")[:MOST_FRAMES]:
            chosen = slice(starts[place], starts[place + 1])
            if votes[place] > 0:
                number = int(numbers[place])
                one = self._verified(number, geometry[:, q[chosen]], self.geometry[:, r[chosen]])
                if one and one.cells >= least_cells and one.spread >= least_spread:
                    found.append(self._filled(query, one))
        return sorted(found, key=lambda one: (-one.cells, one.frame))

    def _filled(self, query: Features, one: Agreement) -> Agreement:
        """Add what agrees where it is now expected: pairs too many bits apart to be looked up."""
        from matchers.compiled import features, geometry  # noqa: PLC0415  as above

        rows = slice(self.starts[one.frame], self.starts[one.frame + 1])
        places, known = query.geometry, np.ascontiguousarray(self.geometry[:, rows])
        reach = geometry.LAST_SHARE * float(self.sizes[one.frame].max())
        rules = np.array([EXPECTED_BITS, reach, geometry.OCTAVES_APART, geometry.RADIANS_APART])
        pairs, distances = features.guided(query.bits, places, self.bits[rows], known, one.affine, rules)
        q, r = pairs[np.argsort(distances, kind="stable")].T
        more = self._verified(one.frame, places[:, q], known[:, r])
        return more if more and more.cells > one.cells else one

    def _verified(self, number: int, query: Places, reference: Places) -> Agreement | None:
        from matchers.compiled.geometry import agree  # noqa: PLC0415  it loads the compiler: half a second

        width, height = (float(side) for side in self.sizes[number])
        reference = np.ascontiguousarray(reference)
        cells, spread, affine, kept = agree(np.ascontiguousarray(query), reference, width, height)
        if cells == 0:
            return None
        x, y = reference[:2, kept].astype(float)
        left, top = round(x.min() / width, 4), round(y.min() / height, 4)
        box = (left, top, round(x.max() / width - left, 4), round(y.max() / height - top, 4))
        return Agreement(frame=number, cells=int(cells), spread=int(spread), affine=affine, box=box)


def _keys(bits: NDArray[np.uint64], table: int, key_bits: int) -> NDArray[np.int32]:
    """Take the key of one table: some bits of one of the two words, 16 apart."""
    word = bits[:, table % 2] >> np.uint64(16 * (table // 2))
    return (word & np.uint64((1 << key_bits) - 1)).astype(np.int32)


def _table(keys: NDArray[np.int32], key_bits: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    order = np.argsort(keys, kind="stable").astype(np.int32)
    counts = np.bincount(keys, minlength=1 << key_bits)
    return order, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
