"""Frame hits between two clips -> stretches of the one that show stretches of the other.

A vote: a copy at speed v shows the reference at time v x t + b, so its hits agree on one b. The
line that explains most is taken first, and every moment of the query is explained once.
Never decides whether a stretch is enough to be a match: compare.py does.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.records import Segment
from matchers.align_speed import Line, measured

# Reference seconds per query second; 0 is a frozen picture. The first wins where two explain the
# same: real speed first, then the picture that stands still.
SPEEDS = (1.0, 0.0, 0.5, 0.75, 1.25, 1.5, 2.0, -1.0)
TOLERANCE_S = 1.0  # both sides are sampled once a second, so true pairs stray by up to a second
CLOSER_S = 0.75  # from the measured line, of frames sampled once a second
LEAST_FRAMES, LEAST_LONG_S = 3, 0.9  # of a run whose speed is measured
FITTED_SHARE = 0.7  # of a run that must lie on the measured line
AROUND_S = 6.0  # looked at on both sides of a run: the vote's line may be too steep
LONG_S = 60.0  # of a longer run, so much in the middle is measured, and the rest is fitted by the nearest pairs alone
MOST_FITTED = 120  # of its frames
SLOWEST, FASTEST = 0.2, 4.0
SAME_SPEED = 0.02  # less is the sampling
GAP_S = 6.0  # a longer silence ends a segment; hits drop out for a few seconds in motion or fades


@dataclass(frozen=True, slots=True)
class Hits:
    """Frame pairs within the threshold: float64, float64, uint16 and str arrays of one length."""

    query_s: NDArray[np.float64]
    reference_s: NDArray[np.float64]
    distance: NDArray[np.uint16]
    region: NDArray[np.str_]

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Self:
        """Return the chosen hits."""
        return type(self)(self.query_s[chosen], self.reference_s[chosen], self.distance[chosen], self.region[chosen])

    def __len__(self) -> int:
        return len(self.query_s)


def align(hits: Hits) -> list[Segment]:
    """Explain all hits by segments, the one with the most frames first.

    Static scenes, in which every frame hits every other, give one segment at speed 1, not a square.
    """
    segments: list[Segment] = []
    while len(hits):
        stretch, speed, known = _refined(hits, *_longest(hits))
        if len(stretch) == 1:  # nothing left agrees with anything: no need to vote on each
            segments += [_segment(lone, 0.0, known=False) for lone in _lone(hits)]
            break
        segments.append(_segment(stretch, speed, known=known))
        start_s, end_s = segments[-1].query_start_s, segments[-1].query_end_s
        hits = hits.where((hits.query_s < start_s) | (hits.query_s > end_s))
    return sorted(segments, key=lambda segment: (-segment.pairs, segment.best_distance, segment.query_start_s))


def _longest(hits: Hits) -> tuple[Hits, float]:
    """Return the unbroken run of hits on the line that explains most, and its speed."""
    if len(np.unique(hits.query_s)) == 1 or len(np.unique(hits.reference_s)) == 1:
        return _best_run(hits, 0.0), 0.0  # one of the two is a still: there is no speed to find
    best, best_speed, most = hits, 1.0, 0
    for speed in SPEEDS:
        run = _best_run(hits, speed)
        if len(run) > most:
            best, best_speed, most = run, speed, len(run)
    return best, best_speed


def _refined(hits: Hits, run: Hits, speed: float) -> tuple[Hits, float, bool]:
    """Measure the speed on the run itself, and keep to that line more closely if as much lies on it.

    returns the run, its speed, and whether that is known: 0 is where one of the two is a still
    """
    known = speed == 0 and len(run) > 1
    for _ in range(2):  # the first line may have been measured on a part only
        line = _line(hits, run)
        closer = run if line is None else _on(hits, line, CLOSER_S)
        if line is None or len(closer) < FITTED_SHARE * len(run):
            break
        run, speed, known = closer, line.speed, line.known
    if not known:
        speed = -1.0 if speed < 0 else 1.0
    return run, speed, known


def _line(hits: Hits, run: Hits) -> Line | None:
    """Measure the line of a run; None when it says nothing of its speed."""
    start_s, end_s = run.query_s[0], run.query_s[-1]
    if len(run) < LEAST_FRAMES or end_s - start_s < LEAST_LONG_S or len(np.unique(hits.reference_s)) == 1:
        return None
    middle_s = (start_s + end_s) / 2
    middle = run.where(np.abs(run.query_s - middle_s) <= LONG_S / 2)
    first_s, last_s = middle.reference_s.min() - AROUND_S, middle.reference_s.max() + AROUND_S
    near = hits.where(
        (np.abs(hits.query_s - middle_s) <= min(end_s - start_s, LONG_S) / 2 + AROUND_S)
        & (hits.reference_s >= first_s)
        & (hits.reference_s <= last_s)
    )
    line = measured(near.query_s, near.reference_s, near.distance)
    return line if end_s - start_s <= LONG_S or line.speed == 0 else _longer(line, _on(hits, line, TOLERANCE_S))


def _longer(line: Line, run: Hits) -> Line:
    """Fit a line to all of a long run on it, whose nearest pairs alone say enough.

    The median of the slopes between pairs (Theil 1950, Sen 1968): a few wrong pairs do not move it.
    """
    some = np.linspace(0, len(run) - 1, min(len(run), MOST_FITTED)).astype(np.int64)
    query_s, reference_s = run.query_s[some], run.reference_s[some]
    apart_s = query_s[None, :] - query_s[:, None]
    far = apart_s >= LONG_S / 4
    slope = float(np.median((reference_s[None, :] - reference_s[:, None])[far] / apart_s[far])) if far.any() else 0.0
    if not SLOWEST <= abs(slope) <= FASTEST:
        return line
    speed = float(np.sign(slope)) if abs(abs(slope) - 1) < SAME_SPEED else round(slope, 3)
    return Line(speed, 0.0, float(np.median(reference_s - speed * query_s)), line.known)


def _best_run(hits: Hits, speed: float) -> Hits:
    """Return the nearest hit of each query frame on the best line of one speed, up to a gap."""
    return _on(hits, Line(speed, 0.0, _centre(hits, hits.reference_s - speed * hits.query_s)), TOLERANCE_S)


def _on(hits: Hits, line: Line, tolerance_s: float) -> Hits:
    """Return the nearest hit of each query frame on a line, up to a gap: the longest run of them."""
    stray_s = np.abs(hits.reference_s - line.reference_at_s - line.speed * (hits.query_s - line.query_at_s))
    order = np.lexsort((stray_s, hits.distance, hits.query_s))
    on_line = hits.where(order[stray_s[order] <= tolerance_s])
    on_line = on_line.where(np.unique(on_line.query_s, return_index=True)[1])
    breaks = np.flatnonzero(np.diff(on_line.query_s) > GAP_S) + 1
    runs = [on_line.where(rows) for rows in np.split(np.arange(len(on_line)), breaks)]
    return max(runs, key=len)


def _centre(hits: Hits, shift_s: NDArray[np.float64]) -> float:
    """Vote in bins twice the tolerance wide, laid twice so that no line falls between two."""
    best = (-1.0, 0.0)
    for phase in (0.0, 0.5):
        bins = np.floor(shift_s / (2 * TOLERANCE_S) + phase).astype(np.int64)
        numbers, of = np.unique(bins, return_inverse=True)
        votes = _distinct(of, hits.query_s, len(numbers))
        # Of two lines through a static scene the nearer one wins: less than a vote, never more.
        votes = votes - np.bincount(of, hits.distance) / np.bincount(of) / 1024
        top = int(np.argmax(votes))
        if votes[top] > best[0]:
            near = hits.distance[of == top] <= np.median(hits.distance[of == top])
            best = (float(votes[top]), float(np.median(shift_s[of == top][near])))
    return best[1]


def _distinct(of: NDArray[np.intp], moments: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Count the distinct moments in each bin."""
    known, moment = np.unique(moments, return_inverse=True)
    pairs = np.unique(of * len(known) + moment)
    return np.bincount(pairs // len(known), minlength=bins).astype(np.float64)


def _lone(hits: Hits) -> list[Hits]:
    """Return the nearest hit of each query frame, by itself."""
    nearest = hits.where(np.lexsort((hits.distance, hits.query_s)))
    return [nearest.where(np.array([row])) for row in np.unique(nearest.query_s, return_index=True)[1]]


def _segment(run: Hits, speed: float, *, known: bool) -> Segment:
    best = int(np.lexsort((run.query_s, run.distance))[0])
    return Segment(
        query_start_s=float(run.query_s.min()),
        query_end_s=float(run.query_s.max()),
        reference_start_s=float(run.reference_s.min()),
        reference_end_s=float(run.reference_s.max()),
        speed=speed,
        speed_known=known,
        pairs=len(run),
        best_query_s=float(run.query_s[best]),
        best_reference_s=float(run.reference_s[best]),
        best_distance=int(run.distance[best]),
        region=str(run.region[best]),
    )
