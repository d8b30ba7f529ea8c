"""What would flood a search is named, and nothing else is."""

import numpy as np
import pytest

from core.errors import ShapeError
from matchers.index import Words, hamming
from matchers.index_flood import Crowded, common, flood_report, plain

RANDOM = np.random.default_rng(11)


def words(count: int, width: int = 4) -> Words:
    return RANDOM.integers(0, (1 << 64) - 1, (count, width), dtype=np.uint64, endpoint=True)


def shared_by(owners: int) -> tuple[Words, np.ndarray]:
    """2,000 hashes of 50 references, of which the first `owners` end in the same card, up to 8 bits apart."""
    values, owner = words(2000), np.repeat(np.arange(50, dtype=np.int32), 40)
    ends = np.arange(owners) * 40 + 39
    values[ends] = values[39]
    values[ends, 0] ^= RANDOM.integers(0, 256, owners, dtype=np.uint64)
    return values, owner


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("threshold", [3, 8, 31, 100])
def test_common_is_what_counting_every_pair_finds(threshold: int, threads: int) -> None:
    """The mask is exact, also where some copies of the card are nearer than others."""
    values, owner = shared_by(12)
    near = hamming(values, values) <= threshold
    expected = [len(np.unique(owner[row])) > 5 for row in near]

    assert common(values, owner, threshold, 5, threads=threads).tolist() == expected


@pytest.mark.parametrize(("most", "flagged"), [(11, 12), (12, 0)])
def test_most_is_the_most_that_is_well(most: int, flagged: int) -> None:
    """Twelve references that share a card are more than eleven, and not more than twelve."""
    assert int(common(*shared_by(12), 31, most).sum()) == flagged


def test_still_of_one_reference_is_not_common() -> None:
    """A minute of the same frame in one reference is that reference's own affair."""
    values, owner = words(500), np.zeros(500, np.int32)
    values[:400] = values[0]

    assert not common(values, owner, 31, 1).any()


def test_common_takes_any_owner_numbers() -> None:
    """Reference numbers need not be small or dense."""
    values, owner = shared_by(12)

    assert common(values, owner * 40_000_000, 31, 5).tolist() == common(values, owner, 31, 5).tolist()


@pytest.mark.parametrize(
    "value",
    ["00" * 32, "ff" * 32, "aa" * 32, "00ff" * 16, "80" + "00" * 31, "0123" * 16, "ffff0000" * 8, "c0ffee00" * 8],
)
def test_hash_that_says_nothing_is_plain(value: str) -> None:
    """Black, white, stripes, and a few bytes over and over."""
    assert plain(np.frombuffer(bytes.fromhex(value), np.uint64).reshape(1, 4)).tolist() == [True]


@pytest.mark.parametrize("width", [1, 4])
def test_hash_of_a_picture_is_not_plain(width: int) -> None:
    """Not one in a hundred thousand random hashes of 256 bits is called plain; of 64 bits, a few are."""
    assert plain(words(100_000, width)).mean() <= {1: 1e-4, 4: 0}[width]


def test_report_names_the_worst_rows() -> None:
    """Who reads the report sees which frame of which reference to look at."""
    values, owner = shared_by(12)
    values[7] = 0
    offsets = np.tile(np.arange(40) / 2, 50)
    report = flood_report(values, owner, offsets, 31, 5)

    assert (report.rows, report.plain, report.asked, report.common, report.owners) == (2000, 1, 2000, 12, 12)
    assert report.worst[0] == Crowded(row=39, owner=0, offset_s=19.5, near=12)
    assert report.lines()[2] == "  reference 0 at 19.500 s: 12 references"


def test_sample_says_how_much_it_looked_at() -> None:
    """A sample is never given out for all."""
    report = flood_report(*shared_by(12), np.zeros(2000), 31, 5, sample=100)

    assert (report.asked, "of 100 looked at" in report.lines()[1]) == (100, True)


def test_empty_index_floods_nothing() -> None:
    """No reference yet is no error."""
    report = flood_report(words(0), np.empty(0, np.int32), np.empty(0), 31, 5, sample=10)

    assert (report.rows, report.common, report.worst) == (0, 0, ())


def test_owners_of_another_length_are_refused() -> None:
    """Rows and owners belong together."""
    with pytest.raises(ShapeError):
        common(words(5), np.zeros(4, np.int32), 31, 1)
