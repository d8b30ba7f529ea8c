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
PASSES = 2  # a letterbox inside a border


def trimmed(stack: Stack, box: Box) -> Box:
    """Return the box without the plain bars that all frames have there, a letterbox inside a border too.

    stack   uint8 (frames, height, width); frames that are blank in the box say nothing
    returns a box that may be empty: when every frame is blank. A figure on a plain ground has no bars, but
            in a single frame: there is no telling there
    """
    for _ in range(PASSES):
        before = box
        part = box.of(stack)
        top, bottom = _bar(part), _bar(part[:, ::-1])
        box = Box(box.top + top, max(box.top + top, box.bottom - bottom), box.left, box.right)
        part = box.of(stack).transpose(0, 2, 1)
        left, right = _bar(part), _bar(part[:, ::-1])
        box = Box(box.top, box.bottom, box.left + left, max(box.left + left, box.right - right))
        if box == before:
            break
    return box


def barred(stack: Stack) -> NDArray[np.bool_]:
    """Say which frames have a plain edge: of the others `trimmed` leaves everything, one by one.

    returns bool (frames,)
    """
    edges = (stack[:, 0], stack[:, -1], stack[:, :, 0], stack[:, :, -1])
    plain: NDArray[np.bool_] = np.any([edge.std(axis=1) <= FLAT_LEVELS for edge in edges], axis=0)
    return plain


def _bar(stack: Stack) -> int:
    """Count the rows of the bar that begins at the first row of every frame: 0 when there is none."""
    from matchers.compiled.bars import plain_rows  # noqa: PLC0415  it loads the compiler: half a second

    rows = stack.shape[1]
    if stack.size == 0 or (depth := int(plain_rows(stack, FLAT_LEVELS, SAME_LEVELS))) == 0:
        return 0
    if depth < LEAST_SHARE * rows:
        return 0
    if depth == rows:
        return depth
    behind = stack[:, min(depth + 1, rows - 1)].astype(np.float32)  # a bar ends at once; a gradient fades out
    level = stack[:, depth - 1].mean(axis=1, dtype=np.float32)[:, None]
    if not ((behind.std(axis=1) > FLAT_LEVELS) | (np.abs(behind.mean(axis=1) - level[:, 0]) > SAME_LEVELS)).any():
        return 0
    shows = (np.abs(behind - level) > 2 * SAME_LEVELS).any(axis=0)
    return depth if len(stack) == 1 or float(shows.mean()) >= EDGE_SHARE else 0
