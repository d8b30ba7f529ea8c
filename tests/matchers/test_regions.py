"""Bars, seams and insets are found, and pictures are not taken for them."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from matchers import regions
from matchers.examples import scene
from matchers.frames import Frame

PICTURE = scene(3, width_px=200, height_px=120)


@pytest.mark.parametrize(
    ("top", "bottom", "left", "right"), [(30, 30, 0, 0), (0, 0, 50, 50), (20, 20, 20, 20), (60, 10, 0, 0), (0, 0, 0, 9)]
)
@pytest.mark.parametrize("level", [0, 16, 128, 255])
def test_bars_are_cut_to_the_picture(top: int, bottom: int, left: int, right: int, level: int) -> None:
    """Letterbox, pillarbox, border and lopsided bars of any shade leave the picture, shaved by 2 px a side."""
    noisy = np.pad(PICTURE, ((top, bottom), (left, right)), constant_values=level).astype(np.int16)
    noisy += np.random.default_rng(1).integers(-2, 3, noisy.shape, dtype=np.int16)
    found = regions.inner(np.clip(noisy, 0, 255).astype(np.uint8))
    shaved = 4 * (top > 0) if top and bottom else 0, 2 * (left > 0) + 2 * (right > 0)

    assert found is not None
    assert found.shape == (120 - shaved[0], 200 - shaved[1])


def test_letterbox_in_a_border_is_cut_twice() -> None:
    """Bars inside a border of another colour are bars too."""
    boxed = np.pad(np.pad(PICTURE, ((20, 20), (0, 0))), 30, constant_values=200)
    found = regions.inner(boxed)

    assert found is not None
    assert abs(found.shape[0] - 120) <= 8


@pytest.mark.parametrize(
    "luma",
    [
        PICTURE,
        np.zeros((90, 160), np.uint8),
        np.tile(np.arange(0, 240, 6, dtype=np.uint8), (90, 8)),
        np.pad(scene(1, width_px=20, height_px=20), 60),
        np.full((1, 1), 9, np.uint8),
        np.zeros((3, 500), np.uint8),
    ],
)
def test_picture_without_bars_has_no_inner(luma: np.ndarray) -> None:
    """A full picture, a blank one, a gradient, a small logo on black and slivers are left alone."""
    assert regions.inner(luma) is None


# What only a run of frames tells.

FRAMES = 16


def moving(seed: int, width_px: int, height_px: int) -> np.ndarray:
    """A camera that pans over a scene: uint8 (frames, height, width)."""
    wide = scene(seed, width_px=width_px + 4 * FRAMES, height_px=height_px + 2 * FRAMES)
    return np.stack([wide[2 * k : 2 * k + height_px, 4 * k : 4 * k + width_px] for k in range(FRAMES)])


def laid(ground: np.ndarray, picture: np.ndarray, top: int, left: int) -> np.ndarray:
    """Lay a moving picture over a ground, still or moving."""
    frames: np.ndarray = np.broadcast_to(ground, (FRAMES, *ground.shape[-2:])).copy()
    frames[:, top : top + picture.shape[1], left : left + picture.shape[2]] = picture
    return frames


def lettered(level: int, width_px: int, height_px: int, at: tuple[int, int] = (70, 30)) -> np.ndarray:
    """A plain ground with two lines of lettering."""
    image = Image.new("L", (width_px, height_px), level)
    ImageDraw.Draw(image).text(at, "POV: you found\nthe best scene", fill=255 - level, font=ImageFont.load_default(22))
    return np.asarray(image)


def coded(frames: np.ndarray, seed: int = 5) -> np.ndarray:
    """What coding leaves: noise of a few levels, another in each frame."""
    noise = np.random.default_rng(seed).integers(-2, 3, frames.shape, dtype=np.int16)
    return np.asarray(np.clip(frames.astype(np.int16) + noise, 0, 255), np.uint8)


def as_run(frames: np.ndarray) -> list[Frame]:
    return [Frame(offset_s=number / 4, luma=luma) for number, luma in enumerate(frames)]


def agreement(part: tuple[slice, slice], truth: tuple[int, int, int, int]) -> float:
    """Area shared by a part and the true (top, left, height, width), over the area of both."""
    rows, columns = part
    top, left, height, width = truth
    tall: int = min(rows.stop, top + height) - max(rows.start, top)
    wide: int = min(columns.stop, left + width) - max(columns.start, left)
    shared = max(0, tall) * max(0, wide)
    return float(shared / ((rows.stop - rows.start) * (columns.stop - columns.start) + height * width - shared))


def found(frames: np.ndarray, *truths: tuple[int, int, int, int]) -> list[bool]:
    """Say of each true picture whether a part agrees with it by nine tenths."""
    parts = regions.layout(list(coded(frames)))
    return [any(agreement((rows, columns), truth) >= 0.9 for _, rows, columns in parts) for truth in truths]


WIDE = moving(3, 270, 152)
GRADIENT = np.add.outer(np.linspace(20, 120, 300), np.linspace(0, 110, 480)).astype(np.uint8)


@pytest.mark.parametrize("seed", range(8))
def test_picture_that_fills_the_frame_has_no_parts(seed: int) -> None:
    """A pan over a scene is one picture: a part would cost a hash and its chance of a false pair."""
    assert regions.layout(list(coded(moving(seed, 320, 180)))) == []


def test_straight_edge_within_a_picture_is_no_seam() -> None:
    """A door frame with movement on both sides, that goes on behind it, divides nothing."""
    shot = moving(6, 320, 180)
    shot = np.clip(shot.astype(np.int16) + np.where(np.arange(320) < 150, 0, 60), 0, 255).astype(np.uint8)

    assert regions.layout(list(coded(shot))) == []


@pytest.mark.parametrize(
    ("ground", "top", "left"),
    [
        (lettered(255, 270, 480), 170, 0),
        (lettered(0, 270, 480), 170, 0),
        (lettered(40, 420, 152, (300, 20)), 0, 20),
        (lettered(90, 340, 240, (60, 0)), 60, 30),
        (GRADIENT, 70, 100),
        (scene(77, width_px=480, height_px=300), 70, 110),
        (scene(78, width_px=270, height_px=480), 160, 0),
    ],
    ids=["white and letters", "black and letters", "beside letters", "border and letters", "gradient", "photo", "bars"],
)
def test_bars_that_are_not_plain_are_cut_too(ground: np.ndarray, top: int, left: int) -> None:
    """Lettering, a gradient and a photograph stand still; the picture inside them moves."""
    assert found(laid(ground, WIDE, top, left), (top, left, 152, 270)) == [True]


def test_letters_that_change_do_not_hide_the_bar() -> None:
    """A caption that says something else every second is no picture."""
    frames = laid(lettered(255, 270, 480), WIDE, 170, 0)
    frames[FRAMES // 2 :, :170] = lettered(255, 270, 480, (40, 60))[:170]

    assert found(frames, (170, 0, 152, 270)) == [True]


@pytest.mark.parametrize("upright", [False, True])
def test_blurred_copies_beside_the_picture_are_cut(*, upright: bool) -> None:
    """Bars that show the picture itself, larger and blurred, move with it: they are told by their blur."""
    grounds = [np.asarray(Image.fromarray(luma).resize((853, 480)).crop((291, 0, 561, 480))) for luma in WIDE]
    blurred = np.stack([np.asarray(Image.fromarray(one).filter(ImageFilter.GaussianBlur(12))) for one in grounds])
    frames = laid(blurred, WIDE, 164, 0)
    if upright:
        frames = frames.transpose(0, 2, 1)

    assert found(frames, (0, 164, 270, 152) if upright else (164, 0, 152, 270)) == [True]


def test_duet_gives_both_halves() -> None:
    """Two clips side by side are two pictures."""
    frames = np.concatenate([moving(1, 180, 300), moving(2, 220, 300)], axis=2)

    assert found(frames, (0, 0, 300, 180), (0, 180, 300, 220)) == [True, True]


def test_stack_gives_both_halves_without_their_bars() -> None:
    """Two clips one over the other, the lower one between bars of its own."""
    lower = laid(np.zeros((200, 270), np.uint8), WIDE, 24, 0)
    frames = np.concatenate([moving(2, 270, 240), lower], axis=1)

    assert found(frames, (0, 0, 240, 270), (264, 0, 152, 270)) == [True, True]


def test_collage_gives_its_four_pictures() -> None:
    """Strips are divided again."""
    upper = np.concatenate([moving(1, 160, 130), moving(2, 200, 130)], axis=2)
    lower = np.concatenate([moving(3, 200, 130), moving(4, 160, 130)], axis=2)
    frames = np.concatenate([upper, lower], axis=1)
    truths = [(0, 0, 130, 160), (0, 160, 130, 200), (130, 0, 130, 200), (130, 200, 130, 160)]

    assert found(frames, *truths) == [True] * 4


@pytest.mark.parametrize("share", [0.25, 0.33, 0.5, 0.7])
@pytest.mark.parametrize(("down", "across"), [(0.08, 0.1), (0.9, 0.1), (0.5, 0.5), (1.0, 0.6)])
def test_inset_is_found_anywhere(share: float, down: float, across: float) -> None:
    """A clip within another one, in a corner, in the middle, or standing on the lower edge."""
    height, width = round(288 * share), round(512 * share)
    top, left = round((288 - height) * down), round((512 - width) * across)
    frames = laid(moving(8, 512, 288), moving(9, width, height), top, left)

    assert found(frames, (top, left, height, width)) == [True]


def test_dark_frames_keep_the_bars_of_their_run() -> None:
    """A night shot is not cut at its dark edge: the other frames know where the bars end."""
    frames = laid(np.zeros((480, 270), np.uint8), WIDE, 164, 0)
    frames[5:9, 164:240] = 0
    inside = [view.shape for _, region, view in regions.views(as_run(frames)) if region == "inner"]

    assert inside == [(148, 270)] * FRAMES


def test_other_bars_in_one_shot_are_seen_by_its_frames() -> None:
    """A letterboxed shot among full ones is cut by itself."""
    frames = moving(4, 270, 400)
    frames[10:, :60] = frames[10:, 340:] = 0
    shown = regions.views(as_run(coded(frames)))
    inside = {offset_s for offset_s, _, view in shown if abs(view.shape[0] - 276) <= 4 and view.shape[1] == 270}

    assert inside >= {number / 4 for number in range(10, FRAMES)}


@pytest.mark.parametrize(
    ("size", "crops"),
    [
        ((180, 320), {"centre 9:16": (180, 101), "centre 9:8": (180, 202)}),
        ((240, 280), {"centre 9:16": (240, 135)}),
        ((320, 180), {}),
    ],
)
def test_middle_of_a_wide_picture_is_shown_once_a_second(size: tuple[int, int], crops: dict[str, object]) -> None:
    """As it is made upright, or stacked: of the first frame of a second, and never of an upright picture."""
    lumas = moving(1, size[1], size[0])
    run = [Frame(offset_s=number / 4, luma=luma, tick=number % 4 == 0) for number, luma in enumerate(lumas)]
    shown = [(offset_s, region, view.shape) for offset_s, region, view in regions.views(run) if region != "whole"]

    assert shown == [(float(second), *crop) for second in range(FRAMES // 4) for crop in crops.items()]


def test_views_show_the_frames_own_pixels() -> None:
    """Nothing is copied: a run of 64 frames stands in memory once."""
    run = as_run(laid(np.zeros((480, 270), np.uint8), WIDE, 164, 0))
    shown = regions.views(run)
    lumas = {frame.offset_s: frame.luma for frame in run}

    assert {region for _, region, _ in shown} == {"whole", "inner", "centre 9:16", "centre 9:8"}
    assert all(np.shares_memory(view, lumas[offset_s]) for offset_s, _, view in shown)


def test_region_stands_once_in_a_frame() -> None:
    """A fingerprint's key is its moment and region: two of one name would be one in the ledger."""
    busy = np.concatenate([laid(lettered(255, 270, 480), WIDE, 170, 0), moving(2, 270, 480)], axis=2)
    keys = [(offset_s, region) for offset_s, region, _ in regions.views(as_run(laid(busy, WIDE, 20, 260)))]

    assert len(keys) == len(set(keys)) > FRAMES


