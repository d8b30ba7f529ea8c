"""One file against all references, for methods whose fingerprints are hashes of frames.

Roles may be swapped: a bank built from one new reference finds it in stored queries, file by file.
Never calls one weak frame a match; see `_held`, `_near` and `_telling`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.records import Fingerprint, Match, Segment
from matchers.align import Hits, align
from matchers.index import Index, Rows, Words, pack
from matchers.method import Method, References

# How the query shows the reference ("mirrored", "turned 90" clockwise ...) -> how its hash is turned back.
Turns: TypeAlias = Mapping[str, Callable[[Words], Words]]
UPRIGHT, MIRRORED = "", "mirrored"
Value_co = TypeVar("Value_co", bound=np.generic, covariant=True)

# Chance that a match is what it says, by its distance over the threshold and what supports it. At
# distance 0 only a mistaken reference is left; at the threshold it is closest to where false ones begin.
SUREST, LEAST_SURE = 0.99, 0.80
WHOLE = frozenset({"whole", "inner"})
MOMENT_S = 0.7  # frames nearer than this show much the same
STILL_BITS = 10  # of 256: frames that differ by no more are one picture; held stills reach 2, 99 clips of 100 more
MOST_ROWS = 20_000  # a query frame that equals more reference frames shows nothing of its own: it is left out


class Column(Protocol[Value_co]):
    """One value a row of the index: an array, or read from where the index lies."""

    def __getitem__(self, rows: Rows, /) -> NDArray[Value_co]:
        """The values of these rows."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HashBank:
    """The references of one method, ready to search.

    references  their ids
    owner       int32 (m,): the position in `references` that each row of the index belongs to
    offset_s    float64 (m,): when that frame is shown
    whole       bool (m,): whether it was hashed whole, or all of it inside its bars
    turns       what queries are looked up by as well
    fewest      frame pairs on one line of time that hold a match, where none is near enough to stand alone
    lasts_s     what they span at least
    full_quality    a frame of this quality or more may be `threshold` bits from its nearest, a plainer one fewer in
                    proportion; 0: any may
    flooded     sha256 of a file compared -> how many of its frames were left out, as MOST_ROWS says
    """

    method: Method
    index: Index
    references: tuple[str, ...]
    owner: Column[np.int32]
    offset_s: Column[np.float64]
    whole: Column[np.bool_]
    turns: Turns
    fewest: int = 2
    lasts_s: float = MOMENT_S
    full_quality: int = 0
    flooded: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.index)

    def compare(self, sha256: str, fingerprints: Iterable[Fingerprint]) -> list[Match]:
        """Match one file against every reference, the nearest first.

        raises  ShapeError when the hashes are of another method
        """
        usable = usable_of(self.method, fingerprints)
        if not usable:
            return []
        values = pack(one.value for one in usable)
        looked_up = np.concatenate([values, *(turn(values) for turn in self.turns.values())])  # one scan for all
        found_rows = self.index.capped(looked_up, self.method.threshold, most=MOST_ROWS)
        if len(found_rows.flooded):
            self.flooded[sha256] = len(np.unique(found_rows.flooded % len(usable)))
        query_rows, rows, distances = found_rows.pairs
        query = _query(values, usable)
        whole = query.whole
        segments: dict[str, list[Segment]] = {}
        for number, turn in enumerate((UPRIGHT, *self.turns)):
            mine = query_rows // len(usable) == number
            part = ~(whole[query_rows % len(usable)] & self.whole[rows])
            mine &= distances <= _allowed(self.method, part=part, turned=turn not in {UPRIGHT, MIRRORED})
            found = (query_rows[mine] % len(usable), rows[mine], distances[mine])
            for name, more in _segments(self, query, found, turn).items():
                known = segments.setdefault(name, [])
                known += [one for one in more if not _explained(one, known)]
        matches = [_match(self.method, sha256, name, parts) for name, parts in segments.items()]
        return sorted(matches, key=lambda match: (match.distance, match.reference))


def hash_bank(
    method: Method,
    references: References,
    *,
    turns: Turns | None = None,
    fewest: int = 2,
    lasts_s: float = MOMENT_S,
    full_quality: int = 0,
) -> HashBank:
    """Build a bank of hashes.

    Fingerprints below the method's least quality stay out: they match everything flat.
    """
    names, owners, kept = [], [], []
    for number, (name, fingerprints) in enumerate(references):
        names.append(name)
        usable = usable_of(method, fingerprints)
        kept += usable
        owners += [number] * len(usable)
    return HashBank(
        method=method,
        index=Index(pack(one.value for one in kept)),
        references=tuple(names),
        owner=np.array(owners, np.int32),
        offset_s=np.rint(np.array([one.offset_s for one in kept], np.float64) * 1000) / 1000,  # as a file keeps them
        whole=_whole(kept),
        turns=turns or {},
        fewest=fewest,
        lasts_s=lasts_s,
        full_quality=full_quality,
    )


def _match(method: Method, sha256: str, reference: str, segments: list[Segment]) -> Match:
    nearest = min(one.best_distance for one in segments)
    return Match(
        sha256=sha256,
        reference=reference,
        method=method.name,
        version=method.version,
        distance=nearest,
        threshold=method.threshold,
        unit=method.unit,
        segments=tuple(sorted(segments, key=lambda one: (-one.pairs, one.best_distance, one.query_start_s))),
        probability=round(SUREST - (SUREST - LEAST_SURE) * nearest / max(method.threshold, 1), 3),
        basis=method.basis,
    )


