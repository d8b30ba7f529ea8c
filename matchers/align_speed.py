"""How fast a copy plays, measured on all of its frame pairs at once, not on the nearest of each.

Every line reference_s = speed x query_s + shift is scored by how near the frames along it are, between
two reference frames by what both say. The simplest speed that does no worse than the best is told: a
scene that hardly moves allows many, and then it is 1. Never decides which frames belong to a copy.
"""

from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

STEP_S = 0.05  # of the shifts that are tried
COARSE_STEPS = 3  # at first
SPEED_STEP = 0.01  # of the logarithm of the speeds that are tried
SLOWEST, FASTEST = 0.4, 2.6
COMMON = (1.0, 0.75, 1.25, 0.5, 1.5, 2.0, 0.9, 1.1)  # what players and editors offer
NEAR_COMMON = 0.12
FAR = 24  # units beyond the nearest of a query frame; a frame pair that far apart tells no more than none
# Units of distance a frame, times the root of the number of frames, by which a line must be better to be
# told instead: of true copies the true speed is within 4 of the best in nine of ten.
DOUBT, COMMON_DOUBT = 4.0, 2.0
MOST_FRAMES = 80  # of the query, evenly spread
FINEST_S, COARSEST_S = 0.125, 1.0  # between two frames of the reference
Seconds: TypeAlias = NDArray[np.float64]
Table: TypeAlias = NDArray[np.float64]


class Line(NamedTuple):
    """The reference's second that a query second shows: speed x (query_s - query_at_s) + reference_at_s."""

    speed: float
    query_at_s: float
    reference_at_s: float


def measured(query_s: Seconds, reference_s: Seconds, distance: NDArray[np.uint16]) -> Line:
    """Find the line that the frame pairs of one stretch lie on; speed 0 is a picture that stands still.

    query_s, reference_s, distance  (n,), n at least 1, in any order
    """
    known = np.unique(query_s)
    moments = known[np.unique(np.linspace(0, len(known) - 1, min(len(known), MOST_FRAMES)).round().astype(np.int64))]
    row = np.searchsorted(moments, query_s)
    kept = moments[np.minimum(row, len(moments) - 1)] == query_s
    first_s = float(reference_s.min()) - COARSEST_S
    table = _table(row[kept], reference_s[kept], distance[kept].astype(np.float64), first_s)
    centre_s = float(moments[0] + moments[-1]) / 2
    along = np.rint(np.outer(_speeds(), moments - centre_s) / STEP_S).astype(np.int64)
    margin = int(np.abs(along).max())  # a line may leave the reference on either side
    first, last = margin + round(COARSEST_S / STEP_S), margin + table.shape[1] - round(COARSEST_S / STEP_S)
    table = np.pad(table, ((0, 0), (margin, margin)))
    flat, along = table.ravel(), along + np.arange(len(table)) * table.shape[1]
    scores, places = np.empty(len(along)), np.empty(len(along), np.int64)
    coarse = np.arange(first, last, COARSE_STEPS)[:, None]
    for number, steps in enumerate(along):
        place = first + COARSE_STEPS * int(np.argmax(flat[coarse + steps].sum(axis=1)))
        fine = np.arange(max(place - COARSE_STEPS + 1, first), min(place + COARSE_STEPS, last))
        sums = flat[fine[:, None] + steps].sum(axis=1)
        scores[number], places[number] = sums.max(), fine[np.argmax(sums)] - margin
    told = _simplest(scores, float(np.sqrt(len(moments))))
    return Line(round(float(_speeds()[told]), 3), centre_s, first_s + STEP_S * int(places[told]))


@cache
def _speeds() -> NDArray[np.float64]:
    steps = np.exp(np.arange(np.log(SLOWEST), np.log(FASTEST), SPEED_STEP))
    forward = np.unique(np.concatenate([steps, COMMON]))
    return np.concatenate([-forward[::-1], [0.0], forward])


def _table(row: NDArray[np.int64], reference_s: Seconds, distance: Seconds, first_s: float) -> Table:
    """Say how near each query frame is to each moment of the reference, between frames by both neighbours.

    row     the query frame of each pair
    returns float64 (query frames, moments STEP_S apart from first_s on), 0 (far or absent) to FAR; the first
            and the last moment are absent
    """
    order = np.lexsort((distance, reference_s, row))
    new = np.append(True, (np.diff(row[order]) != 0) | (np.diff(reference_s[order]) != 0))
    row, reference_s, distance = row[order][new], reference_s[order][new], distance[order][new]  # the nearest region
    nearest = np.full(row[-1] + 1, np.inf)
    np.minimum.at(nearest, row, distance)
    worth = np.maximum(FAR - (distance - nearest[row]), 0.0)
    known = np.unique(reference_s)
    reach_s = float(np.clip(np.median(np.diff(known)), FINEST_S, COARSEST_S)) if len(known) > 1 else COARSEST_S
    size = (row[-1] + 1, int((known[-1] + COARSEST_S - first_s) / STEP_S) + 2)
    weights, table = np.zeros(size), np.zeros(size)
    at = np.floor((reference_s - first_s) / STEP_S).astype(np.int64)
    for beside in range(1 - round(reach_s / STEP_S), 1 + round(reach_s / STEP_S)):
        weight = np.maximum(0.0, 1 - np.abs(first_s + (at + beside) * STEP_S - reference_s) / reach_s)
        np.add.at(weights, (row, at + beside), weight)
        np.add.at(table, (row, at + beside), weight * worth)
    table[:, [0, -1]] = 0.0
    scaled: Table = table / np.maximum(weights, 1.0)  # the first second of a clip is sampled twice as densely
    return scaled


def _simplest(scores: NDArray[np.float64], root: float) -> int:
    """Return which speed is told: forwards unless that is worse, 1 unless it is worse, a common one, the best."""
    speeds = _speeds()
    forward, best = _best(scores, speeds > 0), int(np.argmax(scores))
    if scores[forward] < scores[best] - DOUBT * root:
        forward = best
    sign = np.sign(speeds[forward])
    if sign == 0:
        return forward
    if scores[speeds == sign].max() >= scores[forward] - DOUBT * root:
        return int(np.flatnonzero(speeds == sign)[0])
    common = np.isin(np.abs(speeds), COMMON) & (np.abs(speeds / speeds[forward] - 1) <= NEAR_COMMON)
    if common.any() and scores[near := _best(scores, common)] >= scores[forward] - COMMON_DOUBT * root:
        return near
    return forward


def _best(scores: NDArray[np.float64], among: NDArray[np.bool_]) -> int:
    rows = np.flatnonzero(among)
    return int(rows[np.argmax(scores[rows])])
