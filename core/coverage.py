"""From crawls to "watched 92 % of the last 24 h": for which stretches a watch has been seen, and why not the rest.

A crawl covers the time back to known ground, not the moment it ran: one that reads down to where the last sound one
began closes the gap between them, whatever failed in between.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.records import Coverage

STREAM = "stream"  # the route of what is told as it happens


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawl:
    """How one crawl of one watch ended.

    cause      why it was not whole, by its name in core.causes; "" when it was
    ground     whether the next crawl may stop at what this one saw
    route      which of the source's routes it went; "stream" for a stretch of one, from seen_from to started_at
    seen_from  when the oldest post it saw was posted; None when it saw none
    fresh      posts that the watch had not seen before; None for a first crawl, to which all are new
    """

    watch: str
    started_at: datetime
    finished_at: datetime
    coverage: Coverage
    cause: str = ""
    why: str = ""
    pages: int = 0
    posts: int = 0
    ground: bool = False
    route: str = "api"
    seen_from: datetime | None = None
    fresh: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the canaries of one site say: sees, empty, wrong or refused; and in words."""

    site: str
    route: str
    verdict: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch that nobody looked at, and why as far as it is known."""

    since: datetime
    until: datetime
    cause: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What share (0..1) of a window was seen, and the gaps in it, oldest first."""

    share: float
    gaps: tuple[Gap, ...]


def watched(crawls: Iterable[Crawl], *, since: datetime, until: datetime, slack: timedelta) -> Watched:
    """How much of a window one watch has been seen for.

    crawls  of one watch, those before the window too: a sound one of yesterday is today's ground
    slack   how long after its last crawl a watch still counts as seen: what its `every` promises
    """
    ordered = sorted(crawls, key=lambda crawl: crawl.finished_at)
    seen = _merged(_spans(ordered))
    if seen and seen[-1][1] + slack >= until:
        seen[-1] = (seen[-1][0], until)  # not due again yet: what is newer than the last crawl is not late
    inside = [(max(start, since), min(end, until)) for start, end in seen if end > since and start < until]
    length = (until - since).total_seconds()
    covered = sum((end - start).total_seconds() for start, end in inside)
    return Watched(
        share=round(covered / length, 4) if length > 0 else 0.0, gaps=tuple(_gaps(inside, ordered, since, until))
    )


def _spans(ordered: Sequence[Crawl]) -> list[tuple[datetime, datetime]]:
    """What each crawl saw, as from when until when."""
    spans, known = [], None
    for crawl in ordered:
        if crawl.route == STREAM:
            # A stream has seen what happened while it was followed, and nothing before.
            if crawl.coverage is Coverage.OK and crawl.seen_from:
                spans.append((min(crawl.seen_from, crawl.started_at), crawl.started_at))
        elif crawl.coverage is Coverage.OK:
            # A first crawl that read the feed to its end has seen all there was.
            spans.append((known or datetime.min.replace(tzinfo=crawl.started_at.tzinfo), crawl.started_at))
        elif crawl.coverage is Coverage.PARTIAL and crawl.seen_from and crawl.cause in {"cut", "budget"}:
            spans.append((min(crawl.seen_from, crawl.started_at), crawl.started_at))
        if crawl.ground:
            known = crawl.started_at
    return spans


def _merged(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _gaps(
    inside: Sequence[tuple[datetime, datetime]], ordered: Sequence[Crawl], since: datetime, until: datetime
) -> Iterable[Gap]:
    edges = [since, *(edge for span in inside for edge in span), until]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end <= start:
            continue
        failed = [one for one in ordered if one.coverage is not Coverage.OK and start <= one.finished_at]
        # The first failure in the gap is its cause; a gap without one is a crawl that never ran.
        reason = failed[0] if failed and failed[0].started_at <= end + timedelta(hours=1) else None
        told = reason.why if reason else "no crawl ran; is the schedule running?"
        yield Gap(since=start, until=end, cause=reason.cause if reason else "never asked", why=told)
