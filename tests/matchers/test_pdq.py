"""The hash is that of PDQ's reference implementation, and what its users exchange can be compared with it."""

import numpy as np
import pytest

from matchers.examples import bordered, scene, still
from matchers.frames import Frame
from matchers.pdq import METHOD, fingerprint, hashes

# Width, height, hash and quality of what `drawn` draws, by pdqhash 0.2.8, which is the reference implementation
# in C++ with a binding; never by our own code. It reads grey as red = green = blue.
REFERENCE = (
    (5, 5, "c4f164d93b0e9b26695a3c8d695acb7296a564d9c4f164d93b0e9b26695a348d", 55),
    (17, 9, "a8dfd089a0d65b84f4be2e07a70cd1b858f3d1f82b41a47b5f212ff48702d0fa", 58),
    (63, 64, "e33261983632147abad25498fe5254fa45afff05aa7f60a1802bec93bfc510f2", 3),
    (64, 64, "69db2dab80df152b80df55ab00df047efe08ab57df1a554aaf20fd00ab3500ea", 100),
    (65, 127, "67244efd66244efdd32407ffff24aafc0214980dad3b004d193aaa95e647ff00", 48),
    (128, 128, "0b167bbcd51e5e3400968235c4de8abbc0117fbc3e9dabbc009b554bff89a0c3", 1),
    (129, 96, "01f5bea51176bfe517f44ae563e44be44221f2a148070ae3bff1555b55728a32", 100),
    (160, 90, "f25a62ced45a7ff2d0d882e22ad6bfe02ad4006d552ad464550aff952ac0ffa1", 32),
    (200, 333, "d00718afc00794adc1076a2d1027ff81aac8549a5576aa4dbfe1aaf3f5f4aa73", 3),
    (240, 320, "a4d4be8daa1c3821ffc4aa8dffc4aa8d553a7570572cf571aa2b55a200ba407b", 100),
    (256, 144, "834cc23b824eca39004e553b005e00fd558eeac4dfb1eac25596eacddfb3eacd", 60),
    (288, 512, "5441ff8bac4bfbab8043602b006955014056f52cffc2aa9500bbfad6f7bd4d76", 0),
    (321, 512, "6afec03994743fbd80f02aa990f06eb5c8f396abc2f6aaa582deaa665501955a", 100),
    (360, 202, "0ee15aee2ee1e576b2e14576aae15572505715690a9f7f9880efffa0d50a001b", 59),
    (384, 385, "7b7e7ee0034ea01cab66a25ceb7ed554ab41df5cab6901e954ebd5ca0499001b", 0),
    (400, 225, "ff84f890af8406d9bf84d6d9ff8082da0a77d611aa554152f4fc2119e8f1abe0", 100),
    (448, 512, "a89eaba6749e6187609fe9a5608f408f140e75da9894f5ca54befe50ab41aa3d", 52),
    (511, 509, "e326fa10df26ee14dc66a0f4ffb6fd5c00095503006da2d35598e783aed7086f", 0),
    (512, 217, "0a48ea208a5d2248aa592a4caa5d7f0000ddff53d5a155bcfdb655bbffa700fc", 100),
    (512, 288, "9ad755b390d7c5836ad75782aad78073412faa7d612daaf4001d544e5721aacf", 57),
    (512, 512, "aad2a8e6f2da8ae4aaf708deaadb4f811874f5025530fd6e5972f361ab881131", 1),
    (640, 360, "221645c6a25645d62a5640d6aa5600f655b6ff2cff16aa69a989aa79ffc1aa1d", 100),
    (720, 1280, "1f5c15315f5c35b15f5c15b1575c1516ff7b550fabc5aa8500f7006f54a3004f", 82),
    (1000, 60, "807bfbc925bc744ba59a713b19fa0d2b0079abd055bc20f7df9a000c01dfdf34", 1),
)


