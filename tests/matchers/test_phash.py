"""The hash is imagehash's own, bit for bit, and says when there is nothing to hash."""

import imagehash
import numpy as np
import pytest
from PIL import Image

from matchers.examples import bordered, scene
from matchers.frames import Frame
from matchers.phash import bits, fingerprint

RANDOM = np.random.default_rng(20261120)


def size(least: int = 1) -> tuple[int, int]:
    height, width = RANDOM.integers(least, 260, 2)
    return int(height), int(width)


def noise() -> np.ndarray:
    return RANDOM.integers(0, 256, size(), dtype=np.uint8)


def flat() -> np.ndarray:
    return np.full(size(), RANDOM.integers(0, 256), np.uint8)


def natural() -> np.ndarray:
    height, width = size(20)
    return scene(int(RANDOM.integers(1 << 30)), width_px=width, height_px=height)


def two_tone() -> np.ndarray:
    """A picture whose transform is full of exact zeros, where rounding decides about bits."""
    luma = np.zeros(size(4), np.uint8)
    luma[: RANDOM.integers(1, luma.shape[0]), : RANDOM.integers(1, luma.shape[1])] = RANDOM.integers(1, 256)
    return luma


@pytest.mark.parametrize("draw", [noise, flat, natural, two_tone])
def test_bits_are_those_of_imagehash(draw: object) -> None:
    """Seven hundred pictures of each kind, of every size: not one bit differs."""
    assert callable(draw)
    lumas = [draw() for _ in range(700)]
    expected = [str(imagehash.phash(Image.fromarray(luma), hash_size=16)) for luma in lumas]

    assert [value.tobytes().hex() for value in bits(lumas)] == expected


@pytest.mark.parametrize(
    "luma",
    [
        np.zeros((90, 160), np.uint8),
        np.full((90, 160), 255, np.uint8),
        np.full((7, 3), 128, np.uint8),
        RANDOM.integers(16, 19, (360, 640), dtype=np.uint8),
        (scene(1) * 0.02 + 16).astype(np.uint8),
    ],
)
def test_blank_frame_gives_no_hash(luma: np.ndarray) -> None:
    """Black, white, noisy black and the end of a fade would match everything that is as empty."""
    assert fingerprint([Frame(offset_s=0.0, luma=luma)]) == []


def test_batches_keep_their_order() -> None:
    """Frames beyond one batch come back in time order, with their own hashes."""
    frames = [Frame(offset_s=float(second), luma=scene(second)) for second in range(150)]
    together = fingerprint(frames)

    assert together == [one for frame in frames for one in fingerprint([frame])]


def test_bordered_frame_has_an_inner_hash() -> None:
    """A frame in a border is hashed as it is, and as the picture inside."""
    regions = [one.region for one in fingerprint([Frame(offset_s=2.0, luma=bordered(scene(1)))])]

    assert regions == ["whole", "inner"]
