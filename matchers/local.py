"""Local features: copies that a hash of the whole frame cannot see.

Crops, pictures in pictures, collages, screen recordings, turned, mirrored and half covered clips:
whatever keeps enough of a reference frame's details in their places. The matched part is told.
Never believes letters: features in one line, or in one corner, count for little.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.records import Fingerprint, Match, Segment
from matchers.align import Hits, align
from matchers.examples import bordered, resized, scene, still
from matchers.feature_index import Agreement, FeatureIndex
from matchers.features import ROW_BYTES, Features, describe, unpack
from matchers.frames import Frame
from matchers.method import Method, References, Sample

LEAST_FEATURES = 8  # a frame with fewer shows nothing that could be told from another

LEAST_CELLS, LEAST_SPREAD = 4, 3  # a frame pair with fewer is not even counted
CHANCE_CELLS = 5  # what unrelated frames reach now and then; only what lies above it counts
# The same where neighbouring frames show one reference frame, large, and moved on a little: a still that is panned or
# zoomed. Chance does not move smoothly, nor do letters on letters. Of `tune` it finds 156 of 160 such clips, not 151,
# and among 28,556 frames of strangers no wrong pair gains by it.
SMOOTH_CELLS = 2
SMOOTH_S = 1.6  # between two such frames
LEAST_MOVED, MOST_MOVED = 0.01, 0.2  # of the reference's longest side
MOST_OCTAVES, MOST_TURN = 0.25, 0.1  # that it may grow and turn in between; radians
MOST_AROUND = 2.5  # longest sides of the reference that the query's may span: a sticker is no still
FRAMES = 6  # the best frames of a query that are added up: a long clip must not win by its length
ENOUGH = 14  # cells above chance, over those frames; among 19,394 frames of strangers the most is 12, of drawn stars
# The same where one frame by itself is enough: among those strangers the most is 4. Captions of one letter reach 11 in
# four rows, so what agrees must be five rows tall and five columns wide.
ENOUGH_ALONE, LONE_SPREAD = 10, 5
LONE_CELLS = 9  # a stretch of one frame is told only if it has as many
SUREST, LEAST_SURE, SURE_CELLS = 0.99, 0.80, 60
Shown: TypeAlias = tuple[float, Agreement, Features]  # when, what agrees, and the query frame's features


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureBank:
    """The references of one method, ready to search. Rows of `owner` and `offset_s` are reference frames.

    nearest     sha256 of a file compared -> the most cells in which one of its frames agrees with one of these
    """

    method: Method
    index: FeatureIndex
    references: tuple[str, ...]
    owner: NDArray[np.int32]
    offset_s: NDArray[np.float64]
    nearest: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.owner)

    def compare(self, sha256: str, fingerprints: Iterable[Fingerprint]) -> list[Match]:
        """Match one file against every reference, the surest first."""
        found: dict[tuple[int, bool], list[Shown]] = {}
        self.nearest[sha256] = 0
        for one in fingerprints:
            if one.quality < self.method.least_quality:
                continue
            plain = unpack(one.value)
            for features, mirrored in ((plain, False), (plain.mirrored(), True)):
                for agreement in self.index.agreeing(features, least_cells=LEAST_CELLS, least_spread=LEAST_SPREAD):
                    owner = int(self.owner[agreement.frame])
                    self.nearest[sha256] = max(self.nearest[sha256], agreement.cells)
                    found.setdefault((owner, mirrored), []).append((one.offset_s, agreement, features))
        matches = []
        for owner in sorted({owner for owner, _ in found}):
            both = {mirrored: found[owner, mirrored] for mirrored in (False, True) if (owner, mirrored) in found}
            strength, enough = _strength(both, self.index.sizes)
            if strength >= enough:
                segments = [one for mirrored, hits in both.items() for one in self._segments(hits, mirrored=mirrored)]
                matches.append(self._match(sha256, owner, strength, enough, segments))
        return sorted(matches, key=lambda match: (-match.distance, match.reference))

    def _segments(self, found: list[Shown], *, mirrored: bool) -> list[Segment]:
        hits = Hits(
            np.array([query_s for query_s, _, _ in found]),
            np.array([self.offset_s[agreement.frame] for _, agreement, _ in found]),
            np.array([256 - agreement.cells for _, agreement, _ in found], np.uint16),
            np.array(["whole"] * len(found)),
        )
        shown = {(query_s, float(self.offset_s[one.frame])): (one, features) for query_s, one, features in found}
        segments = []
        for part in align(hits):
            agreement, features = shown[part.best_query_s, part.best_reference_s]
            segments.append(
                replace(
                    part,
                    best_distance=256 - part.best_distance,
                    mirrored=mirrored,
                    query_outline=_outline(agreement, features, self.index.sizes[agreement.frame], mirrored=mirrored),
                    reference_box=agreement.box,
                )
            )
        return segments

    def _match(self, sha256: str, owner: int, strength: int, enough: int, segments: list[Segment]) -> Match:
        told = [one for one in segments if one.pairs > 1 or one.best_distance >= LONE_CELLS]
        told = _one_way(told or [max(segments, key=lambda one: one.best_distance)])
        share = min(1.0, (strength - enough) / (SURE_CELLS - enough))
        return Match(
            sha256=sha256,
            reference=self.references[owner],
            method=self.method.name,
            version=self.method.version,
            distance=strength,
            threshold=enough,
            unit=self.method.unit,
            segments=tuple(told),
            probability=round(LEAST_SURE + (SUREST - LEAST_SURE) * share, 3),
            basis=self.method.basis,
            more_is_nearer=True,
        )


def _one_way(segments: list[Segment]) -> list[Segment]:
    """Sort segments, the longest first, without those that a better one shows the other way round.

    A symmetric scene agrees with its own mirror image as well, only less: whichever has more cells is told.
    """
    kept: list[Segment] = []
    for one in sorted(segments, key=lambda one: (-one.pairs * one.best_distance, one.mirrored)):
        if not any(
            other.mirrored != one.mirrored and other.query_start_s <= one.best_query_s <= other.query_end_s
            for other in kept
        ):
            kept.append(one)
    return sorted(kept, key=lambda one: (-one.pairs, -one.best_distance, one.query_start_s))


def _strength(both: Mapping[bool, list[Shown]], sizes: NDArray[np.float32]) -> tuple[int, int]:
    """Add up the cells above chance of the query's best frames; the second is how many are enough.

    both    what agrees, plain and mirrored
    sizes   of the reference frames, width and height in px
    """
    above: dict[float, int] = {}
    alone = False
    for hits in both.values():
        best: dict[float, Shown] = {}
        for hit in hits:
            if hit[0] not in best or hit[1].cells > best[hit[0]][1].cells:
                best[hit[0]] = hit
        smooth = {
            query_s
            for one, other in pairwise(best[query_s] for query_s in sorted(best))
            if _moved_on(one, other, float(sizes[one[1].frame].max()))
            for query_s in (one[0], other[0])
        }
        for query_s, (_, agreement, _) in best.items():
            # Letters agree by the dozen, in one or two lines: a part is believed as far as it is as tall as wide.
            believed = min(agreement.cells, agreement.spread**2)
            alone |= believed >= CHANCE_CELLS + ENOUGH_ALONE and agreement.spread >= LONE_SPREAD
            cells = believed - (SMOOTH_CELLS if query_s in smooth else CHANCE_CELLS)
            above[query_s] = max(above.get(query_s, 0), cells)
    strength = sum(sorted((cells for cells in above.values() if cells > 0), reverse=True)[:FRAMES])
    return strength, ENOUGH_ALONE if alone and strength < ENOUGH else ENOUGH


def _moved_on(one: Shown, other: Shown, side_px: float) -> bool:
    """Say whether two frames show one reference frame, large, at two places of one smooth movement.

    side_px     the reference frame's longest
    """
    if one[1].frame != other[1].frame or other[0] - one[0] > SMOOTH_S:
        return False
    before, after = (_place(agreement, features) / side_px for _, agreement, features in (one, other))
    moved, grown = float(np.abs(after[0] - before[0])), abs(float(np.log2(np.abs(after[1]) / np.abs(before[1]))))
    if max(np.abs(before[1]), np.abs(after[1])) > MOST_AROUND or moved > MOST_MOVED or grown > MOST_OCTAVES:
        return False
    turned = abs(float(np.angle(after[1] / before[1])))
    return turned <= MOST_TURN and max(moved, grown) >= LEAST_MOVED


def _place(agreement: Agreement, features: Features) -> NDArray[np.complex128]:
    """Where the query frame lies in the reference frame, px: its centre, and its longest side, as complex numbers."""
    a, b, tx, c, d, ty = agreement.affine
    x, y = features.width_px / 2, features.height_px / 2
    size, turn = np.sqrt(abs(a * d - b * c)) * max(features.width_px, features.height_px), np.arctan2(c - b, a + d)
    return np.array([a * x + b * y + tx + 1j * (c * x + d * y + ty), size * np.exp(1j * turn)])


def fingerprint(frames: Sequence[Frame]) -> list[Fingerprint]:
    """Describe one frame a second."""
    found = []
    for frame in frames:
        if not frame.tick:
            continue
        value = describe(frame.luma)
        features = len(value) // ROW_BYTES
        if features >= LEAST_FEATURES:
            quality = min(100, features)
            found.append(Fingerprint(offset_s=frame.offset_s, region="whole", value=value, quality=quality))
    return found


def bank(method: Method, references: References) -> FeatureBank:
    """Build a bank of reference frames."""
    names, owners, offsets, frames = [], [], [], []
    for number, (name, fingerprints) in enumerate(references):
        names.append(name)
        for one in fingerprints:
            if one.quality >= method.least_quality:
                owners.append(number)
                offsets.append(one.offset_s)
                frames.append(unpack(one.value))
    return FeatureBank(
        method=method,
        index=FeatureIndex(frames),
        references=tuple(names),
        owner=np.array(owners, np.int32),
        offset_s=np.array(offsets, np.float64),
    )


def _outline(
    agreement: Agreement, features: Features, size: NDArray[np.float32], *, mirrored: bool
) -> tuple[float, ...]:
    """Where the reference's four corners lie in the query frame, in fractions of it."""
    a, b, tx, c, d, ty = agreement.affine
    back = np.linalg.inv(np.array([[a, b, tx], [c, d, ty], [0, 0, 1]]))
    width, height = float(size[0]), float(size[1])
    corners = np.array([[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]])
    x, y = (back @ corners)[:2]
    x, y = x / features.width_px, y / features.height_px
    if mirrored:
        x = 1 - x
    return tuple(round(float(value), 4) for value in np.stack([x, y], axis=1).ravel())


def _alike() -> Iterator[tuple[Sample, Sample]]:
    yield still(scene(1)), still(resized(scene(1)[20:160, 40:290], 320, 180))
    yield still(scene(2)), still(scene(2)[:, ::-1].copy())
    yield still(scene(3)), still(bordered(resized(scene(3), 256, 144), side_px=40))


def _unlike() -> Iterator[tuple[Sample, Sample]]:
    yield still(scene(1)), still(scene(2))
    yield still(bordered(scene(5))), still(bordered(scene(6)))


METHOD = Method(
    name="local",
    version=2,
    unit="cells",
    threshold=ENOUGH,
    lone_threshold=ENOUGH_ALONE,
    least_quality=LEAST_FEATURES,
    fingerprint=fingerprint,
    bank=bank,
    alike=_alike,
    unlike=_unlike,
)
