"""Bars are found to the pixel, and pictures are not taken for bars."""

import numpy as np
import pytest

from matchers import regions
from matchers.examples import scene

PICTURE = scene(3, width_px=200, height_px=120)


@pytest.mark.parametrize(
    ("top", "bottom", "left", "right"), [(30, 30, 0, 0), (0, 0, 50, 50), (20, 20, 20, 20), (60, 10, 0, 0), (0, 0, 0, 9)]
)
@pytest.mark.parametrize("level", [0, 16, 128, 255])
def test_bars_are_cut_to_the_picture(top: int, bottom: int, left: int, right: int, level: int) -> None:
    """Letterbox, pillarbox, border and lopsided bars of any shade leave the picture, shaved by 2 px a side."""
    noisy = np.pad(PICTURE, ((top, bottom), (left, right)), constant_values=level).astype(np.int16)
    noisy += np.random.default_rng(1).integers(-2, 3, noisy.shape, dtype=np.int16)
    found = regions.inner(np.clip(noisy, 0, 255).astype(np.uint8))
    shaved = 4 * (top > 0) if top and bottom else 0, 2 * (left > 0) + 2 * (right > 0)

    assert found is not None
    assert found.shape == (120 - shaved[0], 200 - shaved[1])


def test_letterbox_in_a_border_is_cut_twice() -> None:
    """Bars inside a border of another colour are bars too."""
    boxed = np.pad(np.pad(PICTURE, ((20, 20), (0, 0))), 30, constant_values=200)
    found = regions.inner(boxed)

    assert found is not None
    assert abs(found.shape[0] - 120) <= 8


@pytest.mark.parametrize(
    "luma",
    [
        PICTURE,
        np.zeros((90, 160), np.uint8),
        np.tile(np.arange(0, 240, 6, dtype=np.uint8), (90, 8)),
        np.pad(scene(1, width_px=20, height_px=20), 60),
        np.full((1, 1), 9, np.uint8),
        np.zeros((3, 500), np.uint8),
    ],
)
def test_picture_without_bars_has_no_inner(luma: np.ndarray) -> None:
    """A full picture, a blank one, a gradient, a small logo on black and slivers are left alone."""
    assert regions.inner(luma) is None
