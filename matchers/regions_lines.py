"""Straight lines at which the frames of a run step: the seams and edges of a montage.

What moves smears over a run; what an editor laid out stands still. Averaged over the frames, the
step across a seam stands out from the steps beside it along nearly all of its length.
Never says what lies on either side of a line: regions.py does.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.float32]
Marks = NDArray[np.bool_]
Places = NDArray[np.int64]

APART_PX = 2  # a step is compared with those this far on each side: a scaled or coded edge is 2 px wide
TIMES = 1.7  # a seam's step against the larger of those; tried 1.4 and 2.2, and steps of steps: less apart
ABOVE_LEVELS = 1.0  # and beyond: flat grounds have steps of 0
NEAR_PX = 3  # lines nearer than this are one
SEAM_COVER = 0.6  # of the length; real seams 0.7..1, the best line of a plain clip under 0.45 in 25 of 28
BESIDE_PX = 2  # how far from a line its two sides are compared
LEAST_ALIKE, MOST_ALIKE = -0.21, 0.3  # correlation of their changes: -0.22..0.2 at 47 of 49 real seams, else beyond
EIGHTH_COVER = 0.2  # of each eighth of the length: the edge of an inset does not reach across
EDGE_COVER = 0.5  # of each side of an inset
EDGES_COVER = 2.6  # of its four sides together
FREE_COVER = 0.4  # what the frame's own edge counts for, as one side of an inset
LINES = 16  # longest ones in each direction that insets are built from: 23,409 rectangles
LEAST_GAIN = 0.06  # of a side: the share that is marked beyond EDGE_COVER times the line's length


@dataclass(frozen=True, slots=True, order=True)
class Box:
    """Rows top to bottom and columns left to right, in pixels of the reduced picture."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        """In pixels."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """In pixels."""
        return self.right - self.left

    def of(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Cut it out of frames (n, height, width)."""
        return frames[:, self.top : self.bottom, self.left : self.right]


class Lines:
    """Where pictures step: `across` marks steps from a pixel to the one on its right, `down` to the one below.

    stack   uint8 (frames, height, width) of one run
    """

    def __init__(self, stack: NDArray[np.uint8]) -> None:
        self.stack = stack
        self.across = _ridges(_steps(stack))
        self.down = _ridges(_steps(stack.transpose(0, 2, 1))).T

    def seams(self, box: Box, *, upright: bool) -> list[tuple[float, int]]:
        """Return (cover, position) of lines that run through the whole box, the clearest first.

        position    the first column (row) behind the line
        """
        marks = self.across if upright else self.down.T
        low, high = (box.top, box.bottom) if upright else (box.left, box.right)
        start, end = (box.left, box.right) if upright else (box.top, box.bottom)
        part = _either(marks)[low:high, start : end - 1]
        if min(part.shape) < 16:
            return []
        cover = part.mean(axis=0)
        eighths = np.stack([piece.mean(axis=0) for piece in np.array_split(part, 8)])
        good = (cover >= SEAM_COVER) & (eighths.min(axis=0) >= EIGHTH_COVER)
        found: list[tuple[float, int]] = []
        for place in sorted(np.flatnonzero(good).tolist(), key=lambda one: (-cover[one], one)):
            behind = place + 1 + start
            if all(abs(behind - other) > NEAR_PX for _, other in found) and self._apart(box, behind, upright=upright):
                found.append((float(cover[place]), behind))
        return found

    def cover(self, box: Box, place: int, *, upright: bool) -> float:
        """Return how much of a line through the box is marked, within two pixels of its place."""
        marks = (self.across if upright else self.down.T)[:, max(0, place - 3) : place + 2]
        low, high = (box.top, box.bottom) if upright else (box.left, box.right)
        return float(marks[low:high].mean(axis=0).max()) if marks[low:high].size else 0.0

    def _apart(self, box: Box, place: int, *, upright: bool) -> bool:
        """Say whether the two sides of a line move independently: an edge in one picture moves as one."""
        part = box.of(self.stack).astype(np.float32)
        part = part if upright else part.transpose(0, 2, 1)
        here = place - (box.left if upright else box.top)
        if not BESIDE_PX <= here <= part.shape[2] - BESIDE_PX:
            return True
        pair = part[:, :, [here - BESIDE_PX, here + BESIDE_PX - 1]]
        one, other = np.moveaxis(np.diff(pair, axis=0), 2, 0)
        both = float(np.sqrt((one * one).sum() * (other * other).sum()))
        return LEAST_ALIKE <= float((one * other).sum()) / (both + 1.0) <= MOST_ALIKE

    def insets(self, box: Box, least: float, most: float) -> list[Box]:
        """Return the rectangles whose edges stand out, the clearest first; one edge may be the box's own.

        least, most     sides in shares of the box's
        """
        across, down = _either(self.across), _either(self.down.T)
        columns, rows = _longest(across, box.top, box.bottom), _longest(down, box.left, box.right)
        columns = sorted(x for x in columns if box.left + NEAR_PX < x < box.right - NEAR_PX)
        rows = sorted(y for y in rows if box.top + NEAR_PX < y < box.bottom - NEAR_PX)
        left, right = _spans([box.left, *columns, box.right], least * box.width, most * box.width)
        top, bottom = _spans([box.top, *rows, box.bottom], least * box.height, most * box.height)
        if not len(left) or not len(top):
            return []
        top, bottom = top[:, None], bottom[:, None]  # every pair of rows with every pair of columns
        along, over = _cumulated(across), _cumulated(down)
        covers = np.stack(
            [_shares(along, x, top, bottom, (box.left, box.right)) for x in (left, right)]
            + [_shares(over, y, left, right, (box.top, box.bottom)) for y in (top, bottom)]
        )
        inside = covers >= 0
        free = 4 - inside.sum(axis=0)
        score = np.where(inside, covers, 0).sum(axis=0) + FREE_COVER * free
        good = (free <= 1) & (np.where(inside, covers, 1).min(axis=0) >= EDGE_COVER) & (score >= EDGES_COVER)
        found = [
            (-float(score[y, x]), Box(int(top[y, 0]), int(bottom[y, 0]), int(left[x]), int(right[x])))
            for y, x in zip(*np.nonzero(good), strict=True)
        ]
        return [inset for _, inset in sorted(found)]


