"""An explanation as one HTML page: no script, no address it loads from, nothing a caption could become.

Every text is escaped by the template; the content policy would stop what slipped through.
"""

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.explain_pictures import Pictures
from app.explain_shots import Shot, alone, shots
from app.explain_timeline import LEFT, RIGHT, STILL, TOP, Timeline, timeline
from app.explain_words import (
    ABSENCE,
    BASES,
    caption_pieces,
    mark_words,
    meaning,
    needed,
    scoring,
    sureness,
)
from app.explaining import PICTURED, Explanation, Told
from app.hits_page import TEMPLATES
from core.reasons import nearest
from core.records import Match, Segment
from core.times import clock
from core.words import printable
from review.moments import ways
from review.words import address, readable

MOST_BLOCKS = 40  # matches on a page; those below are counted, and stand in --json
MOST_TIMELINES = 3  # the surest; a person compares no more
MOST_ROWS = 60  # segments of one match
TONES = 6  # colours of methods


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A distance as a bar: all numbers of 0..100. `limit` is where the threshold stands."""

    fill: float
    limit: float
    words: str
    ends: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One segment in words."""

    number: int
    here: str
    there: str
    how: str
    nearest: str
    pairs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One match, ready to show. `frames`: the pictures of each pair."""

    told: Told
    tone: int
    name: str
    sentence: str
    gauge: Gauge
    sureness: str
    meaning: str
    ways: tuple[str, ...]
    frames: tuple[tuple[Shot, ...], ...]
    rows: tuple[Row, ...]
    more_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Strand:
    """A timeline and what it joins."""

    name: str
    file: str
    drawing: Timeline


def render(explanation: Explanation, pictures: Pictures) -> str:
    """The page, complete in itself.

    pictures    what `gather` made
    """
    style = "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in ("hits.css", "explain.css"))
    templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    templates.trim_blocks = templates.lstrip_blocks = True
    finding, post = explanation.row.finding, explanation.row.post
    methods = sorted({told.match.method for told in explanation.matches})
    tones = {name: number % TONES for number, name in enumerate(methods)}
    strands, more_strands = _strands(explanation, tones)
    return templates.get_template(
        "explain.html"
    ).render(
        style=Markup(style),  # noqa: S704 - our own files
        # The hash, not 'unsafe-inline': a style that a caption smuggled in would not apply either.
        style_hash=b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        kind="copies" if finding.basis == "copy" else "suggestions",
        basis=BASES[finding.basis],
        scoring=scoring(finding),
        reasons=[(readable(one.sentence, most=400), one.weight) for one in finding.reasons],
        signs=[readable(sentence, most=400) for sentence in finding.ai_evidence],
        marks=mark_words(explanation.marks),
        absence=ABSENCE,
        meaning=meaning,
        tones=tones,
        left=LEFT,
        right=RIGHT,
        still=STILL,
        top=TOP,
        strands=strands,
        more_strands=more_strands,
        blocks=[_block(told, tones, pictures) for told in explanation.matches[:MOST_BLOCKS]],
        more_blocks=max(0, len(explanation.matches) - MOST_BLOCKS),
        pictured=PICTURED,
        beside=[
            alone(moment, side, explanation.row.franchise, pictures)
            for pair in explanation.beside
            for side, moment in (("clip", pair.post), ("official", pair.reference))
            if moment
        ],
        limits=explanation.limits,
        pieces=caption_pieces(post.text, explanation.readings),
        readings=[
            (
                number,
                [printable(word, most=80) for word in one.written],
                printable(one.name, most=300),
                printable(one.sentence, most=300),
                one,
            )
            for number, one in enumerate(explanation.readings, start=1)
        ],
        made_at=explanation.made_at,
        **_head(explanation),
    )


def _head(explanation: Explanation) -> dict[str, Any]:
    row = explanation.row
    post = row.post
    return {
        "id": row.finding.id,
        "percent": round(row.finding.score * 100),
        "score": row.finding.score,
        "brand": readable(explanation.brand, most=120),
        "franchise": readable(row.franchise, most=120),
        "element": readable(row.element or "", most=120),
        "platform": readable(post.platform, most=40),
        "author": readable(post.author_handle.lstrip("@"), most=80),
        "author_class": row.finding.author_class.value,
        "posted_at": post.posted_at,
        "language": readable(post.language or "", most=40),
        "views": row.views,
        "verdict": row.verdict or "",
        "reviewer": readable(row.reviewer or "", most=80),
        "url": readable(post.url, most=300),
        "href": address(post.url),
    }


def _strands(explanation: Explanation, tones: dict[str, int]) -> tuple[list[Strand], int]:
    """One drawing for each file and reference, the surest first, and how many are not drawn."""
    files = list(dict.fromkeys(told.match.sha256 for told in explanation.matches))
    groups: dict[tuple[str, str], list[Told]] = {}
    for told in explanation.matches:
        groups.setdefault((told.match.sha256, told.reference.id), []).append(told)
    strands = [
        Strand(
            name=readable(group[0].reference.name, most=80),
            file=f"file {files.index(sha256) + 1} of the post" if len(files) > 1 else "the clip",
            drawing=timeline(
                [told.match for told in group],
                tones,
                duration_s=group[0].duration_s,
                still=group[0].reference.kind == "image",
            ),
        )
        for (sha256, _), group in list(groups.items())[:MOST_TIMELINES]
    ]
    return strands, len(groups) - len(strands)


def _block(told: Told, tones: dict[str, int], pictures: Pictures) -> Block:
    match, still = told.match, told.reference.kind == "image"
    return Block(
        told=told,
        tone=tones[match.method],
        name=readable(told.reference.name, most=120),
        sentence=readable(told.sentence, most=400),
        gauge=gauge(match),
        sureness=sureness(match),
        meaning=meaning(match.unit),
        ways=ways(nearest(match), still=still),
        frames=tuple(shots(pair, told, pictures) for pair in told.pairs),
        rows=tuple(_row(number, part, told) for number, part in enumerate(match.segments[:MOST_ROWS], start=1)),
        more_rows=max(0, len(match.segments) - MOST_ROWS),
    )


def _row(number: int, part: Segment, told: Told) -> Row:
    still = told.reference.kind == "image"
    pair = f"{clock(part.best_query_s)} and {clock(part.best_reference_s)}"
    return Row(
        number=number,
        here=f"{clock(part.query_start_s)} – {clock(part.query_end_s)}",
        there="still" if still else reference_span(part),
        how=", ".join(ways(part, still=still)) or "as it is",
        nearest=f"{part.best_distance} {told.match.unit} at {pair}",
        pairs=part.pairs,
    )


def reference_span(part: Segment) -> str:
    """From when to when of the reference, in the order the clip shows it."""
    first, last = clock(part.reference_start_s), clock(part.reference_end_s)
    return f"{last} back to {first}" if part.speed < 0 else f"{first} – {last}"


def gauge(match: Match) -> Gauge:
    """The bar of a match: where less is nearer it ends at the threshold, else the threshold stands within it."""
    limit, value = max(match.threshold, 1), match.distance
    if match.more_is_nearer:
        most = max(value, 2 * limit)
        return Gauge(
            fill=100 * value / most,
            limit=100 * limit / most,
            words=needed(match),
            ends="longer is surer; it must pass the mark",
        )
    return Gauge(
        fill=min(100 * value / limit, 100),
        limit=100,
        words=needed(match),
        ends="shorter is nearer; at its end it would no longer count",
    )
