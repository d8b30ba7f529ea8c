"""The pictures of the hit list, made from hostile files in processes that can be killed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.hits import DailyList
from app.home import Home
from app.isolation import each
from app.progress import track
from app.stages import guard
from core.errors import ClipwardenError
from matchers.frames import picture
from store.queries import HitRow

MOST_HITS = 300  # with pictures on one page; the others are rows
LEAST_SUGGESTIONS = 100  # of them, however many copies there are


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureJob:
    """A moment of a blob."""

    sha256: str
    offset_s: float
    path: Path


def make_picture(job: PictureJob) -> bytes:
    """The moment as a JPEG of at most 60 kB; MediaUnreadable or NotFound as `picture`."""
    return picture(job.path, job.offset_s)


def pictured(daily: DailyList) -> tuple[HitRow, ...]:
    """The hits that get pictures: the first of each kind."""
    suggestions = daily.suggestions[: max(LEAST_SUGGESTIONS, MOST_HITS - len(daily.copies))]
    return daily.copies[: MOST_HITS - len(suggestions)] + suggestions


def gather_pictures(home: Home, daily: DailyList) -> dict[tuple[str, float], bytes]:
    """(sha256, offset_s) -> JPEG of every moment the page shows, each made once.

    One that cannot be made is left out: the page shows a placeholder for it.
    """
    jobs = list(dict.fromkeys(_jobs(home, daily)))
    pictures: dict[tuple[str, float], bytes] = {}
    with track("pictures", len(jobs)) as progress:
        for job, result in each(make_picture, jobs, guard(home)):
            if not isinstance(result, ClipwardenError):
                pictures[job.sha256, job.offset_s] = result
            missing = progress.done + 1 - len(pictures)
            progress.step(note=f"{missing} could not be made" if missing else "")
    return pictures


def _jobs(home: Home, daily: DailyList) -> Iterator[PictureJob]:
    for row in pictured(daily):
        for pair in daily.pairs[row.finding.id]:
            for moment in (pair.reference, pair.post):
                if moment:
                    path = home.blobs.path(moment.sha256)
                    yield PictureJob(sha256=moment.sha256, offset_s=moment.offset_s, path=path)
