"""Do matching features agree on one place? Similarity by vote, then an affine fit. Compiled.

One pair of SIFT features already says how the whole picture was moved: its scale, its turn and its
shift. So every pair is tried as the answer and the others vote: no chance is involved, and the
same pairs give the same answer.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from matchers.compiled.cache import compiled, part

Places: TypeAlias = NDArray[np.float32]  # (4, n): x px, y px, log2 of the diameter in px, angle in radians
Affine: TypeAlias = NDArray[np.float64]  # (6,): query px -> reference px: a b tx, c d ty
Kept: TypeAlias = NDArray[np.bool_]

CELLS = 16  # a reference frame is looked at as 16 x 16 cells; features in one cell count once
FIRST_SHARE = 0.08  # of the reference's longest side that a vote may stray: a feature's own angle is rough
LAST_SHARE = 0.022  # the same after the fit
ROUNDS = 4
OCTAVES_APART = 0.7  # how far two features' change of size may differ
RADIANS_APART = 0.6  # and their turn
MOST_STRETCH = 2.2  # one axis over the other: clips are squeezed into other shapes, not into lines
LEAST_SCALE, MOST_SCALE = 0.08, 12.0
MOST_TRIED = 48  # pairs tried as the answer, the nearest first
LEAST_PAIRS = 4
LEAST_BREADTH = 0.3  # cells: edges agree with other edges by the dozen, along one line; true pairs have 0.4 and more
AFFINE_PAIRS = 8  # fewer hold a similarity only

_PLACES = "float32[:,::1]"
_AFFINE = "float64[::1]"


@part
def _same_move(size: float, wanted_size: float, turn: float, wanted_turn: float) -> bool:
    if abs(size - wanted_size) > OCTAVES_APART:
        return False
    apart = abs(turn - wanted_turn) % (2 * np.pi)
    return min(apart, 2 * np.pi - apart) < RADIANS_APART


@part
def _within(q: Places, r: Places, affine: Affine, reach: float) -> Kept:
    a, b, tx, c, d, ty = affine
    size = 0.5 * np.log2(max(abs(a * d - b * c), 1e-9))
    turn = np.arctan2(c - b, a + d)
    kept = np.zeros(q.shape[1], np.bool_)
    for j in range(q.shape[1]):
        dx = a * q[0, j] + b * q[1, j] + tx - r[0, j]
        dy = c * q[0, j] + d * q[1, j] + ty - r[1, j]
        kept[j] = dx * dx + dy * dy < reach * reach and _same_move(r[2, j] - q[2, j], size, r[3, j] - q[3, j], turn)
    return kept


@part
def _voted(q: Places, r: Places, stray: float) -> tuple[int, Affine]:
    """Return the similarity of the pair that most others agree with, and how many do."""
    affine, votes = np.zeros(6), 0
    for i in range(min(q.shape[1], MOST_TRIED)):
        size, turn = r[2, i] - q[2, i], r[3, i] - q[3, i]
        scale = 2.0**size
        c, s = scale * np.cos(turn), scale * np.sin(turn)
        tx = r[0, i] - (c * q[0, i] - s * q[1, i])
        ty = r[1, i] - (s * q[0, i] + c * q[1, i])
        count = 0
        for j in range(q.shape[1]):
            dx = c * q[0, j] - s * q[1, j] + tx - r[0, j]
            dy = s * q[0, j] + c * q[1, j] + ty - r[1, j]
            if dx * dx + dy * dy < stray * stray and _same_move(r[2, j] - q[2, j], size, r[3, j] - q[3, j], turn):
                count += 1
        if count > votes:
            votes = count
            affine[:] = np.array([c, -s, tx, s, c, ty])
    return votes, affine


@part
def _solved(moments: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return a b c d of the least squares map, from sums over centred pairs; zeros when they stand in one place."""
    xx, xy, yy, ux, uy, vx, vy = moments
    det, total = xx * yy - xy * xy, xx + yy
    if total < 1.0:
        return np.zeros(4)
    if n < AFFINE_PAIRS or det < 1e-3 * total**2:
        a, c = (ux + vy) / total, (vx - uy) / total
        return np.array([a, -c, c, a])
    a, b = (ux * yy - uy * xy) / det, (uy * xx - ux * xy) / det
    c, d = (vx * yy - vy * xy) / det, (vy * xx - vx * xy) / det
    return np.array([a, b, c, d])


