"""The hit list as data: JSON for programs, CSV for spreadsheets.

No cell of the CSV is ever a formula: captions are written by strangers.
"""

import csv
import re
from dataclasses import asdict
from typing import TextIO

from app.hits import DailyList
from app.hits_words import Sight, aside_words, sight, source_name, source_words, summary
from core.records import Json
from core.times import to_text
from review.words import readable
from store.captions import as_json as edits_json
from store.queries import HitRow, SourceRow

MOST_LETTERS = 32_000  # Excel cuts a cell at 32,767 and lets the rest run into the next ones

# What makes a spreadsheet calculate, also behind quotes or gaps; and behind a semicolon, where Excel in
# half of Europe starts a new cell in the midst of a quoted one.
_FORMULA = re.compile("(^|;)(?=[\\s\"'\u200b-\u200d\u2060\ufeff\u00ad]*[=+\\-@\uff1d\uff0b\uff0d\uff20])")

COLUMNS = (
    *("row", "finding", "score", "franchise", "element", "platform", "author", "author_class", "posted_at"),
    *("found_at", "views", "url", "reasons", "ai_evidence", "verdict", "reviewer", "text"),
)


def as_json(daily: DailyList) -> Json:
    """The whole list as plain data. Captions and addresses are as strangers wrote them: escape when showing."""
    return {
        "day": daily.day.isoformat(),
        "made_at": to_text(daily.made_at),
        "summary": summary(daily),
        "brands": list(daily.brands),
        "copies": [_hit(daily, row) for row in daily.copies],
        "suggestions": [_hit(daily, row) for row in daily.suggestions],
        "not_listed": dict(daily.aside),
        "sources": [_source(daily, source) for source in daily.sources],
    }


def _hit(daily: DailyList, row: HitRow) -> Json:
    finding, post = row.finding, row.post
    return {
        "finding": finding.id,
        "basis": finding.basis.value,
        "score": finding.score,
        "franchise": {"id": finding.franchise, "title": row.franchise},
        "element": {"id": finding.element, "name": row.element} if finding.element else None,
        "platform": post.platform,
        "post": post.id,
        "url": post.url,
        "author": {"handle": post.author_handle, "id": post.author_id, "class": finding.author_class.value},
        "text": post.text,
        "edits": edits_json(daily.histories[post.id]) if post.id in daily.histories else None,
        "hashtags": list(post.hashtags),
        "language": post.language,
        "posted_at": to_text(post.posted_at),
        "found_at": to_text(row.found_at),
        "views": row.views,
        "ai_label": asdict(post.ai_label) if post.ai_label else None,
        "ai_evidence": list(finding.ai_evidence),
        "reasons": [asdict(reason) for reason in finding.reasons],
        "frames": [asdict(pair) for pair in daily.pairs[finding.id]],
        "verdict": row.verdict,
        "reviewer": row.reviewer,
        "fair_use": row.fair_use,
    }


def _source(daily: DailyList, source: SourceRow) -> Json:
    fields = asdict(source) | {"last_at": to_text(source.last_at) if source.last_at else None}
    words = source_words(source, daily.day)
    return fields | {"coverage": source.coverage.value, "state": sight(source, daily.day).value, "words": words}


def write_csv(daily: DailyList, file: TextIO) -> None:
    """One row a hit, after a row for each source that was not wholly seen and one for what is not listed.

    file    opened as UTF-8 with newline=""; the mark by which Excel knows UTF-8 is written here
    """
    file.write("\ufeff")
    table = csv.DictWriter(file, COLUMNS, restval="", quoting=csv.QUOTE_ALL)
    table.writeheader()
    for source in daily.sources:
        if sight(source, daily.day) is not Sight.SEEN:
            said = {"row": sight(source, daily.day).value, "platform": source_name(source)}
            table.writerow(_safe(said | {"url": source.site, "reasons": source_words(source, daily.day)}))
    if daily.aside:
        table.writerow(_safe({"row": "not listed", "reasons": aside_words(daily)}))
    table.writerows(_safe(_row(row)) for row in daily.hits)


def _row(row: HitRow) -> dict[str, str]:
    finding, post = row.finding, row.post
    return {
        "row": finding.basis.value,
        "finding": finding.id,
        "score": f"{finding.score:.3f}",
        "franchise": row.franchise,
        "element": row.element or "",
        "platform": post.platform,
        "author": post.author_handle,
        "author_class": finding.author_class.value,
        "posted_at": to_text(post.posted_at),
        "found_at": to_text(row.found_at),
        "views": "" if row.views is None else str(row.views),
        "url": post.url,
        "reasons": " | ".join(reason.sentence for reason in finding.reasons),
        "ai_evidence": " | ".join(finding.ai_evidence),
        "verdict": row.verdict or "",
        "reviewer": row.reviewer or "",
        "text": post.text,
    }


def _safe(cells: dict[str, str]) -> dict[str, str]:
    return {column: cell(text) for column, text in cells.items()}


def cell(text: str) -> str:
    """Text that a spreadsheet shows and never calculates: an apostrophe before what it would begin with."""
    return _FORMULA.sub(r"\1'", readable(text, most=MOST_LETTERS))
