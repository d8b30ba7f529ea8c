"""How fast a copy plays, measured on all of its frame pairs at once, not on the nearest of each.

Every line reference_s = speed x query_s + shift is scored by how near the frames along it are, between
two reference frames by what both say. Scores and what is usual make a belief in each speed, and one is
told only when the belief in its neighbourhood is enough: a scene that hardly moves, or frames a second
apart, say nothing of it. Never decides which frames belong to a copy.
"""

from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

STEP_S = 0.05  # of the shifts that are tried
COARSE_STEPS = 3  # at first
SPEED_STEP = 0.01  # of the logarithm of the speeds that are tried
SLOWEST, FASTEST = 0.4, 2.6
COMMON = (0.75, 1.25, 0.5, 1.5, 2.0, 0.9, 1.1)  # what players and editors offer
FARTHEST = 48  # units: the least that any method allows a pair to be apart
FAR = 24  # units beyond the nearest of a query frame; a frame pair that far apart tells no more than none
NOISE = 3  # units: two frames of one picture, coded twice, are as far apart, and a whole scene's frames the same way
# How likely a speed is before anything is seen: that of the original, of COMMON together, backwards, standing still.
# With a larger share the original's is told of copies at 1.1 too. Standing still is rare, and static scenes look so.
OWN, OFFERED, BACKWARDS, STILL = 0.2, 0.2, 0.1, 0.001
# A line better by so many units of distance, times the root of the number of frames, is e times as likely, where the
# reference's frames are DENSE_S apart; in proportion where they are farther. Of the tuning half's copies whose speed
# phash tells so, 94 of 95 at another speed are right, and 384 of 385 at their own.
EVIDENCE, DENSE_S = 2.0, 0.26
SURE, WITHIN = 0.65, 0.03  # belief; of the speed, on both sides
MOST_FRAMES = 80  # of the query, evenly spread
FINEST_S, COARSEST_S = 0.125, 1.0  # between two frames of the reference
Seconds: TypeAlias = NDArray[np.float64]
Table: TypeAlias = NDArray[np.float64]


class Line(NamedTuple):
    """The reference's second that a query second shows: speed x (query_s - query_at_s) + reference_at_s.

    known   whether the frames say that it is this speed; else it is only the likeliest
    """

    speed: float
    query_at_s: float
    reference_at_s: float
    known: bool = True


def measured(query_s: Seconds, reference_s: Seconds, distance: NDArray[np.uint16]) -> Line:
    """Find the line that the frame pairs of one stretch lie on; speed 0 is a picture that stands still.

    query_s, reference_s, distance  (n,), n at least 1, in any order
    """
    from matchers.compiled.speeds import best  # noqa: PLC0415  it loads the compiler: half a second

    known = np.unique(query_s)
    moments = known[np.unique(np.linspace(0, len(known) - 1, min(len(known), MOST_FRAMES)).round().astype(np.int64))]
    row = np.searchsorted(moments, query_s)
    kept = moments[np.minimum(row, len(moments) - 1)] == query_s
    first_s = float(reference_s.min()) - COARSEST_S
    reach_s = _reach_s(reference_s)
    table = _table(row[kept], reference_s[kept], distance[kept].astype(np.float64), first_s, reach_s)
    centre_s = float(moments[0] + moments[-1]) / 2
    along = np.rint(np.outer(_speeds(), moments - centre_s) / STEP_S).astype(np.int64)
    margin = int(np.abs(along).max())  # a line may leave the reference on either side
    first, last = margin + round(COARSEST_S / STEP_S), margin + table.shape[1] - round(COARSEST_S / STEP_S)
    table = np.pad(table, ((0, 0), (margin, margin)))
    flat, along = table.ravel(), along + np.arange(len(table)) * table.shape[1]
    scores, places = best(flat, along, first, last, COARSE_STEPS)
    belief = _belief(scores, EVIDENCE * max(1.0, reach_s / DENSE_S) * float(np.sqrt(len(moments))))
    likeliest = int(np.argmax(belief))
    speed = float(_speeds()[likeliest])
    near = np.abs(_speeds() - speed) <= WITHIN * abs(speed)
    sure = float(belief[near].sum()) >= SURE
    return Line(round(speed, 3), centre_s, first_s + STEP_S * int(places[likeliest] - margin), sure)


@cache
def _speeds() -> NDArray[np.float64]:
    steps = np.exp(np.arange(np.log(SLOWEST), np.log(FASTEST), SPEED_STEP))
    forward = np.unique(np.concatenate([steps, COMMON, [1.0]]))
    return np.concatenate([-forward[::-1], [0.0], forward])


@cache
def _usual() -> NDArray[np.float64]:
    """How likely each of `_speeds` is before anything is seen."""
    forward = _speeds()[_speeds() > 0]
    usual = np.full(len(forward), (1 - OWN - OFFERED) / len(forward))
    usual[np.isin(forward, COMMON)] += OFFERED / len(COMMON)
    usual[forward == 1] += OWN
    return np.concatenate([BACKWARDS * usual[::-1], [STILL], (1 - BACKWARDS - STILL) * usual])


def _belief(scores: Seconds, evidence: float) -> Seconds:
    """How likely each of `_speeds` is by its score; the sum is 1."""
    likely = np.exp((scores - scores.max()) / evidence) * _usual()
    belief: Seconds = likely / likely.sum()
    return belief


def _reach_s(reference_s: Seconds) -> float:
    """How far apart the reference's frames are."""
    known = np.unique(reference_s)
    return float(np.clip(np.median(np.diff(known)), FINEST_S, COARSEST_S)) if len(known) > 1 else COARSEST_S


def _table(row: NDArray[np.int64], reference_s: Seconds, distance: Seconds, first_s: float, reach_s: float) -> Table:
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
    # Of an absent pair no more is known than that it is farther apart than the method allows.
    most = np.minimum(FAR, max(distance.max(), FARTHEST) + NOISE - nearest)
    worth = np.maximum(most[row] - np.maximum(distance - nearest[row] - NOISE, 0.0), 0.0)
    size = (row[-1] + 1, int((reference_s.max() + COARSEST_S - first_s) / STEP_S) + 2)
    weights, table = np.zeros(size), np.zeros(size)
    at = np.floor((reference_s - first_s) / STEP_S).astype(np.int64)
    for beside in range(1 - round(reach_s / STEP_S), 1 + round(reach_s / STEP_S)):
        weight = np.maximum(0.0, 1 - np.abs(first_s + (at + beside) * STEP_S - reference_s) / reach_s)
        np.add.at(weights, (row, at + beside), weight)
        np.add.at(table, (row, at + beside), weight * worth)
    table[:, [0, -1]] = 0.0
    scaled: Table = table / np.maximum(weights, 1.0)  # the first second of a clip is sampled twice as densely
    return scaled