@part
def _fit(q: Places, r: Places, kept: Kept) -> tuple[Affine, bool]:
    """Least squares over the kept pairs. Says whether the map is one that a copy can have."""
    n = kept.sum()
    mean = np.zeros(4)
    for j in range(q.shape[1]):
        if kept[j]:
            mean += np.array([q[0, j], q[1, j], r[0, j], r[1, j]]) / n
    moments = np.zeros(7)
    for j in range(q.shape[1]):
        if kept[j]:
            x, y, u, v = q[0, j] - mean[0], q[1, j] - mean[1], r[0, j] - mean[2], r[1, j] - mean[3]
            moments += np.array([x * x, x * y, y * y, u * x, u * y, v * x, v * y])
    a, b, c, d = _solved(moments, n)
    affine = np.array([a, b, mean[2] - a * mean[0] - b * mean[1], c, d, mean[3] - c * mean[0] - d * mean[1]])
    area = a * d - b * c
    if area <= LEAST_SCALE**2 or area > MOST_SCALE**2:
        return affine, False
    length = a * a + b * b + c * c + d * d
    stretch = (length + np.sqrt(max(length * length - 4 * area * area, 0.0))) / (2 * area)
    return affine, stretch <= MOST_STRETCH


@part
def _cells(r: Places, kept: Kept, width: float, height: float) -> tuple[int, int]:
    """Count cells, not pairs: a caption's letters, or a grating, agree by the hundred in one place."""
    taken = np.zeros((CELLS, CELLS), np.bool_)
    for j in range(r.shape[1]):
        if kept[j]:
            row = min(max(int(r[1, j] / height * CELLS), 0), CELLS - 1)
            column = min(max(int(r[0, j] / width * CELLS), 0), CELLS - 1)
            taken[row, column] = True
    rows = columns = 0
    for i in range(CELLS):
        rows += 1 if taken[i].any() else 0
        columns += 1 if taken[:, i].any() else 0
    return int(taken.sum()), min(rows, columns)


@part
def _breadth(r: Places, kept: Kept, side: float) -> float:
    """Return how far the kept places stray from their own line: the smaller standard deviation, in cells."""
    n = max(kept.sum(), 1)
    x = y = xx = xy = yy = 0.0
    for j in range(r.shape[1]):
        if kept[j]:
            x += r[0, j] / n
            y += r[1, j] / n
    for j in range(r.shape[1]):
        if kept[j]:
            dx, dy = r[0, j] - x, r[1, j] - y
            xx += dx * dx / n
            xy += dx * dy / n
            yy += dy * dy / n
    least = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy * xy)
    return float(np.sqrt(max(least, 0.0)) / side * CELLS)


@compiled(f"Tuple((int64, int64, {_AFFINE}, boolean[::1]))({_PLACES}, {_PLACES}, float64, float64)")
def agree(q: Places, r: Places, width: float, height: float) -> tuple[int, int, Affine, Kept]:
    """Find the move from query to reference that most pairs agree on.

    q, r            float32 (4, n): n pairs, the nearest descriptors first
    width, height   of the reference frame, px
    returns         cells of the reference that hold an agreeing pair; the fewer of their rows and
                    columns, in cells; the affine map; which pairs agree. 0, 0 when none can be found,
                    or all stand in one line
    """
    none = np.zeros(q.shape[1], np.bool_)
    first, last = FIRST_SHARE * max(width, height), LAST_SHARE * max(width, height)
    votes, affine = _voted(q, r, first)
    if votes < LEAST_PAIRS:
        return 0, 0, affine, none
    for step in range(ROUNDS):
        kept = _within(q, r, affine, first + (last - first) * step / (ROUNDS - 1))
        if kept.sum() < LEAST_PAIRS:
            return 0, 0, affine, none
        affine, possible = _fit(q, r, kept)
        if not possible:
            return 0, 0, affine, none
    kept = _within(q, r, affine, last)
    if _breadth(r, kept, max(width, height)) < LEAST_BREADTH:
        return 0, 0, affine, none
    cells, spread = _cells(r, kept, width, height)
    return cells, spread, affine, kept
