"""The daily hit list: what of a day a person should look at, and how far it can be trusted.

Keeps the two problems apart: a hash proves a copy, words only suggest. What is not listed is
counted, and how well each source was seen stands beside it. Reads only; decides nothing.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from core.findings import NEVER_HITS, Known
from core.reasons import SILENCED
from core.records import Basis
from review.pairs import Pair, pairs
from store import queries
from store.captions import History, histories
from store.ledger import Ledger
from store.queries import HitRow, SourceRow


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyList:
    """One UTC day's list, as it reads at `made_at`.

    copies        hits that a hash proves, the most certain first
    suggestions   hits that words, labels and accounts suggest; a person decides
    aside         why a finding is not listed -> how many are not: own, licensed, press, silenced, below
    sources       how well each platform and site was seen up to the end of the day
    waiting       subjects that download, fingerprint, match or find have not come to yet
    failed        subjects that one of them had to leave
    pairs         finding id -> the frames to show side by side
    franchises    how many titles the brands protect
    histories     post id -> what it said before, of the hits whose captions changed
    """

    day: date
    made_at: datetime
    copies: tuple[HitRow, ...]
    suggestions: tuple[HitRow, ...]
    aside: Mapping[str, int]
    sources: tuple[SourceRow, ...]
    waiting: int
    failed: int
    pairs: Mapping[str, tuple[Pair, ...]]
    brands: tuple[str, ...]
    franchises: int
    histories: Mapping[str, History]

    @property
    def hits(self) -> tuple[HitRow, ...]:
        """Both kinds, the proved ones first."""
        return self.copies + self.suggestions


def daily(ledger: Ledger, day: date, now: datetime) -> DailyList:
    """The list of a UTC day. Whose account a post is from is asked again, as of `now`."""
    known = queries.known(ledger, now=now)
    references = {reference.id: reference for reference in queries.references(ledger)}
    findings = [_classed(row, known) for row in queries.findings_of_day(ledger, day)]
    hits = [row for row in findings if queries.is_hit(row, known)]
    counts = queries.stage_counts(ledger)
    return DailyList(
        day=day,
        made_at=now,
        copies=tuple(row for row in hits if row.finding.basis is Basis.COPY),
        suggestions=tuple(row for row in hits if row.finding.basis is Basis.SUGGESTION),
        aside=Counter(_why_not(row) for row in findings if not queries.is_hit(row, known)),
        sources=tuple(queries.sources(ledger, day)),
        waiting=sum(row["pending"] for row in counts),
        failed=sum(row["failed"] for row in counts),
        pairs={row.finding.id: pairs(ledger, row, references) for row in hits},
        brands=tuple(row["name"] for row in ledger.rows("SELECT name FROM brands ORDER BY name")),
        franchises=len(known.franchises),
        histories={one.post: one for one in histories(ledger, [row.post.id for row in hits], most=len(hits))},
    )


def _classed(row: HitRow, known: Known) -> HitRow:
    """The row with its author's class as of now: a licence may have begun or ended since it was found."""
    author_class = known.class_of(row.post.platform, row.post.author_handle)
    return replace(row, finding=replace(row.finding, author_class=author_class))


def _why_not(row: HitRow) -> str:
    finding = row.finding
    if finding.author_class in NEVER_HITS:
        return finding.author_class.value
    # Only what explains a match away weighs as little as this; see core.findings.
    return "silenced" if any(reason.weight == SILENCED for reason in finding.reasons) else "below"
