"""A hash of what changes: copies whose still parts were covered.

Captions, banners, logos, borders and stickers stand still while the picture moves, so in a picture of how much
each place changes they are not there. Never says anything of a still, nor of a scene in which nothing moves.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby

import cv2
import numpy as np
from numpy.typing import NDArray

from core.records import Fingerprint
from matchers import phash, regions
from matchers.compare import hash_bank
from matchers.dihedral import TURNS
from matchers.examples import bordered, darker, resized, scene
from matchers.frames import Frame, Luma
from matchers.method import Method, Sample

FPS = 4  # frames a second that are looked at, of those given: the first of each quarter second
TOGETHER = 3  # frames that one picture of change is made of: half a second
GAP_S = 0.4  # frames further apart are not of one movement
SIDE_PX = 64
NOISE_LEVELS = 1.0  # of 256, mean deviation: what coding alone leaves where nothing moves
LEVELS = 16.0  # the root of a deviation times this: 113, the most there is, is 170 of 255
# Pairs that agree in time, so many and over so long. A still that zooms changes alike all the time: four or five wrong
# pairs within a second came to 72 bits among 50,000 frames of `tune`'s strangers, and over 1.5 s to 76 among the other
# half's (four queries). Seven over 2 s leave none there, and lose two of the sixteen heavily lettered clips of `tune`.
MATCH_BITS, FEWEST, LASTS_S = 80, 7, 2.0
LONE_BITS = 44  # short cuts have few pictures of change
LEAST_QUALITY = 30  # of phash's measure; at 20 a small figure that dances in the middle is like any other


def fingerprint(frames: Sequence[Frame]) -> list[Fingerprint]:
    """Hash what changes within half a second around every quarter second of a run, whole and in its parts."""
    found: list[Fingerprint] = []
    for size, group in groupby(frames, key=lambda frame: frame.luma.shape):
        run = list(group)
        spaced = [next(same) for _, same in groupby(run, key=lambda frame: int(frame.offset_s * FPS + 0.002))]
        if len(spaced) < TOGETHER:
            continue
        offsets_s = np.array([frame.offset_s for frame in spaced])
        whole = ("whole", slice(0, size[0]), slice(0, size[1]))
        for region, rows, columns in (whole, *regions.layout([frame.luma for frame in run])):
            found += hashed(region, offsets_s, np.stack([_small(frame.luma[rows, columns]) for frame in spaced]))
    return sorted(found, key=lambda one: one.offset_s)


def hashed(region: str, offsets_s: NDArray[np.float64], smalls: NDArray[np.uint8]) -> Iterator[Fingerprint]:
    """Hash the change around each frame but the first and the last.

    offsets_s   float64 (n,), n at least TOGETHER
    smalls      uint8 (n, 64, 64)
    """
    pictures = changes(smalls)
    low = phash.lowest(pictures)
    near = np.diff(offsets_s) <= GAP_S
    told = zip(offsets_s[1:-1], near[:-1] & near[1:], phash.signs(low), phash.quality(pictures, low), strict=True)
    for offset_s, joined, value, worth in told:
        if joined and worth > phash.BLANK_QUALITY:
            yield Fingerprint(offset_s=float(offset_s), region=region, value=value.tobytes(), quality=int(worth))


def changes(smalls: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return how much each place changes around each frame but the first and the last, uint8 (n - 2, 64, 64)."""
    shown = smalls.astype(np.float32)
    three = np.stack([shown[:-2], shown[1:-1], shown[2:]])
    strays = np.abs(three - three.mean(axis=0)).mean(axis=0)
    return np.asarray(np.sqrt(np.maximum(strays - NOISE_LEVELS, 0)) * LEVELS, np.uint8)


def _small(luma: Luma) -> Luma:
    return np.asarray(cv2.resize(luma, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA), np.uint8)


def _panned(seed: int) -> list[Luma]:
    """Three seconds of a camera that pans over a drawn scene."""
    wide = scene(seed, width_px=440)
    return [np.ascontiguousarray(wide[:, 9 * n : 9 * n + 320]) for n in range(13)]


def _clip(lumas: Sequence[Luma]) -> tuple[Frame, ...]:
    return tuple(Frame(offset_s=n / FPS, luma=luma, tick=n % FPS == 0) for n, luma in enumerate(lumas))


def _covered(luma: Luma) -> Luma:
    """Lay three plain banners over the picture."""
    covered = luma.copy()
    for top in (8, 120, 150):
        covered[top : top + 22, 20:300] = 240
    return covered


def _alike() -> Iterator[tuple[Sample, Sample]]:
    yield _clip(_panned(1)), _clip([_covered(luma) for luma in _panned(1)])
    yield _clip(_panned(2)), _clip([darker(luma)[:, ::-1].copy() for luma in _panned(2)])
    yield _clip(_panned(3)), _clip([bordered(resized(luma, 240, 135)) for luma in _panned(3)])


def _unlike() -> Iterator[tuple[Sample, Sample]]:
    yield _clip(_panned(1)), _clip(_panned(4))
    yield _clip([_covered(luma) for luma in _panned(5)]), _clip([_covered(luma) for luma in _panned(6)])


METHOD = Method(
    name="change",
    version=1,
    unit="bits",
    threshold=MATCH_BITS,
    lone_threshold=LONE_BITS,
    least_quality=LEAST_QUALITY,
    fingerprint=fingerprint,
    bank=partial(hash_bank, turns=TURNS, fewest=FEWEST, lasts_s=LASTS_S),
    alike=_alike,
    unlike=_unlike,
    movement=True,
)
