"""What a worker does with one file: decode it once, and give it to every method that asks.

Runs in a process that may be killed at any time; returns plain values.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from core.records import Fingerprint, Mark
from matchers import regions
from matchers.frames import FIRST, WHOLE, Frame, Limits, Plan, read
from matchers.marks import marks
from matchers.method import RUN_FRAMES, Method, Sense, method
from matchers.sounds import sound
from matchers.source import Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparse:
    """Which frames a first look gives a method.

    first_s, every_s    the second of the first, and from one to the next
    side_px             what they are reduced to, their longest side; None: as they are
    """

    first_s: float
    every_s: float
    side_px: int | None = None


# None: it is given none. What is not named sees all frames in either look, so that a closer one need not ask it again.
# On `tune` 242 of 999 copies can be led to by features alone, and these miss 1 of them (300 px: 1, 256 px:
# 3), and call none of 142 strangers near. Tried: 400 px at 1 s, 5 s ...: 10. Of 412 copies 395 are led to with `change`
# and without it; 393 with phash of two frames a second.
SPARSE: dict[str, Sparse | None] = {
    "local": Sparse(first_s=0.0, every_s=2.0, side_px=260),
    "embedding": Sparse(first_s=1.0, every_s=FIRST.dear_s),
    "pdq": Sparse(first_s=0.0, every_s=1.0),
    "change": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileJob:
    """A file, the names of the methods that have not seen it, and which of its frames they look at."""

    sha256: str
    path: Path
    methods: tuple[str, ...]
    plan: Plan = WHOLE


def is_sparse(job: FileJob, name: str) -> bool:
    """Say whether a method is given fewer frames than a whole look would give it."""
    return job.plan == FIRST and name in SPARSE


def read_marks(job: FileJob) -> tuple[Mark, ...]:
    """What the file says of its own origin: a task of its own, so that a manifest kills no more than its reader."""
    return marks(job.path)


def fingerprint(job: FileJob) -> dict[str, list[Fingerprint]]:
    """Method name -> fingerprints of the file; MediaUnreadable when it does not decode."""
    found: dict[str, list[Fingerprint]] = {name: [] for name in job.methods}
    asked = [_method(name) for name in job.methods]
    looking = [one for one in asked if one.sense is Sense.FRAMES]
    listening = [one for one in asked if one.sense is Sense.SOUND]
    clip = read(job.path, limits=Limits(), plan=job.plan)
    for one, frames in _given(job, looking, clip.frames):
        found[one.name] += one.fingerprint(frames)
        del frames  # or the next run is gathered beside it
    if listening and clip.kind == "video" and not clip.silent and (heard := sound(job.path, limits=Limits())):
        for one in listening:
            found[one.name] += one.fingerprint(heard)
    return found


_method = cache(method)  # a walk over matchers/ costs a millisecond each


def _given(job: FileJob, looking: list[Method], frames: Iterator[Frame]) -> Iterator[tuple[Method, list[Frame]]]:
    """Walk the frames in runs, and say which of them each method is given: never none."""
    paces = {one.name: SPARSE[one.name] for one in looking if is_sparse(job, one.name)}
    thin = {name: _Thin(pace) for name, pace in paces.items() if pace}
    looking = [one for one in looking if paces.get(one.name, True)]
    opening: list[Frame] = []
    while looking and (run := list(islice(frames, RUN_FRAMES))):
        opening = opening or run[:1]
        regions.together(run)  # what those that are given all of them find out of its layout, the others share
        for one in looking:
            chosen = thin[one.name].of(run) if one.name in thin else run
            if chosen:
                yield one, chosen
        del run, chosen
    for one in looking:  # a still, a clip shorter than a second
        if one.name in thin and not thin[one.name].given and opening:
            yield one, thin[one.name].reduced(opening)


class _Thin:
    """Chooses ticks, one in so many seconds. Moments are counted from the first, as Pace does from 0."""

    def __init__(self, sparse: Sparse) -> None:
        self.sparse = sparse
        self.pace = Pace(Plan(dense_s=0.0, fps=1 / sparse.every_s))
        self.given = False

    def of(self, run: list[Frame]) -> list[Frame]:
        """Return the frames to look at, of those that come next."""
        chosen = []
        for frame in run:
            offset_s = frame.offset_s - self.sparse.first_s
            if frame.tick and self.pace.wants(offset_s):
                self.pace.take(offset_s)
                chosen.append(frame)
        self.given = self.given or bool(chosen)
        return self.reduced(chosen)

    def reduced(self, frames: list[Frame]) -> list[Frame]:
        """Return them as large as the method is given them."""
        side_px = self.sparse.side_px
        return frames if side_px is None else [frame.reduced(side_px) for frame in frames]
