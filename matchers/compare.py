"""One file against all references of one method.

Roles may be swapped: a bank built from one new reference finds it in stored queries, file by file.
Never calls one weak frame a match; see `_supported`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.records import Fingerprint, Match, Segment
from matchers.align import Hits, align
from matchers.index import Index, Rows, pack
from matchers.method import Method


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """The references of one method, ready to search.

    references  their ids
    owner       int32 (m,): the position in `references` that each row of the index belongs to
    offset_s    float64 (m,): when that frame is shown
    """

    method: Method
    index: Index
    references: tuple[str, ...]
    owner: NDArray[np.int32]
    offset_s: NDArray[np.float64]


def bank(method: Method, references: Iterable[tuple[str, Iterable[Fingerprint]]]) -> Bank:
    """Build a bank from (reference id, its fingerprints of this method and version).

    Fingerprints below the method's least quality stay out: they match everything flat.
    """
    names, owners, kept = [], [], []
    for number, (name, fingerprints) in enumerate(references):
        names.append(name)
        usable = _usable(method, fingerprints)
        kept += usable
        owners += [number] * len(usable)
    values = pack(one.value for one in kept).reshape(len(kept), method.size // 64)
    return Bank(
        method=method,
        index=Index(values),
        references=tuple(names),
        owner=np.array(owners, np.int32),
        offset_s=np.array([one.offset_s for one in kept], np.float64),
    )


def compare(sha256: str, fingerprints: Iterable[Fingerprint], references: Bank) -> list[Match]:
    """Match one file against every reference, the nearest first.

    sha256          of the query file, for the record
    fingerprints    all of the file, of the bank's method and version
    returns         at most one Match a reference; empty when nothing is near enough
    raises          ShapeError when the hashes are of another method
    """
    method, usable = references.method, _usable(references.method, fingerprints)
    if not usable:
        return []
    found = references.index.within(pack(one.value for one in usable), method.threshold)
    if len(found[0]) == 0:
        return []
    matches = []
    for name, hits in _by_reference(usable, references, *found):
        segments = tuple(one for one in align(hits) if _supported(method, one))
        if segments:
            matches.append(
                Match(
                    sha256=sha256,
                    reference=name,
                    method=method.name,
                    version=method.version,
                    distance=min(one.best_distance for one in segments),
                    threshold=method.threshold,
                    unit=method.unit,
                    segments=segments,
                )
            )
    return sorted(matches, key=lambda match: (match.distance, match.reference))


def _usable(method: Method, fingerprints: Iterable[Fingerprint]) -> list[Fingerprint]:
    return [one for one in fingerprints if one.quality >= method.least_quality]


def _by_reference(
    usable: list[Fingerprint], references: Bank, query_rows: Rows, rows: Rows, distances: NDArray[np.uint16]
) -> Iterator[tuple[str, Hits]]:
    """Group the pairs found by the reference they belong to."""
    hits = Hits(
        np.array([one.offset_s for one in usable])[query_rows],
        references.offset_s[rows],
        distances,
        np.array([one.region for one in usable])[query_rows],
    )
    owners = references.owner[rows]
    order = np.argsort(owners, kind="stable")
    numbers, starts = np.unique(owners[order], return_index=True)
    for number, group in zip(numbers, np.split(order, starts[1:]), strict=True):
        yield references.references[number], hits.where(group)


def _supported(method: Method, segment: Segment) -> bool:
    """Say whether a segment is evidence: two frames that agree in time, or one that is very near."""
    return segment.pairs >= 2 or segment.best_distance <= method.lone_threshold
