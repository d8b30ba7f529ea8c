"""Frames that look alike to an image model: a stylised copy, a redrawn scene, another take.

Any model from a local folder (models.py, docs/models.md); without one this method does not run.
Only suggests: a network's likeness proves nothing, and no match of it is surer than MOST_SURE.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import NotFound, ShapeError
from core.records import Basis, Fingerprint, Match, Segment
from matchers.align import Hits, align
from matchers.examples import darker, resized, scene, still
from matchers.frames import Frame, Luma
from matchers.method import Method, References, Sample
from matchers.models import ImageModel, configured

THUMB_PX = 16
SAME_LEVELS = 3  # of 256, in no part of the thumbnail more: the frame before said it already
BLANK_LEVELS = 8  # of 256 from its darkest part to its brightest: one colour, a fade
BLOCK = 1 << 16  # reference rows compared at once: 128 MB of float32 at 512 dimensions
QUERIES = 256  # query rows compared at once
MOST_HITS = 64  # rows of a block that one query frame may hit: the nearest
MOST_SURE = 0.79  # as core.findings.SUGGESTION_MOST: a suggestion never reaches what a hash proves
UNCALIBRATED = (0.30, 0.60)  # the chance at the threshold and at cosine 1, where a card gives none


def fingerprint(model: ImageModel, frames: Sequence[Frame]) -> list[Fingerprint]:
    """Embed the ticks that show anything new.

    returns value: float16, big-endian, model.card.dims of them, of length 1
    """
    found, before = [], None
    for frame in frames:
        if not frame.tick:
            continue
        thumb = _thumb(frame.luma)
        blank = int(thumb.max()) - int(thumb.min()) < BLANK_LEVELS
        if blank or (before is not None and int(np.abs(thumb - before).max()) <= SAME_LEVELS):
            continue
        before = thumb
        vector = model.embed(frame.colour(model.side_px(*frame.luma.shape)))
        found.append(
            Fingerprint(offset_s=frame.offset_s, region="whole", value=vector.astype(">f2").tobytes(), quality=100)
        )
    return found


def _thumb(luma: Luma) -> NDArray[np.int16]:
    small = Image.fromarray(luma).resize((THUMB_PX, THUMB_PX), Image.Resampling.BOX)
    return np.asarray(small, np.int16)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingBank:
    """The references of the method, ready to search.

    vectors     float16 (m, dims)
    owner       int32 (m,): the position in `references` of each
    offset_s    float64 (m,): when that frame is shown
    """

    method: Method
    model: ImageModel
    references: tuple[str, ...]
    vectors: NDArray[np.float16]
    owner: NDArray[np.int32]
    offset_s: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.owner)

    def compare(self, sha256: str, fingerprints: Iterable[Fingerprint]) -> list[Match]:
        """Match one file against every reference, the surest first.

        raises  ShapeError when the vectors are of another model
        """
        usable = [one for one in fingerprints if one.quality >= self.method.least_quality]
        if not usable or not len(self):
            return []
        rows, columns, distances = self._near(_vectors(usable, self.model.card.dims))
        matches = []
        for owner in np.unique(self.owner[columns]):
            here = self.owner[columns] == owner
            hits = Hits(
                np.array([one.offset_s for one in usable])[rows[here]],
                self.offset_s[columns[here]],
                distances[here],
                np.array([one.region for one in usable])[rows[here]],
            )
            segments = [one for one in align(hits) if one.pairs >= 2 or one.best_distance <= self.method.lone_threshold]
            if segments:
                matches.append(self._match(sha256, self.references[owner], segments))
        return sorted(matches, key=lambda match: (match.distance, match.reference))

    def _near(self, queries: NDArray[np.float16]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint16]]:
        """Return every pair within the threshold: query rows, reference rows, distances."""
        found = []
        for start in range(0, len(self), BLOCK):
            block = self.vectors[start : start + BLOCK].astype(np.float32)
            for first in range(0, len(queries), QUERIES):
                cosines = queries[first : first + QUERIES].astype(np.float32) @ block.T
                distance = np.clip(np.rint(1000 * (1 - cosines)), 0, 2000).astype(np.uint16)
                if distance.shape[1] > MOST_HITS:
                    least = np.partition(distance, MOST_HITS, axis=1)[:, MOST_HITS, None]
                    near = (distance <= self.method.threshold) & (distance <= least)
                else:
                    near = distance <= self.method.threshold
                rows, columns = np.nonzero(near)
                found.append((rows + first, columns + start, distance[rows, columns]))
        rows, columns, distances = (np.concatenate(part) for part in zip(*found, strict=True))
        return rows, columns, distances

    def _match(self, sha256: str, reference: str, segments: list[Segment]) -> Match:
        nearest = min(one.best_distance for one in segments)
        return Match(
            sha256=sha256,
            reference=reference,
            method=self.method.name,
            version=self.method.version,
            distance=nearest,
            threshold=self.method.threshold,
            unit=self.method.unit,
            segments=tuple(segments),
            probability=probability(self.model, 1 - nearest / 1000),
            basis=self.method.basis,
        )


def probability(model: ImageModel, cosine: float) -> float:
    """Return the chance that the card's calibration gives to a cosine, never above MOST_SURE."""
    low, high = UNCALIBRATED
    points = model.card.calibration or ((model.card.threshold, low), (1.0, high))
    chance = np.interp(cosine, [point[0] for point in points], [point[1] for point in points])
    return round(min(float(chance), MOST_SURE), 3)


