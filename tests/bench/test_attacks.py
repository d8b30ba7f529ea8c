"""The attacker's kit: what an edit says is true of it is what its frames show."""

from pathlib import Path
from random import Random

import av
import numpy as np
import pytest

from bench.animations import ANIMATIONS
from bench.animations import make as animate
from bench.attacks import ATTACKS, Attack, Footage, cut, make, probe
from bench.overlays import KINDS, WORDINGS, overlay
from matchers.examples import scene
from tests.matchers.media import moving, video

BY_NAME = {attack.name: attack for attack in ATTACKS}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Footage, Path]:
    """A drawn clip of 8 s, and another of other content."""
    folder = tmp_path_factory.mktemp("clips")
    first = video(folder / "first.mp4", moving(80, seed=1), rate=10)
    return probe(first), video(folder / "other.mp4", moving(80, seed=2), rate=10)


def frames(path: Path, at_s: float) -> np.ndarray:
    """The luma shown at a moment, 32 x 18."""
    with av.open(str(path)) as container:
        shown = [frame for frame in container.decode(video=0) if float(frame.time or 0) <= at_s + 0.001]
    return np.asarray(shown[-1].reformat(width=32, height=18, format="gray").to_ndarray(), float)


def alike(left: np.ndarray, right: np.ndarray) -> float:
    """Correlation of two frames."""
    return float(np.corrcoef(left.ravel(), right.ravel())[0, 1])


def test_splice_says_where_the_copy_is(clips: tuple[Footage, Path], tmp_path: Path) -> None:
    """In the middle of the stretch it is the reference at that second; before it, something else."""
    clip, other = clips
    (truth,) = make(BY_NAME["splice"], clip, other, tmp_path / "q.mp4", "seed")
    middle, there = sum(truth.query) / 2, sum(truth.reference) / 2
    # The cut falls on a frame of 0.1 s, so the reference's own time may be one frame off.
    near = [frames(clip.path, there + step) for step in (-0.1, 0.0, 0.1)]
    inside = max(alike(frames(tmp_path / "q.mp4", middle), one) for one in near)
    before = alike(frames(tmp_path / "q.mp4", truth.query[0] - 0.5), frames(clip.path, truth.reference[0]))

    assert (inside > 0.95, before < 0.6) == (True, True)


@pytest.mark.parametrize("name", ["speed 2", "speed 0.75", "mirror", "reverse"])
def test_truth_holds_a_quarter_in(clips: tuple[Footage, Path], tmp_path: Path, name: str) -> None:
    """Speed, mirroring and direction are what the frames show."""
    clip, _ = clips
    (truth,) = make(BY_NAME[name], clip, None, tmp_path / "q.mp4", name)
    start, end = truth.query
    along = 0.75 if truth.reversed else 0.25
    there = truth.reference[0] + along * (truth.reference[1] - truth.reference[0])
    shown = frames(tmp_path / "q.mp4", start + 0.25 * (end - start))
    shown = shown[:, ::-1] if truth.mirrored else shown

    assert alike(shown, frames(clip.path, there)) > 0.95


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_cut_lies_within_the_clip_and_off_the_second(attack: Attack) -> None:
    """Long clips and short ones: samples of copy and reference must not fall together."""
    for duration_s in (4.3, 9.0, 60.0):
        clip = Footage(path=Path("x"), width_px=640, height_px=360, duration_s=duration_s, rate=25.0)
        for seed in range(40):
            start, length = cut(attack, clip, Random(seed))  # noqa: S311  (a seed to repeat)

            assert start >= 0
            assert start + length <= duration_s
            assert abs(start - round(start)) > 0.009


def test_layout_without_other_footage_is_refused(clips: tuple[Footage, Path], tmp_path: Path) -> None:
    """A duet with nobody is no duet."""
    with pytest.raises(ValueError, match="unrelated footage"):
        make(BY_NAME["duet"], clips[0], None, tmp_path / "q.mp4", "seed")


def test_stand_in_begins_with_the_still_and_leaves_it(tmp_path: Path) -> None:
    """Image-to-video: the first frame is the still, the last is not."""
    from PIL import Image  # noqa: PLC0415  (only here)

    Image.fromarray(scene(5, width_px=480, height_px=270)).save(tmp_path / "still.png")
    raw = next(one for one in ANIMATIONS if one.name == "i2v: raw")
    animate(raw, tmp_path / "still.png", tmp_path / "q.mp4", "seed")
    still = np.asarray(Image.open(tmp_path / "still.png").convert("L").resize((32, 18)), float)

    assert alike(frames(tmp_path / "q.mp4", 0.0), still) > 0.95
    assert alike(frames(tmp_path / "q.mp4", 99.0), still) < 0.7


@pytest.mark.parametrize("kind", KINDS)
def test_overlay_is_seeded_and_leaves_the_picture_visible(kind: str) -> None:
    """The same seed draws the same; and no overlay hides more than four fifths."""
    first, second = (np.asarray(overlay((kind,), 320, 180, Random("a"))) for _ in range(2))  # noqa: S311  (a seed)

    assert np.array_equal(first, second)
    assert 0.002 < float((first[..., 3] > 200).mean()) < 0.8


def test_wordings_recur() -> None:
    """Few wordings for many queries, or captions could not match captions."""
    assert len(WORDINGS) <= 12
