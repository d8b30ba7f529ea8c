"""A case as plain values for its page: pictures side by side, reasons, timeline, members. Reads; decides nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.findings import Hit
from core.records import Bank, Basis, Reason, Reference
from core.times import clock, from_text
from review.edits import Edits, edits
from review.pairs import Moment, Pair, pairs
from review.words import address, readable
from store import desk, queries
from store.captions import histories
from store.ledger import Ledger
from store.queries import HitRow
from store.rows import reference_of

MOST_CAPTION = 4000
MOST_LANES = 4  # references on the timeline
MOST_EDITED = 8  # posts whose earlier captions are shown
WIDTH = 600.0  # of the timeline and the plot, in their own units
PLOT_HEIGHT = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One picture of a pair: its address (None: there is none), and what it is, in words."""

    src: str | None
    label: str
    alt: str
    clip: str | None  # the file to play


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One reference on the timeline: stretches (start, width) of the clip and of the reference, 0..WIDTH."""

    name: str
    stretches: tuple[tuple[float, float, float, float, str], ...]  # clip x, width, reference x, width, words


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """All that the page shows; texts are readable, not yet escaped."""

    id: str
    row: Mapping[str, Any]
    lead: HitRow
    pairs: tuple[tuple[Side | None, Side | None], ...]
    reasons: tuple[Reason, ...]
    evidence: tuple[str, ...]
    lanes: tuple[Lane, ...]
    members: tuple[Mapping[str, Any], ...]
    record: Mapping[str, Any]
    elements: tuple[tuple[str, str], ...]
    plot: str
    views: int
    most_views: int
    caption: str
    edits: Mapping[str, Edits]  # post -> what its caption was, of the members whose caption changed
    href: str | None
    acts: tuple[Mapping[str, Any], ...]


def card(ledger: Ledger, case_id: str) -> Card:
    """A case, ready to print.

    raises  NotFound for none of that id
    """
    row = desk.case(ledger, case_id)
    lead = queries.finding_called(ledger, row["members"][0]["finding"])
    references = _references(ledger, lead)
    views = desk.views_of(ledger, lead.post.id)
    return Card(
        id=case_id,
        row=row,
        lead=lead,
        pairs=tuple(_sides(pair, lead) for pair in pairs(ledger, lead, references)),
        reasons=tuple(reason for reason in lead.finding.reasons if reason.sentence not in lead.finding.ai_evidence),
        evidence=tuple(readable(sentence, most=300) for sentence in lead.finding.ai_evidence),
        lanes=_lanes(queries.hits_of_post(ledger, lead.post.id), lead),
        members=tuple(_member(member) for member in row["members"]),
        record=desk.record_of(ledger, lead.post.platform, lead.post.author_id),
        elements=_elements(ledger, lead.finding.franchise),
        plot=plot(views),
        views=sum(member["views"] or 0 for member in row["members"]),
        most_views=max((one["views"] for one in views), default=0),
        caption=readable(lead.post.text, most=MOST_CAPTION),
        edits=edits(histories(ledger, [lead.post.id, *(one["post"] for one in row["members"])], most=MOST_EDITED)),
        href=address(lead.post.url),
        acts=tuple(row["acts"]),
    )


def _references(ledger: Ledger, row: HitRow) -> dict[str, Reference]:
    """The references that the finding names, or a few official pictures to set beside it."""
    named = {str(reason.detail["reference"]) for reason in row.finding.reasons if "reference" in reason.detail}
    if row.finding.basis is Basis.COPY:
        found = [one for name in sorted(named) for one in ledger.rows("SELECT * FROM refs WHERE id = ?", [name])]
    else:
        sql = (
            "SELECT * FROM refs WHERE franchise = ? AND bank = ? AND size_bytes > 0"
            " ORDER BY element IS NOT ?, kind <> 'image', name LIMIT 4"
        )
        found = ledger.rows(sql, [row.finding.franchise, Bank.POSITIVE, row.finding.element])
    return {one["id"]: reference_of(one) for one in found}


def _elements(ledger: Ledger, franchise: str) -> tuple[tuple[str, str], ...]:
    sql = "SELECT id, name FROM elements WHERE franchise = ? ORDER BY id LIMIT 9"
    return tuple((row["id"], readable(row["name"], most=60)) for row in ledger.rows(sql, [franchise]))


def _sides(pair: Pair, row: HitRow) -> tuple[Side | None, Side | None]:
    official = f"Official picture of {readable(row.franchise, most=80)}"
    return _side(pair.reference, official), _side(pair.post, "The post's picture")


def _side(moment: Moment | None, what: str) -> Side | None:
    if moment is None:
        return None
    at = clock(moment.offset_s) if moment.moving else ""
    name = readable(moment.name, most=60)
    return Side(
        src=f"/pictures/{moment.sha256}/{round(moment.offset_s * 1000)}.jpg",
        label=" · ".join(part for part in (name, at) if part) or "still",
        alt=" ".join(part for part in (what, name, f"at {at}" if at else "") if part),
        clip=f"/media/{moment.sha256}#t={moment.offset_s:.1f}" if moment.moving else None,
    )


def _lanes(hits: Sequence[Hit], row: HitRow) -> tuple[Lane, ...]:
    """The stretches of the clip that show a reference, and which of it; the surest references first."""
    own = [hit for hit in hits if hit.reference.franchise == row.finding.franchise and hit.match.segments]
    own.sort(key=lambda hit: (-hit.match.probability, -sum(part.pairs for part in hit.match.segments)))
    shown: dict[str, Hit] = {}
    for hit in own:
        shown.setdefault(hit.reference.id, hit)
    length = max((part.query_end_s for hit in own for part in hit.match.segments), default=0.0)
    length = max([length, *(hit.duration_s or 0.0 for hit in own)], default=0.0) or 1.0
    return tuple(_lane(hit, length) for hit in list(shown.values())[:MOST_LANES])


def _lane(hit: Hit, length: float) -> Lane:
    theirs = max(max(part.reference_end_s, part.reference_start_s) for part in hit.match.segments) or 1.0
    return Lane(
        name=readable(hit.reference.name, most=60),
        stretches=tuple(
            (
                *_span(part.query_start_s, part.query_end_s, length),
                *_span(part.reference_start_s, part.reference_end_s, theirs),
                f"{clock(part.query_start_s)}–{clock(part.query_end_s)} shows"
                f" {clock(part.reference_start_s)}–{clock(part.reference_end_s)}{' mirrored' if part.mirrored else ''}",
            )
            for part in hit.match.segments[:12]
        ),
    )


def _span(start: float, end: float, length: float) -> tuple[float, float]:
    left, right = sorted((start, end))
    x = round(WIDTH * left / length, 1)
    return x, round(max(WIDTH * right / length - x, 3.0), 1)  # a moment is shown too


def plot(views: Sequence[Mapping[str, Any]]) -> str:
    """Views over time as the points of an SVG polyline, WIDTH by PLOT_HEIGHT; "" for fewer than two."""
    if len(views) < 2:
        return ""
    times = [from_text(one["seen_at"]).timestamp() for one in views]
    first, span = times[0], (times[-1] - times[0]) or 1.0
    most = max(one["views"] for one in views) or 1
    return " ".join(
        f"{WIDTH * (at - first) / span:.1f},{PLOT_HEIGHT - PLOT_HEIGHT * one['views'] / most:.1f}"
        for at, one in zip(times, views, strict=True)
    )


def _member(member: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{
            key: member[key]
            for key in ("finding", "post", "platform", "score", "basis", "views", "verdict", "reviewer")
        },
        "author": readable(member["author_handle"], most=80),
        "author_class": member["author_class"],
        "posted_at": member["posted_at"][:16].replace("T", " "),
        "differs": readable(member["differs"], most=200),
        "why": readable(member["why"], most=200),
        "href": address(member["url"]),
        "url": readable(member["url"], most=120),
        "text": readable(member["text"], most=160),
    }
