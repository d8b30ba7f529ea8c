"""The search is exact and its memory bounded."""

import tracemalloc

import numpy as np
import pytest

from core.errors import ShapeError
from matchers import index
from matchers.index import Index, hamming, pack

RANDOM = np.random.default_rng(5)


def words(count: int, width: int = 4) -> np.ndarray:
    return RANDOM.integers(0, 1 << 63, (count, width), dtype=np.uint64) << np.uint64(1)


def flipped(values: np.ndarray, most: int) -> np.ndarray:
    """Flip 0..most random bits of each row."""
    changed = values.copy()
    for row in changed:
        for bit in RANDOM.integers(0, 64 * len(row), RANDOM.integers(0, most + 1)):
            row[bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
    return changed


@pytest.mark.parametrize("threshold", [0, 31, 44, 45, 60, 100, 130])
@pytest.mark.parametrize("width", [1, 2, 4])
def test_within_finds_exactly_what_counting_finds(threshold: int, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No neighbour is missed and none invented, at any threshold, across the chunks' edges."""
    monkeypatch.setattr(index, "CHUNK", 97)
    references = words(500, width)
    queries = np.concatenate([words(5, width), flipped(references[::25], threshold)])
    full = hamming(queries, references)
    rows = np.nonzero(full <= threshold)

    found = Index(references).within(queries, threshold)

    assert [part.tolist() for part in found] == [rows[0].tolist(), rows[1].tolist(), full[rows].tolist()]


def test_within_uses_bounded_memory() -> None:
    """Sixty queries against a million references need some megabytes, not gigabytes."""
    references, queries = Index(words(1_000_000)), words(60)
    tracemalloc.start()
    references.within(queries[:6], 44)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 16_000_000


def test_empty_sides_find_nothing() -> None:
    """No reference yet, or a clip of black frames, is no error."""
    sizes = [len(Index(words(many)).within(words(few), 31)[0]) for many, few in ((0, 3), (3, 0))]

    assert sizes == [0, 0]


def test_pack_keeps_the_most_significant_bit_first() -> None:
    """Words read as the hex string does, so that a database dump can be checked by eye."""
    assert pack([bytes.fromhex("80" + "00" * 6 + "01" + "ff" * 8)]).tolist() == [[(1 << 63) + 1, (1 << 64) - 1]]


def test_mixed_methods_are_refused() -> None:
    """Hashes of two lengths never meet."""
    with pytest.raises(ShapeError, match="one method at a time"):
        pack([b"\0" * 32, b"\0" * 8])


def test_other_width_is_refused() -> None:
    """A 64-bit query never searches 256-bit references."""
    with pytest.raises(ShapeError):
        Index(words(3)).within(words(3, 1), 31)
