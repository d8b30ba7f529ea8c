"""Hashes of what changes: what covers a clip does not count, and what stands still says nothing."""

from collections.abc import Callable

import numpy as np
import pytest

from core.records import Fingerprint, Match
from matchers.change import FEWEST, FPS, GAP_S, LASTS_S, LEAST_QUALITY, LONE_BITS, METHOD, fingerprint
from matchers.examples import scene
from matchers.frames import Frame, Luma

RANDOM = np.random.default_rng(11)


def panned(seed: int, *, frames: int = 17, width_px: int = 320) -> list[Luma]:
    """A camera that pans over a drawn scene."""
    wide = scene(seed, width_px=width_px + 9 * frames)
    return [np.ascontiguousarray(wide[:, 9 * n : 9 * n + width_px]) for n in range(frames)]


def clip(lumas: list[Luma], *, fps: float = FPS) -> list[Frame]:
    return [Frame(offset_s=n / fps, luma=luma, tick=n % FPS == 0) for n, luma in enumerate(lumas)]


def lettered(luma: Luma, *, share: float = 0.34) -> Luma:
    """Cover a share of the picture with still black and white lettering, above and below."""
    covered, depth = luma.copy(), round(luma.shape[0] * share / 2)
    letters = np.random.default_rng(5).random((depth // 4 + 1, luma.shape[1] // 4 + 1)) < 0.5
    words = np.kron(letters, np.full((4, 4), 255, np.uint8))[:depth, : luma.shape[1]]
    covered[:depth], covered[-depth:] = words, words
    return covered


def look_up(query: list[Fingerprint], reference: list[Fingerprint]) -> list[Match]:
    return METHOD.bank(METHOD, [("r", reference)]).compare("q", query)


def printed(value: bytes, offset_s: float) -> Fingerprint:
    return Fingerprint(offset_s=offset_s, region="whole", value=value, quality=100)


def apart(value: bytes, count: int) -> bytes:
    """Flip the first bits."""
    changed = np.unpackbits(np.frombuffer(value, np.uint8))
    changed[:count] ^= 1
    return np.packbits(changed).tobytes()


def test_lettered_copy_is_found_where_it_is() -> None:
    """A third of the picture in letters, cut from the middle: found, and on its own seconds."""
    whole = panned(1)
    query = fingerprint(clip([lettered(luma) for luma in whole[4:]]))
    (match,) = look_up(query, fingerprint(clip(whole)))
    shift_s = match.segments[0].reference_start_s - match.segments[0].query_start_s

    assert abs(shift_s - 1.0) < 0.3


@pytest.mark.parametrize(
    "change",
    [lambda luma: luma[:, ::-1].copy(), lambda luma: np.asarray(luma * 0.4, np.uint8), lambda luma: 255 - luma],
    ids=["mirrored", "darker", "negative"],
)
def test_relit_or_mirrored_copy_is_found(change: Callable[[Luma], Luma]) -> None:
    """How bright a thing is does not matter to where it moves."""
    assert look_up(fingerprint(clip([change(luma) for luma in panned(2)])), fingerprint(clip(panned(2))))


def test_stranger_under_the_same_letters_is_not_found() -> None:
    """The letters stand still, so they are no likeness."""
    one, other = (fingerprint(clip([lettered(luma) for luma in panned(seed)])) for seed in (3, 4))

    assert (look_up(one, other), bool(one), bool(other)) == ([], True, True)


def test_what_stands_still_says_nothing() -> None:
    """Nor does the noise of its coding: no fingerprint that could be compared."""
    noisy = [np.asarray(scene(6) * 0.9 + RANDOM.normal(4, 1.2, (180, 320)), np.uint8) for _ in range(9)]
    found = fingerprint(clip([scene(5)] * 9)) + fingerprint(clip(noisy))

    assert [one for one in found if one.quality >= LEAST_QUALITY] == []


def test_frames_far_apart_are_no_movement() -> None:
    """Key frames two seconds apart differ, but not by what moved."""
    slow = fingerprint(clip(panned(1), fps=1 / (GAP_S + 0.1)))

    assert slow == []


def test_denser_frames_give_the_same_moments() -> None:
    """The first second is sampled twice as densely: the frames between quarter seconds are passed over."""
    lumas = panned(7)
    doubled = [one for luma in lumas for one in (luma, luma)]

    assert fingerprint(clip(doubled, fps=2 * FPS)) == fingerprint(clip(lumas))


def test_pictures_of_another_size_begin_anew() -> None:
    """A run whose frames change their size is two runs."""
    lumas = panned(8, frames=5) + panned(8, frames=5, width_px=240)

    assert [one.offset_s for one in fingerprint(clip(lumas))] == [0.25, 0.5, 0.75, 1.5, 1.75, 2.0]


def test_far_pairs_must_last() -> None:
    """Far pairs within a second and a half are one movement; over longer, they hold a match."""
    values = [RANDOM.bytes(32) for _ in range(FEWEST)]

    def found(step_s: float, bits: int) -> int:
        moments = [n * step_s for n in range(FEWEST)]
        reference = [printed(value, at) for value, at in zip(values, moments, strict=True)]
        query = [printed(apart(value, bits), at + 3) for value, at in zip(values, moments, strict=True)]
        return len(look_up(query, reference))

    lasting_s = LASTS_S / (FEWEST - 1)

    assert [found(0.25, METHOD.threshold), found(lasting_s, METHOD.threshold), found(0.25, LONE_BITS)] == [0, 1, 1]


def test_speed_is_left_to_others() -> None:
    """Half a second of movement in one hash tells which way a copy runs, and not how fast."""
    whole = fingerprint(clip(panned(1, frames=33)))
    fast = [printed(one.value, one.offset_s / 1.25) for one in whole]
    (match,) = look_up(fast, whole)

    assert [(part.speed, part.speed_known) for part in match.segments] == [(1.0, False)]
