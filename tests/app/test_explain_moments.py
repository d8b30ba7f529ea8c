"""Which moments are shown of a match, and how its stretches are drawn."""

import re
from itertools import pairwise
from typing import Any

import pytest

from app.explain_page import gauge
from app.explain_timeline import LEFT, RIGHT, minutes, timeline
from core.records import Match, Segment
from review.moments import aligned_s, quarter_turns, side_by_side, ways
from tests.app.explained import WHOLE, found, local, segment


@pytest.mark.parametrize(
    ("part", "at", "there"),
    [
        (segment((2, 6), (10, 14)), 5, 13),
        (segment((0, 8), (0, 4), speed=0.5), 6, 3),
        (segment((0, 8), (2, 10), speed=-1.0), 2, 8),
        (segment((0, 8), (5, 5), speed=0.0), 6, 5),
        (segment((0, 10), (0, 11), best_query_s=5, best_reference_s=5), 10, 11),
        (segment((3, 3), (7, 7)), 99, 7),
    ],
    ids=["plain", "slowed", "backwards", "frozen", "through the best pair", "a moment"],
)
def test_moment_of_the_reference_is_the_one_that_is_shown(part: Segment, at: float, there: float) -> None:
    """Between the ends a moment is found by the straight line, backwards too."""
    assert aligned_s(part, at) == pytest.approx(there)


def test_pairs_begin_with_the_best_and_are_apart() -> None:
    """Five at most, the best first and measured, no two within half a second, over both long stretches."""
    parts = [segment((n, n), (n, n), best_distance=9) for n in range(9)]
    shown = side_by_side(found(segment((0, 20), (0, 20)), segment((30, 40), (50, 60), best_distance=1), *parts))
    times = sorted(one.query_s for one in shown)
    apart = min(later - earlier for earlier, later in pairwise(times))

    assert (shown[0].query_s, shown[0].measured, len(shown), apart >= 0.5, times[0] < 20 < times[-1]) == (
        30,
        True,
        5,
        True,
        True,
    )


def test_sound_has_no_frames() -> None:
    """Two moments that sound alike may look like anything."""
    assert side_by_side(found(segment((0, 5), (0, 5), region="sound"))) == ()


@pytest.mark.parametrize(
    ("more", "turns"),
    [
        ({"region": "whole turned 90"}, 1),
        ({"region": "turned 270"}, 3),
        ({"query_outline": WHOLE}, 0),
        ({"query_outline": (0.9, 0.1, 0.9, 0.9, 0.1, 0.9, 0.1, 0.1)}, 1),
        ({"query_outline": (0.9, 0.9, 0.1, 0.9, 0.1, 0.1, 0.9, 0.1)}, 2),
        ({"query_outline": (0.9, 0.1, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9), "mirrored": True}, 0),
        ({"query_outline": (float("nan"),) * 8}, 0),
    ],
)
def test_turn_is_read_from_region_or_outline(more: dict[str, Any], turns: int) -> None:
    """Clockwise quarters, by the name of the region or by where the top edge lies."""
    assert quarter_turns(segment((0, 1), (0, 1), **more)) == turns


def test_ways_are_told_in_words() -> None:
    """Mirrored, turned, backwards and fast, each in plain words; a still has no speed."""
    part = segment((0, 8), (0, 16), speed=-2.0, mirrored=True, region="inner turned 90")

    assert (ways(part, still=False), ways(part, still=True)) == (
        ("mirrored", "turned by 90°", "played backwards", "at 2 times its speed", "by its part “inner”"),
        ("mirrored", "turned by 90°", "by its part “inner”"),
    )


def test_backwards_band_crosses() -> None:
    """The clip's start is joined with the reference's end."""
    (lane,) = timeline([found(segment((0, 8), (2, 10), speed=-1.0))], {"phash": 0}, duration_s=8.0, still=False).lanes
    (start, end, last, first) = (float(point.split(",")[0]) for point in lane.bands[0].points.split())

    assert (start < end, first > last) == (True, True)


@pytest.mark.parametrize("duration_s", [None, 0.0, 7.5, 1e300, float("inf"), float("nan"), -3.0])
def test_timeline_holds_any_duration(duration_s: float | None) -> None:
    """What a header claims never leaves the drawing, nor makes more than a dozen ticks."""
    drawn = timeline([found(segment((0, 5), (9e4, 9e4 + 5)))], {"phash": 0}, duration_s=duration_s, still=False)
    ticks = drawn.query.ticks() + drawn.reference.ticks()
    points = [float(x) for x in re.findall(r"([-\d.]+),", drawn.lanes[0].bands[0].points)]

    assert (len(ticks) <= 22, all(LEFT <= x <= RIGHT for x in [*points, *(x for x, _ in ticks)])) == (True, True)


def test_still_is_a_box_without_time() -> None:
    """A picture has no seconds."""
    drawn = timeline([found(segment((2, 2), (0, 0)))], {"phash": 0}, duration_s=None, still=True)

    assert (drawn.reference.still, drawn.reference.ticks(), drawn.query.still) == (True, [], False)


def test_axis_is_written_as_people_do() -> None:
    """Minutes and seconds; halves only where there are any."""
    assert [minutes(seconds) for seconds in (0, 0.5, 65, 3600)] == ["0:00", "0:00.5", "1:05", "60:00"]


@pytest.mark.parametrize(("match", "fill", "limit"), [(found(distance=16), 25, 100), (local(), 100, 100 * 8 / 31)])
def test_gauge_shows_the_threshold(match: Match, fill: float, limit: float) -> None:
    """Nearer is shorter for a distance; for cells the bar passes the mark."""
    bar = gauge(match)

    assert (bar.fill, bar.limit) == (fill, limit)
