"""SIFT of our own finds what OpenCV's finds, at a third of its cost."""

import cv2
import numpy as np
import pytest

from core.errors import ShapeError
from matchers import features
from matchers.examples import scene
from matchers.features import MOST, MOST_FINE, Features, describe, unpack
from matchers.source import Luma

HERE_PX, SIZE_OCTAVES, TURN = 1.0, 0.2, 0.15  # how near a feature must be to be called the same; radians


def theirs(luma: Luma) -> tuple[list["cv2.KeyPoint"], "np.ndarray[tuple[int, int], np.dtype[np.uint64]]"]:
    """OpenCV's strongest features of a picture, and their bits."""
    points, found = cv2.SIFT.create(nfeatures=0, contrastThreshold=0.02).detectAndCompute(luma, None)
    strongest = np.argsort([-point.response for point in points], kind="stable")[:100]
    return [points[one] for one in strongest], features._bits(np.asarray(found, np.float32)[strongest])


def same(ours: Features, point: "cv2.KeyPoint") -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Which of our features is OpenCV's: its places lie a quarter of a pixel further down and right."""
    here = np.hypot(ours.x - point.pt[0] + 0.25, ours.y - point.pt[1] + 0.25) < HERE_PX
    turn = np.abs((ours.angle - np.deg2rad(point.angle) + np.pi) % (2 * np.pi) - np.pi)
    return np.asarray(here & (np.abs(ours.size - np.log2(point.size)) < SIZE_OCTAVES) & (turn < TURN))


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_strongest_features_are_those_of_opencv(number: int) -> None:
    """Place, size, angle and, within a few bits, the descriptor."""
    luma = scene(number)
    ours, (points, bits) = unpack(describe(luma)), theirs(luma)
    apart = []
    for point, one in zip(points, bits, strict=True):
        if (mine := same(ours, point)).any():
            apart.append(int(np.bitwise_count(ours.bits[mine] ^ one).sum(axis=1).min()))

    assert len(apart) >= 0.75 * len(points)
    assert np.median(apart) <= 8  # of 128; two features of different things differ in 64


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_picture_has_the_same_features_turned(turns: int) -> None:
    """The descriptor is seen along the feature's own angle, and the angle turns with the picture."""
    plain, turned = unpack(describe(scene(2))), unpack(describe(np.rot90(scene(2), turns).copy()))
    apart = np.bitwise_count(plain.bits[:, None] ^ turned.bits[None]).sum(axis=2)
    near = apart.min(axis=1) <= 8
    by = (plain.angle - turned.angle[apart.argmin(axis=1)])[near] / (np.pi / 2)

    assert near.mean() >= 0.55
    assert np.median(np.abs((by - turns + 2) % 4 - 2)) < 0.05


def test_no_more_features_than_a_frame_may_have() -> None:
    """Noise is all features, and most of them of the finest octave."""
    noise = np.random.default_rng(1).integers(0, 256, (400, 400), np.uint8)
    found = unpack(describe(np.asarray(cv2.GaussianBlur(noise, (3, 3), 0), np.uint8)))

    assert MOST_FINE < len(found) <= MOST
    assert (found.size < 1.8).sum() <= MOST_FINE


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (5, 7), (12, 12), (512, 1)])
def test_small_or_flat_pictures_show_nothing(size: tuple[int, int]) -> None:
    """Neither an error nor a feature."""
    assert describe(np.full(size, 90, np.uint8)) == b""
    assert len(describe(np.random.default_rng(1).integers(0, 256, size, np.uint8))) % features.ROW_BYTES in {0, 4}


def test_features_end_with_whole_rows() -> None:
    """Half a row is no fingerprint."""
    with pytest.raises(ShapeError, match="fingerprint the file again"):
        unpack(describe(scene(1))[:-1])
