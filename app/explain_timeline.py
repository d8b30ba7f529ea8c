"""The drawing of which stretch of a clip shows which stretch of a reference: numbers for one SVG.

Pure geometry: x runs from LEFT to RIGHT, a lane for each method, the clip's time on top, the reference's below.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.records import Match, Segment

LEFT, RIGHT = 130.0, 985.0  # of a drawing 1,000 wide; the names of methods stand left of it
STILL = (470.0, 645.0)  # the box of a picture, which has no time
TOP, LANE, GAP = 58.0, 56.0, 16.0
BELOW = 46.0
LEAST_WIDTH = 3.0  # a moment is drawn as wide as this, so that it is seen
MOST_BANDS = 60  # in a lane; a browser draws them at once
MOST_TICKS = 9
STEPS_S = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
LONGEST_S = 1e7  # four months: what a header claims beyond it is no duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A stretch of time as x. `still`: there is no time, all is one box."""

    start_s: float
    end_s: float
    still: bool

    def x(self, seconds: float) -> float:
        """Where a second stands, on an axis that has time; what lies outside stands at the end."""
        share = (seconds - self.start_s) / (self.end_s - self.start_s)
        return LEFT + min(max(share, 0.0), 1.0) * (RIGHT - LEFT)

    def ticks(self) -> list[tuple[float, str]]:
        """(x, m:ss) of each tick; none for a still."""
        if self.still:
            return []
        length, steps = self.end_s - self.start_s, list(STEPS_S)
        while length / steps[-1] > MOST_TICKS:
            steps.append(steps[-1] * 2)
        step = next(step for step in steps if length / step <= MOST_TICKS)
        first, last = math.ceil(self.start_s / step), math.floor(self.end_s / step)
        return [(round(self.x(number * step), 1), minutes(number * step)) for number in range(first, last + 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One segment: a four-cornered shape from the clip's line to the reference's, and its label.

    points      of an SVG polygon; crossing where the clip runs backwards
    label       "1", "2" ... as in the table below
    """

    points: str
    label: str
    x: float
    y: float
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The bands of one method. `tone` 0..5 names its colour; `left_out` segments are not drawn."""

    method: str
    tone: int
    top: float
    bottom: float
    bands: tuple[Band, ...]
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """One file against one reference, by every method that found it."""

    query: Axis
    reference: Axis
    lanes: tuple[Lane, ...]
    height: float
    words: str


def timeline(matches: Sequence[Match], tones: dict[str, int], *, duration_s: float | None, still: bool) -> Timeline:
    """Lay out the segments of matches that share their file and their reference.

    matches     at least one
    tones       method -> number of its colour
    duration_s  of the clip; None for a picture or when unknown
    still       whether the reference is a picture
    """
    parts = [part for match in matches for part in match.segments]
    query = _query_axis(parts, duration_s)
    reference = _reference_axis(parts, query, still=still)
    lanes, top = [], TOP
    for match in matches:
        lanes.append(_lane(match, tones[match.method], top, query, reference))
        top += LANE + GAP
    return Timeline(
        query=query,
        reference=reference,
        lanes=tuple(lanes),
        height=top - GAP + BELOW,
        words="; ".join(f"{one.method}: " + ", ".join(band.title for band in one.bands[:8]) for one in lanes),
    )


def minutes(seconds: float) -> str:
    """A time on an axis: 1:05; half seconds as 0:00.5."""
    whole, rest = divmod(max(seconds, 0.0), 60)
    return f"{int(whole)}:{rest:04.1f}" if rest % 1 else f"{int(whole)}:{int(rest):02d}"


def _query_axis(parts: Sequence[Segment], duration_s: float | None) -> Axis:
    last = max(part.query_end_s for part in parts)
    if duration_s is None and last <= 0:
        return Axis(start_s=0.0, end_s=0.0, still=True)
    # A header may claim anything; what was decoded is sure.
    told = duration_s if duration_s is not None and 0 < duration_s < LONGEST_S else 0.0
    return Axis(start_s=0.0, end_s=max(told, last, 1.0), still=False)


def _reference_axis(parts: Sequence[Segment], query: Axis, *, still: bool) -> Axis:
    """As long as the clip's axis where that holds it, so that equal lengths look equal; from its start if it can."""
    if still:
        return Axis(start_s=0.0, end_s=0.0, still=True)
    first, last = min(part.reference_start_s for part in parts), max(part.reference_end_s for part in parts)
    length = 0.0 if query.still else query.end_s
    if last - first > length:
        length = max((last - first) * 1.1, 1.0)
    start_s = 0.0 if last <= length else (first + last - length) / 2
    return Axis(start_s=start_s, end_s=start_s + length, still=False)


def _lane(match: Match, tone: int, top: float, query: Axis, reference: Axis) -> Lane:
    bottom = top + LANE
    bands = [
        _band(number, part, (top, bottom), query, reference)
        for number, part in enumerate(match.segments[:MOST_BANDS], start=1)
    ]
    return Lane(
        method=match.method,
        tone=tone,
        top=top,
        bottom=bottom,
        bands=tuple(bands),
        left_out=max(0, len(match.segments) - MOST_BANDS),
    )


def _band(number: int, part: Segment, rows: tuple[float, float], query: Axis, reference: Axis) -> Band:
    start, end = _wide(query, part.query_start_s, part.query_end_s)
    low, high = _wide(reference, part.reference_start_s, part.reference_end_s)
    if part.speed < 0:
        low, high = high, low
    corners = ((start, rows[0]), (end, rows[0]), (high, rows[1]), (low, rows[1]))
    return Band(
        points=" ".join(f"{x:.1f},{y:.1f}" for x, y in corners),
        label=str(number),
        x=round((start + end + low + high) / 4, 1),
        y=round((rows[0] + rows[1]) / 2, 1),
        title=f"{number}: {minutes(round(part.query_start_s, 1))}–{minutes(round(part.query_end_s, 1))} of the clip"
        + ("" if reference.still else f" from {_span(part)} of the reference"),
    )


def _span(part: Segment) -> str:
    first, last = minutes(round(part.reference_start_s, 1)), minutes(round(part.reference_end_s, 1))
    return f"{last} back to {first}" if part.speed < 0 else f"{first}–{last}"


def _wide(axis: Axis, start_s: float, end_s: float) -> tuple[float, float]:
    if axis.still:
        return STILL
    start, end = axis.x(start_s), axis.x(end_s)
    if end - start < LEAST_WIDTH:
        middle = min(max((start + end) / 2, LEFT + LEAST_WIDTH / 2), RIGHT - LEAST_WIDTH / 2)
        return middle - LEAST_WIDTH / 2, middle + LEAST_WIDTH / 2
    return start, end