def embedding_bank(model: ImageModel, method: Method, references: References) -> EmbeddingBank:
    """Build a bank; raises ShapeError when the vectors are of another model."""
    names, owners, kept = [], [], []
    for number, (name, fingerprints) in enumerate(references):
        names.append(name)
        usable = [one for one in fingerprints if one.quality >= method.least_quality]
        kept += usable
        owners += [number] * len(usable)
    return EmbeddingBank(
        method=method,
        model=model,
        references=tuple(names),
        vectors=_vectors(kept, model.card.dims),
        owner=np.array(owners, np.int32),
        offset_s=np.array([one.offset_s for one in kept], np.float64),
    )


def _vectors(fingerprints: Sequence[Fingerprint], dims: int) -> NDArray[np.float16]:
    if any(len(one.value) != 2 * dims for one in fingerprints):
        sizes = sorted({len(one.value) // 2 for one in fingerprints})
        raise ShapeError(f"vectors of {sizes} numbers, and the model makes {dims}; fingerprint with one model")
    raw = np.frombuffer(b"".join(one.value for one in fingerprints), ">f2").reshape(len(fingerprints), dims)
    vectors = raw.astype(np.float16)
    return np.where(np.isfinite(vectors), vectors, np.float16(0))


def embedding_method(model: ImageModel | None, why: str | None = None) -> Method:
    """Make the method of a model; without one, the method that says why it cannot run."""
    card = model.card if model else None
    return Method(
        name="embedding",
        version=model.version if model else 0,
        unit="‰ of cosine distance",
        threshold=round(1000 * (1 - card.threshold)) if card else 0,
        lone_threshold=round(1000 * (1 - card.lone_threshold)) if card else 0,
        least_quality=1,
        basis=Basis.SUGGESTION,
        fingerprint=partial(fingerprint, model) if model else _without,
        bank=partial(embedding_bank, model) if model else _without,
        alike=_alike,
        unlike=_unlike,
        missing=lambda: why,
    )


def _without(*_given: object) -> NoReturn:
    raise NotFound(f"the image model: {METHOD.missing()}")


def _alike() -> Iterator[tuple[Sample, Sample]]:
    yield still(scene(1)), still(resized(scene(1), 240, 135))
    yield still(scene(2)), still(darker(scene(2)))


def _unlike() -> Iterator[tuple[Sample, Sample]]:
    yield still(scene(1)), still(scene(2))


METHOD = embedding_method(*configured(os.environ))
