"""Where the best line of each speed lies: the loop of align_speed.py. Compiled.

Sums in the order that numpy sums a row of up to 128 numbers in, so that not one bit differs.
"""

import numpy as np
from numpy.typing import NDArray

from matchers.compiled.cache import compiled, part

SUMS = 8  # numpy's, side by side


@part
def _along(flat: NDArray[np.float64], place: int, steps: NDArray[np.int64]) -> float:
    """Add up the table along one line."""
    whole, sums = len(steps) // SUMS * SUMS, np.zeros(SUMS)
    for start in range(0, whole, SUMS):
        for lane in range(SUMS):
            sums[lane] += flat[place + steps[start + lane]]
    total = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
    for number in range(whole, len(steps)):
        total += flat[place + steps[number]]
    return float(total)


@compiled("Tuple((float64[:], int64[:]))(float64[::1], int64[:,::1], int64, int64, int64)")
def best(
    flat: NDArray[np.float64], along: NDArray[np.int64], first: int, last: int, coarse: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Find the best shift of each speed, first every so many steps, then around the best of these.

    flat    a table of how near each query frame is to each moment, row after row
    along   (speeds, query frames): where in `flat` a line of no shift goes through
    first, last, coarse     the shifts that are tried, and every how many at first
    returns (speeds,) sums along the best lines, and their shifts; of equals the smallest
    """
    scores, places = np.empty(len(along)), np.empty(len(along), np.int64)
    for number in range(len(along)):
        steps = along[number]
        top, place = -1.0, first
        for shift in range(first, last, coarse):
            score = _along(flat, shift, steps)
            if score > top:
                top, place = score, shift
        scores[number] = -1.0
        for shift in range(max(place - coarse + 1, first), min(place + coarse, last)):
            score = _along(flat, shift, steps)
            if score > scores[number]:
                scores[number], places[number] = score, shift
    return scores, places