def _segments(
    bank: HashBank, query: "_Query", found: tuple[Rows, Rows, NDArray[np.uint16]], turn: str
) -> dict[str, list[Segment]]:
    """Return what each reference explains of the query, turned as it is."""
    if len(found[0]) == 0:
        return {}
    explained = {}
    for name, hits, whole in _by_reference(query, bank, *found):
        frames = [one for one in align(hits.where(whole)) if _near(bank.method, one) or _held(bank, query, one)]
        parts = [] if whole.all() else [one for one in align(hits) if _held(bank, query, one)]
        frames, parts = ([one for one in some if _telling(bank, query, one)] for some in (frames, parts))
        better = parts if sum(one.pairs for one in parts) > sum(one.pairs for one in frames) else frames
        if better:
            told = map(_without_speed, better) if bank.method.movement else better
            explained[name] = [_turned(one, turn) for one in told]
    return explained


def _without_speed(segment: Segment) -> Segment:
    """Leave the speed unknown: half a second of movement, blurred into one hash, tells 3 % of it wrongly too often."""
    return replace(segment, speed=1.0 if segment.speed >= 0 else -1.0, speed_known=False)


def _turned(segment: Segment, turn: str) -> Segment:
    """Say how the query shows the reference: a mirror by its own mark, a quarter turn with the region."""
    if turn == UPRIGHT:
        return segment
    rest = turn.removeprefix(MIRRORED).strip()
    return replace(segment, mirrored=turn.startswith(MIRRORED), region=f"{segment.region} {rest}".strip())


def _explained(segment: Segment, known: list[Segment]) -> bool:
    """Say whether the same moment is explained as well already: a symmetric picture is its own mirror image."""
    return any(
        one.query_start_s <= segment.best_query_s <= one.query_end_s and one.best_distance <= segment.best_distance
        for one in known
    )


def _whole(fingerprints: list[Fingerprint]) -> NDArray[np.bool_]:
    return np.array([one.region in WHOLE for one in fingerprints], np.bool_)


def _allowed(method: Method, *, part: NDArray[np.bool_], turned: bool) -> NDArray[np.int64]:
    """How far a pair may be apart: parts of frames and quarter turns are many more chances to be wrong.

    Both together count never: small, empty parts, turned, made the only false hits of the first trials.
    """
    if turned:
        return np.where(part, -1, method.threshold * 3 // 4)
    return np.where(part, method.threshold * 3 // 4, method.threshold)


def usable_of(method: Method, fingerprints: Iterable[Fingerprint]) -> list[Fingerprint]:
    """Leave out what is too weak; a part of a frame must show twice as much: many parts are plain walls."""
    least = {True: method.least_quality, False: min(2 * method.least_quality, 100)}
    return [one for one in fingerprints if one.quality >= least[one.region in WHOLE]]


@dataclass(frozen=True, slots=True)
class _Query:
    """The frames looked up: their hashes, when they are shown, which part of the frame each is, and its quality."""

    values: Words
    offset_s: NDArray[np.float64]
    region: NDArray[np.str_]
    quality: NDArray[np.int64]

    @property
    def whole(self) -> NDArray[np.bool_]:
        """Which are of whole frames, or of all inside their bars."""
        return np.isin(self.region, list(WHOLE))

    def moves(self, segment: Segment) -> bool:
        """Say whether the frames of a stretch differ: if not, they are one frame, however long it is shown."""
        within = (self.offset_s >= segment.query_start_s) & (self.offset_s <= segment.query_end_s)
        shown = self.values[within & (self.region == segment.region)]
        return bool(np.bitwise_count(shown ^ shown[:1]).sum(axis=1).max() > STILL_BITS)


def _query(values: Words, usable: list[Fingerprint]) -> _Query:
    return _Query(
        values,
        np.array([one.offset_s for one in usable]),
        np.array([one.region for one in usable]),
        np.array([one.quality for one in usable], np.int64),
    )


def _by_reference(
    query: _Query, bank: HashBank, query_rows: Rows, rows: Rows, distances: NDArray[np.uint16]
) -> Iterator[tuple[str, Hits, NDArray[np.bool_]]]:
    """Group the pairs found by the reference they belong to, and say which are of whole frames."""
    hits = Hits(query.offset_s[query_rows], bank.offset_s[rows], distances, query.region[query_rows])
    whole = query.whole[query_rows] & bank.whole[rows]
    owners = bank.owner[rows]
    order = np.argsort(owners, kind="stable")
    numbers, starts = np.unique(owners[order], return_index=True)
    for number, group in zip(numbers, np.split(order, starts[1:]), strict=True):
        yield bank.references[number], hits.where(group), whole[group]


def _held(bank: HashBank, query: _Query, segment: Segment) -> bool:
    """Say whether frames that agree in time hold it. Frames of one moment, or of a still picture, are one frame."""
    lasting = segment.pairs >= bank.fewest and segment.query_end_s - segment.query_start_s >= bank.lasts_s
    return lasting and (segment.best_distance <= bank.method.lone_threshold or query.moves(segment))


def _near(method: Method, segment: Segment) -> bool:
    """Say whether it is near enough to stand alone: whole frames only, parts are too many chances."""
    return segment.best_distance <= method.lone_threshold


def _telling(bank: HashBank, query: _Query, segment: Segment) -> bool:
    """Say whether its nearest pair is near enough for what its frame shows; the others need only support it.

    Of a plain frame few bits are picture: another plain one shares the rest. The query's quality alone says it, as two
    frames that are near each other are about as plain: no row of a bank has to keep its own.
    """
    frame = (query.offset_s == segment.best_query_s) & (query.region == segment.region)
    return bool(segment.best_distance * bank.full_quality <= bank.method.threshold * query.quality[frame].max())
