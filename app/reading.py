"""The read stage: what is written in the pictures of clips that already look interesting.

A few frames each, in processes that can be killed: it costs a hundred times a hash. Without the extra `ocr`
the work waits, and `clipwarden doctor` says how to get it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.home import Home
from app.isolation import each
from app.progress import track
from app.stages import due, guard, now, tally, warm
from core.errors import ClipwardenError, SettingsWrong
from core.findings import Written
from core.records import Failure
from matchers.frames import read
from matchers.ocr import LONGEST_PX, available, read_text
from matchers.source import SECONDS
from store.texts import save_texts

MOMENTS = (0.25, 0.5, 0.9)  # of the clip's length, beside its first frame: a title stands in the middle or at the end
LONGEST_S = 60.0  # what stands only after a minute is not read
UNKNOWN_S = 12.0  # where the header tells no length


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadJob:
    """A file whose pictures are to be read."""

    sha256: str
    path: Path


def read_file(job: ReadJob) -> list[Written]:
    """The lines in a few frames of a file, each text once, when it is first shown; MediaUnreadable as `read`."""
    clip = read(job.path, plan=SECONDS)
    length = min(clip.duration_s or UNKNOWN_S, LONGEST_S)
    wanted = [0.0, *(share * length for share in MOMENTS)]
    found: dict[str, Written] = {}
    for frame in clip.frames:
        if frame.offset_s + 0.5 < wanted[0]:
            continue
        del wanted[0]
        for line in read_text([frame.colour(LONGEST_PX)]):
            found.setdefault(line.text, Written(offset_s=frame.offset_s, text=line.text, confidence=line.confidence))
        if not wanted:
            break
    return list(found.values())


def read_pictures(home: Home) -> dict[str, int]:
    """Read what is due. Returns files, and how many of them hold text; nothing when the extra is not there."""
    counts = {"files": 0, "with text": 0}
    waiting = home.ledger.count_pending("read", now=now())
    if not waiting or not available():
        return counts
    warm()
    with track("read", waiting) as progress:
        for job, result in each(read_file, _jobs(home), guard(home)):
            if isinstance(result, SettingsWrong):  # a wrong installation: no fault of any file
                raise result
            if isinstance(result, ClipwardenError):
                failure = Failure(
                    stage="read", subject=job.sha256, error="unreadable", message=str(result), retry_at=None
                )
                home.ledger.save_failure(failure, at=now())
            else:
                save_texts(home.ledger, job.sha256, result, at=now())
                counts["with text"] += bool(result)
            counts["files"] += 1
            progress.step(note=tally(counts))
    return counts


def _jobs(home: Home) -> Iterator[ReadJob]:
    for sha256, _ in due(home.ledger, "read"):
        yield ReadJob(sha256=sha256, path=home.blobs.path(sha256))
