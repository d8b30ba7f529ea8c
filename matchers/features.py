"""SIFT features of a frame, as bits that can be stored, looked up and mirrored.

A descriptor of 128 numbers becomes 128 signs: of its products with 64 symmetric and 64
antisymmetric directions, paired so that the descriptor of the mirrored picture has the same bits
with the two halves exchanged. So a mirrored copy is looked up without its picture.
Never learns anything from pictures it is given: the directions come from a seed.

source  D. Lowe 2004 (SIFT); R. Arandjelović and A. Zisserman 2012 (RootSIFT); M. Charikar 2002 (signs of
        random projections keep angles)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import ShapeError
from matchers.source import Luma, fitted

SIDE_PX = 400  # the longest side that is looked at; 512 costs two thirds more
MOST = 220  # features of a frame
MOST_FINE = 150  # of these from the finest octave: a picture in a corner keeps only the coarse ones
UP = 2  # the first octave is as much larger than the frame
CONTRAST = 0.85  # of 256, a quarter of OpenCV's own: calm, dark and hazy frames would have too few
CELLS = 8  # along the longest side, for spreading features over the frame
NATIVE_SIGMA = 0.5  # px: blur that a frame has by itself
LEAST_PX = 16  # of an octave's shorter side
CLIPPED = 0.2  # of a descriptor's length: the most that one number counts
STEPS_PX = 64  # positions are kept in 1/64 px
SIZE_STEPS = 16  # diameters are kept in 1/16 of an octave
ROW_BYTES = 22
_HEAD = np.dtype([("width", ">u2"), ("height", ">u2")])
_ROW = np.dtype([("bits", ">u8", 2), ("x", ">u2"), ("y", ">u2"), ("size", "u1"), ("angle", "u1")])

# Mean of RootSIFT descriptors in thousandths (62,893 of real frames; symmetrised): rows 0 and 1 of the
# 4 x 4 cells, 8 directions each; the others follow by mirroring. Signs are taken around it.
_MEAN = (
    (
        (73, 59, 48, 51, 61, 41, 33, 44),
        (133, 83, 49, 47, 56, 42, 41, 75),
        (129, 71, 41, 42, 56, 48, 52, 87),
        (69, 43, 34, 41, 58, 51, 51, 61),
    ),
    (
        (92, 61, 50, 59, 74, 52, 39, 53),
        (172, 93, 51, 57, 70, 52, 47, 96),
        (168, 88, 45, 52, 72, 61, 57, 99),
        (86, 51, 39, 51, 73, 60, 53, 64),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """The features of one frame of `width_px` x `height_px`, n of them.

    bits    uint64 (n, 2); exchanged columns are the mirrored feature
    x, y    float32 (n,), px
    size    float32 (n,), log2 of the diameter in px
    angle   float32 (n,), radians
    """

    width_px: int
    height_px: int
    bits: NDArray[np.uint64]
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    size: NDArray[np.float32]
    angle: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.bits)

    @property
    def geometry(self) -> NDArray[np.float32]:
        """Return x, y, size and angle as rows, float32 (4, n)."""
        return np.stack([self.x, self.y, self.size, self.angle])

    def mirrored(self) -> "Features":
        """Return the features of the picture mirrored left to right."""
        return Features(
            width_px=self.width_px,
            height_px=self.height_px,
            bits=np.ascontiguousarray(self.bits[:, ::-1]),
            x=np.float32(self.width_px - 1) - self.x,
            y=self.y,
            size=self.size,
            angle=np.float32(np.pi) - self.angle,
        )


def describe(luma: Luma) -> bytes:
    """Find the features of a frame and pack them; b"" when there is none.

    returns 4 bytes of width and height, then ROW_BYTES a feature
    """
    from matchers.compiled import sift  # noqa: PLC0415  it loads the compiler: half a second

    width, height = fitted(luma.shape[1], luma.shape[0], SIDE_PX)
    pictures = _pyramid(luma, UP * width, UP * height)
    side_px = UP * max(width, height)
    points = _spread([sift.extrema(blurred, CONTRAST) for blurred in pictures], side_px)
    turned = _spread([sift.turned(*both) for both in zip(pictures, points, strict=True)], side_px)
    if not sum(map(len, turned)):
        return b""
    found = np.concatenate([sift.described(*both) for both in zip(pictures, turned, strict=True)])
    octave = np.repeat(np.arange(len(turned)), [len(one) for one in turned])
    x, y, layer, _, turn = np.concatenate(turned).T
    rows = np.empty(len(found), _ROW)
    for name, place, side in (("x", x, width), ("y", y, height)):
        rows[name] = np.rint(np.clip((place * 2.0**octave + 0.5) / UP - 0.5, 0, side - 1) * STEPS_PX)
    rows["size"] = np.rint((np.log2(2 * sift.SIGMA / UP) + layer / sift.LAYERS + octave) * SIZE_STEPS)
    rows["angle"] = np.rint(turn * 256) % 256
    rows["bits"] = _bits(found)
    head = np.array([(width, height)], _HEAD)
    return head.tobytes() + rows.tobytes()


def _spread(points: Sequence[NDArray[np.float32]], side_px: int) -> list[NDArray[np.float32]]:
    """Keep the strongest features from all over the frame: MOST, and MOST_FINE of the first octave.

    The strongest alone are letters, and the one rough thing in a calm picture. So the second of a cell counts half its
    strength, the third a third. Of `tune` features find 158 of 160 stills set in motion like that, not 155.

    points  an octave each, float32 (n, 4 or more): x, y in its px, layer, strength
    side_px longest of the first octave
    """
    octave = np.repeat(np.arange(len(points)), [len(one) for one in points])
    x, y, _, strength = np.concatenate([np.empty((0, 4), np.float32), *(one[:, :4] for one in points)]).T
    cell = (np.stack([x, y]) * 2.0**octave * CELLS // side_px).T @ (1, CELLS)
    by_cell = np.lexsort((-strength, cell))
    starts = np.flatnonzero(np.diff(cell[by_cell], prepend=-1))
    rank = np.arange(len(cell)) - np.repeat(starts, np.diff(starts, append=len(cell)))
    order = by_cell[np.argsort(-strength[by_cell] / (1 + rank), kind="stable")]
    fine = octave[order] == 0
    kept = np.zeros(len(cell), np.bool_)
    kept[order[~fine | (np.cumsum(fine) <= MOST_FINE)][:MOST]] = True
    return [one[kept[octave == number]] for number, one in enumerate(points)]


def _pyramid(luma: Luma, width: int, height: int) -> list[NDArray[np.float32]]:
    """Blur a frame step by step, and halve it where the blur has doubled: float32 (LAYERS + 3, h, w) an octave."""
    from matchers.compiled import sift  # noqa: PLC0415  it loads the compiler: half a second

    cv2.setNumThreads(1)  # a process a core
    shrunk = cv2.INTER_AREA if width < luma.shape[1] else cv2.INTER_LINEAR
    picture = np.asarray(cv2.resize(luma.astype(np.float32), (width, height), interpolation=shrunk), np.float32)
    sigmas = sift.SIGMA * 2 ** (np.arange(sift.LAYERS + 3) / sift.LAYERS)
    picture = _blurred(picture, NATIVE_SIGMA * width / luma.shape[1], sigmas[0])
    pictures = []
    while min(picture.shape) >= LEAST_PX:
        blurred = np.empty((len(sigmas), *picture.shape), np.float32)
        blurred[0] = picture
        for number, (has, wanted) in enumerate(pairwise(sigmas), 1):
            _blurred(blurred[number - 1], has, wanted, blurred[number])
        pictures.append(blurred)
        picture = blurred[sift.LAYERS, ::2, ::2]
    return pictures


def _blurred(
    picture: NDArray[np.float32], has: float, wanted: float, into: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Blur from one sigma to another, px."""
    sigma = float(np.sqrt(max(wanted**2 - has**2, 0.01)))
    side = 2 * ceil(3 * sigma) + 1
    return np.asarray(cv2.GaussianBlur(picture, (side, side), sigma, dst=into), np.float32)


