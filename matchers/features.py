"""SIFT features of a frame, as bits that can be stored, looked up and mirrored.

A descriptor of 128 numbers becomes 128 signs: of its products with 64 symmetric and 64
antisymmetric directions, paired so that the descriptor of the mirrored picture has the same bits
with the two halves exchanged. So a mirrored copy is looked up without its picture.
Never learns anything from pictures it is given: the directions come from a seed.

source  D. Lowe 2004 (SIFT); R. Arandjelović and A. Zisserman 2012 (RootSIFT); M. Charikar 2002 (signs of
        random projections keep angles)
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import ShapeError
from matchers.source import Luma

SIDE_PX = 400  # the longest side that is looked at; 512 costs two thirds more
MOST = 220  # features of a frame
MOST_FINE = 150  # of these from the finest octave: a picture in a corner keeps only the coarse ones
FINE_PX = 4.0  # diameter that parts the finest octave from the others
CONTRAST = 0.02  # half of OpenCV's own: dark and hazy frames would have too few
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
    """Find the features of a frame and pack them, the strongest first; b"" when there is none.

    returns 4 bytes of width and height, then ROW_BYTES a feature
    """
    scale = min(1.0, SIDE_PX / max(luma.shape))
    small = np.asarray(cv2.resize(luma, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    points, found = _sift().detectAndCompute(small, None)
    if not points:
        return b""
    rows = np.empty(len(points), _ROW)
    rows["x"] = [round(min(max(point.pt[0], 0.0), 1000.0) * STEPS_PX) for point in points]
    rows["y"] = [round(min(max(point.pt[1], 0.0), 1000.0) * STEPS_PX) for point in points]
    rows["size"] = [round(np.log2(max(point.size, 1.0)) * SIZE_STEPS) for point in points]
    rows["angle"] = [round(point.angle / 360 * 256) % 256 for point in points]
    rows["bits"] = _bits(np.asarray(found, np.float32))
    # Ties broken by place: the order must not depend on how OpenCV happens to list them.
    strength = np.array([-point.response for point in points])
    rows = rows[np.lexsort((rows["angle"], rows["y"], rows["x"], strength))]
    fine = rows["size"] < np.log2(FINE_PX) * SIZE_STEPS
    kept = np.where(fine, np.cumsum(fine) <= MOST_FINE, True)  # noqa: FBT003 - numpy's own signature
    rows = rows[kept][:MOST]
    head = np.array([(small.shape[1], small.shape[0])], _HEAD)
    return head.tobytes() + rows.tobytes()


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


@cache
def _sift() -> "cv2.SIFT":
    cv2.setNumThreads(1)  # a process a core
    return cv2.SIFT.create(nfeatures=4 * MOST, contrastThreshold=CONTRAST)


def _bits(descriptors: NDArray[np.float32]) -> NDArray[np.uint64]:
    roots = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1.0))
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
