"""What a worker makes of a file does not depend on who else is at work."""

from pathlib import Path

import numpy as np

from app.fingerprinting import FileJob, fingerprint
from app.isolation import Guard, each
from core.records import Fingerprint
from matchers.examples import scene
from matchers.features import unpack
from matchers.frames import FIRST, WHOLE
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


def test_first_look_gives_the_dear_methods_fewer_frames_and_the_others_all(tmp_path: Path) -> None:
    """Features of 0 s, 2 s ..., of small frames, exchanged hashes of each second, nothing of what changes.

    What the others find is what a whole look finds; an exchanged hash is what it would be then.
    """
    wide = scene(3, width_px=480, height_px=240)
    frames = [np.ascontiguousarray(wide[:180, step : step + 320]) for step in range(0, 140, 4)]
    path = media.video(tmp_path / "a.mp4", frames, rate=5)
    first, whole = (fingerprint(FileJob(sha256="a", path=path, methods=NAMES, plan=plan)) for plan in (FIRST, WHOLE))
    looked_at = {name: sorted({one.offset_s for one in first[name]}) for name in ("local", "pdq")}

    assert looked_at == {"local": [0, 2, 4, 6], "pdq": [0, 1, 2, 3, 4, 5, 6]}
    assert {unpack(one.value).width_px for one in first["local"]} == {260}
    assert {name for name in NAMES if first[name] != whole[name]} == {"local", "pdq", "change"}
    assert (first["change"], whole["change"] != [], {*first["pdq"]} <= {*whole["pdq"]}) == ([], True, True)


def test_first_look_at_a_short_clip_sees_its_opening(tmp_path: Path) -> None:
    """Half a second, or a still: every method is given a frame."""
    short = media.video(tmp_path / "short.mp4", [scene(seed) for seed in (4, 4, 4)], rate=6)
    prints = fingerprint(FileJob(sha256="a", path=short, methods=("local", "pdq"), plan=FIRST))

    assert {name: {one.offset_s for one in found} for name, found in prints.items()} == {"local": {0}, "pdq": {0}}
