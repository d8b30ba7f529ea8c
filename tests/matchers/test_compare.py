"""A file against a bank: who matches, where, and what is too weak to say."""

from dataclasses import replace

import numpy as np

from core.records import Fingerprint
from matchers.compare import hash_bank
from matchers.examples import bordered, scene
from matchers.frames import Frame
from matchers.phash import METHOD, fingerprint

RANDOM = np.random.default_rng(3)


def clip(seed: int, seconds: int, *, frame: bool = False) -> list[Fingerprint]:
    """Fingerprint a slide show of other scenes each second."""
    pictures = [scene(seed * 1000 + second) for second in range(seconds)]
    shown = [bordered(picture) if frame else picture for picture in pictures]
    return fingerprint([Frame(offset_s=float(second), luma=luma) for second, luma in enumerate(shown)])


def printed(value: bytes, *, offset_s: float = 0.0, quality: int = 100) -> Fingerprint:
    return Fingerprint(offset_s=offset_s, region="whole", value=value, quality=quality)


def apart(value: bytes, count: int) -> bytes:
    """Flip the first bits."""
    changed = np.unpackbits(np.frombuffer(value, np.uint8))
    changed[:count] ^= 1
    return np.packbits(changed).tobytes()


KNOWN = hash_bank(METHOD, [("a", clip(1, 8)), ("b", clip(2, 8)), ("still", clip(3, 1))])
VALUE = RANDOM.bytes(32)


def test_copy_matches_its_reference_only() -> None:
    """Six seconds of b: one match, at distance 0, on b's own seconds."""
    cut = [replace(one, offset_s=one.offset_s - 2) for one in clip(2, 8) if one.offset_s >= 2]
    (match,) = KNOWN.compare("q", cut)
    segment = match.segments[0]

    assert (match.sha256, match.reference, match.distance, segment.reference_start_s, segment.reference_end_s) == (
        "q",
        "b",
        0,
        2.0,
        7.0,
    )


def test_bordered_copy_matches_by_its_inner_picture() -> None:
    """The segment says that only the inside of the query was compared."""
    (match,) = KNOWN.compare("q", clip(1, 8, frame=True))

    assert (match.reference, match.segments[0].region) == ("a", "inner")


def test_still_is_found_in_a_clip() -> None:
    """A reference still matches the seconds that show it, at reference time 0."""
    shown = clip(4, 5) + [replace(clip(3, 1)[0], offset_s=second) for second in (5.0, 6.0, 7.0)]
    (match,) = KNOWN.compare("q", shown)
    segment = match.segments[0]

    assert (match.reference, segment.query_start_s, segment.query_end_s, segment.reference_end_s) == ("still", 5, 7, 0)


def test_strangers_do_not_match() -> None:
    """Another clip and an empty one say nothing."""
    assert KNOWN.compare("q", clip(9, 20)) + KNOWN.compare("q", []) == []


def test_lone_pair_must_be_very_near() -> None:
    """One frame that nothing supports counts to the lone threshold, and no further."""
    one = hash_bank(METHOD, [("r", [printed(VALUE)])])
    near = one.compare("q", [printed(apart(VALUE, METHOD.lone_threshold))])
    far = one.compare("q", [printed(apart(VALUE, METHOD.lone_threshold + 1))])

    assert (len(near), len(far)) == (1, 0)


def test_weak_frames_support_each_other() -> None:
    """Two frames that agree in time count to the full threshold, and no further."""
    first, second = VALUE, RANDOM.bytes(32)
    two = hash_bank(METHOD, [("r", [printed(first), printed(second, offset_s=1.0)])])

    def found(bits: int) -> int:
        query = [printed(apart(first, bits), offset_s=4.0), printed(apart(second, bits), offset_s=5.0)]
        return len(two.compare("q", query))

    assert (found(METHOD.threshold), found(METHOD.threshold + 1)) == (1, 0)


def test_picture_that_stands_still_is_one_frame() -> None:
    """Five seconds of it prove no more than one frame does, whatever the reference shows."""
    reference = hash_bank(METHOD, [("r", [printed(VALUE, offset_s=float(second)) for second in range(5)])])

    def found(bits: int, *, more: int = 0) -> int:
        query = [printed(apart(VALUE, bits + more * (second % 2)), offset_s=float(second)) for second in range(5)]
        return len(reference.compare("q", query))

    lone = METHOD.lone_threshold
    assert [found(lone), found(lone + 1), found(lone + 1, more=METHOD.threshold - lone - 1)] == [1, 0, 1]


def test_low_quality_is_never_compared() -> None:
    """A nearly blank frame matches nothing, not even itself, on either side."""
    dull, sharp = printed(VALUE, quality=METHOD.least_quality - 1), printed(VALUE)
    counts = [
        len(hash_bank(METHOD, [("r", [reference])]).compare("q", [query]))
        for query, reference in ((dull, sharp), (sharp, dull), (sharp, sharp))
    ]

    assert counts == [0, 0, 1]


def test_plain_frame_must_be_nearer_than_a_full_one() -> None:
    """Half of the full quality allows half of the bits, and not one more; a full frame all of them."""
    reference = hash_bank(METHOD, [("r", [printed(VALUE)])], full_quality=80)

    def found(bits: int, quality: int) -> int:
        return len(reference.compare("q", [printed(apart(VALUE, bits), quality=quality)]))

    half, lone = METHOD.threshold // 2, METHOD.lone_threshold
    assert [found(half, 40), found(half + 1, 40), found(lone, 79), found(lone, 64)] == [1, 0, 1, 0]


def test_plain_frames_support_one_that_is_near_enough() -> None:
    """A stretch of plain frames counts by its nearest pair; the others may be as far as the threshold."""
    values = [RANDOM.bytes(32) for _ in range(3)]
    shown = [printed(value, offset_s=float(second)) for second, value in enumerate(values)]
    reference = hash_bank(METHOD, [("r", shown)], full_quality=80)

    def pairs(*bits: int) -> list[int]:
        query = [replace(one, value=apart(one.value, far), quality=40) for one, far in zip(shown, bits, strict=True)]
        return [match.segments[0].pairs for match in reference.compare("q", query)]

    full, half = METHOD.threshold, METHOD.threshold // 2
    assert (pairs(full, half, full), pairs(full, half + 1, full)) == ([3], [])


def test_roles_can_be_swapped() -> None:
    """A new reference finds the stored clip that the clip finds as a reference: same distance, sides swapped."""
    clip_prints, still_prints = clip(5, 9), clip(6, 4) + clip(5, 9)
    (there,) = hash_bank(METHOD, [("y", still_prints)]).compare("x", clip_prints)
    (back,) = hash_bank(METHOD, [("x", clip_prints)]).compare("y", still_prints)

    assert (there.reference, there.distance) == (back.sha256, back.distance)
