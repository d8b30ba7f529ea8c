"""What the two decoders, stills.py and videos.py, hand to frames.py.

Never decodes anything itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil, floor, inf
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.errors import MediaUnreadable, SettingsWrong

Luma: TypeAlias = NDArray[np.uint8]  # (height, width), upright, 0 black to 255 white
Colour: TypeAlias = NDArray[np.uint8]  # (height, width, 3), upright RGB

ROUNDED_S = 0.0005  # containers round time stamps to a millisecond: 0.9997 s is the frame of 1 s
FASTEST_FPS = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one file may cost; beyond the first it is refused, beyond the others it is cut.

    max_pixels      width x height: 8K video is 33 million, a large phone photo 50 million
    max_duration_s  a long film with its credits; what lies behind it is not looked at
    max_decode_s    processor seconds, not wall time: a busy machine must not change fingerprints
    max_side_px     larger frames are scaled down to it: hashing costs a fifth, and no recall was lost
    """

    max_pixels: int = 64_000_000
    max_duration_s: float = 4 * 3600.0
    max_decode_s: float = 900.0
    max_side_px: int = 512

    def refuse_absurd(self, name: str, width_px: int, height_px: int) -> None:
        """Raise MediaUnreadable before anything of an absurd size is decoded."""
        if not 0 < width_px * height_px <= self.max_pixels:
            raise MediaUnreadable(
                f"{name}: {width_px} x {height_px} px, and the limit is {self.max_pixels} pixels; "
                "fetch a smaller rendition, or raise max_pixels if the file is trusted"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which moments of a clip are looked at. The default is what hashing needs.

    dense_s    the first seconds, sampled densely: image-to-video models start from the still they
               were given, and drift away from it within a second
    dense_fps  frames a second within them
    fps        frames a second after them
    dear_s     seconds from one frame that the dearest methods are given to the next: app/fingerprinting.py
    keys_only  only frames that decode without any other, at most so many: a thirtieth of the cost,
               and a frame every 2 to 10 s
    raises     SettingsWrong when no clip could be sampled like that

    Whole seconds are moments of every plan whose rates are whole numbers, so their frames are the
    same under each of them.
    """

    dense_s: float = 1.0
    dense_fps: float = 8.0
    fps: float = 4.0
    dear_s: float = 1.0
    keys_only: bool = False

    def __post_init__(self) -> None:
        if not (0 <= self.dense_s < inf and 0 < self.dense_fps <= FASTEST_FPS and 0 < self.fps <= FASTEST_FPS):
            raise SettingsWrong(f"{self}: rates lie between 0 and {FASTEST_FPS:.0f} a second, dense_s at 0 or above")
        if not 0 < self.dear_s < inf:
            raise SettingsWrong(f"{self}: dear_s is a number of seconds above 0")

    def after(self, offset_s: float) -> float:
        """Return the first moment of the plan after a frame."""
        if offset_s + ROUNDED_S < self.dense_s:
            dense_s = _after(offset_s, self.dense_fps)
            if dense_s + ROUNDED_S < self.dense_s:
                return dense_s
            return ceil((self.dense_s - ROUNDED_S) * self.fps) / self.fps
        return _after(offset_s, self.fps)


WHOLE = Plan()  # what references, and the files that matter, are looked at by
SECONDS = Plan(dense_s=0.0, dense_fps=1.0, fps=1.0)  # the plain grid: what expensive methods look at
KEYS = Plan(dense_s=0.0, dense_fps=1.0, fps=1.0, keys_only=True)  # the cheapest
FIRST = Plan(dear_s=4.0)  # the first look at a post's file: features, the dearest by far, of a quarter of the seconds


def denser(plan: Plan) -> Plan:
    """Return the plan for a clip that the given one left in doubt: a match close to the threshold.

    Key frames only, or less than the default, becomes the default; anything else twice its rates.
    """
    usual = Plan()
    if plan.keys_only or plan.fps < usual.fps or plan.dear_s > usual.dear_s:
        return usual
    return Plan(
        dense_s=max(1.0, 2 * plan.dense_s),
        dense_fps=min(FASTEST_FPS, 2 * plan.dense_fps),
        fps=min(FASTEST_FPS, 2 * plan.fps),
    )


@dataclass(slots=True)
class Pace:
    """Walks a plan: which of the frames that come by, in order, are taken.

    The first at or after each moment is. One that comes late (variable frame rate) serves every
    moment it was late for.
    """

    plan: Plan = SECONDS
    next_s: float = 0.0
    tick_s: float = 0.0

    def wants(self, offset_s: float) -> bool:
        """Say whether a frame shown then would be taken."""
        return offset_s + ROUNDED_S >= self.next_s

    def take(self, offset_s: float) -> bool:
        """Move on behind a wanted frame; say whether it is a tick: the first of its second."""
        self.next_s = self.plan.after(offset_s)
        if offset_s + ROUNDED_S < self.tick_s:
            return False
        self.tick_s = _after(offset_s, 1)
        return True


def _after(offset_s: float, fps: float) -> float:
    return (floor((offset_s + ROUNDED_S) * fps) + 1) / fps


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A wanted frame, not yet converted. Both calls take the longest side in pixels.

    luma    to be asked first: it lets go of the decoder's large buffer
    """

    offset_s: float
    tick: bool
    luma: Callable[[int], Luma]
    colour: Callable[[int], Colour]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An opened file. `shots` ends by raising Cut where it had to stop early; `silent` where it surely has no sound."""

    kind: str
    container: str
    duration_s: float | None
    width_px: int
    height_px: int
    shots: Iterator[Shot]
    silent: bool = False


class Cut(Exception):
    """The shots end here, and the message says why. Only frames.py catches it."""


def fitted(width_px: int, height_px: int, side_px: int) -> tuple[int, int]:
    """Width and height with the longest side at most `side_px`, the shape kept, at least 1 px."""
    scale = min(1.0, side_px / max(width_px, height_px))
    return max(1, round(width_px * scale)), max(1, round(height_px * scale))
