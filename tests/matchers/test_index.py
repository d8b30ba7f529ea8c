"""The search is exact and its memory bounded."""

import runpy
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.errors import ShapeError
from matchers import index
from matchers.compiled import cache, driver
from matchers.index import BLOCK, Index, Words, hamming, pack

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


def brute(queries: Words, references: Words, threshold: int) -> list[list[int]]:
    """Count every pair; by query row, then by reference row."""
    full = hamming(queries, references)
    rows = np.nonzero(full <= threshold)
    return [rows[0].tolist(), rows[1].tolist(), full[rows].tolist()]


@pytest.fixture(params=["numpy", "compiled"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to count, whatever the amount of work."""
    monkeypatch.setattr(index, "NUMPY_PAIRS", 1 << 60 if request.param == "numpy" else -1)
    return request.param


@pytest.mark.parametrize("threshold", [0, 12, 31, 32, 64, 71, 72, 130])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5])
@pytest.mark.usefixtures("way")
def test_within_finds_exactly_what_counting_finds(threshold: int, width: int) -> None:
    """No neighbour is missed and none invented, at any threshold and width, across the blocks' edges."""
    references = words(2 * BLOCK + 77, width)
    queries = np.concatenate([words(3, width), flipped(references[::97], threshold)])

    found = Index(references).within(queries, threshold)

    assert [part.tolist() for part in found] == brute(queries, references, threshold)


few_bits = st.integers(0, (1 << 64) - 1).map(lambda word: word & 0x8000000100000001) | st.integers(0, (1 << 64) - 1)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), width=st.sampled_from([1, 4]), threshold=st.integers(0, 260))
def test_within_is_exact_for_any_hashes(data: st.DataObject, width: int, threshold: int) -> None:
    """Hashes an attacker chose, alike or empty ones too, are counted as they are."""
    references = data.draw(arrays(np.uint64, (data.draw(st.integers(1, 40)), width), elements=few_bits))
    queries = data.draw(arrays(np.uint64, (data.draw(st.integers(1, 9)), width), elements=few_bits))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "NUMPY_PAIRS", -1)

        found = Index(references).within(queries, threshold)

    assert [part.tolist() for part in found] == brute(queries, references, threshold)


@pytest.mark.parametrize("threads", [2, 3, 64])
def test_threads_change_nothing(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same pairs in the same order, and the same flooded queries, however many threads share the blocks."""
    monkeypatch.setattr(index, "NUMPY_PAIRS", -1)
    monkeypatch.setattr(driver, "THREAD_PAIRS", 1)
    references = words(9 * BLOCK + 5)
    references[::3] = references[0]
    queries = flipped(references[:50], 40)
    alone, shared = (Index(references).capped(queries, 100, most=40, threads=many) for many in (1, threads))

    assert [part.tolist() for part in shared.pairs] == [part.tolist() for part in alone.pairs]
    assert shared.flooded.tolist() == alone.flooded.tolist()
    assert 0 < len(alone.flooded) < 50


@pytest.mark.usefixtures("way")
def test_more_pairs_than_fit_the_buffer_are_all_there() -> None:
    """A scan that fills its buffer goes on where it stopped."""
    references, queries = np.zeros((7000, 4), np.uint64), np.zeros((6, 4), np.uint64)

    found = Index(references).within(queries, 5)

    assert found[0].tolist() == np.repeat(np.arange(6), 7000).tolist()
    assert found[1].tolist() == np.tile(np.arange(7000), 6).tolist()


@pytest.mark.usefixtures("way")
def test_queries_beyond_one_batch_keep_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long clip is searched in batches, and answered as one."""
    monkeypatch.setattr(index, "QUERIES", 8)
    references = words(300)

    found = Index(references).within(flipped(references[:29], 10), 31)

    assert found[0].tolist() == found[1].tolist() == list(range(29))


@pytest.mark.usefixtures("way")
def test_flooded_query_is_named_and_brings_no_pairs() -> None:
    """A black frame against a bank of black frames costs neither memory nor a false copy; the others are answered."""
    references = np.concatenate([np.zeros((3 * BLOCK, 4), np.uint64), words(100)])
    queries = np.stack([references[-1], references[0], references[-2]])

    found = Index(references).capped(queries, 31, most=3 * BLOCK - 1)

    assert found.flooded.tolist() == [1]
    assert [part.tolist() for part in found.pairs] == [[0, 2], [3 * BLOCK + 99, 3 * BLOCK + 98], [0, 0]]


@pytest.mark.usefixtures("way")
def test_query_with_exactly_as_many_as_allowed_is_not_flooded() -> None:
    """The cap is the most that may be there."""
    found = Index(np.zeros((40, 4), np.uint64)).capped(np.zeros((1, 4), np.uint64), 31, most=40)

    assert (len(found.pairs[0]), found.flooded.tolist()) == (40, [])


def test_flood_uses_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty black frames against a million need some megabytes, not a gigabyte of pairs."""
    monkeypatch.setattr(index, "NUMPY_PAIRS", -1)
    references, queries = Index(np.zeros((1_000_000, 4), np.uint64)), np.zeros((60, 4), np.uint64)
    tracemalloc.start()
    flooded = references.capped(queries, 44, most=1000).flooded
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (len(flooded), peak < 16_000_000) == (60, True)


def test_few_pairs_load_no_compiler() -> None:
    """A demo's few references are searched without waiting for the compiler."""
    code = (
        "import sys, numpy as np; from matchers.index import Index; "
        "Index(np.eye(4, dtype=np.uint64)).within(np.eye(4, dtype=np.uint64), 3); print('numba' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert shown.strip() == "False"


def test_machine_code_is_kept_for_the_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache stands in the user's folder, and is not read where others may write."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = cache.cache_folder()

    assert folder == tmp_path / "clipwarden" / "numba"
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    assert cache.cache_folder() is None


@pytest.mark.parametrize("broken", ["no folder", "torn"])
def test_cache_that_cannot_serve_costs_only_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """No folder to write, or a torn cache file: the function is compiled all the same."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if broken == "torn":
        assert _doubled(tmp_path) == 42
        torn = list(tmp_path.rglob("*.nb?"))
        assert torn
        for path in torn:
            path.write_bytes(path.read_bytes()[:20])
    else:
        (tmp_path / "clipwarden").write_bytes(b"")

    assert _doubled(tmp_path) == 42


def _doubled(folder: Path) -> int:
    """Compile a small function in a file of its own, or load it from the cache, and call it."""
    path = folder / "doubled.py"
    path.write_text(
        "from matchers.compiled.cache import compiled\n"
        "@compiled('int64(int64)')\n"
        "def doubled(number):\n"
        "    return 2 * number\n"
        "RESULT = doubled(21)\n"
    )
    return int(runpy.run_path(str(path))["RESULT"])


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
