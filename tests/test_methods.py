"""Every method keeps its contract, whichever file it stands in. Nothing here names one."""

import numpy as np
import pytest

from core.records import Fingerprint
from matchers.examples import still
from matchers.index import pack
from matchers.method import Method, methods

ALL = pytest.mark.parametrize("method", methods().values(), ids=lambda method: method.name)


def least(method: Method, left: list[Fingerprint], right: list[Fingerprint]) -> int:
    """Return the least distance of any frame of one sample to any of the other."""
    return int(method.distances(pack(one.value for one in left), pack(one.value for one in right)).min())


@ALL
def test_method_measures_itself_as_zero(method: Method) -> None:
    """A fingerprint is at distance 0 from itself and nothing is negative."""
    values = pack(one.value for sample, _ in method.alike() for one in method.fingerprint(sample))

    assert (np.diagonal(method.distances(values, values)) == 0).all()


@ALL
def test_method_is_symmetric(method: Method) -> None:
    """Who is the query and who the reference changes no distance."""
    values = pack(one.value for pair in method.unlike() for sample in pair for one in method.fingerprint(sample))
    distances = method.distances(values, values)

    assert (distances == distances.T).all()


@ALL
def test_method_finds_what_is_alike(method: Method) -> None:
    """Each example of a copy is near enough to be believed alone."""
    nearest = [least(method, method.fingerprint(one), method.fingerprint(other)) for one, other in method.alike()]

    assert nearest
    assert max(nearest) <= method.lone_threshold


@ALL
def test_method_passes_by_what_is_unlike(method: Method) -> None:
    """Each example of two different things is beyond the threshold, in every frame and region."""
    nearest = [least(method, method.fingerprint(one), method.fingerprint(other)) for one, other in method.unlike()]

    assert nearest
    assert min(nearest) > method.threshold


@ALL
@pytest.mark.parametrize("level", [0, 16, 128, 255])
def test_method_gives_no_hash_for_blank_input(method: Method, level: int) -> None:
    """One colour is nothing to recognise: absence is an empty list."""
    assert method.fingerprint(still(np.full((90, 160), level, np.uint8))) == []


@ALL
def test_method_repeats_itself(method: Method) -> None:
    """The same frames give the same fingerprints, each of the promised size and range."""
    sample = next(iter(method.alike()))[0]
    first, again = method.fingerprint(sample), method.fingerprint(sample)

    assert first == again
    assert {(len(one.value) * 8, 0 <= one.quality <= 100) for one in first} == {(method.size, True)}


@ALL
def test_method_thresholds_are_in_order(method: Method) -> None:
    """What counts alone counts in company, and a random pair (half the bits) never does."""
    assert 0 <= method.lone_threshold <= method.threshold < method.size // 2
