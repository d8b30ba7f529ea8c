"""What a worker does with one file: decode it once, and give it to every method that asks.

Runs in a process that may be killed at any time; returns plain values.
"""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from core.records import Fingerprint, Mark
from matchers.frames import WHOLE, Limits, Plan, read
from matchers.marks import marks
from matchers.method import RUN_FRAMES, Sense, method
from matchers.sounds import sound


@dataclass(frozen=True, slots=True, kw_only=True)
class FileJob:
    """A file, the names of the methods that have not seen it, and which of its frames they look at."""

    sha256: str
    path: Path
    methods: tuple[str, ...]
    plan: Plan = WHOLE


def read_marks(job: FileJob) -> tuple[Mark, ...]:
    """What the file says of its own origin: a task of its own, so that a manifest kills no more than its reader."""
    return marks(job.path)


def fingerprint(job: FileJob) -> dict[str, list[Fingerprint]]:
    """Method name -> fingerprints of the file; MediaUnreadable when it does not decode."""
    found: dict[str, list[Fingerprint]] = {name: [] for name in job.methods}
    asked = [method(name) for name in job.methods]
    looking = [one for one in asked if one.sense is Sense.FRAMES]
    listening = [one for one in asked if one.sense is Sense.SOUND]
    clip = read(job.path, limits=Limits(), plan=job.plan)
    while looking and (run := list(islice(clip.frames, RUN_FRAMES))):
        for one in looking:
            found[one.name] += one.fingerprint(run)
        del run  # or the next one is gathered beside it
    if listening and clip.kind == "video" and (heard := sound(job.path, limits=Limits())):
        for one in listening:
            found[one.name] += one.fingerprint(heard)
    return found
