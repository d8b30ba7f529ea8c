"""One sound against all references: votes for who and when, then bits counted along the line voted for.

Both sides come listened to at the same few speeds, and the ratios of those reach every speed from
0.78 to 1.28; a tempo changed alone shows as a line that is not quite diagonal.
Never takes steady sound for evidence: chromaprint.py left it out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from core.records import Fingerprint, Match, Segment
from matchers.chromaprint import HOP_S, REACH_S, Items, unpack
from matchers.method import Method, References
from matchers.sound_lines import ALLOWED, ALLOWED_TURNED, WINDOWS, Line, best_lines
from matchers.sound_votes import Places, votes

# Marks on a ruler: their differences are 1 to 9 steps, so that five speeds on each side make nineteen
# ratios, 0.78 to 1.28 without a hole. A speed between two steps is 1.4 % off, and costs 20 % of the bits.
# Slower rather than faster: the same seconds give more items, and a clip of 5 s has few.
STEP = 1.0275
SPEEDS = tuple(STEP**-mark for mark in (0, 1, 4, 7, 9))
TEMPOS = tuple(round(0.75 + 0.025 * step, 3) for step in range(24))  # pitch kept: what editors and players offer
NEARLY = (0.98, 1.0, 1.02)  # where the pitch moves with the speed, it is known to a step
LEAST_ITEMS = WINDOWS[0]
EDGE_S = REACH_S / 2  # where two sounds part, half of what the first and the last item hear is something else
OVERLAP = 0.5  # of a segment's length may be explained by a nearer one
JOIN_S, JOIN_GAP_S = 1.0, 6.0  # two segments are one when the second begins where the first would be by then

# The chance that a match is what it says, at distance 0 and at the threshold: that this recording is in
# both. Moderate by intent: music is licensed to many, and the picture may be another.
SUREST, LEAST_SURE = 0.78, 0.60
COMMON = 4  # references that share a stretch: a jingle, a song that everyone uses; or trailers of one film
COMMON_MOST = 0.50


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundBank:
    """The references of the method, ready to search.

    places  the references' items at each of SPEEDS, in one row
    """

    method: Method
    references: tuple[str, ...]
    places: tuple[Places, ...]

    def __len__(self) -> int:
        return sum(len(place) for place in self.places)

    def compare(self, sha256: str, fingerprints: Iterable[Fingerprint]) -> list[Match]:
        """Match one sound against every reference, the surest first.

        raises  ShapeError when a value is not of whole items
        """
        heard = _tracks(self.method, fingerprints)
        found: dict[int, list[tuple[Segment, int]]] = {}
        for query_speed, (items, offset_s) in heard.items():
            for reference_speed, place in zip(SPEEDS, self.places, strict=True):
                if query_speed == reference_speed and query_speed != 1.0:
                    continue  # the ratio 1 is looked at once
                same = query_speed == reference_speed
                tempos, allowed = (TEMPOS, ALLOWED) if same else (NEARLY, ALLOWED_TURNED)
                for line in best_lines(items, place, votes(items, place), tempos, allowed):
                    segment = _segment(line, query_speed, reference_speed, offset_s, place)
                    found.setdefault(line.owner, []).append(segment)
        kept = {owner: _apart(segments) for owner, segments in found.items()}
        matches = [
            _match(self.method, sha256, self.references[owner], segments, _shared(segments[0][0], kept))
            for owner, segments in kept.items()
        ]
        return sorted(matches, key=lambda match: (-match.probability, match.distance, match.reference))


def sound_bank(method: Method, references: References) -> SoundBank:
    """Build a bank; fingerprints below the method's least quality stay out."""
    names: list[str] = []
    rows: list[list[tuple[Items, float]]] = []
    for name, fingerprints in references:
        names.append(name)
        heard = _tracks(method, fingerprints)
        rows.append([heard.get(speed, (np.empty(0, np.uint32), 0.0)) for speed in SPEEDS])
    places = tuple(Places.of([row[number] for row in rows]) for number in range(len(SPEEDS)))
    return SoundBank(method=method, references=tuple(names), places=places)


def region_at(speed: float) -> str:
    """Name the region of a fingerprint that was listened to at a speed."""
    return "sound" if speed == 1.0 else f"sound x{speed:.3f}"


def _tracks(method: Method, fingerprints: Iterable[Fingerprint]) -> dict[float, tuple[Items, float]]:
    """Return the items of each speed, and when they begin."""
    speeds = {region_at(speed): speed for speed in SPEEDS}
    return {
        speeds[one.region]: (unpack(one.value), one.offset_s)
        for one in fingerprints
        if one.region in speeds and one.quality >= method.least_quality
    }


