"""Tiny pictures drawn by code, for the examples of the methods.

Never read from disk: an example must say all there is to it.
"""

import numpy as np
from PIL import Image

from matchers.frames import Frame, Luma


def scene(seed: int, *, width_px: int = 320, height_px: int = 180) -> Luma:
    """Draw a scene with detail of every size, as photographs have; another seed, another scene."""
    random = np.random.default_rng(seed)
    picture = np.zeros((height_px, width_px))
    for cells in (3, 6, 12, 24, 48):
        coarse = Image.fromarray(random.normal(size=(cells, cells)).astype(np.float32))
        picture += np.asarray(coarse.resize((width_px, height_px), Image.Resampling.BICUBIC)) / cells**0.7
    low, high = picture.min(), picture.max()
    return np.asarray((picture - low) / (high - low) * 255, np.uint8)


def still(luma: Luma) -> tuple[Frame, ...]:
    """Make the picture a sample of one frame."""
    return (Frame(offset_s=0.0, luma=luma),)


def resized(luma: Luma, width_px: int, height_px: int) -> Luma:
    """Return the picture at another size."""
    return np.asarray(Image.fromarray(luma).resize((width_px, height_px), Image.Resampling.BILINEAR))


def darker(luma: Luma) -> Luma:
    """Return the picture at three fifths of its brightness and contrast."""
    return np.asarray(luma * 0.6 + 10, np.uint8)


def bordered(luma: Luma, *, side_px: int = 40, level: int = 20) -> Luma:
    """Return the picture within a uniform border."""
    return np.pad(luma, side_px, constant_values=level)
