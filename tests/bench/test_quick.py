"""The quickest way finds a plain copy by its first key frame, and says what it cost."""

from pathlib import Path

import numpy as np

from bench.quick import looked
from matchers.examples import scene
from matchers.frames import read
from matchers.method import method
from tests.matchers import media


def clip(path: Path, seed: int, *, turn: int = 1) -> Path:
    """Two seconds of a pan over a drawn scene; turn -1 mirrors it."""
    wide = scene(seed, width_px=480, height_px=180)
    frames = [np.ascontiguousarray(wide[:, 3 * step : 3 * step + 320][:, ::turn]) for step in range(20)]
    return media.video(path, frames, rate=10)


def test_mirrored_copy_is_known_by_a_key_frame_and_a_stranger_is_not(tmp_path: Path) -> None:
    """One frame of the copy is decoded; the reference is hashed whole."""
    phash = method("phash")
    known = phash.fingerprint(list(read(clip(tmp_path / "known.mp4", 1)).frames))
    banks = {"phash": (phash, phash.bank(phash, [("known", known)]))}
    copy, cost_s = looked(clip(tmp_path / "copy.mp4", 1, turn=-1), banks)
    stranger, _ = looked(clip(tmp_path / "stranger.mp4", 2), banks)

    assert ([one.reference for one in copy], stranger) == (["known"], [])
    assert cost_s > 0
