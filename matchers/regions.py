"""Find which parts of a frame are pictures of their own: inside bars, beside a seam, in an inset.

What an editor lays out stands still while the picture moves, so the frames of a run are looked at
together. Never divides one frame by itself: a still is freed of its plain bars, and that is all.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import groupby
from weakref import ref

import cv2
import numpy as np
from numpy.typing import NDArray

from matchers.frames import Frame
from matchers.regions_bars import SHAVE_PX, Stack, barred, trimmed
from matchers.regions_layout import pictures
from matchers.regions_lines import Box
from matchers.source import Luma

Part = tuple[str, slice, slice]  # name, rows, columns

INNER_SHARE = 0.2  # of a side must remain: a 2.39:1 film in 9:16 keeps 0.235; less is a logo or a title
LOOKED_AT = 16  # frames of a run, evenly spread
REDUCED_PX = 320  # frames are reduced by a whole factor to this before lines are looked for
LEAST_PX = 32  # of the reduced frame's shorter side; smaller ones are not divided
LEAST_PART_PX = 8
MOST = 5  # pictures beside the whole, in a run: each costs a hash, and its chance of a false pair
# Found with and without, of 14 each: stills as 9:16 crops 13 and 0, clips 5 and 2, stacked clips 10 and 3; the
# nearest wrong pair stays beyond 80 bits. Tried: a square and a centre of 70 %, which find their own like.
CROPS = {"centre 9:16": 9 / 16, "centre 9:8": 9 / 8}
CROPPED_SHARE = 0.9  # of the width at most; else the whole is near enough
SAME_SHARE = 0.03  # of a side: parts nearer than this are one


def views(frames: Sequence[Frame]) -> list[tuple[float, str, Luma]]:
    """Return the pictures of each frame of a run, in the order of the frames, the whole first.

    returns (offset_s, region, view): views of the frames' own pixels, never copies; a region stands once
            in a frame. Regions: whole; inner (without plain bars); between bars (with lettering, or a
            still background); between blurs; top, middle, bottom, left, right and two of them (beside
            seams); inset 1, inset 2; inner alone (without the bars that this frame alone seems to have);
            once a second, centre 9:16 and centre 9:8 (what is left of a wide picture upright, or in a stack)
    """
    found: list[tuple[float, str, Luma]] = []
    for _, group in groupby(frames, key=lambda frame: frame.luma.shape):
        given = list(group)
        run = _run([frame.luma for frame in given])
        for frame in given:
            found.append((frame.offset_s, "whole", frame.luma))
            found += [(frame.offset_s, name, frame.luma[rows, columns]) for name, rows, columns in run.parts]
            found += [(frame.offset_s, name, view) for name, view in _alone(run, frame.luma)]
            found += [(frame.offset_s, name, view) for name, view in _crops(frame, run.parts)]
    return found


def together(frames: Sequence[Frame]) -> None:
    """Say that these frames are one run: a method that is given a few of them divides them as the whole run is.

    What is found out is kept until the next frames are looked at, the frames themselves are not.
    """
    groups = groupby(frames, key=lambda frame: frame.luma.shape)
    _RUNS[:] = [_Run([frame.luma for frame in group], shared=True) for _, group in groups]


def layout(lumas: Sequence[Luma]) -> list[Part]:
    """Return the pictures inside the frames of one run, all of one size: name, rows, columns.

    Several methods ask about the same frames, one after the other: the last answer is kept for them.
    """
    return _run(lumas).parts


def _run(lumas: Sequence[Luma]) -> "_Run":
    known = next((run for run in _RUNS if run.has(lumas)), None)
    if known is None:
        _RUNS[:] = [known := _Run(lumas)]
    return known


class _Run:
    """Frames of one size: reduced once, and what was found in them, for all who ask.

    shared  some of the frames stand for all of them
    """

    def __init__(self, lumas: Sequence[Luma], *, shared: bool = False) -> None:
        self.shared, self.size = shared, lumas[0].shape
        self.numbers = {id(luma): number for number, luma in enumerate(lumas)}
        self.refs = [ref(luma) for luma in lumas]
        self.factor, self.whole = _reduction(self.size)

    def has(self, lumas: Sequence[Luma]) -> bool:
        """Say whether these are its frames, or some of them where that is enough."""
        here = [seen() for seen in self.refs]
        if not self.shared:
            return len(lumas) == len(here) and all(one is luma for one, luma in zip(here, lumas, strict=True))
        # While all are there: what is not yet found out is asked of all of them.
        mine = {id(one) for one in here if one is not None}
        return len(mine) == len(here) and all(id(luma) in mine for luma in lumas)

    @cached_property
    def stack(self) -> Stack:
        """All its frames, reduced."""
        lumas = [one() for one in self.refs]
        return np.stack([_reduced(luma, self.factor, self.whole) for luma in lumas if luma is not None])

    @cached_property
    def parts(self) -> list[Part]:
        """The pictures inside them."""
        if min(self.whole.height, self.whole.width) < LEAST_PX:
            return []
        count = len(self.refs)
        chosen = sorted({round(one) for one in np.linspace(0, count - 1, min(count, LOOKED_AT)).tolist()})
        return _divided(self.stack[chosen], self.whole, self.factor, self.size)

    @cached_property
    def barred(self) -> NDArray[np.bool_]:
        """Which of them may have bars of their own."""
        return barred(self.stack)

    def inner(self, luma: Luma) -> tuple[slice, slice] | None:
        """Say what lies inside the plain bars of one of its frames."""
        if min(self.whole.height, self.whole.width) < LEAST_PART_PX:
            return None
        number = self.numbers[id(luma)]
        if not self.barred[number]:
            return None
        box = trimmed(self.stack[number][None], self.whole)
        rows, columns = _slices(box, self.whole, self.factor, self.size)
        share = min((rows.stop - rows.start) / self.size[0], (columns.stop - columns.start) / self.size[1])
        return None if box == self.whole or share < INNER_SHARE else (rows, columns)


_RUNS: list[_Run] = []  # the last that were asked about


def inner(luma: Luma) -> Luma | None:
    """Return the part of one frame inside its plain bars; None when it has none worth cutting.

    luma    uint8 (height, width)
    returns a view, uint8 (height', width')
    """
    found = _Run([luma]).inner(luma)
    return None if found is None else luma[found]


def _reduction(size: tuple[int, ...]) -> tuple[int, Box]:
    """Return by what frames of a size are reduced, and what they are then."""
    factor = max(1, -(-max(size) // REDUCED_PX))
    return factor, Box(0, size[0] // factor, 0, size[1] // factor)


def _divided(stack: Stack, whole: Box, factor: int, size: tuple[int, ...]) -> list[Part]:
    inside = trimmed(stack, whole)
    if min(inside.height / whole.height, inside.width / whole.width) < INNER_SHARE:
        return []
    found: list[tuple[str, Box]] = []
    for name, box in (("inner", inside), *pictures(stack, whole, inside)):
        large = min(box.height, box.width) >= LEAST_PART_PX
        if large and len(found) < MOST and not any(_same(box, other) for other in (whole, *(one for _, one in found))):
            found.append((name, box))
    return [(name, *_slices(box, whole, factor, size)) for name, box in found]


def _reduced(luma: Luma, factor: int, to: Box) -> Luma:
    if factor == 1:
        return luma
    part = luma[: to.height * factor, : to.width * factor]
    return np.asarray(cv2.resize(part, (to.width, to.height), interpolation=cv2.INTER_AREA), np.uint8)


def _slices(box: Box, whole: Box, factor: int, size: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the box in pixels of the frame, without the blur along its edges."""
    top, left = (place * factor + SHAVE_PX * (place > 0) for place in (box.top, box.left))
    bottom = size[0] if box.bottom == whole.bottom else box.bottom * factor - SHAVE_PX
    right = size[1] if box.right == whole.right else box.right * factor - SHAVE_PX
    return slice(top, bottom), slice(left, right)