def drawn(seed: int, width_px: int, height_px: int) -> np.ndarray:
    """Draw ripples across each other, in whole numbers: the same picture wherever it is drawn."""
    y, x = np.mgrid[:height_px, :width_px].astype(np.int64)
    level, state = np.zeros((height_px, width_px), np.int64), seed * 7919 + 13
    for _ in range(9):
        draws = []
        for _ in range(3):
            state = state * 1103515245 + 12345 & 0x7FFFFFFF
            draws.append(state >> 8)
        across, down, phase = draws[0] % 97 - 48, draws[1] % 97 - 48, draws[2] % 4096
        level += np.abs((across * x * 400 // width_px + down * y * 400 // height_px + phase) % 4096 - 2048)
    return (level * (255, 120, 40)[seed % 3] // (9 * 2048)).astype(np.uint8)


@pytest.mark.parametrize("row", range(len(REFERENCE)))
def test_hash_is_that_of_the_reference_implementation(row: int) -> None:
    """Pictures of 24 sizes, sharp and faint: the quality is the same, and so is every bit."""
    width_px, height_px, expected, quality = REFERENCE[row]
    values, qualities = hashes([drawn(row, width_px, height_px)])

    assert (values[0].tobytes().hex(), int(qualities[0])) == (expected, quality)


def test_batch_gives_what_each_frame_gives() -> None:
    """Frames of many sizes at once, and one by one."""
    lumas = [drawn(row, width_px, height_px) for row, (width_px, height_px, _, _) in enumerate(REFERENCE)]
    together, qualities = hashes(lumas)
    alone = [hashes([luma]) for luma in lumas]

    assert [value.tobytes() for value in together] == [values[0].tobytes() for values, _ in alone]
    assert qualities.tolist() == [int(one[0]) for _, one in alone]


@pytest.mark.parametrize(
    "luma",
    [
        np.zeros((90, 160), np.uint8),
        np.full((90, 160), 255, np.uint8),
        np.full((512, 288), 128, np.uint8),
        np.random.default_rng(1).integers(16, 19, (360, 512), dtype=np.uint8),
        (scene(1) * 0.02 + 16).astype(np.uint8),
        scene(1, width_px=300, height_px=4),
        np.zeros((1, 1), np.uint8),
    ],
)
def test_frame_without_a_picture_gives_no_hash(luma: np.ndarray) -> None:
    """One colour, noisy black, the end of a fade, a sliver: nothing to recognise."""
    assert fingerprint([Frame(offset_s=0.0, luma=luma)]) == []


def test_fingerprints_keep_their_order_and_their_regions() -> None:
    """Each frame as it is and without its border, at its own time, with its own hash."""
    frames = [Frame(offset_s=float(second), luma=bordered(scene(second))) for second in range(5)]
    together = fingerprint(frames)
    whole = [one for one in together if one.region == "whole"]

    assert [one.offset_s for one in together] == sorted(one.offset_s for one in together)
    assert {one.region for one in together} >= {"whole", "inner"}
    assert [one.value for one in whole] == [hashes([frame.luma])[0][0].tobytes() for frame in frames]


def test_faint_picture_is_kept_and_not_compared() -> None:
    """A hash of low quality is stored, since a list may ask for it, and never matches."""
    faint = still(drawn(1, 320, 180) // 2)
    kept = fingerprint(faint)

    assert kept
    assert all(0 < one.quality < METHOD.least_quality for one in kept)
    assert METHOD.bank(METHOD, [("r", kept)]).compare("q", kept) == []


def test_views_of_many_frames_are_not_mixed_up() -> None:
    """The reference of second 3 is found at second 3 of the clip."""
    clip = fingerprint([Frame(offset_s=float(second), luma=scene(second)) for second in range(8)])
    (match,) = METHOD.bank(METHOD, [("r", fingerprint(still(scene(3))))]).compare("q", clip)

    assert (match.distance, match.segments[0].best_query_s) == (0, 3.0)
