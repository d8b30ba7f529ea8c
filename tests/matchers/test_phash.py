"""The hash is imagehash's own, bit for bit, and says when there is nothing to hash."""

import imagehash
import numpy as np
import pytest
from PIL import Image

from core.errors import ShapeError
from core.records import Fingerprint
from matchers.examples import bordered, scene, still
from matchers.frames import Frame
from matchers.phash import METHOD, bits, fingerprint, from_hex, to_hex

RANDOM = np.random.default_rng(20261120)


def size(least: int = 1) -> tuple[int, int]:
    height, width = RANDOM.integers(least, 260, 2)
    return int(height), int(width)


def noise() -> np.ndarray:
    return RANDOM.integers(0, 256, size(), dtype=np.uint8)


def flat() -> np.ndarray:
    return np.full(size(), RANDOM.integers(0, 256), np.uint8)


def natural() -> np.ndarray:
    height, width = size(20)
    return scene(int(RANDOM.integers(1 << 30)), width_px=width, height_px=height)


def two_tone() -> np.ndarray:
    """A picture whose transform is full of exact zeros, where rounding decides about bits."""
    luma = np.zeros(size(4), np.uint8)
    luma[: RANDOM.integers(1, luma.shape[0]), : RANDOM.integers(1, luma.shape[1])] = RANDOM.integers(1, 256)
    return luma


@pytest.mark.parametrize("draw", [noise, flat, natural, two_tone])
def test_bits_are_those_of_imagehash(draw: object) -> None:
    """Seven hundred pictures of each kind, of every size: not one bit differs."""
    assert callable(draw)
    lumas = [draw() for _ in range(700)]
    expected = [str(imagehash.phash(Image.fromarray(luma), hash_size=16)) for luma in lumas]

    assert [value.tobytes().hex() for value in bits(lumas)] == expected


@pytest.mark.parametrize(
    "luma",
    [
        np.zeros((90, 160), np.uint8),
        np.full((90, 160), 255, np.uint8),
        np.full((7, 3), 128, np.uint8),
        RANDOM.integers(16, 19, (360, 640), dtype=np.uint8),
        (scene(1) * 0.02 + 16).astype(np.uint8),
    ],
)
def test_blank_frame_gives_no_hash(luma: np.ndarray) -> None:
    """Black, white, noisy black and the end of a fade would match everything that is as empty."""
    assert fingerprint([Frame(offset_s=0.0, luma=luma)]) == []


def test_batches_keep_their_order() -> None:
    """Frames beyond one batch come back in time order, with their own hashes."""
    frames = [Frame(offset_s=float(second), luma=scene(second)) for second in range(150)]
    together = fingerprint(frames)

    assert together == [one for frame in frames for one in fingerprint([frame])]


def test_bordered_frame_has_an_inner_hash() -> None:
    """A frame in a border is hashed as it is, and as the picture inside, and as its middle if it is wide."""
    regions = [one.region for one in fingerprint([Frame(offset_s=2.0, luma=bordered(scene(1)))])]

    assert regions == ["whole", "inner", "centre 9:16", "centre 9:8"]


@pytest.mark.parametrize("size_px", [(512, 288), (288, 512), (512, 384), (129, 128), (127, 500)])
def test_frame_is_hashed_as_imagehash_hashes_it_within_a_few_bits(size_px: tuple[int, int]) -> None:
    """Large frames are averaged to 128 px first: of 256 bits two move at a time, and ten at most."""
    lumas = [scene(seed, width_px=size_px[0], height_px=size_px[1]) for seed in range(20)]
    exact = np.unpackbits(bits(lumas), axis=1)
    whole = [fingerprint([Frame(offset_s=0.0, luma=luma)])[0].value for luma in lumas]
    moved = (exact != np.unpackbits(np.frombuffer(b"".join(whole), np.uint8).reshape(20, 32), axis=1)).sum(axis=1)

    assert (moved.mean() <= 2, moved.max() <= 10) == (True, True)


