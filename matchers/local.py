"""Local features: copies that a hash of the whole frame cannot see.

Crops, pictures in pictures, collages, screen recordings, turned, mirrored and half covered clips:
whatever keeps enough of a reference frame's details in their places. The matched part is told.
Never believes letters: features in one line, or in one corner, count for little.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

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
FRAMES = 6  # the best frames of a query that are added up: a long clip must not win by its length
ENOUGH = 12  # cells above chance, over those frames; among 24,000 frames of strangers the most was 11, of a drawn star
ENOUGH_ALONE = 15  # the same when one frame is all there is: two captions in one letter have reached 13
LONE_CELLS = 9  # a stretch of one frame is told only if it has as many
SUREST, LEAST_SURE, SURE_CELLS = 0.99, 0.80, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureBank:
    """The references of one method, ready to search. Rows of `owner` and `offset_s` are reference frames."""

    method: Method
    index: FeatureIndex
    references: tuple[str, ...]
    owner: NDArray[np.int32]
    offset_s: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.owner)

    def compare(self, sha256: str, fingerprints: Iterable[Fingerprint]) -> list[Match]:
        """Match one file against every reference, the surest first."""
        found: dict[tuple[int, bool], list[tuple[float, Agreement, Features]]] = {}
        for one in fingerprints:
            if one.quality < self.method.least_quality:
                continue
            plain = unpack(one.value)
            for features, mirrored in ((plain, False), (plain.mirrored(), True)):
                for agreement in self.index.agreeing(features, least_cells=LEAST_CELLS, least_spread=LEAST_SPREAD):
                    owner = int(self.owner[agreement.frame])
                    found.setdefault((owner, mirrored), []).append((one.offset_s, agreement, features))
        matches = []
        for owner in sorted({owner for owner, _ in found}):
            both = {mirrored: found[owner, mirrored] for mirrored in (False, True) if (owner, mirrored) in found}
            strength, frames = _strength([hit for hits in both.values() for hit in hits])
            if strength >= (ENOUGH if frames > 1 else ENOUGH_ALONE):
                segments = [one for mirrored, hits in both.items() for one in self._segments(hits, mirrored=mirrored)]
                matches.append(self._match(sha256, owner, strength, segments))
        return sorted(matches, key=lambda match: (-match.distance, match.reference))

    def _segments(self, found: list[tuple[float, Agreement, Features]], *, mirrored: bool) -> list[Segment]:
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

    def _match(self, sha256: str, owner: int, strength: int, segments: list[Segment]) -> Match:
        told = [one for one in segments if one.pairs > 1 or one.best_distance >= LONE_CELLS]
        told = _one_way(told or [max(segments, key=lambda one: one.best_distance)])
        share = min(1.0, (strength - ENOUGH) / (SURE_CELLS - ENOUGH))
        return Match(
            sha256=sha256,
            reference=self.references[owner],
            method=self.method.name,
            version=self.method.version,
            distance=strength,
            threshold=self.method.threshold,
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


def _strength(hits: list[tuple[float, Agreement, Features]]) -> tuple[int, int]:
    """Add up the cells above chance of the query's best frames, and count those that have any."""
    best: dict[float, int] = {}
    for query_s, agreement, _ in hits:
        best[query_s] = max(best.get(query_s, 0), agreement.cells)
    above = sorted((cells - CHANCE_CELLS for cells in best.values() if cells > CHANCE_CELLS), reverse=True)[:FRAMES]
    return sum(above), len(above)


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
    version=1,
    unit="cells",
    threshold=ENOUGH,
    lone_threshold=ENOUGH_ALONE,
    least_quality=LEAST_FEATURES,
    fingerprint=fingerprint,
    bank=bank,
    alike=_alike,
    unlike=_unlike,
)
