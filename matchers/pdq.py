"""PDQ: Meta's 256-bit hash of a picture, with a quality, of the whole frame and of the pictures inside it.

The transform is linear up to its last step, so only what the hash looks at is computed: 64 blurred rows and
columns, then 16 frequencies each way. Never asks for more than luma; see `hashes` for what that costs.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.sparse import csr_array

from core.records import Fingerprint
from matchers import regions
from matchers.compare import hash_bank
from matchers.dihedral import TURNS
from matchers.examples import bordered, darker, resized, scene, still
from matchers.frames import Frame, Luma
from matchers.method import Method, Sample

Smalls: TypeAlias = NDArray[np.float32]  # (n, 64, 64)

SIDE_PX = 64
LOW = slice(1, 17)  # the frequencies kept in each direction: the constant is left out
LEAST_PX = 5  # of a side; the reference implementation hashes nothing smaller
BLANK_QUALITY = 1  # of 100: below, no two neighbours of the 64 x 64 picture differ by more than noise does
LONE_BITS = 31  # of 256: PDQ's own threshold, which stands for one pair that nothing supports
# For pairs that agree in time. At 31 bits a mirrored and re-encoded still is found in 75 of 100 cases, at 48 in
# 94; of 20 million pairs of strangers, turned in six ways, the nearest were 82 bits apart.
MATCH_BITS = 48
LEAST_QUALITY = 50  # PDQ's own: hashes of 49 and less are of flat or noisy pictures


def hashes(lumas: Sequence[Luma]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Hash frames of any size, each at least 5 x 5 px.

    lumas   uint8 (height, width) each
    returns uint8 (n, 32): the bytes of the hexadecimal text that PDQ's users exchange; (n,) quality 0..100
    source  facebook/ThreatExchange, pdq/: hashing.pdf and the reference implementation in C++, which reads
            colours as 0.299 R + 0.587 G + 0.114 B and shrinks what is larger than 512 px first
    """
    smalls = np.stack([_small(luma) for luma in lumas])
    return _bits(smalls), _quality(smalls)


def fingerprint(frames: Sequence[Frame]) -> list[Fingerprint]:
    """Hash every frame of a run that shows anything, and each picture of its own inside it: see regions.py."""
    views = [view for view in regions.views(frames) if min(view[2].shape) >= LEAST_PX]
    if not views:
        return []
    values, worths = hashes([luma for _, _, luma in views])
    return [
        Fingerprint(offset_s=offset_s, region=region, value=value.tobytes(), quality=int(worth))
        for (offset_s, region, _), value, worth in zip(views, values, worths, strict=True)
        if worth >= BLANK_QUALITY
    ]


def _small(luma: Luma) -> Smalls:
    """Blur and pick 64 x 64 points: down the columns first, then across."""
    down = _blur(luma.shape[0]) @ luma.astype(np.float32)
    across: Smalls = (_blur(luma.shape[1]) @ np.ascontiguousarray(down.T)).T
    return across


@lru_cache(maxsize=256)  # a clip has one or two sizes; 2 to 6 KB each
def _blur(size_px: int) -> csr_array:
    """Say what the 64 points of a side are made of: two box filters, one after the other.

    returns float32 (64, size_px), nearly empty: 30 times faster than a full matrix on all processors
    source  Wojciech Jarosz, "Fast Image Convolutions", 2001, as PDQ uses it: half a block wide, twice
    """
    window = -(-size_px // (2 * SIDE_PX))
    after = window // 2  # an even window reaches one further forward
    centres = ((np.arange(SIDE_PX) + 0.5) * size_px / SIDE_PX).astype(np.int64)
    both = _box(centres, size_px, window, after) @ _box(np.arange(size_px), size_px, window, after)
    return both.astype(np.float32)


def _box(centres: NDArray[np.int64], size_px: int, window: int, after: int) -> csr_array:
    """Average `window` neighbours of each centre, fewer where the side ends."""
    first = np.maximum(centres - (window - 1 - after), 0)
    past = np.minimum(centres + after + 1, size_px)
    ends = np.concatenate([[0], np.cumsum(past - first)])
    columns = np.arange(ends[-1]) - np.repeat(ends[:-1] - first, past - first)
    weights = np.repeat(1.0 / (past - first), past - first)
    return csr_array((weights, columns, ends), shape=(len(centres), size_px))


def _quality(smalls: Smalls) -> NDArray[np.int64]:
    """Sum up the steps between neighbours, in whole hundredths of the full range: PDQ's own measure."""
    total = np.zeros(len(smalls), np.int64)
    for axis in (1, 2):
        steps = np.trunc(np.diff(smalls, axis=axis) * np.float32(100) / np.float32(255))
        total += np.abs(steps).sum(axis=(1, 2)).astype(np.int64)
    return np.minimum(total // 90, 100)


def _bits(smalls: Smalls) -> NDArray[np.uint8]:
    rows = dct(smalls.astype(np.float64), axis=1)[:, LOW]
    low = dct(rows, axis=2)[:, :, LOW].reshape(len(smalls), 256)
    median = np.partition(low, 127, axis=1)[:, 127:128]  # the lower of the two in the middle, as the reference does
    return np.packbits((low > median)[:, ::-1], axis=1)  # its text begins with the highest frequency


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
    name="pdq",
    version=1,
    unit="bits",
    threshold=MATCH_BITS,
    lone_threshold=LONE_BITS,
    least_quality=LEAST_QUALITY,
    fingerprint=fingerprint,
    bank=partial(hash_bank, turns=TURNS),
    alike=_alike,
    unlike=_unlike,
)
