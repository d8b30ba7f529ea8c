"""What a worker makes of a file does not depend on who else is at work."""

from pathlib import Path

import numpy as np

from app.fingerprinting import FileJob, fingerprint
from app.isolation import Guard, each
from core.records import Fingerprint
from matchers.examples import scene
from matchers.method import methods
from tests.matchers import media

NAMES = tuple(methods())


def prints(files: list[Path], workers: int) -> dict[str, dict[str, list[Fingerprint]]]:
    """Fingerprint the files by so many processes."""
    guard = Guard(workers=workers, max_seconds=120, memory_bytes=4 << 30)
    jobs = [FileJob(sha256=file.name, path=file, methods=NAMES) for file in files]
    found = {}
    for job, result in each(fingerprint, jobs, guard):
        assert isinstance(result, dict), result
        found[job.sha256] = result
    return found


def test_same_input_gives_the_same_bytes_on_one_worker_or_eight(tmp_path: Path) -> None:
    """Every method, every byte: a busy machine changes no fingerprint."""
    files = []
    for seed in range(4):
        wide = scene(seed, width_px=480, height_px=240)
        frames = [np.ascontiguousarray(wide[:180, step : step + 320]) for step in range(0, 100, 2)]
        files.append(media.video(tmp_path / f"{seed}.mp4", frames))
    alone, together = prints(files, 1), prints(files, 8)

    assert (alone == together, {name for one in alone.values() for name, kept in one.items() if kept} >= {"local"}) == (
        True,
        True,
    )
