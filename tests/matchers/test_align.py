"""Frame hits become the stretches a person would name."""

from itertools import product
from time import process_time

import numpy as np
import pytest

from core.records import Segment
from matchers.align import Hits, align


def hits(*pairs: tuple[float, float], distance: int = 20) -> Hits:
    """Make hits of (query second, reference second) pairs."""
    return Hits(
        np.array([query for query, _ in pairs], float),
        np.array([reference for _, reference in pairs], float),
        np.full(len(pairs), distance, np.uint16),
        np.array(["whole"] * len(pairs)),
    )


def ends(segment: Segment) -> tuple[float, float, float, float]:
    return segment.query_start_s, segment.query_end_s, segment.reference_start_s, segment.reference_end_s


def test_cut_is_one_segment() -> None:
    """Ten seconds of a clip, uploaded as they are."""
    found = align(hits(*[(second, second + 30) for second in range(10)]))

    assert [(ends(one), one.speed, one.pairs) for one in found] == [((0, 9, 30, 39), 1.0, 10)]


@pytest.mark.parametrize("speed", [0.5, 0.75, 1.25, 1.5, 2.0])
def test_speed_is_found(speed: float) -> None:
    """A copy at another speed is one segment, although both sides were sampled once a second."""
    found = align(hits(*[(second, float(round(second * speed) + 5)) for second in range(20)]))

    assert [(one.speed, one.pairs) for one in found] == [(speed, 20)]


def filmed(speed: float, *, seconds: float = 6.0, moving: int = 60, noise: int = 3) -> Hits:
    """Make every pair of a copy that both sides sample at 4 frames a second, farther apart the less they agree.

    moving  bits that a second of the scene changes; 0: nothing moves, and only noise is left
    """
    random = np.random.default_rng(7)
    query_s, reference_s = np.arange(0, seconds, 0.25), np.arange(0, max(30, 2 * seconds), 0.25)
    shown_s = (3.1 if speed > 0 else 20.0) + speed * query_s
    apart_s = np.abs(shown_s[:, None] - reference_s[None, :])
    bits = apart_s * moving + random.integers(0, noise + 1, apart_s.shape)
    rows, columns = np.nonzero(bits < 64)
    distance = bits[rows, columns].astype(np.uint16)
    return Hits(query_s[rows], reference_s[columns], distance, np.array(["whole"] * len(rows)))


@pytest.mark.parametrize("speed", [0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 1.7, 2.0, -1.0, -1.5])
def test_speed_of_a_short_clip_is_told_within_three_percent(speed: float) -> None:
    """Six seconds are enough, at speeds that players offer and at others, forwards and backwards."""
    found = align(filmed(speed))

    assert (len(found), abs(found[0].speed / speed - 1) < 0.03, found[0].speed_known) == (1, True, True)


@pytest.mark.parametrize("speed", [0.9, 1.0, 1.1, 1.7])
def test_speed_of_a_long_clip_that_moves_slowly_is_told(speed: float) -> None:
    """A minute and a half is fitted from end to end, and not held near the vote's own speeds."""
    found = align(filmed(speed, seconds=90.0, moving=6))

    assert (len(found), abs(found[0].speed / speed - 1) < 0.01, found[0].speed_known) == (1, True, True)


def test_long_static_clip_has_no_speed() -> None:
    """However long nothing moves, it says nothing."""
    assert [(one.speed, one.speed_known) for one in align(filmed(1.0, seconds=90.0, moving=0))] == [(1.0, False)]


@pytest.mark.parametrize(("speed", "moving"), [(1.0, 0), (1.1, 0), (2.0, 0), (1.1, 6), (0.9, 6), (1.15, 6)])
def test_speed_that_cannot_be_told_is_not(speed: float, moving: int) -> None:
    """Where little moves, noise in the distances is no reason to name a speed, nor to vouch for the original's."""
    assert [(one.speed, one.speed_known) for one in align(filmed(speed, moving=moving))] == [(1.0, False)]


def test_frame_with_less_noise_does_not_stand_still() -> None:
    """In a static scene one clean frame of the reference is nearer to all of the query: that is no freeze."""
    pairs = filmed(1.0, moving=0)
    pairs.distance[:] = 8
    pairs.distance[pairs.reference_s == 5.0] = 5

    assert [(one.speed, one.speed_known) for one in align(pairs)] == [(1.0, False)]