def _cumulated(marks: Marks) -> NDArray[np.int32]:
    return np.cumsum(np.pad(marks, ((1, 0), (0, 0))), axis=0, dtype=np.int32)


def _shares(
    sums: NDArray[np.int32], place: Places, start: Places, end: Places, ends: tuple[int, int]
) -> NDArray[np.float64]:
    """Return how much of a line from start to end is marked; -1 for a line on one of the box's own two ends."""
    marked = sums[end, np.minimum(place, sums.shape[1]) - 1] - sums[start, np.minimum(place, sums.shape[1]) - 1]
    share: NDArray[np.float64] = np.where((ends[0] < place) & (place < ends[1]), marked / (end - start), -1.0)
    return share


def apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return how far apart levels are: a third of what it costs in wider numbers."""
    return np.asarray(np.maximum(one, other) - np.minimum(one, other), np.uint8)


def _steps(stack: NDArray[np.uint8]) -> Levels:
    """Return the mean step from each pixel to its right neighbour: (height, width - 1)."""
    sums = np.zeros((stack.shape[1], stack.shape[2] - 1), np.uint32)
    for steps in apart(stack[:, :, 1:], stack[:, :, :-1]):
        sums += steps
    mean: Levels = sums.astype(np.float32) / np.float32(len(stack))
    return mean


def _ridges(steps: Levels) -> Marks:
    width = steps.shape[1]
    padded = np.pad(steps, ((0, 0), (APART_PX, APART_PX)), mode="edge")
    marks: Marks = steps > TIMES * np.maximum(padded[:, :width], padded[:, 2 * APART_PX :]) + ABOVE_LEVELS
    return marks


def _either(marks: Marks) -> Marks:
    """Let a mark count for the next column too: an edge between two pixels marks now one, now the other."""
    both = marks.copy()
    both[:, 1:] |= marks[:, :-1]
    return both


def _longest(marks: Marks, low: int, high: int) -> list[int]:
    """Return the first column behind each of the longest lines, and never two beside each other."""
    gain = np.cumsum(np.pad(marks[low:high].astype(np.float32) - EDGE_COVER, ((1, 0), (0, 0))), axis=0)
    length = (gain - np.minimum.accumulate(gain, axis=0)).max(axis=0)
    found: list[int] = []
    for place in np.argsort(-length, kind="stable").tolist():
        if length[place] < LEAST_GAIN * (high - low) or len(found) == LINES:
            break
        if all(abs(place + 1 - other) > NEAR_PX for other in found):
            found.append(place + 1)
    return found


def _spans(places: list[int], least_px: float, most_px: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    pairs = [(low, high) for low, high in combinations(places, 2) if least_px <= high - low <= most_px]
    ends = np.array(pairs, np.int64).reshape(-1, 2)
    return ends[:, 0], ends[:, 1]
