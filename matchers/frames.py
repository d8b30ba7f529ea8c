"""Which frames of a file are looked at: the first, and then as a plan says.

Opens local files only. Never trusts one: absurd sizes are refused before decoding, endless ones
are cut. Run it in a process that can be killed and has a memory limit all the same.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from core.errors import MediaUnreadable, NotFound
from matchers.source import (
    FIRST,
    KEYS,
    SECONDS,
    WHOLE,
    Colour,
    Cut,
    Limits,
    Luma,
    Pace,
    Plan,
    Shot,
    Source,
    denser,
    fitted,
)
from matchers.stills import open_still
from matchers.videos import open_video

__all__ = [
    "FIRST",
    "KEYS",
    "SECONDS",
    "WHOLE",
    "Clip",
    "Colour",
    "Frame",
    "Limits",
    "Luma",
    "Plan",
    "denser",
    "picture",
    "read",
]

SAME_MOMENT_S = 0.002  # offsets come back from a report rounded to milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a method sees.

    offset_s  its true time of presentation, from the first frame
    luma      uint8 (height, width), upright, full range, square pixels, at most Limits.max_side_px
    tick      the first frame of a whole second: expensive methods look at these only
    paint     what `colour` calls; None where there is only luma (a drawn example)
    """

    offset_s: float
    luma: Luma
    tick: bool = True
    paint: Callable[[int], Colour] | None = None

    def colour(self, side_px: int) -> Colour:
        """Convert to RGB, uint8 (height, width, 3), upright, its longest side at most `side_px`.

        Costs nothing until it is called. Of video larger than 720p, a frame that is no tick keeps
        only as much as luma has; of video larger than 1080p, a tick keeps 1280 px.
        """
        if self.paint is not None:
            return self.paint(side_px)
        height, width = self.luma.shape
        image = Image.fromarray(self.luma).resize(fitted(width, height, side_px), Image.Resampling.BOX)
        return np.asarray(image.convert("RGB"))

    def reduced(self, side_px: int) -> "Frame":
        """Return the frame with a luma of at most `side_px` on its longest side."""
        height, width = self.luma.shape
        size = fitted(width, height, side_px)
        if size == (width, height):
            return self
        return replace(self, luma=np.asarray(cv2.resize(self.luma, size, interpolation=cv2.INTER_AREA), np.uint8))


@dataclass(slots=True, kw_only=True)
class Clip:
    """A readable file. `frames` can be walked once.

    kind        image or video (an animated picture is a video)
    container   mov, matroska, mpegts, gif, webp, jpeg ...
    duration_s  what the header says; None for pictures
    width_px    upright, as shown
    silent      whether its header says that there is no sound
    truncated   why the frames ended early, known when they have been walked; None if they did not
    """

    kind: str
    container: str
    duration_s: float | None
    width_px: int
    height_px: int
    frames: Iterator[Frame]
    silent: bool = False
    truncated: str | None = None


def read(path: Path, *, limits: Limits = Limits(), plan: Plan = WHOLE) -> Clip:  # noqa: B008  (frozen)
    """Open a file, decode its first frame, and leave the others to be walked.

    A file that is damaged or has no end is cut, not refused: what decodes is evidence, and a clip
    must not get away by having junk or ten empty hours appended. A file that marks no key frame
    is decoded whole even where the plan asks for key frames only.

    raises  MediaUnreadable when not one frame can be had: not media, sound only, a decompression
            bomb, cut short before the first frame
            NotFound when there is no such file
    """
    source = _open(path, limits, Pace(plan))
    first, why = _first(source)
    if first is None and plan.keys_only:
        return read(path, limits=limits, plan=replace(plan, keys_only=False))
    if first is None:
        raise MediaUnreadable(f"{path.name}: {source.container} without one frame that decodes{why}; fetch it again")
    luma = first.luma(limits.max_side_px)
    turned = (luma.shape[0] > luma.shape[1]) != (source.height_px > source.width_px) and luma.shape[0] != luma.shape[1]
    clip = Clip(
        kind=source.kind,
        container=source.container,
        duration_s=source.duration_s,
        width_px=source.height_px if turned else source.width_px,
        height_px=source.width_px if turned else source.height_px,
        frames=iter(()),
        silent=source.silent,
    )
    clip.frames = chain([_frame(first, luma)], _rest(clip, source, limits))
    return clip


def picture(path: Path, offset_s: float, *, max_px: int = 480, max_bytes: int = 60_000) -> bytes:
    """Return a JPEG of the frame shown at the offset (of the last one, if the clip ends before).

    max_px      longest side
    raises      MediaUnreadable as `read`
    """
    limits = Limits()
    shot, _ = _first(_open(path, limits, Pace(next_s=max(0.0, offset_s - SAME_MOMENT_S))))
    if shot is None:
        shot, why = _last(_open(path, limits, Pace()))
        if shot is None:
            raise MediaUnreadable(f"{path.name}: no frame that decodes{why}; fetch it again")
    image = Image.fromarray(shot.colour(max_px))
    for quality in (82, 70, 55, 40):
        jpeg = BytesIO()
        image.save(jpeg, "JPEG", quality=quality)
        if jpeg.tell() <= max_bytes:
            return jpeg.getvalue()
    return picture(path, offset_s, max_px=max_px // 2, max_bytes=max_bytes) if max_px > 32 else jpeg.getvalue()


def _frame(shot: Shot, luma: Luma) -> Frame:
    return Frame(offset_s=shot.offset_s, luma=luma, tick=shot.tick, paint=shot.colour)


def _open(path: Path, limits: Limits, pace: Pace) -> Source:
    if not path.is_file():  # nor a pipe, on which opening would wait for ever
        raise NotFound(f"{path}: no file there; fetch the media again")
    return open_still(path, limits, pace) or open_video(path, limits, pace)


def _first(source: Source) -> tuple[Shot | None, str]:
    try:
        return next(source.shots, None), ""
    except Cut as cut:
        return None, f" ({cut})"


def _last(source: Source) -> tuple[Shot | None, str]:
    shot, why = None, ""
    try:
        for shot in source.shots:  # noqa: B007  (the last one is what is asked for)
            pass
    except Cut as cut:
        why = f" ({cut})"
    return shot, why


def _rest(clip: Clip, source: Source, limits: Limits) -> Iterator[Frame]:
    try:
        for shot in source.shots:
            yield _frame(shot, shot.luma(limits.max_side_px))
    except Cut as cut:
        clip.truncated = str(cut)
