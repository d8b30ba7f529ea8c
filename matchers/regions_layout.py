"""How a montage is divided: what lies between its bars, beside its seams and in its insets.

Never looks at one frame alone, but for plain bars with lettering: which side of a line is a picture,
and which a background, is told by what moves.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from matchers.regions_bars import SAME_LEVELS, Stack, trimmed
from matchers.regions_lines import Box, Lines, apart

LEAST_FRAMES = 4  # fewer do not tell what stands still
EDGE_SHARE = 0.04  # of a side; a seam nearer to the edge is a border that plain bars already explain
PART_SHARE = 0.12  # of the frame's side; narrower strips hold no picture worth a hash
STILL_SHARE = 0.15  # of the movement in the liveliest strip; less is a background or lettering
STILL_LEVELS = 1.0  # and less than this of 256, between two frames looked at
PLAIN_STILL_SHARE = 0.5  # of that movement, for a strip of one level: its lettering may change
PLAIN_SHARE = 0.6  # of a strip's pixels at one level: a plain bar with lettering on it
DULL_SHARE = 0.35  # of the sharpness of the sharpest strip; less is a blurred copy of the picture
BLUR_STEP = 2.0  # times sharper just inside than just outside
BLUR_COVER = 0.3  # of the clearer one of the two edges must stand out
NOISE_LEVELS = 0.3  # of 256: steps that coding alone leaves in a bar
STRIPS = 3  # side by side; more lines are a fence, a keyboard, a bookshelf
DEPTH = 2  # a strip may be divided again: a collage of four
INSETS = 2
INSET_LEAST, INSET_MOST = 0.22, 0.9  # sides of an inset, shares of the frame's


def pictures(stack: Stack, whole: Box, inside: Box) -> Iterator[tuple[str, Box]]:
    """Find the pictures in the frames of a run, the surest first; the same one may come twice.

    stack   uint8 (frames, height, width)
    inside  what plain bars leave of the whole
    """
    montage = _Montage(stack)
    if montage.moves:
        yield from montage.insets(whole)
    parts = montage.parts(inside, DEPTH)
    yield from [("between bars", parts[0][1])] if len(parts) == 1 else parts
    sharp = montage.between_blurs(inside)
    if sharp is not None:
        yield "between blurs", trimmed(stack, sharp)


class _Montage:
    """The frames of one run, and the lines that stand still in them."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.moves = len(stack) >= LEAST_FRAMES
        self.lines = Lines(stack)

    def insets(self, whole: Box) -> Iterator[tuple[str, Box]]:
        """Find pictures laid over another one."""
        kept: list[Box] = []
        for inset in self.lines.insets(whole, INSET_LEAST, INSET_MOST):
            if len(kept) < INSETS and not any(_overlap(inset, other) for other in kept):
                kept.append(inset)
                yield f"inset {len(kept)}", inset

    def parts(self, box: Box, depth: int) -> list[tuple[str, Box]]:
        """Divide a box at its seams, and those parts again; [] when nothing divides it."""
        if depth == 0:
            return []
        flat, upright = (self._seams(box, upright=upright) for upright in (False, True))
        stands = max(upright, default=(0.0, 0)) > max(flat, default=(0.0, 0))
        places = sorted(place for _, place in (upright if stands else flat))
        strips = [trimmed(self.stack, strip) for strip in _strips(box, places, upright=stands)]
        kept = [strip for number, strip in enumerate(strips) if not self._empty(strips, number)]
        if not places or not 1 <= len(kept) <= STRIPS or (len(kept) > 1 and not self.moves):
            return []
        found = []
        for name, strip in zip(_names(len(kept), upright=stands), kept, strict=True):
            again = self.parts(strip, depth - 1) or [("", strip)]
            found += [(f"{name} {more}".strip(), part) for more, part in again]
        return found

    def between_blurs(self, box: Box) -> Box | None:
        """Return the picture between two blurred copies of itself, above and below or left and right."""
        if not self.moves:
            return None
        part = box.of(self.stack[::2])
        for upright in (False, True):
            # Steps along the bars: their edge has no part in it.
            steps = apart(part[:, 1:], part[:, :-1]) if upright else apart(part[:, :, 1:], part[:, :, :-1])
            depth = _dull_ends(steps.mean(axis=(0, 1) if upright else (0, 2)))
            low, high = (box.left, box.right) if upright else (box.top, box.bottom)
            ends = low + depth, high - depth
            if depth and max(self.lines.cover(box, end, upright=upright) for end in ends) >= BLUR_COVER:
                return Box(box.top, box.bottom, *ends) if upright else Box(*ends, box.left, box.right)
        return None

    def _seams(self, box: Box, *, upright: bool) -> list[tuple[float, int]]:
        low, high = (box.left, box.right) if upright else (box.top, box.bottom)
        edge = EDGE_SHARE * (high - low)
        return [one for one in self.lines.seams(box, upright=upright) if low + edge <= one[1] <= high - edge]

    def _empty(self, strips: list[Box], number: int) -> bool:
        """Say whether a strip is no picture of its own: a bar with lettering, a background, a blurred copy."""
        strip = strips[number]
        height, width = self.stack.shape[1:]
        if strip.height < PART_SHARE * height or strip.width < PART_SHARE * width:
            return True
        if not self.moves:
            return self._plain(strip)
        movement = [self._movement(one) for one in strips]
        share = movement[number] / max(*movement, NOISE_LEVELS)
        if share < STILL_SHARE and movement[number] < STILL_LEVELS:
            return True
        if share < PLAIN_STILL_SHARE and self._plain(strip):
            return True
        if number not in (0, len(strips) - 1) or len(strips) < STRIPS:
            return False
        sharpness = [self._sharpness(one) for one in strips]
        return max(sharpness[0], sharpness[-1]) < DULL_SHARE * max(sharpness)

    def _plain(self, box: Box) -> bool:
        part = box.of(self.stack)[:, ::2, ::2]
        level = np.median(part, axis=(1, 2), keepdims=True)
        shares = (np.abs(part - level) <= SAME_LEVELS).mean(axis=(1, 2))
        return float(shares.min()) >= PLAIN_SHARE

    def _movement(self, box: Box) -> float:
        part = box.of(self.stack)
        return float(apart(part[1:], part[:-1]).mean()) if part.size else 0.0

    def _sharpness(self, box: Box) -> float:
        if min(box.height, box.width) < 2:
            return 0.0
        part = box.of(self.stack[::2])
        across, down = apart(part[:, :, 1:], part[:, :, :-1]), apart(part[:, 1:], part[:, :-1])
        return float(across.mean() + down.mean())


