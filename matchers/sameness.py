"""Whether two files that look alike also move alike: a copy does, another take in the same room does not.

Works on hashes of frames. Two signs, of which a copy has at least one. Along the line that a match names, its
frames are nearer than along lines a second or more beside it. And each file's own frames differ among themselves in
the same pattern, whatever border, caption or mirror lies over one of them (after the self-similarity matrices of
Junejo et al. 2008, "Cross-view action recognition from temporal self-similarities"). Where pictures of change are
known, they must be nearer along the line too: two hands before a still wall are little of a frame and all that changes.
Never says anything of files that stand still, nor of movement too fast for the frames there are.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.cases import Motion
from core.records import Fingerprint, Match, Segment
from matchers.dihedral import mirrored
from matchers.index import Words, pack

LOOKS = "phash"  # the method that hashes all of a file's frames, near alike for near pictures
CHANGE = "change"  # the method that hashes what moves between them
# Of a picture of change only the lowest 8 x 8 frequencies: a crop of a tenth moves the higher ones. As in matchers/
# dihedral.py, a row of 16 is a quarter of a word, the lowest first.
LOWEST = np.array([0xFF00_FF00_FF00_FF00] * 2 + [0] * 2, np.uint64)
WHOLE = "whole"
MOST_REGIONS = 4
REGION_SHARE = 0.5  # of a file's frames that show a region: else it says nothing of the file
SPACED_S = 0.2  # the first second of a file is sampled twice as densely
MOST_FRAMES, LEAST_FRAMES = 48, 6
LEAST_LONG_S = 1.0  # of a stretch: shorter ones have no movement that could be compared
SLOWEST, FASTEST = 0.45, 2.2  # other speeds are what frames of one still scene happen to lie on
STRAY_S = 0.14  # from the moment asked for to the nearest frame: half of the usual quarter second
STEP_S, REACH_S = 0.125, 3.0  # of the lines that are tried beside the match's own
NEAR_S, FAR_S = 0.75, 1.0  # the match's line may be that far off; lines that far beside the best are others
JITTER_S = 0.25  # what two samplings of one film may be apart
LAGS_S = np.array([-JITTER_S, JITTER_S, *(sign * far for far in (1.0, 1.5, 2.0, 2.5, 3.0) for sign in (-1, 1))])
SHIFTS_S = np.arange(-REACH_S, REACH_S + STEP_S / 2, STEP_S)
FINE_S = np.arange(-0.5, 0.5 + STEP_S / 2, STEP_S)
Seconds = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Film:
    """One file's frames in time: seconds (n,), and for each region its hashes (n, 4) and where there are any (n,)."""

    at_s: Seconds
    regions: tuple[tuple[Words, NDArray[np.bool_]], ...]  # the whole frame's first
    counted: Words  # (4,), the bits that are compared with another file's

    def nearest(self, moments_s: Seconds) -> tuple[Rows, NDArray[np.bool_]]:
        """The frames nearest to moments of any shape, and whether they are near enough."""
        after = np.clip(np.searchsorted(self.at_s, moments_s), 1, len(self.at_s) - 1)
        rows = np.where(moments_s - self.at_s[after - 1] <= self.at_s[after] - moments_s, after - 1, after)
        return rows, np.abs(self.at_s[rows] - moments_s) <= STRAY_S


@dataclass(frozen=True, slots=True)
class Films:
    """One file's frames, and its pictures of change; None where there are too few to show any movement."""

    looks: Film | None
    change: Film | None


def films(looks: Iterable[Fingerprint], change: Iterable[Fingerprint]) -> Films:
    """Put a file's hashes by LOOKS and by CHANGE in order of time."""
    return Films(_film(looks, np.full(4, ~np.uint64(0))), _film(change, LOWEST))


