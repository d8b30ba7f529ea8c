"""Perceptual hash of 256 bits, of the whole frame and of the pictures inside it.

The bits of imagehash.phash(image, hash_size=16), exactly, in a fraction of the time: frames are
transformed in batches, and only the rows that the hash looks at.
A mirrored or quarter-turned copy is looked up by its hash alone. Never finds a much cropped copy, or one
turned by a few degrees; other methods do.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from string import hexdigits

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dct

from core.errors import ShapeError
from core.records import Fingerprint
from matchers import regions
from matchers.compare import hash_bank
from matchers.dihedral import TURNS
from matchers.examples import bordered, darker, resized, scene, still
from matchers.frames import Frame, Luma
from matchers.method import Method, Sample

LOW = 16  # hash_size in imagehash: the lowest frequencies kept in each direction
REDUNDANCY = 4  # highfreq_factor in imagehash: the picture is made 4 x 16 px first
HEX_DIGITS = (16, 64)  # of a hash of 64 bits, of 256 bits
REDUCED_PX = 128  # twice the side that a frame is hashed at: it is averaged to this first
FLAT_LEVELS = 4  # of 256: less across a block of the 64 x 64 picture is noise or the end of a fade
FULL_LEVELS = 1.6  # of 256: a median frequency as strong is quality 100; real frames have 0.8 to 5, plain walls 0.3
FULL_BLOCKS = 28  # of 64 that share the contrast are quality 100; real frames have over 12, a thing on a wall 1 to 7
# A frame of this quality or more may be 64 bits from its nearest, a plainer one fewer in proportion. Of 990 wrong pairs
# of plain pictures, drawn or patches of `tune`, each looked up from both sides, 7 are left; at 70 they are 40.
FULL_QUALITY = 80
BLANK_QUALITY = 4  # two blocks of 64 or fewer: black, white, a channel's logo in the corner


def bits(lumas: list[Luma], *, hash_size: int = LOW) -> NDArray[np.uint8]:
    """Hash frames of any size.

    lumas       uint8 (height, width) each
    hash_size   16 for the 256 bits that we compare, 8 for the 64 bits that most lists of others hold
    returns     uint8 (n, hash_size squared / 8): the bits of imagehash.phash(Image.fromarray(luma), hash_size)
    source      imagehash 4.3.2, phash: the same transforms in the same order, or bits would differ
    """
    return signs(lowest(np.stack([_small(luma, hash_size) for luma in lumas]), hash_size))


def lowest(smalls: NDArray[np.uint8], hash_size: int = LOW) -> NDArray[np.float64]:
    """Return the lowest frequencies of pictures of 4 x hash_size px a side, float64 (n, hash_size squared)."""
    rows = dct(smalls, axis=1)[:, :hash_size]
    low: NDArray[np.float64] = dct(rows, axis=2)[:, :, :hash_size].reshape(len(smalls), hash_size * hash_size)
    return low


def signs(low: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the bits of hashes: which frequencies are above the median, packed."""
    return np.packbits(low > np.median(low, axis=1, keepdims=True), axis=1)


def to_hex(value: bytes) -> str:
    """Return the text that str(ImageHash) gives: 16 digits of 64 bits, 64 digits of 256."""
    return value.hex()


def from_hex(text: str) -> bytes:
    """Return the value that a text of imagehash stands for: of str(ImageHash), of version 4 or later.

    raises  ShapeError when it is not 16 or 64 hexadecimal digits
    """
    if len(text) not in HEX_DIGITS or not set(text) <= set(hexdigits):
        raise ShapeError(f"{text[:80]!r} is no hash; 64 bits have 16 hexadecimal digits, 256 bits have 64")
    return bytes.fromhex(text)


def quality(smalls: NDArray[np.uint8], low: NDArray[np.float64]) -> NDArray[np.int64]:
    """Say how much of the hash is picture and not chance.

    smalls  uint8 (n, 64, 64)
    low     float64 (n, 256): their lowest frequencies
    returns (n,), 0..100: the smallest of three. How many of the picture's 64 blocks are not flat: a title card
            is. How strong the median frequency is: the bits say which are above it, so where half of them are
            noise the same hash comes of any plain wall in the same light. And over how many blocks the contrast
            is spread: of one small thing before a wall all bits say where it stands, and none what it is.
    tried   the sum of gradients, as PDQ does: blind to all three
    """
    from matchers.compiled.halved import contrasts  # noqa: PLC0415  it loads the compiler: half a second

    spread = contrasts(smalls)
    shown = (spread >= FLAT_LEVELS).sum(axis=1, dtype=np.int64) * 100 // 64
    levels = np.median(np.abs(low), axis=1) * 2 / smalls.shape[1] ** 2
    strong: NDArray[np.int64] = np.minimum(100, 100 * levels / FULL_LEVELS).astype(np.int64)
    power = spread.astype(np.float64) ** 2
    blocks_used = power.sum(axis=1) ** 2 / np.maximum((power**2).sum(axis=1), 1.0)
    widely: NDArray[np.int64] = np.minimum(100, 100 * blocks_used / FULL_BLOCKS).astype(np.int64)
    least: NDArray[np.int64] = np.minimum(np.minimum(shown, strong), widely)
    return least


def fingerprint(frames: Sequence[Frame]) -> list[Fingerprint]:
    """Hash every frame of a run that shows anything, and each picture of its own inside it: see regions.py."""
    views = regions.views(frames)
    smalls = np.stack([_reduced(luma) for _, _, luma in views])
    low = lowest(smalls)
    return [
        Fingerprint(offset_s=offset_s, region=region, value=value.tobytes(), quality=int(worth))
        for (offset_s, region, _), value, worth in zip(views, signs(low), quality(smalls, low), strict=True)
        if worth > BLANK_QUALITY
    ]


def _reduced(luma: Luma) -> Luma:
    """Average first: a quarter of what `_small` costs, and 0.8 bits of 256 move (10 at most, in 243 frames)."""
    if min(luma.shape) < REDUCED_PX:
        return _small(luma, LOW)
    from matchers.compiled.halved import halved  # noqa: PLC0415  it loads the compiler: half a second

    return halved(np.asarray(cv2.resize(luma, (REDUCED_PX, REDUCED_PX), interpolation=cv2.INTER_AREA), np.uint8))


def _small(luma: Luma, hash_size: int) -> Luma:
    side_px = hash_size * REDUNDANCY
    return np.asarray(Image.fromarray(luma).resize((side_px, side_px), Image.Resampling.LANCZOS))


def _alike() -> Iterator[tuple[Sample, Sample]]:
    yield still(scene(1)), still(resized(scene(1), 161, 240))
    yield still(scene(2)), still(darker(scene(2)))
    yield still(scene(3)), still(bordered(scene(3)))
    yield still(scene(4)), still(scene(4)[:, ::-1].copy())
    yield still(scene(5)), still(np.rot90(scene(5)).copy())


def _unlike() -> Iterator[tuple[Sample, Sample]]:
    yield still(scene(1)), still(scene(2))
    yield still(bordered(scene(5))), still(bordered(scene(6)))


METHOD = Method(
    name="phash",
    version=4,
    unit="bits",
    threshold=64,
    lone_threshold=52,
    least_quality=25,
    fingerprint=fingerprint,
    bank=partial(hash_bank, turns=TURNS, full_quality=FULL_QUALITY),
    alike=_alike,
    unlike=_unlike,
)