@pytest.mark.parametrize("draw", [noise, flat, natural, two_tone])
def test_bits_of_64_are_those_of_imagehash(draw: object) -> None:
    """What most lists of others hold: three hundred pictures of each kind, and not one bit differs."""
    assert callable(draw)
    lumas = [draw() for _ in range(300)]
    expected = [str(imagehash.phash(Image.fromarray(luma))) for luma in lumas]

    assert [to_hex(value.tobytes()) for value in bits(lumas, hash_size=8)] == expected


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "F", "I"])
@pytest.mark.parametrize("hash_size", [8, 16])
def test_bits_are_those_of_imagehash_in_every_mode(mode: str, hash_size: int) -> None:
    """Whatever Pillow turns into luma first, imagehash hashes as we do."""
    colours = np.dstack([scene(seed, width_px=190, height_px=110) for seed in (1, 2, 3)])
    image = Image.fromarray(colours).convert("L" if mode == "LA" else "RGB").convert(mode)
    expected = str(imagehash.phash(image, hash_size=hash_size))

    assert bits([np.asarray(image.convert("L"))], hash_size=hash_size)[0].tobytes().hex() == expected


@pytest.mark.parametrize("hash_size", [8, 16])
def test_text_goes_to_imagehash_and_back(hash_size: int) -> None:
    """Its text is ours, and ours is its."""
    theirs = [imagehash.phash(Image.fromarray(scene(seed)), hash_size=hash_size) for seed in range(20)]
    ours = [bits([scene(seed)], hash_size=hash_size)[0].tobytes() for seed in range(20)]

    assert [from_hex(str(one)) for one in theirs] == ours
    assert [imagehash.hex_to_hash(to_hex(one)) for one in ours] == theirs


@pytest.mark.parametrize("text", ["", "00", "g" * 16, "0x" + "0" * 14, "0" * 63, "0" * 65, "٣" * 16, " " + "0" * 15])
def test_text_that_is_no_hash_is_refused(text: str) -> None:
    """Nothing is padded, cut or guessed."""
    with pytest.raises(ShapeError, match="hexadecimal digits"):
        from_hex(text)


def test_one_thing_before_a_wall_is_no_evidence() -> None:
    """All bits of such a hash say where the thing stands, and a bottle and a lamp may stand in one place."""
    wall = 110 + scene(1) // 12  # plaster
    wall[140:, 270:] = 10
    worth = [one.quality for one in METHOD.fingerprint(still(wall))]

    assert not [quality for quality in worth if quality >= METHOD.least_quality]


def _thing(exponent: int, size: float) -> list[Fingerprint]:
    """A dark thing on a lit table, `size` of its height: of exponent 2 a ball, of 6 a box."""
    across, down = np.meshgrid(np.arange(320) / 180 - 0.5, np.arange(180) / 180 - 0.4)
    far = ((np.abs(across) / size) ** exponent + (np.abs(down) / size) ** exponent) ** (1 / exponent)
    inside = 1 / (1 + np.exp(np.minimum(12 * (far - 1), 50)))
    light = 120 + 60 * down + 25 * across
    shown = METHOD.fingerprint(still((light * (1 - inside) + 30 * inside).astype(np.uint8)))
    return [one for one in shown if one.region == "whole"]


def test_plain_pictures_with_another_thing_in_one_place_do_not_match() -> None:
    """Of so plain a hash 52 bits and fewer say only where the thing stands; the picture itself is still found."""
    (ball,), (box,) = _thing(2, 0.2), _thing(6, 0.19)
    between = sum((one ^ other).bit_count() for one, other in zip(ball.value, box.value, strict=True))
    known = METHOD.bank(METHOD, [("ball", [ball])])

    assert min(ball.quality, box.quality) >= METHOD.least_quality
    assert between <= METHOD.lone_threshold
    assert [len(known.compare("q", [one])) for one in (ball, box)] == [1, 0]
