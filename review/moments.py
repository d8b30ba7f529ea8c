"""Which moments of a clip and of a reference stand side by side for a match, and how the picture lies there.

Times and shapes only: never opens a file.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from core.reasons import SOUND, nearest
from core.records import Match, Segment
from core.words import printable

MOST_MORE = 4  # pairs beside the best one; a person compares no more
APART_S = 0.5  # two pairs nearer than this show the same thing
LONGEST = 2  # segments that the further pairs are taken from, unless these are too short


@dataclass(frozen=True, slots=True, kw_only=True)
class Aligned:
    """A moment of the clip and the reference's moment that belongs to it.

    segment     which stretch says so
    measured    whether these two frames were compared; False: calculated from the stretch's ends
    """

    query_s: float
    reference_s: float
    segment: Segment
    measured: bool


def aligned_s(segment: Segment, query_s: float) -> float:
    """The reference's second for a second of the clip: straight lines through both ends and the best pair.

    The ends alone would do for a perfect copy; the best pair is exact where the speed is rounded.
    """
    first, last = segment.reference_start_s, segment.reference_end_s
    if segment.speed < 0:
        first, last = last, first
    here, there = segment.best_query_s, segment.best_reference_s
    if query_s <= here:
        return _between(query_s, (segment.query_start_s, first), (here, there))
    return _between(query_s, (here, there), (segment.query_end_s, last))


def _between(at: float, one: tuple[float, float], other: tuple[float, float]) -> float:
    if other[0] - one[0] <= 0:
        return one[1]
    share = min(max((at - one[0]) / (other[0] - one[0]), 0.0), 1.0)
    return one[1] + share * (other[1] - one[1])


def side_by_side(match: Match, *, most_more: int = MOST_MORE) -> tuple[Aligned, ...]:
    """The best pair first, then up to `most_more` others of the longest segments, by time.

    A match of the sound has no frames to compare: empty.
    """
    seen = [part for part in match.segments if not part.region.startswith(SOUND)]
    if not seen:
        return ()
    best = _best(nearest(replace(match, segments=tuple(seen))))
    taken: list[Aligned] = [best]
    for one in _candidates(seen):
        if len(taken) > most_more:
            break
        if all(abs(one.query_s - other.query_s) >= APART_S for other in taken):
            taken.append(one)
    return best, *sorted(taken[1:], key=lambda one: one.query_s)


def _best(segment: Segment) -> Aligned:
    return Aligned(query_s=segment.best_query_s, reference_s=segment.best_reference_s, segment=segment, measured=True)


def _candidates(segments: list[Segment]) -> Iterator[Aligned]:
    """Both ends and thirds of the longest segments in turn, then the best pair of each segment."""
    longest: list[Segment] = []
    for part in sorted(segments, key=lambda part: (part.query_start_s - part.query_end_s, -part.pairs)):
        # A short stretch inside a longer one is mostly a scene that looks like its own mirror image.
        if len(longest) < LONGEST and not any(_within(part, other) for other in longest):
            longest.append(part)
    for share in (0.0, 1.0, 0.5, 0.25, 0.75):
        for part in longest:
            query_s = part.query_start_s + share * (part.query_end_s - part.query_start_s)
            yield Aligned(query_s=query_s, reference_s=aligned_s(part, query_s), segment=part, measured=False)
    yield from map(_best, segments)


def _within(part: Segment, other: Segment) -> bool:
    return other.query_start_s <= part.query_start_s and part.query_end_s <= other.query_end_s


def quarter_turns(segment: Segment, *, shape: float = 16 / 9) -> int:
    """By how many quarters, clockwise, the clip shows the reference turned: 0..3.

    shape   width by height of the clip's frame; only matters where an outline lies aslant
    """
    named = [word for word in ("90", "180", "270") if segment.region.endswith(f"turned {word}")]
    if named:
        return int(named[0]) // 90
    if len(segment.query_outline) != 8 or not all(map(math.isfinite, segment.query_outline)):
        return 0
    x0, y0, x1, y1 = segment.query_outline[:4]
    across, down = (x1 - x0) * shape, y1 - y0
    if segment.mirrored:  # the mirrored picture's own top edge runs the other way
        across, down = -across, -down
    return round(math.degrees(math.atan2(down, across)) / 90) % 4


def ways(segment: Segment, *, still: bool) -> tuple[str, ...]:
    """How the clip plays and shows the reference, in words; empty for as it is.

    still   whether the reference is a picture, which has no speed
    """
    turned = (f"turned by {90 * turns}°",) if (turns := quarter_turns(segment)) else ()
    words = (("mirrored",) if segment.mirrored else ()) + turned
    return words + (() if still else tuple(_pace(segment))) + tuple(filter(None, (_part(segment.region),)))


def _pace(segment: Segment) -> Iterator[str]:
    if segment.speed < 0:
        yield "played backwards"
    # A moment has no speed; only a stretch of the clip can stand still.
    if segment.speed == 0 and segment.query_end_s > segment.query_start_s:
        yield "standing still"
    if abs(segment.speed) not in {0.0, 1.0}:
        yield f"at {abs(segment.speed):g} times its speed"


def _part(region: str) -> str:
    """Which part of the clip it is, where that is not the whole picture."""
    if region.startswith(SOUND):
        return "the sound"
    part = region.split("turned", maxsplit=1)[0].removeprefix("whole").strip()
    return f"by its part “{printable(part, most=40)}”" if part else ""
