"""What is compiled for speed gives the bits of what it stands for."""

import numpy as np
import pytest
from PIL import Image

from matchers.compiled.halved import halved
from matchers.compiled.speeds import best
from matchers.examples import scene

RANDOM = np.random.default_rng(20261121)
PICTURES = {
    "noise": RANDOM.integers(0, 256, (128, 128), dtype=np.uint8),
    "black and white": RANDOM.integers(0, 2, (128, 128), dtype=np.uint8) * np.uint8(255),
    "slope": np.tile(np.arange(0, 256, 2, dtype=np.uint8), (128, 1)),
    "plain": np.full((128, 128), 201, np.uint8),
    "picture": scene(4, width_px=128, height_px=128),
    "small": RANDOM.integers(0, 256, (32, 32), dtype=np.uint8),
}


@pytest.mark.parametrize("name", PICTURES)
def test_halved_picture_is_pillows(name: str) -> None:
    """Upright, on its side, and in strides: not one level differs."""
    picture = PICTURES[name]
    side = len(picture) // 2

    for luma in (picture, picture.T, picture[::-1, ::-1]):
        wanted = np.asarray(Image.fromarray(luma).resize((side, side), Image.Resampling.LANCZOS))
        assert np.array_equal(halved(luma), wanted)


@pytest.mark.parametrize("frames", [1, 7, 8, 9, 40, 80])
def test_best_lines_are_those_that_numpy_finds(frames: int) -> None:
    """Not one bit of a sum differs, and of equal lines the first is taken."""
    table = np.round(RANDOM.random((frames, 300)), int(RANDOM.integers(1, 17)))
    along = RANDOM.integers(-50, 50, (30, frames)) + np.arange(frames) * 300
    scores, places = best(table.ravel(), along, 60, 240, 3)
    sums = np.stack([table.ravel()[np.arange(60, 240)[:, None] + steps].sum(axis=1) for steps in along])
    coarse = 3 * sums[:, ::3].argmax(axis=1)
    around = [range(max(one - 2, 0), min(one + 3, 180)) for one in coarse.tolist()]
    wanted = [(sums[row, near].max(), 60 + near[int(sums[row, near].argmax())]) for row, near in enumerate(around)]

    assert list(zip(scores.tolist(), places.tolist(), strict=True)) == wanted
