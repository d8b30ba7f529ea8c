"""The daily hit list as one HTML page: no script, no address it loads from, nothing a caption could become.

Every text is escaped by the template; the content policy would stop what slipped through.
"""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.hits import DailyList
from app.hits_pictures import pictured
from app.hits_words import aside_words, sight, source_name, source_words, summary
from core.records import Reason
from core.times import clock
from review.pairs import Moment
from review.words import address, readable
from store.queries import HitRow

TEMPLATES = Path(__file__).parent / "templates"
MOST_PICTURE_BYTES = 32_000_000  # of data URIs; a browser opens such a page at once, one of 200 MB never
MOST_CAPTION = 600  # letters

Pictures = Callable[[tuple[str, float]], bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One frame on the page. `uri` None: `missing` says why there is none."""

    side: str
    label: str
    alt: str
    uri: str | None
    missing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One reason. `fill` 0..100: how much of the allowed distance is used; None for words."""

    sentence: str
    fill: int | None
    distance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One hit, ready to show: text is readable, not yet escaped. `href` None: not an address to follow."""

    id: str
    percent: int
    franchise: str
    element: str
    platform: str
    author: str
    author_class: str
    posted_at: datetime
    views: int | None
    caption: str
    language: str | None
    lines: tuple[Line, ...]
    evidence: tuple[str, ...]
    verdict: str
    reviewer: str
    url: str
    href: str | None
    pairs: tuple[tuple[Picture, ...], ...] = ()


def render(daily: DailyList, pictures: Pictures) -> str:
    """The page, complete in itself.

    pictures    (sha256, offset_s) -> JPEG, or None where it could not be made; `gather_pictures(...).get`
    """
    style = (TEMPLATES / "hits.css").read_text(encoding="utf-8")
    templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    templates.trim_blocks = templates.lstrip_blocks = True
    shown = {row.finding.id for row in pictured(daily)}
    budget = _Budget(pictures)
    parts = [_part(daily, rows, shown, budget) for rows in (daily.copies, daily.suggestions)]
    return templates.get_template("hits.html").render(
        daily=daily,
        style=Markup(style),  # noqa: S704 - our own file
        # The hash, not 'unsafe-inline': a style that a caption smuggled in would not apply either.
        style_hash=b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        brands=[readable(name, most=80) for name in daily.brands],
        summary=summary(daily),
        aside=aside_words(daily),
        sources=[
            (sight(source, daily.day), source_name(source), source_words(source, daily.day), source.last_at)
            for source in daily.sources
        ],
        copies=parts[0],
        suggestions=parts[1],
    )


def _part(
    daily: DailyList, rows: Sequence[HitRow], shown: set[str], budget: "_Budget"
) -> tuple[list[Card], list[Card]]:
    """The hits with pictures, and those that are rows only."""
    cards = [replace(_card(row), pairs=_pairs(daily, row, budget)) for row in rows if row.finding.id in shown]
    return cards, [_card(row) for row in rows if row.finding.id not in shown]


def _card(row: HitRow) -> Card:
    finding, post = row.finding, row.post
    return Card(
        id=finding.id,
        percent=round(finding.score * 100),
        franchise=readable(row.franchise, most=120),
        element=readable(row.element or "", most=120),
        platform=readable(post.platform, most=40),
        author=readable(post.author_handle.lstrip("@"), most=80),
        author_class=finding.author_class.value,
        posted_at=post.posted_at,
        views=row.views,
        caption=readable(post.text, most=MOST_CAPTION),
        language=post.language,
        # What says that it is generated stands apart, as evidence.
        lines=tuple(_line(reason) for reason in finding.reasons if reason.sentence not in finding.ai_evidence),
        evidence=tuple(readable(sentence, most=200) for sentence in finding.ai_evidence),
        verdict=row.verdict or "",
        reviewer=readable(row.reviewer or "", most=80),
        url=readable(post.url, most=200),
        href=address(post.url),
    )


def _line(reason: Reason) -> Line:
    sentence, detail = readable(reason.sentence, most=400), reason.detail
    if "threshold" not in detail:
        return Line(sentence=sentence, fill=None, distance="")
    distance, threshold = int(detail["distance"]), max(int(detail["threshold"]), 1)
    return Line(
        sentence=sentence, fill=min(round(100 * distance / threshold), 100), distance=f"{distance} / {threshold}"
    )


class _Budget:
    """Pictures as data URIs, as long as the page stays one that a browser opens."""

    def __init__(self, pictures: Pictures) -> None:
        self.pictures, self.left = pictures, MOST_PICTURE_BYTES

    def take(self, moment: Moment) -> tuple[str | None, str]:
        """The URI, or None and why there is none."""
        jpeg = self.pictures(moment.key)
        if jpeg is None:
            return None, "no picture: the file is missing or does not decode"
        self.left -= len(jpeg) * 4 // 3
        if self.left < 0:
            return None, "left out, to keep this page small"
        return f"data:image/jpeg;base64,{b64encode(jpeg).decode()}", ""


def _pairs(daily: DailyList, row: HitRow, budget: _Budget) -> tuple[tuple[Picture, ...], ...]:
    """Each pair as its pictures, reference first; a side that does not exist leaves the other alone."""
    numbers = count(1)
    return tuple(
        tuple(
            _picture(moment, side, row, next(numbers), budget)
            for side, moment in (("official", pair.reference), ("post", pair.post))
            if moment
        )
        for pair in daily.pairs[row.finding.id]
    )


def _picture(moment: Moment, side: str, row: HitRow, number: int, budget: _Budget) -> Picture:
    at = clock(moment.offset_s) if moment.moving else ""
    name = readable(moment.name, most=60)
    what = f"Official picture {name} of {row.franchise}" if side == "official" else f"The post's picture ({number})"
    uri, missing = budget.take(moment)
    label = " · ".join(part for part in (name, at or ("" if name else "still")) if part)
    return Picture(side=side, label=label, alt=f"{what}{f', at {at}' if at else ''}", uri=uri, missing=missing)
