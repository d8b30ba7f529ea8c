"""How many rows of a run's frames are plain: the loops of regions_bars.py. Compiled."""

import numpy as np
from numba import types
from numpy.typing import NDArray

from matchers.compiled.cache import compiled


@compiled([types.int64(types.Array(types.uint8, 3, "A", readonly=True), types.float32, types.float32)])
def plain_rows(stack: NDArray[np.uint8], flat: float, same: float) -> int:
    """Count the first rows that are plain, and of the first one's level, in every frame.

    stack   uint8 (frames, rows, columns), of any strides
    flat    the largest standard deviation of a plain row, in levels of 256
    same    how far its mean may be from the first row's
    """
    frames, least, columns = stack.shape
    square = np.int64(flat * flat * columns * columns)
    for frame in range(frames):
        first = np.float32(0)
        for row in range(least):
            total, squares = np.int64(0), np.int64(0)
            for column in range(columns):
                level = np.int64(stack[frame, row, column])
                total += level
                squares += level * level
            mean = np.float32(total) / np.float32(columns)
            if row == 0:
                first = mean
            if columns * squares - total * total > square or abs(mean - first) > same:
                least = row
                break
    return int(least)
