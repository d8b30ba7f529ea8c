"""Tags learned from confirmed hits: what they promise is counted on, not hoped for."""

import pytest

from core.tags import Seen, proposals, wilson_low


def seen(*tags: str, infringing: bool | None = None, times: int = 1) -> list[Seen]:
    """The same post so many times."""
    return [Seen(tags=tags, infringing=infringing)] * times


def test_tag_beside_confirmed_hits_is_proposed_with_its_yield() -> None:
    """A tag on nine of ten confirmed comes before one on half; what is watched already is not proposed."""
    posts = [
        *seen("silvergownai", "bridgerton", infringing=True, times=9),
        *seen("silvergownai", infringing=False),
        *seen("regency", infringing=True, times=5),
        *seen("regency", infringing=False, times=5),
        *seen("cats", times=60),
    ]
    found = proposals(posts, known={"bridgerton"}, weeks=8)

    assert [one.tag for one in found] == ["silvergownai", "regency"]
    assert (found[0].confirmed, found[0].judged, found[0].share) == (9, 10, 0.9)
    assert found[0].at_least < 0.9
    assert found[0].a_week == pytest.approx(10 * found[0].at_least / 8, abs=0.01)


def test_one_confirmed_hit_is_no_habit() -> None:
    """A tag that stood once beside a hit is not proposed."""
    assert proposals(seen("once", infringing=True), known=set(), weeks=1) == ()


def test_tag_on_everything_says_nothing() -> None:
    """A tag on most posts, such as fyp, is not proposed however many hits carry it."""
    posts = [*seen("fyp", "gown", infringing=True, times=10), *seen("fyp", times=30)]

    assert [one.tag for one in proposals(posts, known=set(), weeks=1)] == ["gown"]


def test_few_judged_promise_less_than_many() -> None:
    """Two of two is less sure than forty of forty."""
    assert wilson_low(2, 2) < wilson_low(40, 40) < 1
    assert wilson_low(0, 0) == wilson_low(0, 5) == 0
