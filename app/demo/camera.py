"""Move a camera through the sheets of a scene: pan and zoom with parallax, and air before the lens.

Yields frames; writes no file.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

from app.demo.art.paint import HEIGHT_PX, WIDTH_PX, Layer

FPS = 12  # enough for slow moves; half the work of film
FRAME_PX = (480, 270)
HALF_PX = (WIDTH_PX // 2, HEIGHT_PX // 2)  # sheets are shrunk once: a frame then reads nearly pixel for pixel

Frame: TypeAlias = NDArray[np.uint8]  # (270, 480, 3) RGB, or another size where said
View: TypeAlias = tuple[float, float, float]  # pan in pixels right and down, zoom

# How a scene's camera goes; a scene takes one by its place in the list.
MOVES: tuple[tuple[View, View], ...] = (
    ((-16, 2, 1.03), (16, -3, 1.10)),
    ((10, 5, 1.20), (-8, -4, 1.04)),
    ((0, 8, 1.04), (4, -9, 1.16)),
    ((18, -2, 1.06), (-18, 3, 1.06)),
)
# What floats in the air: colour, how many, size in pixels, and drift in pixels a second.
AIRS: dict[str, tuple[tuple[int, int, int], int, float, tuple[float, float]]] = {
    "embers": ((255, 190, 110), 26, 1.6, (5, -16)),
    "petals": ((255, 214, 222), 20, 2.2, (14, 12)),
    "snow": ((246, 248, 252), 60, 1.5, (-12, 22)),
    "rain": ((190, 206, 230), 60, 0.8, (-18, 210)),
    "dust": ((240, 228, 205), 22, 1.1, (4, -3)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A layer ready to film: an RGBA image of HALF_PX."""

    image: Image.Image
    depth: float
    drift_px_s: float


def ready(pictures: Sequence[Image.Image], layers: Sequence[Layer]) -> list[Sheet]:
    """Shrink the sheets of a scene for filming."""
    return [
        Sheet(
            image=picture.resize(HALF_PX, Image.Resampling.BOX), depth=layer.depth, drift_px_s=layer.drift * HALF_PX[1]
        )
        for picture, layer in zip(pictures, layers, strict=True)
    ]


def film(sheets: Sequence[Sheet], move: int, seconds: float, air: str, seed: int) -> Iterator[Frame]:
    """Frames of one shot; `move` picks from MOVES."""
    count = round(seconds * FPS)
    start, end = MOVES[move % len(MOVES)]
    bits = np.random.default_rng(seed).random((AIRS[air][1], 4))
    for number in range(count):
        share = number / (count - 1)
        eased = share * share * (3 - 2 * share)
        view = tuple(a + (b - a) * eased for a, b in zip(start, end, strict=True))
        frame = Image.new("RGBA", FRAME_PX)
        for sheet in sheets:
            frame.alpha_composite(_seen(sheet, view, number / FPS))
        flat = frame.convert("RGB")
        _float(flat, air, bits, number / FPS)
        yield np.asarray(flat)


def _seen(sheet: Sheet, view: tuple[float, ...], at_s: float) -> Image.Image:
    """The part of a sheet the camera sees: near sheets move and grow more than far ones."""
    image = sheet.image
    if sheet.drift_px_s:
        image = ImageChops.offset(image, round(sheet.drift_px_s * at_s), 0)  # noise wraps without a seam
    right, down, zoom = view
    step = 1 / (1 + (zoom - 1) * (0.6 + 0.6 * sheet.depth))
    swing = 0.3 + 0.9 * sheet.depth
    left = HALF_PX[0] / 2 + right * swing - FRAME_PX[0] / 2 * step
    top = HALF_PX[1] / 2 + down * swing - FRAME_PX[1] / 2 * step
    return image.transform(
        FRAME_PX, Image.Transform.AFFINE, (step, 0, left, 0, step, top), resample=Image.Resampling.BILINEAR
    )


def _float(frame: Image.Image, air: str, bits: NDArray[np.float64], at_s: float) -> None:
    """Draw what floats in the air, in place."""
    tint, _, size, (across, down) = AIRS[air]
    pen = ImageDraw.Draw(frame, "RGBA")
    for x, y, near, phase in bits:
        left = (x * FRAME_PX[0] + at_s * across * (0.5 + near) + 6 * np.sin(at_s * 1.7 + phase * 6)) % FRAME_PX[0]
        top = (y * FRAME_PX[1] + at_s * down * (0.5 + near)) % FRAME_PX[1]
        half = size * (0.4 + 0.8 * near)
        alpha = round(60 + 120 * near * (0.6 + 0.4 * np.sin(at_s * 3 + phase * 9)))
        if air == "rain":
            pen.line((left, top, left - 1, top + 6 + 6 * near), fill=(*tint, alpha // 2))
        else:
            pen.ellipse((left - half, top - half, left + half, top + half), fill=(*tint, alpha))
