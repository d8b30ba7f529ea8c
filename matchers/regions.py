"""Find the picture inside uniform bars and borders.

Never guesses at blurred or patterned bars, nor at bars with lettering: those stay in the picture.
"""

import numpy as np
from numpy.typing import NDArray

from matchers.source import Luma

FLAT_LEVELS = 4.0  # standard deviation of a bar's row; x264 at crf 35 leaves 0..2 in flat bars
SAME_LEVELS = 4.0  # mean of a bar's row against the outermost; a smooth gradient is no bar beyond this
LEAST_SHARE = 0.02  # of a side; thinner bars move the hash by less than a re-encode does
INNER_SHARE = 0.2  # of a side must remain: a 2.39:1 film in 9:16 keeps 0.235; less is a logo or a title
SHAVE_PX = 2  # the bar's blurred edge, and chroma-aligned coding, reach this far into the picture
PASSES = 2  # a letterbox inside a border


def inner(luma: Luma) -> Luma | None:
    """Return the part of the frame inside its bars; None when it has none worth cutting.

    luma    uint8 (height, width)
    returns a view, uint8 (height', width')
    """
    part = luma
    for _ in range(PASSES):
        part = _trimmed(part)
    share = min(part.shape[0] / luma.shape[0], part.shape[1] / luma.shape[1])
    return None if part.shape == luma.shape or share < INNER_SHARE else part


def _trimmed(luma: Luma) -> Luma:
    top, bottom = _bar(luma), _bar(luma[::-1])
    rows = luma[top : luma.shape[0] - bottom]
    left, right = _bar(rows.T), _bar(rows.T[::-1])
    return rows[:, left : rows.shape[1] - right]


def _bar(rows: NDArray[np.uint8]) -> int:
    """Count the rows of the bar that begins at the first row: 0 when there is none."""
    if rows.size == 0 or float(np.std(rows[0])) > FLAT_LEVELS:
        return 0
    levels = rows.astype(np.float32)
    means: NDArray[np.float32] = levels.mean(axis=1)
    bar = (levels.std(axis=1) <= FLAT_LEVELS) & (np.abs(means - means[0]) <= SAME_LEVELS)
    depth = len(rows) if bar.all() else int(np.argmin(bar))
    return min(len(rows), depth + SHAVE_PX) if depth >= LEAST_SHARE * len(rows) else 0
