"""Where a sound may stand among the references: items that are nearly equal vote for a place.

Never decides: sound_lines.py counts the bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from matchers.chromaprint import NOTHING, Items

CHUNK = 64  # items of the query that vote together: 8 s
GAP = 2 * CHUNK  # items of nothing between two references, so that no chunk reaches from one into the next
STRIDE = 2  # every second item of a reference is indexed: neighbours differ by 2 of a key's 20 bits
KEY_BITS = 20
KEY_SHIFTS = (0, 12)  # two keys an item: its lowest and its highest 20 bits of 32
FLIPS = np.concatenate([[0], 1 << np.arange(KEY_BITS)]).astype(np.uint32)  # a key is met with one bit wrong
MOST_PLACES = 512  # of one key: one that stands everywhere says nothing, and costs most
BIN = 8  # diagonals that vote together: a tempo a quarter off wanders by 16 in a chunk
LEAST_VOTES = 3
MOST_CANDIDATES = 8  # of one chunk
GROUP = 8  # chunks at once: bounds memory by 512 x 2 x 21 x MOST_PLACES votes, 90 MB, in the worst case

Offsets: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk of the query that begins at item `start` may stand at item `at` of the row, in reference `owner`."""

    start: int
    at: int
    owner: int
    votes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The items of all references in one row, a gap of nothing after each.

    first, last     int64 (m,): where each begins and ends in the row
    offset_s        float64 (m,): when its first item is heard
    keys            uint32, sorted, one array a key shift
    places          int32: the item that each key belongs to
    """

    items: Items
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    offset_s: Offsets
    keys: tuple[NDArray[np.uint32], ...]
    places: tuple[NDArray[np.int32], ...]

    def __len__(self) -> int:
        return len(self.places[0])

    @classmethod
    def of(cls, tracks: Sequence[tuple[Items, float]]) -> Self:
        """Lay the references (items, offset_s) into one row."""
        lengths = np.array([len(items) for items, _ in tracks], np.int64)
        first = np.concatenate([[0], np.cumsum(lengths + GAP)]).astype(np.int64)
        row = np.zeros(int(first[-1]), np.uint32)
        for start, (items, _) in zip(first[:-1], tracks, strict=True):
            row[start : start + len(items)] = items
        indexed = np.flatnonzero(row[::STRIDE] != NOTHING).astype(np.int32) * STRIDE
        keys, places = [], []
        for shift in KEY_SHIFTS:
            key = _key(row[indexed], shift)
            order = np.argsort(key, kind="stable")
            keys.append(key[order])
            places.append(indexed[order].astype(np.int32))
        return cls(
            items=row,
            first=first[:-1],
            last=first[:-1] + lengths,
            offset_s=np.array([offset_s for _, offset_s in tracks], np.float64),
            keys=tuple(keys),
            places=tuple(places),
        )


def votes(query: Items, places: Places) -> list[Candidate]:
    """Return the places with the most votes of each chunk of the query, the most first.

    At most MOST_CANDIDATES a chunk: a sound that stands in more references than that is found in these.
    """
    if len(places) == 0:
        return []
    found: list[Candidate] = []
    for start in range(0, len(query), GROUP * CHUNK):
        found += _group(query[start : start + GROUP * CHUNK], start, places)
    return sorted(found, key=lambda one: (-one.votes, one.start, one.at))


def _key(items: Items, shift: int) -> NDArray[np.uint32]:
    return ((items >> np.uint32(shift)) & np.uint32((1 << KEY_BITS) - 1)).astype(np.uint32)


def _group(query: Items, start: int, places: Places) -> list[Candidate]:
    heard = np.flatnonzero(query != NOTHING)
    pairs = [_meetings(query, heard, places, number) for number in range(len(KEY_SHIFTS))]
    item, place = (np.concatenate(part) for part in zip(*pairs, strict=True))
    if len(item) == 0:
        return []
    chunk, within = item // CHUNK, item % CHUNK
    # Where the chunk would begin in the row; never negative, as CHUNK is added.
    bins = (chunk << 40) | ((place - within + CHUNK) // BIN)
    known, one, counts = np.unique(bins, return_index=True, return_counts=True)
    beside = np.zeros_like(counts)
    beside[:-1] = np.where(np.diff(known) == 1, counts[1:], 0)
    total = counts + beside  # two bins, so that no place falls between two
    strong = np.flatnonzero(total >= LEAST_VOTES)
    order = strong[np.lexsort((-total[strong], known[strong] >> 40))]
    chunks = known[order] >> 40
    rank = np.arange(len(order)) - np.searchsorted(chunks, chunks)
    order = order[rank < MOST_CANDIDATES]
    owners = np.searchsorted(places.first, place[one[order]], "right") - 1
    return [
        Candidate(
            start=start + int(known[row] >> 40) * CHUNK,
            at=(int(known[row]) & ((1 << 40) - 1)) * BIN - CHUNK + BIN,
            owner=int(owner),
            votes=int(total[row]),
        )
        for row, owner in zip(order, owners, strict=True)
    ]


def _meetings(
    query: Items, heard: NDArray[np.int64], places: Places, number: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return every (query item, place) whose keys differ by one bit at most."""
    keys = places.keys[number]
    probes = (_key(query[heard], KEY_SHIFTS[number])[:, None] ^ FLIPS[None, :]).ravel()
    order = np.argsort(probes)  # looked up in order, they stay in the processor's cache
    probes = probes[order]
    first = np.searchsorted(keys, probes, "left")
    counts = np.searchsorted(keys, probes, "right") - first
    counts[counts > MOST_PLACES] = 0
    item = np.repeat(np.repeat(heard, len(FLIPS))[order], counts)
    step = np.arange(len(item)) - np.repeat(np.cumsum(counts) - counts, counts)
    return item, places.places[number][np.repeat(first, counts) + step].astype(np.int64)
