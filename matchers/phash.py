"""Perceptual hash of 256 bits, of the whole frame and of the picture inside its bars.

The bits of imagehash.phash(image, hash_size=16), exactly, in a fraction of the time: frames are
transformed in batches, and only the rows that the hash looks at.
Never finds a mirrored, rotated or much cropped copy; other methods do.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dct

from core.records import Fingerprint
from matchers import regions
from matchers.compare import hash_bank
from matchers.examples import bordered, darker, resized, scene, still
from matchers.frames import Frame, Luma
from matchers.method import Method, Sample

SIDE_PX = 64  # hash_size x highfreq_factor in imagehash
LOW = 16  # hash_size: the lowest frequencies kept in each direction
FLAT_LEVELS = 4  # of 256: less across a block of the 64 x 64 picture is noise or the end of a fade
BLANK_QUALITY = 4  # two blocks of 64 or fewer: black, white, a channel's logo in the corner


def bits(lumas: list[Luma]) -> NDArray[np.uint8]:
    """Hash frames of any size.

    lumas   uint8 (height, width) each
    returns uint8 (n, 32): the bits of str(imagehash.phash(Image.fromarray(luma), hash_size=16))
    source  imagehash 4.3.2, phash: the same transforms in the same order, or bits would differ
    """
    return _hashes(np.stack([_small(luma) for luma in lumas]))


def quality(smalls: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Say how much of the picture shows anything: the share of its 64 blocks that are not flat.

    smalls  uint8 (n, 64, 64)
    returns (n,), 0..100 %
    tried   the sum of gradients, as PDQ does: blind to title cards, whose few letters are all edges
    """
    blocks = smalls.reshape(-1, 8, 8, 8, 8).astype(np.int16)  # n, block row, row, block column, column
    spread = blocks.max(axis=(2, 4)) - blocks.min(axis=(2, 4))
    shown: NDArray[np.int64] = (spread >= FLAT_LEVELS).sum(axis=(1, 2), dtype=np.int64)
    return shown * 100 // 64


def fingerprint(frames: Sequence[Frame]) -> list[Fingerprint]:
    """Hash every frame that shows anything, and its inner picture where it has bars."""
    views = list(_views(frames))
    smalls = np.stack([small for _, _, small in views])
    return [
        Fingerprint(offset_s=offset_s, region=region, value=value.tobytes(), quality=int(worth))
        for (offset_s, region, _), value, worth in zip(views, _hashes(smalls), quality(smalls), strict=True)
        if worth > BLANK_QUALITY
    ]


def _views(frames: Sequence[Frame]) -> Iterator[tuple[float, str, Luma]]:
    for frame in frames:
        yield frame.offset_s, "whole", _small(frame.luma)
        inner = regions.inner(frame.luma)
        if inner is not None:
            yield frame.offset_s, "inner", _small(inner)


def _small(luma: Luma) -> Luma:
    return np.asarray(Image.fromarray(luma).resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS))


def _hashes(smalls: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows = dct(smalls, axis=1)[:, :LOW]
    low = dct(rows, axis=2)[:, :, :LOW].reshape(len(smalls), LOW * LOW)
    return np.packbits(low > np.median(low, axis=1, keepdims=True), axis=1)


def _alike() -> Iterator[tuple[Sample, Sample]]:
    yield still(scene(1)), still(resized(scene(1), 161, 240))
    yield still(scene(2)), still(darker(scene(2)))
    yield still(scene(3)), still(bordered(scene(3)))


def _unlike() -> Iterator[tuple[Sample, Sample]]:
    yield still(scene(1)), still(scene(2))
    yield still(scene(4)), still(scene(4)[:, ::-1].copy())
    yield still(bordered(scene(5))), still(bordered(scene(6)))


METHOD = Method(
    name="phash",
    version=1,
    unit="bits",
    threshold=64,
    lone_threshold=52,
    least_quality=25,
    fingerprint=fingerprint,
    bank=hash_bank,
    alike=_alike,
    unlike=_unlike,
)
