"""Local features: what geometry finds, what it tells, and what it must not believe."""

import cv2
import numpy as np
import pytest

from core.errors import ShapeError
from core.records import Match
from matchers import feature_index
from matchers.compiled.features import guided
from matchers.compiled.geometry import agree
from matchers.examples import resized, scene, still
from matchers.feature_index import FeatureIndex
from matchers.features import describe, unpack
from matchers.frames import Frame, Luma
from matchers.local import METHOD

SCENE = scene(11)
HEIGHT, WIDTH = SCENE.shape


def look_up(query: Luma, *references: Luma) -> list[Match]:
    """Find one picture among others, which are called r0, r1 ..."""
    known = [(f"r{number}", METHOD.fingerprint(still(one))) for number, one in enumerate(references)]
    return METHOD.bank(METHOD, known).compare("q", METHOD.fingerprint(still(query)))


def turned(degrees: float) -> Luma:
    matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(SCENE, matrix, (WIDTH, HEIGHT)), np.uint8)


def inset(share: float) -> Luma:
    """The scene in a corner of another one."""
    small = resized(SCENE, int(WIDTH * share), int(HEIGHT * share))
    around = scene(99).copy()
    around[10 : 10 + small.shape[0], 20 : 20 + small.shape[1]] = small
    return around


def lettered(luma: Luma, text: str) -> Luma:
    """The picture with lettering over its lower quarter."""
    written = luma.copy()
    written[130:170] = 10
    cv2.putText(written, text, (10, 158), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 240, 2)
    return written


@pytest.mark.parametrize(
    "query",
    [turned(5), turned(-30), np.rot90(SCENE).copy(), inset(0.5), SCENE[30:150, 60:260], SCENE[:, ::-1].copy()],
    ids=["5 degrees", "30 degrees", "quarter turn", "picture in picture", "crop", "mirrored"],
)
def test_copy_is_found_however_it_is_moved(query: Luma) -> None:
    """The reference is found among others, and no other is."""
    found = look_up(query, scene(1), SCENE, scene(2), scene(3))

    assert [match.reference for match in found] == ["r1"]
    assert found[0].distance >= found[0].threshold


def test_outline_says_where_the_reference_lies() -> None:
    """The four corners of a picture in a picture, clockwise, within one hundredth of the frame."""
    (match,) = look_up(inset(0.5), SCENE)
    left, top, right, bottom = 20 / WIDTH, 10 / HEIGHT, 20 / WIDTH + 0.5, 10 / HEIGHT + 0.5

    assert match.segments[0].query_outline == pytest.approx(
        (left, top, right, top, right, bottom, left, bottom), abs=0.01
    )


def test_mirror_is_told_and_its_outline_runs_backwards() -> None:
    """A mirrored copy says so; its top left corner lies at the right."""
    (match,) = look_up(SCENE[:, ::-1].copy(), SCENE)
    segment = match.segments[0]

    assert (segment.mirrored, segment.query_outline[0] > 0.9, segment.query_outline[2] < 0.1) == (True, True, True)


def test_same_lettering_over_different_pictures_is_no_match() -> None:
    """Letters agree by the dozen, in one line: that is a caption, not a copy."""
    found = look_up(lettered(scene(21), "WAIT FOR IT"), lettered(scene(22), "WAIT FOR IT"))

    assert found == []


def test_mirrored_features_are_those_of_the_mirrored_picture() -> None:
    """Exchanging two words gives the descriptor of the mirrored picture, but for a few bits."""
    plain, mirrored = unpack(describe(SCENE)).mirrored(), unpack(describe(SCENE[:, ::-1].copy()))
    near = np.hypot(plain.x[:, None] - mirrored.x, plain.y[:, None] - mirrored.y) < 0.5
    apart = np.bitwise_count(plain.bits[:, None, :] ^ mirrored.bits[None, :, :]).sum(axis=2)

    assert np.median(np.where(near, apart, 128).min(axis=1)[near.any(axis=1)]) <= 6


def test_seconds_of_a_copy_are_told() -> None:
    """A clip cut from 2 s to 6 s of its reference says so."""
    frames = [Frame(offset_s=float(second), luma=scene(40 + second)) for second in range(8)]
    cut = [Frame(offset_s=frame.offset_s - 2, luma=turned_of(frame.luma)) for frame in frames[2:7]]
    (match,) = METHOD.bank(METHOD, [("r", METHOD.fingerprint(frames))]).compare("q", METHOD.fingerprint(cut))
    part = match.segments[0]

    assert (part.query_start_s, part.query_end_s, part.reference_start_s, part.reference_end_s, part.speed) == (
        0.0,
        4.0,
        2.0,
        6.0,
        1.0,
    )


def turned_of(luma: Luma) -> Luma:
    matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 8, 0.9)
    return np.asarray(cv2.warpAffine(luma, matrix, (WIDTH, HEIGHT)), np.uint8)


def test_only_ticks_are_described() -> None:
    """Frames between the whole seconds are for the cheap methods."""
    frames = [Frame(offset_s=number / 4, luma=SCENE, tick=number % 4 == 0) for number in range(8)]

    assert [one.offset_s for one in METHOD.fingerprint(frames)] == [0.0, 1.0]


def test_bank_of_nothing_finds_nothing() -> None:
    """No references, no matches, no error."""
    assert METHOD.bank(METHOD, []).compare("q", METHOD.fingerprint(still(SCENE))) == []