def _film(fingerprints: Iterable[Fingerprint], counted: Words) -> Film | None:
    by_region: dict[str, dict[float, bytes]] = {}
    for one in fingerprints:
        by_region.setdefault(one.region, {})[one.offset_s] = one.value
    whole = by_region.pop(WHOLE, {})
    if len(whole) < LEAST_FRAMES:
        return None
    at_s = np.array(sorted(whole))
    regions = [(pack(whole[moment] for moment in at_s.tolist()), np.ones(len(at_s), np.bool_))]
    for shown in sorted(by_region.values(), key=len, reverse=True)[: MOST_REGIONS - 1]:
        there = np.array([moment in shown for moment in at_s.tolist()])
        if there.mean() >= REGION_SHARE:
            words = np.zeros((len(at_s), 4), np.uint64)
            words[there] = pack(shown[moment] for moment in at_s[there].tolist())
            regions.append((words, there))
    return Film(at_s, tuple(regions), counted)


def motions(matches: Iterable[Match], here: Films, there: Films) -> dict[Segment, Motion]:
    """What movement says of each stretch of some matches between two files; absent where it says nothing."""
    found: dict[Segment, Motion] = {}
    for part in {part for match in matches for part in match.segments}:
        told = motion(part, here, there)
        if told is not None:
            found[part] = told
    return found


def motion(part: Segment, here: Films, there: Films) -> Motion | None:
    """Compare the movement of the query in a stretch with that of the reference; None where neither can be told."""
    if part.query_end_s - part.query_start_s < LEAST_LONG_S:
        return None
    looks = _by_looks(part, here.looks, there.looks) if here.looks and there.looks else None
    change = _by_change(part, here.change, there.change) if here.change and there.change else None
    if change is None:
        return looks
    return replace(looks or Motion(own_bits=0.0, fall_bits=0.0, pattern=0.0), change=change)


def _by_looks(part: Segment, here: Film, there: Film) -> Motion | None:
    rows = _picked(here, part.query_start_s, part.query_end_s)
    if not SLOWEST <= abs(part.speed) <= FASTEST:
        falls = [_own_fall(here, rows), _own_fall(there, _picked(there, there.at_s[0], there.at_s[-1]))]
        known = [fall for fall in falls if fall is not None]
        return Motion(own_bits=max(known), fall_bits=0.0, pattern=0.0) if known else None
    best = _nearest_line(part, here, there, rows)
    if best is None:
        return None
    _, fall_bits, line_s = best
    shown, near = there.nearest(line_s)
    falls = [_own_fall(here, rows), _own_fall(there, np.unique(shown[near]))]
    own = [fall for fall in falls if fall is not None]
    if len(own) < len(falls):
        return None
    pattern = max(_pattern(here, there, rows, line_s + shift_s) for shift_s in FINE_S)
    return Motion(own_bits=max(own), fall_bits=fall_bits, pattern=pattern)


def _by_change(part: Segment, here: Film, there: Film) -> float | None:
    """How far pictures of change are from each other along the line, as a share of how far they are beside it."""
    if not SLOWEST <= abs(part.speed) <= FASTEST:
        return None
    best = _nearest_line(part, here, there, _picked(here, part.query_start_s, part.query_end_s))
    return best[0] / max(best[0] + best[1], 1.0) if best else None


def _nearest_line(part: Segment, here: Film, there: Film, rows: Rows) -> tuple[float, float, Seconds] | None:
    """The best of _sharpness, of the lines that a match may mean: through its best pair, or its middles."""
    along_s = part.speed * here.at_s[rows]
    middle_s = (part.reference_start_s + part.reference_end_s) / 2
    middle_s -= part.speed * (part.query_start_s + part.query_end_s) / 2
    tried = [
        _sharpness(here, there, rows, along_s + start_s, is_mirrored=part.mirrored)
        for start_s in {part.best_reference_s - part.speed * part.best_query_s, middle_s}
    ]
    return min((one for one in tried if one is not None), key=lambda one: one[0], default=None)


