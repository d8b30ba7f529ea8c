"""What the two decoders, stills.py and videos.py, hand to frames.py.

Never decodes anything itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import floor
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from core.errors import MediaUnreadable

Luma: TypeAlias = NDArray[np.uint8]  # (height, width), upright


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


@dataclass(slots=True)
class Pace:
    """Which moments are wanted: the first at or after `next_s`, then the first of each second.

    A frame that comes late (variable frame rate) serves every second it was late for.
    """

    next_s: float = 0.0

    def wants(self, offset_s: float) -> bool:
        """Say whether this frame is taken, and move on if it is."""
        if offset_s < self.next_s:
            return False
        self.next_s = floor(offset_s) + 1.0
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A wanted frame, not yet converted. Both calls take the longest side in pixels."""

    offset_s: float
    luma: Callable[[int], Luma]
    image: Callable[[int], Image]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An opened file. `shots` ends by raising Cut where it had to stop early."""

    kind: str
    container: str
    duration_s: float | None
    width_px: int
    height_px: int
    shots: Iterator[Shot]


class Cut(Exception):
    """The shots end here, and the message says why. Only frames.py catches it."""


def fitted(width_px: int, height_px: int, side_px: int) -> tuple[int, int]:
    """Width and height with the longest side at most `side_px`, the shape kept, at least 1 px."""
    scale = min(1.0, side_px / max(width_px, height_px))
    return max(1, round(width_px * scale)), max(1, round(height_px * scale))