def _dull_ends(fine: NDArray[np.float64]) -> int:
    """Return how deep two equal blurred bars are; 0 when there are none.

    fine    (size,): the sharpness of each row, in levels of 256
    """
    size = len(fine)
    place = np.arange(round(EDGE_SHARE * size) + 6, size // 2 - 5)
    if len(place) == 0:
        return 0
    least = np.full(len(place), np.inf)
    for rows in (fine, fine[::-1]):
        sums = np.concatenate([[0.0], np.cumsum(rows)])
        within = (sums[size - place - 1] - sums[place + 1]) / (size - 2 * place - 2)
        step = (sums[place + 5] - sums[place + 1]) / (sums[place - 1] - sums[place - 5] + 4 * NOISE_LEVELS)
        dull = sums[place - 1] / (place - 1) <= DULL_SHARE * within
        least = np.minimum(least, np.where(dull, step, 0.0))
    best = int(np.argmax(least))
    return int(place[best]) if least[best] > BLUR_STEP else 0


def _strips(box: Box, places: list[int], *, upright: bool) -> list[Box]:
    ends = [box.left, *places, box.right] if upright else [box.top, *places, box.bottom]
    pairs = list(pairwise(ends))
    if upright:
        return [Box(box.top, box.bottom, low, high) for low, high in pairs]
    return [Box(low, high, box.left, box.right) for low, high in pairs]


def _names(count: int, *, upright: bool) -> tuple[str, ...]:
    if count == 1:
        return ("",)
    first, last = ("left", "right") if upright else ("top", "bottom")
    return (first, last) if count == 2 else (first, "middle", last)


def _overlap(one: Box, other: Box) -> bool:
    """Say whether two insets share more than a third of the smaller one."""
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    width = min(one.right, other.right) - max(one.left, other.left)
    smaller = min(one.height * one.width, other.height * other.width)
    return height > 0 and width > 0 and height * width > smaller / 3
