"""SIFT on one octave of blurred pictures: extrema of their differences, orientations, descriptors. Compiled.

A feature is described by 20 x 20 gradients around it, at steps of its own size, not by every pixel: the picture is
blurred as widely as that already. Nothing is described that is not kept. Together a third of OpenCV's time.

source  D. Lowe 2004, "Distinctive image features from scale-invariant keypoints"; steps and constants as OpenCV's
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from matchers.compiled.cache import compiled, part

Blurred: TypeAlias = NDArray[np.float32]  # (LAYERS + 3, height, width), each 2 ** (1 / LAYERS) times as blurred
Points: TypeAlias = NDArray[np.float32]  # (n, 4): x and y in px of the octave, layer, strength in levels of 256

LAYERS = 3
SIGMA = 1.6  # px: blur of an octave's first picture
BORDER = 5  # px at the rim where nothing is looked for
MOVES = 5  # times that an extremum may move on to a neighbour
EDGE = 10.0  # the most that one curvature may be of the other: along an edge a place is not defined
BINS = 36  # of an orientation histogram
PEAK = 0.8  # of the highest: a second orientation, and a feature of its own
TURN_STEPS, TURN_STEP = 18, 0.5  # gradients looked at for the orientation, each way, and steps in sigma
TURN_SIGMA = 1.5  # how widely they count, in sigma of the feature
CELLS, DIRECTIONS, CELL = 4, 8, 3.0  # of a descriptor; a cell is so many sigma wide
STEPS_A_CELL = 4
STEPS = (CELLS + 1) * STEPS_A_CELL  # half a cell more on each side, since gradients are shared by neighbours

_F = np.float32
_BLURRED, _POINTS = "float32[:,:,::1]", "float32[:,::1]"


@part
def _differences(blurred: Blurred, y: int, row: NDArray[np.float32]) -> None:
    for layer in range(row.shape[0]):
        fine, coarse, to = blurred[layer, y], blurred[layer + 1, y], row[layer]
        for x in range(len(to)):
            to[x] = coarse[x] - fine[x]


@part
def _likely(rows: NDArray[np.float32], middle: int, layer: int, least: np.float32, likely: NDArray[np.uint8]) -> None:
    """Mark what is strong and no less than the six nearest: written so that it compiles to vectors, 40 times faster."""
    line = rows[middle, layer]
    before, here, after, marks = line[:-2], line[1:-1], line[2:], likely[1:-1]
    above, below = rows[(middle + 2) % 3, layer, 1:-1], rows[(middle + 1) % 3, layer, 1:-1]
    finer, coarser = rows[middle, layer - 1, 1:-1], rows[middle, layer + 1, 1:-1]
    for x in range(len(here)):
        value = here[x]
        high = np.uint8(value > least) & np.uint8(value >= before[x]) & np.uint8(value >= after[x])
        high &= np.uint8(value >= above[x]) & np.uint8(value >= below[x])
        high &= np.uint8(value >= finer[x]) & np.uint8(value >= coarser[x])
        low = np.uint8(value < -least) & np.uint8(value <= before[x]) & np.uint8(value <= after[x])
        low &= np.uint8(value <= above[x]) & np.uint8(value <= below[x])
        low &= np.uint8(value <= finer[x]) & np.uint8(value <= coarser[x])
        marks[x] = high | low


@part
def _extreme(rows: NDArray[np.float32], layer: int, x: int, value: float) -> bool:
    """Say whether no neighbour is more: rows (3, LAYERS + 2, width), kept in turn."""
    for k in range(3):
        for near in range(layer - 1, layer + 2):
            for column in range(x - 1, x + 2):
                other = rows[k, near, column]
                if (value > 0 and other > value) or (value < 0 and other < value):
                    return False
    return True


@part
def _refined(blurred: Blurred, place: tuple[int, int, int], least: float, point: NDArray[np.float32]) -> bool:
    """Find the extremum between the pixels; False when it is weak, along an edge, or runs away.

    place   layer, row, column
    """
    layers, height, width = blurred.shape[0] - 1, blurred.shape[1], blurred.shape[2]
    layer, y, x = place
    for _ in range(MOVES):
        finer = blurred[layer - 1 : layer + 2, y - 1 : y + 2, x - 1 : x + 2]
        d = blurred[layer : layer + 3, y - 1 : y + 2, x - 1 : x + 2] - finer
        value = d[1, 1, 1]
        gx, gy, gs = (d[1, 1, 2] - d[1, 1, 0]) / 2, (d[1, 2, 1] - d[1, 0, 1]) / 2, (d[2, 1, 1] - d[0, 1, 1]) / 2
        xx, yy = d[1, 1, 2] + d[1, 1, 0] - 2 * value, d[1, 2, 1] + d[1, 0, 1] - 2 * value
        ss = d[2, 1, 1] + d[0, 1, 1] - 2 * value
        xy = (d[1, 2, 2] - d[1, 2, 0] - d[1, 0, 2] + d[1, 0, 0]) / 4
        xs = (d[2, 1, 2] - d[2, 1, 0] - d[0, 1, 2] + d[0, 1, 0]) / 4
        ys = (d[2, 2, 1] - d[2, 0, 1] - d[0, 2, 1] + d[0, 0, 1]) / 4
        # Newton's step by Cramer's rule.
        det = xx * (yy * ss - ys * ys) - xy * (xy * ss - ys * xs) + xs * (xy * ys - yy * xs)
        if det == 0.0:
            return False
        dx = -(gx * (yy * ss - ys * ys) - xy * (gy * ss - ys * gs) + xs * (gy * ys - yy * gs)) / det
        dy = -(xx * (gy * ss - gs * ys) - gx * (xy * ss - ys * xs) + xs * (xy * gs - gy * xs)) / det
        ds = -(xx * (yy * gs - ys * gy) - xy * (xy * gs - gy * xs) + gx * (xy * ys - yy * xs)) / det
        if abs(dx) < 0.5 and abs(dy) < 0.5 and abs(ds) < 0.5:
            strength = abs(value + (gx * dx + gy * dy + gs * ds) / 2)
            curved, trace = xx * yy - xy * xy, xx + yy
            if strength < least or curved <= 0 or trace * trace * EDGE >= (EDGE + 1) ** 2 * curved:
                return False
            point[0], point[1], point[2], point[3] = x + dx, y + dy, layer + ds, strength
            return True
        if max(abs(dx), abs(dy), abs(ds)) > width + height:
            return False
        x, y, layer = x + round(dx), y + round(dy), layer + round(ds)
        if not (1 <= layer <= layers - 2 and BORDER <= x < width - BORDER and BORDER <= y < height - BORDER):
            return False
    return False


@compiled(f"{_POINTS}({_BLURRED}, float64)")
def extrema(blurred: Blurred, least: float) -> Points:
    """Find the features of an octave, by rows.

    least   their least strength, in levels of 256
    """
    layers, height, width = blurred.shape[0] - 1, blurred.shape[1], blurred.shape[2]
    rows, likely = np.empty((3, layers, width), np.float32), np.zeros(width, np.uint8)
    found, count = np.empty((256, 4), np.float32), 0
    first = np.float32(0.8 * least)  # an extremum may rise by as much between the pixels
    for y in range(BORDER - 1, height - BORDER + 1):
        _differences(blurred, y, rows[y % 3])
        middle = (y - 1) % 3
        if y < BORDER + 1:
            continue
        for layer in range(1, layers - 1):
            _likely(rows, middle, layer, first, likely)
            for x in range(BORDER, width - BORDER):
                if not likely[x] or not _extreme(rows, layer, x, rows[middle, layer, x]):
                    continue
                if count == len(found):
                    found = np.concatenate((found, np.empty_like(found)))
                if _refined(blurred, (layer, y - 1, x), least, found[count]):
                    count += 1
    return found[:count].copy()


@part
def _direction(dx: np.float32, dy: np.float32) -> np.float32:
    """Return the angle of a gradient in turns, 0 to 1; within 0.0003 turns.

    source  OpenCV's fastAtan2
    """
    ax, ay = abs(dx), abs(dy)
    steep = ay > ax
    low = ax / ay if steep else ay / (ax + _F(1e-20))
    square = low * low
    turn = (((_F(-0.00761) * square + _F(0.02448)) * square - _F(0.05208)) * square + _F(0.15915)) * low
    if steep:
        turn = _F(0.25) - turn
    if dx < 0:
        turn = _F(0.5) - turn
    return _F(1.0) - turn if dy < 0 else turn


@part
def _histogram(picture: NDArray[np.float32], x: float, y: float, sigma: float, smooth: NDArray[np.float64]) -> None:
    height, width = picture.shape
    rough = np.zeros(BINS)
    half = 0.5 * (TURN_STEPS - 1)
    for i in range(TURN_STEPS):
        v = (i - half) * TURN_STEP
        row = int(y + v * sigma + 0.5)
        if not 0 < row < height - 1:
            continue
        for j in range(TURN_STEPS):
            u = (j - half) * TURN_STEP
            column = int(x + u * sigma + 0.5)
            if not 0 < column < width - 1:
                continue
            dx = picture[row, column + 1] - picture[row, column - 1]
            dy = picture[row + 1, column] - picture[row - 1, column]
            weight = np.exp(-(u * u + v * v) / (2 * TURN_SIGMA * TURN_SIGMA))
            rough[int(_direction(dx, dy) * BINS + 0.5) % BINS] += weight * np.sqrt(dx * dx + dy * dy)
    for k in range(BINS):
        smooth[k] = (
            (rough[k - 2] + rough[(k + 2) % BINS]) / 16 + (rough[k - 1] + rough[(k + 1) % BINS]) / 4 + rough[k] * 3 / 8
        )


@compiled(f"{_POINTS}({_BLURRED}, {_POINTS})")
def turned(blurred: Blurred, points: Points) -> Points:
    """Find the orientations of features; one may have several.

    returns (m, 5): x, y, layer, strength, and the angle in turns, clockwise as the picture is seen
    """
    smooth = np.zeros(BINS)
    found, count = np.empty((2 * len(points) + BINS, 5), np.float32), 0
    for n in range(len(points)):
        layer = points[n, 2]
        _histogram(blurred[round(layer)], points[n, 0], points[n, 1], SIGMA * 2.0 ** (layer / LAYERS), smooth)
        least = PEAK * smooth.max()
        for k in range(BINS):
            here, before, after = smooth[k], smooth[k - 1], smooth[(k + 1) % BINS]
            if here > before and here > after and here >= least:
                if count == len(found):
                    found = np.concatenate((found, np.empty_like(found)))
                found[count, :4] = points[n]
                found[count, 4] = ((k + 0.5 * (before - after) / (before - 2 * here + after)) / BINS) % 1.0
                count += 1
    return found[:count].copy()


@compiled(f"{_POINTS}({_BLURRED}, {_POINTS})")
def described(blurred: Blurred, features: Points) -> NDArray[np.float32]:
    """Describe features by the directions of the gradients around them, seen along their own.

    features    (m, 5) as `turned` returns them
    returns     (m, 128): 4 rows and 4 columns of cells, 8 directions each; not normalised
    """
    side = CELLS + 2  # a rim of cells that nobody reads
    found = np.zeros((len(features), CELLS * CELLS * DIRECTIONS), np.float32)
    height, width = blurred.shape[1:]
    places, weights = np.empty(STEPS, np.float32), np.empty(STEPS, np.float32)
    for k in range(STEPS):
        places[k] = (k - 0.5 * (STEPS - 1)) / STEPS_A_CELL  # in cells, from the feature
        weights[k] = np.exp(-places[k] * places[k] / (0.5 * CELLS * CELLS))
    cells = np.empty((side, side, DIRECTIONS + 1), np.float32)
    for n in range(len(features)):
        x, y, layer, _, turn = features[n]
        step = CELL * SIGMA * 2.0 ** (layer / LAYERS)
        c, s = np.float32(step * np.cos(2 * np.pi * turn)), np.float32(step * np.sin(2 * np.pi * turn))
        picture = blurred[round(layer)]
        cells[:] = 0
        for i in range(STEPS):
            v = places[i]
            row_at = v + _F(0.5 * CELLS + 0.5)
            row = int(row_at)
            row_share = row_at - _F(row)
            for j in range(STEPS):
                u = places[j]
                px, py = int(x + c * u - s * v + _F(0.5)), int(y + s * u + c * v + _F(0.5))
                if not (0 < px < width - 1 and 0 < py < height - 1):
                    continue
                dx = picture[py, px + 1] - picture[py, px - 1]
                dy = picture[py + 1, px] - picture[py - 1, px]
                strength = np.sqrt(dx * dx + dy * dy) * weights[i] * weights[j]
                way = turn - _direction(dx, dy)
                way = (way + _F(1) if way < 0 else way) * _F(DIRECTIONS)
                first = min(int(way), DIRECTIONS - 1)
                way_share = way - _F(first)
                column_at = u + _F(0.5 * CELLS + 0.5)
                column = int(column_at)
                column_share = column_at - _F(column)
                for down in range(2):
                    lower = strength * (row_share if down else _F(1) - row_share)
                    for over in range(2):
                        mine = lower * (column_share if over else _F(1) - column_share)
                        cells[row + down, column + over, first] += mine * (_F(1) - way_share)
                        cells[row + down, column + over, first + 1] += mine * way_share
        k = 0
        for row in range(1, CELLS + 1):
            for column in range(1, CELLS + 1):
                cells[row, column, 0] += cells[row, column, DIRECTIONS]
                for first in range(DIRECTIONS):
                    found[n, k] = cells[row, column, first]
                    k += 1
    return found
