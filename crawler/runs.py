"""How one watch's crawl is going, what it saw, and what it should have had and has not."""

from dataclasses import dataclass, field
from datetime import datetime

from core.causes import Cause
from core.coverage import Crawl
from core.records import Coverage, Post, Removal, Watch
from core.shapes import Shape
from crawler.facts import Canary
from store.answers import Answer
from store.coverage import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighted:
    """The posts of one answer that a watch saw, with the sha256 of the answer, and how to read it again.

    One item an answer, not one a post: the way through Scrapy's machinery costs more than the ledger.
    """

    watch: str
    posts: tuple[Post, ...]
    raw_sha256: str
    removals: tuple[Removal, ...] = ()
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """What we should have had and have not: why, by name and in words."""

    cause: str
    why: str


@dataclass(slots=True, kw_only=True)
class Look:
    """What answers of one kind look like: some of them were looked at, with so many posts, so many of them new."""

    answers: int = 0
    posts: int = 0
    new: int = 0
    broken: bool = False
    shape: Shape = field(default_factory=Shape)


@dataclass(slots=True, kw_only=True)
class WatchRun:
    """How one watch's crawl is going.

    canary     a question whose answer is known, asked to see whether the source sees: nothing of it is kept
    asked      what has been asked for, so that no page is asked twice
    told       posts its answers held or led to, whether or not they were new
    fresh      posts the watch had not seen before this crawl
    looks      kind of question -> the shape of a sample of its answers
    unread     answers that were for us, but could not be read: kept whole, to be read again once that is mended
    """

    watch: Watch
    ground_at: datetime | None
    started_at: datetime
    canary: Canary | None = None
    route: str = "api"
    pages: int = 0
    posts: int = 0
    told: int = 0
    open_requests: int = 0
    cut: Lost | None = None  # the budget ended before known ground
    lost: list[Lost] = field(default_factory=list)  # answers we should have had
    blind: Lost | None = None
    seen_from: datetime | None = None
    samples: list[Sample] = field(default_factory=list)
    asked: set[bytes] = field(default_factory=set)
    fresh: int = 0
    looks: dict[str, Look] = field(default_factory=dict)
    unread: list[Answer] = field(default_factory=list)

    def outcome(self, finished_at: datetime) -> Crawl:
        """How it ended, as the ledger keeps it."""
        coverage, lost, ground = self._ended()
        return Crawl(
            watch=self.watch.id,
            started_at=self.started_at,
            finished_at=finished_at,
            coverage=coverage,
            cause=lost.cause if lost else "",
            why=lost.why if lost else "",
            pages=self.pages,
            posts=self.posts,
            ground=ground,
            route=self.route,
            seen_from=self.seen_from,
            fresh=self.fresh if self.ground_at else None,
        )

    def _ended(self) -> tuple[Coverage, Lost | None, bool]:
        """Coverage, why, and whether the next crawl may stop at what this one saw."""
        if self.blind:
            return Coverage.BLIND, self.blind, False
        if not self.pages and not self.lost and not self.open_requests:
            told = "the crawl ended before it was asked; raise crawl.time_limit_s or see the log"
            return Coverage.BLIND, Lost(Cause.CUT, told), False
        if self.lost or self.open_requests:
            lost = self.lost[0] if self.lost else Lost(Cause.CUT, "stopped before the last page")
            return (Coverage.PARTIAL if self.posts else Coverage.BLIND), lost, False
        if self.cut:
            # The first crawl of a watch has no older ground to reach: where its budget ends, history begins.
            # And a feed of which one half is closed is wholly read in the half that is open.
            return Coverage.PARTIAL, self.cut, self.ground_at is None or self.cut.cause == Cause.FEED_DISABLED
        return Coverage.OK, None, True
