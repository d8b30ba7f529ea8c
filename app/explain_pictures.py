"""The pictures of an explanation, made from hostile files in processes that can be killed."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import TypeAlias

from PIL import Image

from app.explaining import Explanation
from app.hits_pictures import PictureJob
from app.home import Home
from app.isolation import each
from app.progress import track
from app.stages import guard
from core.errors import ClipwardenError
from matchers.frames import picture
from review.pairs import Moment

MOST_PX = 640  # of the longer side: two stand side by side
MOST_BYTES = 90_000  # of one JPEG


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A JPEG and its size."""

    jpeg: bytes
    width_px: int
    height_px: int


Pictures: TypeAlias = dict[tuple[str, float], Shown | str]  # a moment's key -> its picture, or why there is none


def make_shown(job: PictureJob) -> Shown:
    """The moment as a JPEG; MediaUnreadable or NotFound as `picture`."""
    jpeg = picture(job.path, job.offset_s, max_px=MOST_PX, max_bytes=MOST_BYTES)
    # Measured here, where a parser may be killed: the page's maker never opens what a file made.
    width_px, height_px = Image.open(BytesIO(jpeg)).size
    return Shown(jpeg=jpeg, width_px=width_px, height_px=height_px)


def gather(home: Home, explanation: Explanation) -> Pictures:
    """Every moment that the explanation shows, each made once; why there is none where it cannot be."""
    jobs, pictures = [], Pictures()
    for moment in dict.fromkeys(_moments(explanation)):
        path = home.blobs.path(moment.sha256)
        if path.is_file():
            jobs.append(PictureJob(sha256=moment.sha256, offset_s=moment.offset_s, path=path))
        else:
            pictures[moment.key] = f"no picture: file {moment.sha256[:12]} is missing from the home's blobs"
    if not jobs:
        return pictures
    with track("pictures", len(jobs)) as progress:
        for job, result in each(make_shown, list(dict.fromkeys(jobs)), guard(home)):
            pictures[job.sha256, job.offset_s] = (
                "no picture: the file does not decode here" if isinstance(result, ClipwardenError) else result
            )
            progress.step()
    return pictures


def _moments(explanation: Explanation) -> Iterator[Moment]:
    for told in explanation.matches:
        for pair in told.pairs:
            yield pair.query
            if pair.reference:
                yield pair.reference
    for beside in explanation.beside:
        yield from (moment for moment in (beside.reference, beside.post) if moment)