def test_same_frames_give_the_same_parts() -> None:
    """Whatever was asked before: other frames as many, the same pixels in other arrays."""
    first, second = laid(GRADIENT, WIDE, 70, 100), moving(1, 480, 300)
    answers = [regions.layout(list(frames)) for frames in (first, second, first.copy(), first)]

    assert answers[0] == answers[2] == answers[3] != answers[1] == []


def test_some_frames_of_a_run_are_divided_as_the_run_is() -> None:
    """Two frames do not tell an inset from a picture; the run they come from does, if it is said to be one."""
    run = as_run(laid(moving(1, 480, 300), moving(2, 200, 120), 40, 60))
    some = [frame.luma for frame in run[:2]]
    alone = regions.layout(some)
    regions.together(run)

    assert alone != regions.layout(some) == regions.layout([frame.luma for frame in run]) != []


def test_frame_that_outlives_its_run_is_divided_alone() -> None:
    """The others are gone, and what nobody asked of them cannot be found out any more."""
    run = as_run(laid(moving(1, 480, 300), moving(2, 200, 120), 40, 60))
    regions.together(run)
    last = run.pop()
    run.clear()

    assert regions.layout([last.luma]) == regions.layout([last.luma.copy()])


def test_frames_of_two_sizes_are_looked_at_apart() -> None:
    """A stream may change its size in the middle."""
    boxed = laid(np.zeros((480, 270), np.uint8), WIDE, 164, 0)
    run = as_run(boxed) + [Frame(offset_s=9.0 + one.offset_s, luma=one.luma) for one in as_run(moving(1, 320, 180))]
    shown = [region for _, region, _ in regions.views(run) if "centre" not in region]

    assert shown == ["whole", "inner"] * FRAMES + ["whole"] * FRAMES


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (31, 40), (33, 512), (512, 33), (64, 64), (511, 257)])
@pytest.mark.parametrize("kind", ["noise", "black", "bars", "flashes"])
def test_any_frames_are_survived(shape: tuple[int, int], kind: str) -> None:
    """Slivers, noise, black and frames that alternate: every frame comes back whole, and no part is empty."""
    frames = np.random.default_rng(2).integers(0, 256, (FRAMES, *shape), dtype=np.uint8)
    frames[:, : shape[0] // 3] *= kind not in ("black", "bars")
    frames[:, shape[0] // 3 :] *= kind != "black"
    frames[::2] *= kind != "flashes"
    shown = regions.views(as_run(frames))

    assert [view.shape for _, region, view in shown if region == "whole"] == [shape] * FRAMES
    assert all(view.size for _, _, view in shown)
