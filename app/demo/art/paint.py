"""Brushes: noise, gradients, glow, ink, reflections and the film grade.

All lengths are in picture heights: y runs 0..1 downwards, x runs 0..1.776 to the right. The canvas is a
little larger than a still, so that a camera can move. Nothing here draws anything recognisable.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw
from scipy import fft, ndimage

Mask: TypeAlias = NDArray[np.floating[Any]]  # (608, 1080), 0..1
Picture: TypeAlias = NDArray[np.floating[Any]]  # (608, 1080, 3), 0..1, gamma-encoded RGB
Point: TypeAlias = tuple[float, float]

HEIGHT_PX, WIDTH_PX = 608, 1080
ASPECT = WIDTH_PX / HEIGHT_PX
Y, X = (a.astype(np.float32) / HEIGHT_PX for a in np.mgrid[0:HEIGHT_PX, 0:WIDTH_PX])


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One sheet of a scene. depth: 0 far .. 1 near; drift: heights a second that it floats sideways."""

    rgb: Picture
    alpha: Mask
    depth: float
    drift: float = 0.0


def colour(code: str) -> NDArray[np.floating[Any]]:
    """Read "rrggbb" as three values 0..1."""
    return single(np.array(ImageColor.getrgb(f"#{code}")) / 255)


def single(values: NDArray[Any]) -> Mask:
    """In single precision, which halves the memory and is more than eight bits need."""
    return values.astype(np.float32)


def unit(values: NDArray[Any]) -> Mask:
    """Cut to 0..1."""
    return single(np.clip(values, 0, 1))


@lru_cache(maxsize=24)
def noise(seed: int, *, rough: float = 1.5, upright: float = 1.0) -> Mask:
    """Fractal noise about 0.5; `rough` is the spectral slope (1 crisp, 2 soft).

    upright    above 1 stretches it into standing streaks (bark, rain), below 1 into lying ones (cloud, water)
    """
    white = np.random.default_rng(seed).standard_normal((HEIGHT_PX, WIDTH_PX), dtype=np.float32)
    down = fft.fftfreq(HEIGHT_PX)[:, None]
    across = fft.rfftfreq(WIDTH_PX)[None, :] / upright
    size = np.maximum(np.hypot(down, across), 1 / WIDTH_PX).astype(np.float32)
    shaped = fft.irfft2(fft.rfft2(white) / size**rough, s=white.shape)
    return unit(0.5 + 0.21 * shaped / shaped.std())


def blank(code: str) -> Picture:
    """A canvas of one colour."""
    return np.broadcast_to(colour(code), (HEIGHT_PX, WIDTH_PX, 3)).astype(np.float32)


def ramp(stops: Sequence[tuple[float, str]], along: Mask = Y) -> Picture:
    """A gradient through (position, colour) stops along a field (downwards when none is given)."""
    at = [stop for stop, _ in stops]
    table = np.array([colour(code) for _, code in stops])
    return single(np.stack([np.interp(along, at, table[:, c]) for c in range(3)], -1))


def mix(picture: Picture, paint: str | Picture, mask: Mask) -> Picture:
    """Lay paint over the picture where the mask is 1."""
    over = colour(paint) if isinstance(paint, str) else paint
    return picture + (over - picture) * mask[..., None]


def light(picture: Picture, paint: str, mask: Mask) -> Picture:
    """Add light as a screen: bright stays below white."""
    return 1 - (1 - picture) * (1 - colour(paint) * np.clip(mask, 0, 1)[..., None])


def glow(x: float, y: float, radius: float, *, flat: float = 1.0) -> Mask:
    """A soft light with a long tail; `flat` > 1 squeezes it vertically."""
    far = ((X - x) ** 2 + ((Y - y) * flat) ** 2) / radius**2
    return single(0.6 * np.exp(-far) + 0.4 / (1 + far) ** 1.5)


def disc(x: float, y: float, radius: float) -> Mask:
    """A hard disc with a clean edge."""
    return unit((radius - np.hypot(X - x, Y - y)) * HEIGHT_PX + 0.5)


def below(line: NDArray[np.float32] | float, soft_px: float = 1.5) -> Mask:
    """1 below a height (one value, or one a column)."""
    return unit((Y - line) * HEIGHT_PX / soft_px + 0.5)


def ridge(seed: int, base: float, height: float, *, rough: float = 1.15) -> NDArray[np.float32]:
    """A mountain line: one y a column, wandering about `base` by some `height`."""
    rng = np.random.default_rng(seed)
    waves = fft.rfft(rng.standard_normal(2 * WIDTH_PX))
    waves /= np.maximum(np.arange(len(waves)), 2.0) ** rough
    line = fft.irfft(waves)[:WIDTH_PX]
    return single(base + height * line / np.abs(line).max())


def smooth(mask: Mask, radius: float) -> Mask:
    """Blur by a radius in picture heights."""
    return single(ndimage.gaussian_filter(mask, radius * HEIGHT_PX))