def _alone(run: _Run, luma: Luma) -> Iterator[tuple[str, Luma]]:
    """Add what one frame says of its bars, unless the run already says so, or finds a part further in.

    It says more in a shot with other bars, and where a figure stands on a plain ground.
    """
    found = run.inner(luma)
    if found is None:
        return
    if not any(_within(rows, found[0]) and _within(columns, found[1]) for _, rows, columns in run.parts):
        yield "inner alone" if any(name == "inner" for name, _, _ in run.parts) else "inner", luma[found]


def _crops(frame: Frame, parts: list[Part]) -> Iterator[tuple[str, Luma]]:
    """Cut the middle of a wide picture as those do who make it upright, or stack it on another one.

    Of the ticks only, a quarter of the cost: of the four frames a second on the other side, one is near.
    """
    if not frame.tick:
        return
    picture = next((frame.luma[rows, columns] for name, rows, columns in parts if name == "inner"), frame.luma)
    height, width = picture.shape
    for name, shape in CROPS.items():
        kept = round(height * shape)
        if LEAST_PART_PX <= kept <= CROPPED_SHARE * width:
            left = (width - kept) // 2
            yield name, picture[:, left : left + kept]


def _within(one: slice, other: slice) -> bool:
    slack = SAME_SHARE * (one.stop - one.start)
    return bool(other.start <= one.start + slack and one.stop <= other.stop + slack)


def _same(one: Box, other: Box) -> bool:
    return (
        abs(one.top - other.top) + abs(one.bottom - other.bottom) <= SAME_SHARE * other.height
        and abs(one.left - other.left) + abs(one.right - other.right) <= SAME_SHARE * other.width
    )