def test_three_frames_do_not_tell_the_speed() -> None:
    """Methods that look once a second see three frames of a short clip: that it is one they know, not how fast."""
    found = align(hits((0, 4), (1, 6), (2, 8), (0, 5), (1, 5)))

    assert (found[0].pairs, found[0].speed, found[0].speed_known) == (3, 1.0, False)


def test_one_frame_does_not_tell_the_speed() -> None:
    """A single pair is shown, and nothing is said of its speed."""
    assert [one.speed_known for one in align(hits((3, 40)))] == [False]


def test_splice_is_two_segments() -> None:
    """Two scenes in another order, the longer one first."""
    second_half = [(second, second + 40) for second in range(6)]
    first_half = [(second, second - 6) for second in range(6, 16)]
    found = align(hits(*second_half, *first_half))

    assert [ends(one) for one in found] == [(6, 15, 0, 9), (0, 5, 40, 45)]


def test_static_scene_is_one_segment() -> None:
    """Where every frame hits every other, the answer is a stretch at speed 1, not a square of pairs."""
    found = align(hits(*product(range(12), range(12))))

    assert [(ends(one), one.speed, one.pairs) for one in found] == [((0, 11, 0, 11), 1.0, 12)]


def test_static_scene_keeps_to_the_nearer_line() -> None:
    """In a scene that hardly moves, the least distances say where the copy begins."""
    square = hits(*product(range(5), range(20)))
    near = square.reference_s - square.query_s == 8
    square.distance[near] = 3

    assert ends(align(square)[0]) == (0, 4, 8, 12)


def test_still_in_a_clip_has_no_reference_time() -> None:
    """An animated still hits its one frame for as long as it is shown, and stands still there."""
    found = align(hits(*[(second, 0.0) for second in range(4, 12)]))

    assert [(ends(one), one.speed, one.speed_known) for one in found] == [((4, 11, 0, 0), 0.0, True)]


def test_frozen_frame_of_a_clip_is_one_segment() -> None:
    """A frame of a trailer, shown for ten seconds, also when its neighbours look alike."""
    found = align(hits(*product(range(12), (33.0, 34.0))))

    assert [(ends(one), one.speed, one.speed_known) for one in found] == [((0, 11, 33, 33), 0.0, True)]


def test_still_query_names_the_nearest_frame() -> None:
    """A screenshot points into the clip it was taken from."""
    pairs = hits((0.0, 50.0), (0.0, 51.0), (0.0, 52.0))
    pairs.distance[1] = 2
    found = align(pairs)

    assert [(one.best_reference_s, one.best_distance, one.pairs) for one in found] == [(51.0, 2, 1)]


def test_silence_splits_a_segment() -> None:
    """A scene, a minute of something else, and the scene's continuation are two segments."""
    found = align(hits(*[(second, second) for second in (*range(5), *range(65, 70))]))

    assert [ends(one)[:2] for one in found] == [(0, 4), (65, 69)]


def test_scattered_hits_do_not_join() -> None:
    """Hits that agree on no line stay single pairs, which compare.py weighs one by one."""
    found = align(hits((0, 90), (10, 3), (20, 55)))

    assert [one.pairs for one in found] == [1, 1, 1]


def test_no_hits_are_no_segments() -> None:
    """Nothing in, nothing out."""
    assert align(hits()) == []


def test_long_static_scene_is_quick() -> None:
    """Ten minutes of one camera against itself, every frame on every frame, is no trap for the clock."""
    started = process_time()
    found = align(hits(*product(range(400), range(400))))

    assert (len(found), process_time() - started < 5) == (1, True)


def test_minute_of_one_camera_in_fifteen_is_quick() -> None:
    """The speed is measured within bounds, however much of a reference looks alike."""
    started = process_time()
    found = align(hits(*product(range(59), range(900))))

    assert (found[0].speed, process_time() - started < 5) == (1.0, True)


def test_many_lone_hits_are_quick() -> None:
    """An hour of hits that agree on nothing does not vote an hour."""
    pairs = [(float(second), float(second * 7919 % 100_003) * 20) for second in range(3000)]
    started = process_time()
    found = align(hits(*pairs))

    assert (sum(one.pairs for one in found), process_time() - started < 5) == (3000, True)