def unpack(value: bytes) -> Features:
    """Read what `describe` packed; raises ShapeError for anything else."""
    body = len(value) - _HEAD.itemsize
    if body < 0 or body % ROW_BYTES:
        raise ShapeError(f"{len(value)} bytes are no packed features; fingerprint the file again")
    head = np.frombuffer(value, _HEAD, count=1)[0]
    rows = np.frombuffer(value, _ROW, offset=_HEAD.itemsize)
    return Features(
        width_px=int(head["width"]),
        height_px=int(head["height"]),
        bits=rows["bits"].astype(np.uint64),
        x=rows["x"].astype(np.float32) / np.float32(STEPS_PX),
        y=rows["y"].astype(np.float32) / np.float32(STEPS_PX),
        size=rows["size"].astype(np.float32) / np.float32(SIZE_STEPS),
        angle=rows["angle"].astype(np.float32) * np.float32(2 * np.pi / 256),
    )


def _bits(descriptors: NDArray[np.float32]) -> NDArray[np.uint64]:
    lengths = np.sqrt((descriptors**2).sum(axis=1, keepdims=True))
    clipped = np.minimum(descriptors, np.float32(CLIPPED) * lengths)  # one strong edge says little of the rest
    roots = np.sqrt(clipped / np.maximum(clipped.sum(axis=1, keepdims=True), np.float32(1e-6)))
    signs = (roots - _mean()) @ _directions() > 0
    packed: NDArray[np.uint64] = np.packbits(signs, axis=1).view(">u8").astype(np.uint64)
    return packed


@cache
def _mirror() -> NDArray[np.int64]:
    """Return where each number of a descriptor goes in a mirrored picture: cells upside down, directions back."""
    order = np.arange(128).reshape(4, 4, 8)
    return order[::-1][:, :, (-np.arange(8)) % 8].ravel()


@cache
def _mean() -> NDArray[np.float32]:
    upper = np.array(_MEAN, np.float32).reshape(2, 4, 8) / 1000
    lower = upper[::-1][:, :, (-np.arange(8)) % 8]
    return np.concatenate([upper, lower]).ravel()


@cache
def _directions() -> NDArray[np.float32]:
    """Return 128 orthonormal directions (128, 128): column 64 + i is column i mirrored."""
    mirror, random = _mirror(), np.random.default_rng(20261121)
    wild = random.normal(size=(128, 128))
    even, _ = np.linalg.qr((wild + wild[mirror])[:, :64])
    odd, _ = np.linalg.qr((wild - wild[mirror])[:, 64:])
    return np.concatenate([even + odd, even - odd], axis=1).astype(np.float32) / np.float32(np.sqrt(2))
