"""The hit list's sentences.

Never says "no hits" while a source could not be seen.
"""

from datetime import UTC, date, datetime, time
from enum import StrEnum

from app.hits import DailyList
from core.findings import HIT_SCORE
from core.records import Coverage
from review.words import readable
from store.queries import SourceRow

ASIDE = {
    "own": "by an own account",
    "licensed": "by a licensed account",
    "press": "by a press account",
    "silenced": "explained by the negative or the licensed bank",
    "below": f"below the hit score of {HIT_SCORE:g}",
}


class Sight(StrEnum):
    """How well a source was seen on a day."""

    SEEN = "seen"
    NOT_ASKED = "not asked that day"
    PARTIAL = "partial"
    BLIND = "source blind"


def sight(source: SourceRow, day: date) -> Sight:
    """The worst that is true of a source; a good crawl of last week says nothing about today."""
    if source.coverage is Coverage.BLIND or source.last_at is None:
        return Sight.BLIND
    if source.coverage is Coverage.PARTIAL:
        return Sight.PARTIAL
    asked = source.last_at >= datetime.combine(day, time(), UTC)
    return Sight.SEEN if asked else Sight.NOT_ASKED


def source_name(source: SourceRow) -> str:
    """The platform, and which site of it if it is many."""
    site = source.site.removeprefix("https://").removeprefix("http://").rstrip("/")
    return readable(f"{source.platform} · {site}" if site else source.platform, most=120)


def source_words(source: SourceRow, day: date) -> str:
    """One sentence on a source: `source blind (login wall)`, `partial (budget)`, `seen, 43 posts`."""
    seen = sight(source, day)
    if seen is Sight.SEEN:
        return f"seen, {source.posts:,} posts in the last crawl"
    if seen is Sight.NOT_ASKED:
        return f"{seen.value}; last on {source.last_at:%Y-%m-%d}"
    never = f"{source.never} of {source.watches} watches never crawled" if source.never else ""
    why = "; ".join(part for part in (source.why, never) if part) or "no reason was kept; see the platform's log"
    return f"{seen.value} ({readable(why, most=300)})"


def summary(daily: DailyList) -> str:
    """The day in a sentence or two: what was found, and what could not be known."""
    blind = sum(sight(source, daily.day) is Sight.BLIND for source in daily.sources)
    doubtful = sum(sight(source, daily.day) in {Sight.PARTIAL, Sight.NOT_ASKED} for source in daily.sources)
    return " ".join(filter(None, (_found(daily, blind, doubtful), _unseen(daily, blind, doubtful), _undone(daily))))


def _found(daily: DailyList, blind: int, doubtful: int) -> str:
    if daily.hits:
        return f"{_some(len(daily.copies), 'copy', 'copies')} proved by a hash, {len(daily.suggestions)} suggested."
    if not daily.sources:
        return "Nothing is watched, so nothing can be found: add watches to a brand file."
    if blind == len(daily.sources):
        return "Nothing could be seen, which does not mean that nothing is there."
    unsure = blind or doubtful or daily.waiting
    return "Nothing found in what was seen." if unsure else "No hits; every source was seen."


def _unseen(daily: DailyList, blind: int, doubtful: int) -> str:
    all_ = len(daily.sources)
    words = f"{blind} of {_some(all_, 'source', 'sources')} blind: what is there is not known." if blind else ""
    if doubtful:
        words += f" {doubtful} of {_some(all_, 'source', 'sources')} seen in part or not asked that day."
    return words.strip()


def _undone(daily: DailyList) -> str:
    waits = f"{daily.waiting:,} steps still wait: `clipwarden run` goes on." if daily.waiting else ""
    failed = (
        f"{_some(daily.failed, 'clip', 'clips')} could not be had or read: `clipwarden ledger`." if daily.failed else ""
    )
    return f"{waits} {failed}".strip()


def aside_words(daily: DailyList) -> str:
    """What is not listed and why: `2 by a licensed account, 14 below the hit score of 0.5`; "" for nothing."""
    return ", ".join(f"{daily.aside[why]:,} {words}" for why, words in ASIDE.items() if daily.aside.get(why))


def _some(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
