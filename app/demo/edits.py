"""What people do to clips, frame by frame. Frames in, frames out; writes no file."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from app.demo.camera import FPS, FRAME_PX, Frame
from app.demo.recipes import Recipe


def change(recipe: Recipe) -> Callable[[Frame], Frame]:
    """What an edit does to each frame.

    raises  ValueError for an edit that is none of single frames
    """
    match recipe.edit:
        case "re-encode":
            return lambda frame: _sized(frame, recipe.size_px)
        case "caption":
            return _captioned(recipe.look)
        case "border":
            return _bordered(recipe.look) if recipe.look else _squared
        case "mirrored":
            return lambda frame: np.ascontiguousarray(frame[:, ::-1])
        case "cropped":
            return _cropped
        case "slowed":
            return lambda frame: frame
    raise ValueError(f"{recipe.name}: no edit {recipe.edit!r} of single frames; add it to change()")


def dissolved(shots: list[list[Frame]], over: int) -> Iterator[Frame]:
    """Shots one after the other; the last `over` frames of each fade into the next."""
    held: list[Frame] = []
    for shot in shots:
        for k, old in enumerate(held):
            share = (k + 1) / (over + 1)
            yield (old * (1 - share) + shot[k] * share).astype(np.uint8)
        yield from shot[len(held) : -over]
        held = shot[-over:]
    yield from held


def zoomed(path: Path, seconds: float) -> Iterator[Frame]:
    """A still brought to life: the first frame is the still, then the picture creeps closer."""
    with Image.open(path) as picture:
        whole = picture.convert("RGB")
    count = round(seconds * FPS)
    for number in range(count):
        zoom = 1 + 0.22 * number / (count - 1)
        wide, high = whole.width / zoom, whole.height / zoom
        left, top = (whole.width - wide) * 0.5, (whole.height - high) * 0.42
        box = (left, top, left + wide, top + high)
        yield np.asarray(whole.resize(FRAME_PX, Image.Resampling.BICUBIC, box=box))


def _sized(frame: Frame, size_px: tuple[int, int]) -> Frame:
    return np.asarray(Image.fromarray(frame).resize(size_px, Image.Resampling.BICUBIC))


def _captioned(words: str) -> Callable[[Frame], Frame]:
    """White letters with a dark edge, as the platforms' own editors set them."""
    text = Image.new("RGBA", FRAME_PX)
    ImageDraw.Draw(text).text(
        (FRAME_PX[0] / 2, 224),
        words,
        fill="white",
        font=ImageFont.load_default(26),
        anchor="mm",
        stroke_width=3,
        stroke_fill=(16, 14, 24),
    )

    def laid_over(frame: Frame) -> Frame:
        picture = Image.fromarray(frame).convert("RGBA")
        picture.alpha_composite(text)
        return np.asarray(picture.convert("RGB"))

    return laid_over


def _bordered(code: str) -> Callable[[Frame], Frame]:
    """The whole picture at 78 % on a plain ground."""
    ground = np.asarray(Image.new("RGB", FRAME_PX, ImageColor.getrgb(code)))

    def framed(frame: Frame) -> Frame:
        picture = ground.copy()
        picture[30:240, 53:427] = _sized(frame, (374, 210))
        return picture

    return framed


def _squared(frame: Frame) -> Frame:
    """Black bars above and below, to a square."""
    tall = np.zeros((480, 480, 3), np.uint8)
    tall[104:374] = frame[:270]
    return tall


def _cropped(frame: Frame) -> Frame:
    """The middle 70 %, blown up again."""
    return _sized(frame[40:230, 72:408], FRAME_PX)