def test_answers_do_not_depend_on_what_was_asked_before() -> None:
    """The marks of one lookup do not hide rows from the next."""
    index = FeatureIndex([unpack(describe(scene(number))) for number in range(6)])
    query = unpack(describe(scene(3)))
    answers = [[(one.frame, one.cells) for one in index.agreeing(query, least_cells=4, least_spread=3)] for _ in "abc"]

    assert answers[0] == answers[1] == answers[2] == [(3, answers[0][0][1])]


@pytest.mark.parametrize("value", [b"", b"\x00", b"\x01\x90\x01\x2c" + b"x" * 23])
def test_bytes_that_are_no_features_are_refused(value: bytes) -> None:
    """A torn value is told, not read as something else."""
    with pytest.raises(ShapeError, match="fingerprint the file again"):
        unpack(value)


@pytest.mark.parametrize(("breadth_px", "agrees"), [(0.5, False), (60.0, True)])
def test_features_along_one_line_are_no_picture(breadth_px: float, *, agrees: bool) -> None:
    """The edge of a border agrees with any other straight edge, point by point."""
    random = np.random.default_rng(3)
    along = np.linspace(20, 380, 40)
    places = np.stack([along, 40 + 0.4 * along + random.normal(0, breadth_px, 40), np.full(40, 3.0), np.zeros(40)])
    cells, _, _, _ = agree(places.astype(np.float32), places.astype(np.float32), 400.0, 300.0)

    assert (cells > 0) == agrees


def test_symmetric_scene_is_told_one_way_round() -> None:
    """It agrees with its own mirror image too, only less."""
    left = scene(4, width_px=WIDTH, height_px=HEIGHT)
    luma = np.concatenate([left[:, : WIDTH // 2], left[:, : WIDTH // 2][:, ::-1]], axis=1)
    luma[20:90, 20:120] = scene(9, width_px=100, height_px=70)
    clip = [Frame(offset_s=float(second), luma=luma) for second in range(4)]
    prints = METHOD.fingerprint(clip)
    plain = METHOD.bank(METHOD, [("r", prints)]).compare("q", prints)
    turned = METHOD.fingerprint([Frame(offset_s=one.offset_s, luma=one.luma[:, ::-1].copy()) for one in clip])
    mirrored = METHOD.bank(METHOD, [("r", prints)]).compare("q", turned)

    assert [{one.mirrored for one in match.segments} for match in (*plain, *mirrored)] == [{False}, {True}]


@pytest.mark.parametrize(("step_px", "found"), [(14, True), (0, False)], ids=["panned", "held"])
def test_few_details_count_where_they_move_together(step_px: int, *, found: bool) -> None:
    """Four small details of a still hold a match when the still is panned, not when they only stand there."""
    luma, random = np.full((225, 400), 128, np.uint8), np.random.default_rng(2)
    for place in range(4):
        top, left = 30 + 120 * (place % 2), 90 + 65 * place
        dots = random.integers(0, 256, (5, 5)).astype(np.uint8)
        luma[top : top + 12, left : left + 12] = cv2.resize(dots, (12, 12), interpolation=cv2.INTER_CUBIC)
    query = [Frame(offset_s=float(second), luma=np.roll(luma, -step_px * second, axis=1)) for second in range(5)]
    bank = METHOD.bank(METHOD, [("r", METHOD.fingerprint(still(luma)))])

    assert bool(bank.compare("q", METHOD.fingerprint(query))) == found


@pytest.mark.parametrize(("alike", "paired"), [(False, 60), (True, 0)], ids=["each its own", "all alike"])
def test_where_it_is_expected_a_feature_may_differ_more(paired: int, *, alike: bool) -> None:
    """32 bits apart, and moved as the map says; but stripes, which are like each other everywhere, say nothing."""
    random = np.random.default_rng(8)
    known = np.stack([random.uniform(0, 400, 60), random.uniform(0, 300, 60), np.full(60, 3.0), np.zeros(60)])
    bits = random.integers(0, 2**64, (1 if alike else 60, 2), np.uint64).repeat(60 if alike else 1, axis=0)
    moved = known * [[0.5], [0.5], [1], [1]] + [[10], [20], [-1], [0]]
    back = np.array([2.0, 0, -20, 0, 2, -40])
    rules = np.array([40.0, 9, 0.7, 0.6])
    changed = bits ^ np.uint64(0x00FF00FF)
    pairs, apart = guided(changed, moved.astype(np.float32), bits, known.astype(np.float32), back, rules)

    assert (len(pairs), set(apart.tolist())) == (paired, {32} if paired else set())
    assert (pairs[:, 0] == pairs[:, 1]).all()


def test_what_was_looked_up_is_filled_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A blurred, noisy crop agrees in more cells than pairs that are looked up hold."""
    random = np.random.default_rng(4)
    crop = cv2.GaussianBlur(resized(SCENE[20:160, 40:290], WIDTH, HEIGHT), (5, 5), 1.2)
    noisy = np.clip(crop + random.normal(0, 12, crop.shape), 0, 255).astype(np.uint8)
    index, query = FeatureIndex([unpack(describe(SCENE))]), unpack(describe(noisy))
    (filled,) = index.agreeing(query, least_cells=4, least_spread=3)
    monkeypatch.setattr(feature_index, "EXPECTED_BITS", 0)
    (looked_up,) = index.agreeing(query, least_cells=4, least_spread=3)

    assert filled.cells > looked_up.cells