def _picked(one: Film, start_s: float, end_s: float) -> Rows:
    """Some frames of a stretch, evenly spread."""
    rows = np.flatnonzero((one.at_s >= start_s) & (one.at_s <= end_s))
    if len(rows):
        rows = rows[np.unique(np.floor(one.at_s[rows] / SPACED_S), return_index=True)[1]]
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST_FRAMES)).round().astype(np.intp))]


def _sharpness(
    here: Film, there: Film, rows: Rows, along_s: Seconds, *, is_mirrored: bool
) -> tuple[float, float, Seconds] | None:
    """How near the frames are along the best line, how much nearer than along others, and that line's seconds.

    along_s  (n,) when the reference shows what each of the query's rows shows, as the match says
    """
    shown, near = there.nearest(along_s[:, None] + SHIFTS_S)  # n, lines
    bits = np.full(shown.shape, np.inf)
    for words, has in here.regions:
        own = mirrored(words[rows]) if is_mirrored else words[rows]
        for others, have in there.regions:
            apart = np.bitwise_count((own[:, None, :] ^ others[shown]) & here.counted).sum(axis=2, dtype=np.float64)
            bits = np.minimum(bits, np.where(has[rows][:, None] & have[shown], apart, np.inf))
    means = _means(bits, near & np.isfinite(bits), max(4, (len(rows) + 1) // 2))
    close = np.where(np.abs(SHIFTS_S) <= NEAR_S, means, np.nan)
    if np.isnan(close).all():
        return None
    best = int(np.nanargmin(close))
    beside = means[np.abs(SHIFTS_S - SHIFTS_S[best]) >= FAR_S]
    if np.isnan(beside).all():
        return None
    nearest_bits = float(means[best])
    return nearest_bits, float(np.nanmedian(beside)) - nearest_bits, along_s + SHIFTS_S[best]


def _own_fall(one: Film, rows: Rows) -> float | None:
    """How much nearer a file's frames are to those a moment away than to those seconds away, bits; None: unknown."""
    if len(rows) < 4:
        return None
    others, near = one.nearest(one.at_s[rows][:, None] + LAGS_S)
    words = one.regions[0][0]
    bits = np.bitwise_count(words[rows][:, None, :] ^ words[others]).sum(axis=2, dtype=np.float64)
    means = _means(bits, near & (others != rows[:, None]), 4)
    if np.isnan(means[:2]).all() or np.isnan(means[2:]).all():
        return None
    return float(np.nanmedian(means[2:]) - np.nanmean(means[:2]))


def _means(bits: NDArray[np.float64], known: NDArray[np.bool_], least: int) -> NDArray[np.float64]:
    """The mean of each column over what is known of it; nan where that is less than `least`."""
    counts = known.sum(axis=0)
    sums = np.where(known, bits, 0.0).sum(axis=0)
    return np.where(counts >= least, sums / np.maximum(counts, 1), np.nan)


def _pattern(here: Film, there: Film, rows: Rows, line_s: Seconds) -> float:
    """How alike both files' frames differ among themselves, -1..1; 0 where there are too few."""
    shown, near = there.nearest(line_s)
    if near.sum() < LEAST_FRAMES:
        return 0.0
    one, other = _strays(here.regions[0][0][rows[near]]), _strays(there.regions[0][0][shown[near]])
    both = float(np.sqrt((one**2).mean() * (other**2).mean()))
    return float((one * other).mean()) / both if both > 0 else 0.0


def _strays(words: Words) -> NDArray[np.float64]:
    """How much frame pairs differ beyond what pairs as far apart in time do: a pan alone makes that alike anywhere."""
    first, second = np.triu_indices(len(words), 1)
    bits = np.bitwise_count(words[first] ^ words[second]).sum(axis=1, dtype=np.float64)
    apart = second - first
    expected = np.bincount(apart, bits) / np.maximum(np.bincount(apart), 1)
    strays: NDArray[np.float64] = bits - expected[apart]
    return strays