def _segment(
    line: Line, query_speed: float, reference_speed: float, offset_s: float, place: Places
) -> tuple[Segment, int]:
    """Turn items into seconds; beside the segment, the error it was allowed."""
    query_item_s, reference_item_s = HOP_S * query_speed, HOP_S * reference_speed
    base_s = float(place.offset_s[line.owner])
    speed = line.tempo * reference_speed / query_speed
    before_s = 0.0 if line.whole_start else EDGE_S
    after_s = REACH_S if line.whole_end else REACH_S - EDGE_S
    reference_start_s = line.reference_start * reference_item_s + before_s * reference_speed
    early_s = max(0.0, -reference_start_s)  # followed a little beyond where the reference begins
    segment = Segment(
        query_start_s=round(offset_s + line.query_start * query_item_s + before_s * query_speed + early_s / speed, 3),
        query_end_s=round(offset_s + line.query_end * query_item_s + after_s * query_speed, 3),
        reference_start_s=round(base_s + reference_start_s + early_s, 3),
        reference_end_s=round(base_s + line.reference_end * reference_item_s + after_s * reference_speed, 3),
        speed=round(speed, 3),
        pairs=line.pairs,
        best_query_s=round(offset_s + line.query_best * query_item_s + REACH_S / 2 * query_speed, 3),
        best_reference_s=round(base_s + line.reference_best * reference_item_s + REACH_S / 2 * reference_speed, 3),
        best_distance=line.error,
        region="sound",
    )
    return segment, line.allowed


def _apart(segments: list[tuple[Segment, int]]) -> list[tuple[Segment, int]]:
    """Keep the nearest of those that explain one stretch of the query, and join those that go on from each other."""
    kept: list[tuple[Segment, int]] = []
    for segment, allowed in sorted(segments, key=_rank):
        if all(_overlap_s(segment, other) <= OVERLAP * _long_s(segment) for other, _ in kept):
            kept.append((segment, allowed))
    joined: list[tuple[Segment, int]] = []
    for segment, allowed in sorted(kept, key=lambda one: one[0].query_start_s):
        if joined and _goes_on(joined[-1][0], segment):
            joined[-1] = _join(joined[-1], (segment, allowed))
        else:
            joined.append((segment, allowed))
    return sorted(joined, key=_rank)


def _rank(one: tuple[Segment, int]) -> tuple[float, float, float]:
    """How far below what it is allowed: the surest first; of equals the longest."""
    segment, allowed = one
    return segment.best_distance - allowed, -segment.pairs, segment.query_start_s


def _long_s(segment: Segment) -> float:
    return segment.query_end_s - segment.query_start_s


def _overlap_s(one: Segment, other: Segment) -> float:
    return min(one.query_end_s, other.query_end_s) - max(one.query_start_s, other.query_start_s)


def _goes_on(one: Segment, other: Segment) -> bool:
    """Whether the second continues the first: at its speed, and where it would be by then."""
    expected_s = one.reference_end_s + one.speed * (other.query_start_s - one.query_end_s)
    near = abs(other.reference_start_s - expected_s) <= JOIN_S and other.query_start_s - one.query_end_s <= JOIN_GAP_S
    return near and abs(one.speed - other.speed) <= 0.05 * one.speed


def _join(one: tuple[Segment, int], other: tuple[Segment, int]) -> tuple[Segment, int]:
    (best, allowed) = min(one, other, key=_rank)
    return replace(
        best,
        query_start_s=min(one[0].query_start_s, other[0].query_start_s),
        query_end_s=max(one[0].query_end_s, other[0].query_end_s),
        reference_start_s=min(one[0].reference_start_s, other[0].reference_start_s),
        reference_end_s=max(one[0].reference_end_s, other[0].reference_end_s),
        pairs=one[0].pairs + other[0].pairs,
    ), allowed


def _shared(segment: Segment, kept: dict[int, list[tuple[Segment, int]]]) -> int:
    """Count the references that explain most of the same stretch of the query."""
    return sum(
        any(2 * _overlap_s(segment, other) >= _long_s(segment) for other, _ in segments) for segments in kept.values()
    )


def _match(method: Method, sha256: str, reference: str, segments: list[tuple[Segment, int]], shared: int) -> Match:
    nearest, allowed = segments[0]
    probability = SUREST - (SUREST - LEAST_SURE) * nearest.best_distance / allowed
    return Match(
        sha256=sha256,
        reference=reference,
        method=method.name,
        version=method.version,
        distance=nearest.best_distance,
        threshold=allowed,
        unit=method.unit,
        segments=tuple(segment for segment, _ in segments),
        probability=round(min(probability, COMMON_MOST) if shared >= COMMON else probability, 3),
        basis=method.basis,
    )
