"""Every method keeps its contract, whichever file it stands in. Nothing here names one."""

import numpy as np
import pytest

from core.records import Match
from matchers.examples import still
from matchers.method import Method, Sample, Sense, methods
from matchers.sounds import Sound

ALL = pytest.mark.parametrize("method", methods().values(), ids=lambda method: method.name)


def found(method: Method, query: Sample, reference: Sample) -> list[Match]:
    """Look one sample up among one reference."""
    return method.bank(method, [("r", method.fingerprint(reference))]).compare("q", method.fingerprint(query))


@ALL
def test_method_finds_itself(method: Method) -> None:
    """Each example is a copy of itself, and nothing is surer."""
    sure = [(found(method, one, one), found(method, one, other)) for one, other in method.alike()]

    assert sure
    assert all(itself[0].probability >= copy[0].probability for itself, copy in sure)


@ALL
def test_method_finds_what_is_alike(method: Method) -> None:
    """Each example of a copy is found, whichever of the two is the reference, and says what it stands on."""
    both = [found(method, *pair) for one, other in method.alike() for pair in ((one, other), (other, one))]

    assert both
    assert all(
        len(matches) == 1 and (matches[0].basis, matches[0].unit) == (method.basis, method.unit) for matches in both
    )


@ALL
def test_method_passes_by_what_is_unlike(method: Method) -> None:
    """Each example of two different things is no match, whichever is the reference."""
    both = [found(method, *pair) for one, other in method.unlike() for pair in ((one, other), (other, one))]

    assert both
    assert all(matches == [] for matches in both)


@ALL
def test_method_match_keeps_its_threshold(method: Method) -> None:
    """The distance shown is on the right side of the threshold shown, and the chance is a chance."""
    for one, other in method.alike():
        (match,) = found(method, one, other)
        kept = match.distance >= match.threshold if match.more_is_nearer else match.distance <= match.threshold

        assert (kept, 0 <= match.probability <= 1, len(match.segments) > 0) == (True, True, True)


@ALL
@pytest.mark.parametrize("level", [0, 16, 128, 255])
def test_method_gives_no_hash_for_blank_input(method: Method, level: int) -> None:
    """One colour, or silence, is nothing to recognise: absence is an empty list."""
    silence = Sound(offset_s=0.0, rate_hz=11025, samples=np.zeros(55125, np.int16))
    blank = still(np.full((90, 160), level, np.uint8)) if method.sense is Sense.FRAMES else silence

    assert method.fingerprint(blank) == []


@ALL
def test_method_repeats_itself(method: Method) -> None:
    """The same sample gives the same fingerprints, each in its range."""
    sample = next(iter(method.alike()))[0]
    first, again = method.fingerprint(sample), method.fingerprint(sample)

    assert first == again
    assert all(0 <= one.quality <= 100 for one in first)
