"""Plain bars around a picture: how deep they are, in all frames of a run together.

Never takes a smooth gradient for a bar, nor a dark corner of one frame for the bar of all.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from matchers.regions_lines import Box

Stack: TypeAlias = NDArray[np.uint8]  # (frames, height, width)

FLAT_LEVELS = 4.0  # standard deviation of a bar's row; x264 at crf 35 leaves 0..2 in flat bars
SAME_LEVELS = 4.0  # mean of a bar's row against the outermost; a smooth gradient is no bar beyond this
LEAST_SHARE = 0.02  # of a side; thinner bars move the hash by less than a re-encode does
EDGE_SHARE = 0.5  # of a picture's edge shows against the bar in one of the frames; less is a figure on a ground
SHAVE_PX = 2  # the bar's blurred edge, and chroma-aligned coding, reach this far into the picture
FIRST_ROWS = 16  # looked at first: most bars and most pictures without bars are known by then
PASSES = 2  # a letterbox inside a border


def trimmed(stack: Stack, box: Box) -> Box:
    """Return the box without the plain bars that all frames have there, a letterbox inside a border too.

    stack   uint8 (frames, height, width); frames that are blank in the box say nothing
    returns a box that may be empty: when every frame is blank. A figure on a plain ground has no bars, but
            in a single frame: there is no telling there
    """
    for _ in range(PASSES):
        part = box.of(stack)
        top, bottom = _bar(part), _bar(part[:, ::-1])
        box = Box(box.top + top, max(box.top + top, box.bottom - bottom), box.left, box.right)
        part = box.of(stack).transpose(0, 2, 1)
        left, right = _bar(part), _bar(part[:, ::-1])
        box = Box(box.top, box.bottom, box.left + left, max(box.left + left, box.right - right))
    return box


def _bar(stack: Stack) -> int:
    """Count the rows of the bar that begins at the first row of every frame: 0 when there is none."""
    if stack.size == 0 or float(stack[:, 0].std(axis=1).max()) > FLAT_LEVELS:
        return 0
    reach, rows = FIRST_ROWS, stack.shape[1]
    while reach < rows and _depth(stack[:, :reach]) >= reach - 2:
        reach *= 4
    near = stack[:, :reach]
    depth = _depth(near)
    if depth < LEAST_SHARE * rows:
        return 0
    if depth == rows:
        return depth
    behind = near[:, min(depth + 1, near.shape[1] - 1)].astype(np.float32)  # a bar ends at once; a gradient fades out
    level = near[:, depth - 1].mean(axis=1, dtype=np.float32)[:, None]
    if not ((behind.std(axis=1) > FLAT_LEVELS) | (np.abs(behind.mean(axis=1) - level[:, 0]) > SAME_LEVELS)).any():
        return 0
    shows = (np.abs(behind - level) > 2 * SAME_LEVELS).any(axis=0)
    return depth if len(stack) == 1 or float(shows.mean()) >= EDGE_SHARE else 0


def _depth(stack: Stack) -> int:
    """Count the first rows that are plain, and of the first one's level, in every frame that is not all so."""
    levels = stack.astype(np.float32)
    means = levels.mean(axis=2)
    plain = (levels.std(axis=2) <= FLAT_LEVELS) & (np.abs(means - means[:, :1]) <= SAME_LEVELS)
    shown = plain[~plain.all(axis=1)].all(axis=0)
    return len(shown) if shown.all() else int(np.argmin(shown))
