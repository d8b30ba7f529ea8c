"""Everything behind one finding, gathered so that a person can check each reason: `clipwarden explain`.

Reads the ledger only; decides nothing, and shows what was not counted beside what was.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from app.explain_words import Read, caption_readings
from core.errors import NotFound
from core.findings import Hit
from core.reasons import match_reason
from core.records import Bank, Basis, Element, Franchise, Mark, Match, Reference
from matchers.method import all_methods
from review.moments import MOST_MORE, Aligned, side_by_side
from review.pairs import Moment, Pair, pairs
from store import queries
from store.ledger import Ledger
from store.queries import HitRow

LONGEST_ID = 40  # letters; ours have 12
PICTURED = 12  # matches that get pictures; a person compares no more
SPREAD = 4  # of them with more pairs than the best one


@dataclass(frozen=True, slots=True, kw_only=True)
class FramePair:
    """Two moments to compare. `reference` None: it came as a hash, so there is no picture."""

    aligned: Aligned
    query: Moment
    reference: Moment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One match: one reference by one method.

    number      1 for the surest, as every form of this explanation calls it
    duration_s  of the clip; None for a picture
    left_out    why it does not count for the finding; "" when it does
    pairs       the frames to compare, the best first; empty for a sound, and for what is far down the list
    """

    number: int
    match: Match
    reference: Reference
    sentence: str
    duration_s: float | None
    left_out: str
    pairs: tuple[FramePair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A method's thresholds as they hold for this finding.

    version     that made these matches
    threshold   that these matches were held to
    lone        for a pair that nothing else supports; None when the method is not in this clipwarden
    newer       the version in force, where it is another one; None where it is the same
    override    the element's own threshold; None for none
    """

    method: str
    version: int
    unit: str
    threshold: int
    lone: int | None
    newer: int | None
    override: int | None
    more_is_nearer: bool
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A finding and all that stands behind it.

    matches     of the finding's franchise, the surest first
    beside      for a finding without a match: the clip beside official pictures
    readings    what of the caption was read as which name
    """

    row: HitRow
    made_at: datetime
    brand: str
    matches: tuple[Told, ...]
    limits: tuple[Limit, ...]
    marks: tuple[Mark, ...]
    readings: tuple[Read, ...]
    beside: tuple[Pair, ...]


def explain(ledger: Ledger, finding_id: str, now: datetime) -> Explanation:
    """Gather what stands behind a finding.

    finding_id  or an unambiguous beginning of it
    raises      NotFound, saying where the ids are
    """
    wanted = finding_id.strip()
    # SQLite takes no pattern of 50 kB, and no lone surrogate, which is what a broken argument becomes.
    if not 0 < len(wanted) <= LONGEST_ID or not wanted.isascii():
        raise NotFound(f"no finding called {wanted[:LONGEST_ID]!a}; `clipwarden hits` lists today's ids")
    row = queries.finding(ledger, wanted)
    facts = queries.known(ledger, now=now)
    author = facts.class_of(row.post.platform, row.post.author_handle)
    row = replace(row, finding=replace(row.finding, author_class=author))
    franchise = next(one for one in facts.franchises if one.id == row.finding.franchise)
    hits = [hit for hit in queries.hits_of_post(ledger, row.post.id) if hit.reference.franchise == franchise.id]
    hits.sort(key=_surest)
    matches = tuple(
        _told(number, hit, _left_out(hit, franchise, facts.rejected)) for number, hit in enumerate(hits, start=1)
    )
    # Beside a clip without a match stand official pictures: an entry of a hash list is none.
    references = {one.id: one for one in queries.references(ledger) if one.size_bytes} if not matches else {}
    brands = ledger.rows("SELECT name FROM brands WHERE id = ?", [franchise.brand])
    return Explanation(
        row=row,
        made_at=now,
        brand=brands[0]["name"],
        matches=matches,
        limits=_limits(matches, franchise),
        marks=tuple(queries.marks_of_post(ledger, row.post.id)),
        readings=caption_readings(row.finding.reasons),
        beside=pairs(ledger, row, references) if not matches else (),
    )


def _surest(hit: Hit) -> tuple[bool, float, int, str]:
    """Official references before excuses, then by how sure, then by how many frames agree."""
    agreeing = sum(part.pairs for part in hit.match.segments)
    return hit.reference.bank is not Bank.POSITIVE, -hit.match.probability, -agreeing, hit.reference.name


def _told(number: int, hit: Hit, left_out: str) -> Told:
    match, reference = hit.match, hit.reference
    spread = number <= SPREAD and reference.size_bytes > 0  # beside a hash without a picture one frame is enough
    shown = () if number > PICTURED else side_by_side(match, most_more=MOST_MORE if spread else 0)
    return Told(
        number=number,
        match=match,
        reference=reference,
        sentence=match_reason(match, reference, duration_s=hit.duration_s).sentence,
        duration_s=hit.duration_s,
        left_out=left_out,
        pairs=tuple(_frame_pair(one, hit) for one in shown),
    )


def _frame_pair(aligned: Aligned, hit: Hit) -> FramePair:
    reference = hit.reference
    moving = hit.duration_s is not None or any(part.query_end_s > 0 for part in hit.match.segments)
    there = Moment(
        sha256=reference.sha256,
        offset_s=round(aligned.reference_s, 3),
        name=reference.name,
        moving=reference.kind == "video",
    )
    return FramePair(
        aligned=aligned,
        query=Moment(sha256=hit.match.sha256, offset_s=round(aligned.query_s, 3), name="", moving=moving),
        # An entry of a hash list has no bytes that could be shown.
        reference=there if reference.size_bytes else None,
    )


def _left_out(hit: Hit, franchise: Franchise, rejected: frozenset[tuple[str, str]]) -> str:
    match, element = hit.match, _element(franchise, hit.reference.element)
    if (match.sha256, hit.reference.id) in rejected:
        return "not counted: a person called this pair unrelated"
    if hit.reference.bank is Bank.NEGATIVE:
        return "counts against the finding: this reference is a known false pair"
    if hit.reference.bank is Bank.LICENSED:
        return "counts against the finding: this reference is a licensed copy"
    limit = element.thresholds.get(match.method) if element else None
    if limit is None or (match.distance >= limit if match.more_is_nearer else match.distance <= limit):
        return ""
    least = "at least" if match.more_is_nearer else "at most"
    return f"not counted: the brand file asks for {least} {limit} {match.unit} here, and it has {match.distance}"


def _element(franchise: Franchise, element_id: str | None) -> Element | None:
    return next((one for one in franchise.elements if one.id == element_id), None)


def _limits(matches: tuple[Told, ...], franchise: Franchise) -> tuple[Limit, ...]:
    """One row for each method, version and element's own threshold that a match was held to."""
    known = all_methods()
    found: dict[tuple[str, int, int, int | None], Limit] = {}
    for told in matches:
        match, method = told.match, known.get(told.match.method)
        element = _element(franchise, told.reference.element)
        thresholds: Mapping[str, int] = element.thresholds if element else {}
        override = thresholds.get(match.method)
        found[match.method, match.version, match.threshold, override] = Limit(
            method=match.method,
            version=match.version,
            unit=match.unit,
            threshold=match.threshold,
            # Of another version we do not know what its lone threshold was.
            lone=method.lone_threshold if method and method.version == match.version else None,
            newer=method.version if method and method.version != match.version else None,
            override=override,
            more_is_nearer=match.more_is_nearer,
            basis=match.basis,
        )
    return tuple(found[key] for key in sorted(found, key=lambda key: (*key[:3], key[3] or 0)))