class Ink:
    """Draws shapes in picture heights at twice the size, then shrinks them to a clean-edged mask."""

    def __init__(self) -> None:
        self._sheet = Image.new("L", (2 * WIDTH_PX, 2 * HEIGHT_PX))
        self._draw = ImageDraw.Draw(self._sheet)

    @staticmethod
    def _px(points: Sequence[Point]) -> list[Point]:
        return [(x * 2 * HEIGHT_PX, y * 2 * HEIGHT_PX) for x, y in points]

    def area(self, points: Sequence[Point], tone: float = 1.0) -> "Ink":
        """Fill a polygon."""
        self._draw.polygon(self._px(points), fill=round(255 * tone))
        return self

    def stroke(self, points: Sequence[Point], width: float, tone: float = 1.0) -> "Ink":
        """Draw a line with round joints."""
        self._draw.line(
            self._px(points), fill=round(255 * tone), width=max(1, round(width * 2 * HEIGHT_PX)), joint="curve"
        )
        return self

    def oval(self, x: float, y: float, across: float, down: float, tone: float = 1.0) -> "Ink":
        """Fill an ellipse about a centre, given its half axes."""
        (left, top), (right, bottom) = self._px([(x - across, y - down), (x + across, y + down)])
        self._draw.ellipse((left, top, right, bottom), fill=round(255 * tone))
        return self

    def mask(self, blur: float = 0.0) -> Mask:
        """The drawing so far, 0..1."""
        drawn = np.asarray(self._sheet.reduce(2), np.float32) / 255
        return smooth(drawn, blur) if blur else drawn


def warped(picture: Picture, seed: int, reach: float = 0.003) -> Picture:
    """Push pixels about by fine noise, as a loaded brush does: `reach` in picture heights."""
    down = (noise(seed, rough=1.5) - 0.5) * reach * 5 * HEIGHT_PX
    across = (noise(seed + 1, rough=1.5) - 0.5) * reach * 5 * HEIGHT_PX
    return moved(picture, across, down)


def moved(picture: Picture, across_px: Mask, down_px: Mask) -> Picture:
    """Fetch every pixel from where the two fields point; edges repeat."""
    at = np.stack([Y * HEIGHT_PX + down_px, X * HEIGHT_PX + across_px])
    planes = [ndimage.map_coordinates(picture[..., c], at, order=1, mode="nearest") for c in range(picture.shape[2])]
    return single(np.stack(planes, -1))


def mirrored_in_water(picture: Picture, line: float, seed: int, *, rough: float = 0.02) -> Picture:
    """The upper part upside down below a waterline, broken by ripples that widen towards the viewer."""
    near = np.clip((Y - line) / (1 - line), 0, 1)
    across = (noise(seed, rough=1.0, upright=0.18) - 0.5) * rough * HEIGHT_PX * (0.4 + 2.2 * near)
    down = (2 * line - 2 * Y) * HEIGHT_PX + (
        noise(seed + 1, rough=1.0, upright=0.12) - 0.5
    ) * rough * 3 * HEIGHT_PX * near
    return moved(picture, across, down)


def bristle(picture: Picture, seed: int, strength: float = 0.07) -> Picture:
    """Vary the tone like dry paint on canvas."""
    strokes = noise(seed, rough=0.95, upright=0.4) + 0.5 * noise(seed + 1, rough=0.7) - 0.75
    return np.clip(picture * (1 + strength * 2 * strokes[..., None]), 0, 1)


def graded(picture: Picture, *, shadows: str = "0b1020", highlights: str = "fff1d8") -> Picture:
    """A film grade: shadows and highlights take a tint, contrast gets a gentle S, corners fall off."""
    tone = picture @ np.array([0.3, 0.59, 0.11], np.float32)
    tinted = picture + (1 - tone[..., None]) ** 3 * colour(shadows) * 0.35
    tinted = tinted * (1 + (colour(highlights) - 1) * tone[..., None] * 0.6)
    curved = tinted + 0.16 * np.sin(2 * np.pi * (np.clip(tinted, 0, 1) - 0.5)) * 0.5
    corner = 1 - 0.30 * np.clip(np.hypot((X - ASPECT / 2) / ASPECT * 2, (Y - 0.5) * 2) - 0.45, 0, 1)
    return unit(curved * corner[..., None])


def sheet(rgb: Picture, depth: float, alpha: Mask | None = None, *, drift: float = 0.0) -> Layer:
    """Wrap a picture as a layer; without alpha it is opaque."""
    solid = np.ones((HEIGHT_PX, WIDTH_PX), np.float32)
    return Layer(rgb=rgb, alpha=solid if alpha is None else alpha, depth=depth, drift=drift)


def mist(seed: int, code: str, *, top: float, bottom: float, strength: float, depth: float) -> Layer:
    """A band of drifting haze between two heights."""
    band = np.clip((Y - top) / (bottom - top), 0, 1) * np.clip((bottom + 0.15 - Y) / 0.15, 0, 1)
    alpha = np.clip(noise(seed, rough=1.6, upright=0.4) * 2 - 0.5, 0, 1) * band * strength
    return sheet(blank(code), depth, alpha.astype(np.float32), drift=0.012)
