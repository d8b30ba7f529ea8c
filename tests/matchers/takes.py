"""Takes of one drawn room: three people walk through it, each time otherwise."""

from collections.abc import Callable

import numpy as np

from core.records import Fingerprint
from matchers import change, phash
from matchers.examples import scene
from matchers.frames import Frame, Luma

FPS = 4
LEVELS = np.array([190, 5, 100], np.uint8)
PEOPLE = np.random.default_rng(5).integers(0, 60, (3, 56, 56), np.uint8) + LEVELS[:, None, None]


def take(seed: int, seconds: float = 6.0, *, side_px: int = 56) -> list[Luma]:
    """Frames of the room, in which each walks to and fro, to where the seed says, two seconds each way."""
    random = np.random.default_rng(seed)
    moments_s = np.arange(int(seconds * FPS)) / FPS
    stops = random.uniform(0, 264, (3, int(seconds) + 2))
    across = [np.interp(moments_s, 2 * np.arange(stops.shape[1]), own).astype(int) for own in stops]
    frames = [scene(1).copy() for _ in moments_s]
    for person, top, ways in zip(PEOPLE, (4, 62, 120), across, strict=True):
        for frame, at in zip(frames, ways, strict=True):
            frame[top : top + side_px, at : at + side_px] = person[:side_px, :side_px]
    return frames


def prints(frames: list[Luma], edit: Callable[[Luma], Luma] = lambda luma: luma) -> list[Fingerprint]:
    """Hash frames, edited."""
    return phash.fingerprint(_clip(frames, edit))


def changes(frames: list[Luma], edit: Callable[[Luma], Luma] = lambda luma: luma) -> list[Fingerprint]:
    """Hash what changes between frames, edited."""
    return change.fingerprint(_clip(frames, edit))


def _clip(frames: list[Luma], edit: Callable[[Luma], Luma]) -> list[Frame]:
    return [Frame(offset_s=number / FPS, luma=edit(luma)) for number, luma in enumerate(frames)]
