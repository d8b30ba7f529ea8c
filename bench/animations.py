"""Stills set in motion: animated as editing apps do, and drifting away as image-to-video models do.

The stand-ins for models begin with the still itself and then leave it: it warps, its light changes,
and other drawn content takes its place. Never runs a model; what a real one keeps is not known here.
"""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeAlias

import cv2
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from bench.attacks import Truth, even
from bench.overlays import overlay

Picture: TypeAlias = NDArray[np.uint8]  # (height, width, 3), BGR
RATE = 15
SHORT_PX = 360  # of the shorter side; bars make it 360 x 640
HELD_S = 1.2  # how long a stand-in is still close enough to the still to be called it


@dataclass(frozen=True, slots=True, kw_only=True)
class Animation:
    """One way to set a still in motion.

    motion      of MOTIONS: what the picture does between its first and its last frame
    shape       None, "upright crop", "bars", "blurred bars" or "border"
    overlays    of overlays.KINDS
    """

    name: str
    group: str
    motion: str
    shape: str | None = None
    overlays: tuple[str, ...] = ()
    mirrored: bool = False


ANIMATIONS = (
    Animation(name="still: slow zoom", group="animated", motion="zoom"),
    Animation(name="still: pan", group="animated", motion="pan"),
    Animation(name="still: parallax", group="animated", motion="parallax"),
    Animation(name="still: zoom + captions", group="animated", motion="zoom", overlays=("caption",)),
    Animation(
        name="still: 9:16 crop + captions", group="animated", motion="zoom", shape="upright crop", overlays=("caption",)
    ),
    Animation(name="i2v: raw", group="i2v", motion="drift"),
    Animation(name="i2v: blurred bars", group="i2v", motion="drift", shape="blurred bars"),
    Animation(name="i2v: mirror + captions", group="i2v", motion="drift", overlays=("caption",), mirrored=True),
    Animation(name="i2v: bars + captions", group="i2v", motion="drift", shape="bars", overlays=("caption",)),
)
STRANGER_ANIMATIONS = (
    ANIMATIONS[3],
    ANIMATIONS[7],
    Animation(name="still: border", group="animated", motion="hold", shape="border"),
    Animation(name="still: heavy captions", group="animated", motion="zoom", overlays=("heavy captions",)),
    ANIMATIONS[4],
    ANIMATIONS[0],
    Animation(name="still: stickers", group="animated", motion="pan", overlays=("stickers",)),
    ANIMATIONS[8],
)


def drawn(width_px: int, height_px: int, random: Random) -> Picture:
    """Draw a coloured scene: light of every size, and some shapes with edges."""
    chance = np.random.default_rng(random.randrange(2**32))
    picture = np.zeros((height_px, width_px, 3), np.float32)
    for cells in (3, 6, 12, 24, 48):
        coarse = chance.normal(size=(cells, cells, 3)).astype(np.float32)
        smooth = np.asarray(cv2.resize(coarse, (width_px, height_px), interpolation=cv2.INTER_CUBIC), np.float32)
        picture += smooth / np.float32(cells**0.7)
    low, high = float(picture.min()), float(picture.max())
    flat = np.ascontiguousarray((picture - low) / (high - low) * 255).astype(np.uint8)
    for _ in range(12):
        x, y = int(chance.integers(width_px)), int(chance.integers(height_px))
        size = int(chance.integers(min(width_px, height_px) // 20 + 2, min(width_px, height_px) // 4 + 4))
        colour = tuple(int(c) for c in chance.integers(0, 256, 3))
        if chance.random() < 0.5:
            cv2.ellipse(flat, (x, y), (size, size // 2 + 1), float(chance.integers(180)), 0, 360, colour, -1)
        else:
            corners = chance.integers(-size, size + 1, (4, 2)) + np.array((x, y))
            cv2.fillPoly(flat, [cv2.convexHull(corners.astype(np.int32))], colour)
    return flat


def _waves(width_px: int, height_px: int, chance: np.random.Generator) -> NDArray[np.float32]:
    """Return a smooth displacement field (height, width, 2) of about one unit."""
    coarse = chance.normal(size=(5, 5, 2)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (width_px, height_px), interpolation=cv2.INTER_CUBIC), np.float32)


def _moved(
    picture: Picture, *, zoom: float = 1.0, centre: tuple[float, float] = (0.5, 0.5),
    field: NDArray[np.float32] | None = None,
) -> Picture:  # fmt: skip
    """Return the picture zoomed about a centre (shares of its sides) and displaced by a field in pixels."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    x = (columns - centre[0] * width) / zoom + centre[0] * width
    y = (rows - centre[1] * height) / zoom + centre[1] * height
    if field is not None:
        x, y = x + field[..., 0], y + field[..., 1]
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), np.uint8)


Motion: TypeAlias = Callable[[Picture, int, Random], Iterator[Picture]]


def _hold(picture: Picture, frames: int, random: Random) -> Iterator[Picture]:
    del random  # every motion is called alike
    for _ in range(frames):
        yield picture


def _zoom(picture: Picture, frames: int, random: Random) -> Iterator[Picture]:
    centre, most = (random.uniform(0.3, 0.7), random.uniform(0.3, 0.7)), random.uniform(1.2, 1.35)
    for number in range(frames):
        yield _moved(picture, zoom=1 + (most - 1) * number / frames, centre=centre)


def _pan(picture: Picture, frames: int, random: Random) -> Iterator[Picture]:
    """A window of 72 % that slides from one side to the other."""
    way = random.choice((-1, 1))
    for number in range(frames):
        along = 0.5 + way * (number / frames - 0.5)
        yield _moved(picture, zoom=1 / 0.72, centre=(along, 0.5))


def _parallax(picture: Picture, frames: int, random: Random) -> Iterator[Picture]:
    height, width = picture.shape[:2]
    field = _waves(width, height, np.random.default_rng(random.randrange(2**32))) * width * 0.016
    for number in range(frames):
        yield _moved(picture, zoom=1.06, field=field * np.float32(np.sin(2 * np.pi * number / frames)))


def _drift(picture: Picture, frames: int, random: Random) -> Iterator[Picture]:
    """The still, then less and less of it: warp to 9 % of the width, light, detail, and another scene."""
    height, width = picture.shape[:2]
    chance = np.random.default_rng(random.randrange(2**32))
    field, faster = _waves(width, height, chance), _waves(width, height, chance)
    other, gain = drawn(width, height, random), random.choice((0.72, 1.3))
    for number in range(frames):
        u = number / (frames - 1)
        turn = np.float32(u * width * 0.06) * field + np.float32(u * u * width * 0.03) * faster
        shown = _moved(picture, zoom=1 + 0.2 * u, field=turn).astype(np.float32)
        soft = cv2.GaussianBlur(shown, (0, 0), 1 + 2.5 * u) if u > 0.1 else shown
        shown = soft + (shown - soft) * (1 - u)
        fade = float(np.clip((u - 0.3) / 0.7, 0, 1)) ** 1.5 * 0.85
        moved = _moved(other, zoom=1 + 0.4 * u).astype(np.float32)
        mixed = (shown * (1 - fade) + moved * fade) * (1 + (gain - 1) * u)
        yield np.clip(mixed, 0, 255).astype(np.uint8)


MOTIONS: dict[str, Motion] = {"hold": _hold, "zoom": _zoom, "pan": _pan, "parallax": _parallax, "drift": _drift}


def shaped(frame: Picture, shape: str | None) -> Picture:
    """Crop the frame upright, or set it within bars or a border; its sides come out even.

    raises  ValueError for another shape
    """
    height, width = frame.shape[:2]
    if shape is None:
        return frame
    if shape == "border":
        side = even(min(width, height) * 0.1)
        framed = cv2.copyMakeBorder(frame, side, side, side, side, cv2.BORDER_CONSTANT, value=(90, 70, 40))
        return np.asarray(framed, np.uint8)
    if shape == "upright crop":
        kept = min(width, even(height * 9 / 16))
        return frame[:, (width - kept) // 2 : (width - kept) // 2 + kept]
    if shape not in {"bars", "blurred bars"}:
        raise ValueError(f"shape {shape}: not one of upright crop, bars, blurred bars, border")
    w, h = (360, 640) if width >= height else (640, 360)
    scale = min(w / width, h / height)
    inner = cv2.resize(frame, (even(width * scale), even(height * scale)), interpolation=cv2.INTER_AREA)
    canvas = np.zeros((h, w, 3), np.uint8)
    if shape == "blurred bars":
        cover = max(w / width, h / height)
        large = cv2.resize(frame, (int(np.ceil(width * cover)), int(np.ceil(height * cover))))
        top, left = (large.shape[0] - h) // 2, (large.shape[1] - w) // 2
        canvas = cv2.GaussianBlur(large[top : top + h, left : left + w], (0, 0), 16).astype(np.uint8)
    top, left = (h - inner.shape[0]) // 2, (w - inner.shape[1]) // 2
    canvas[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return canvas


def open_still(path: Path) -> Picture:
    """Read a picture, its shorter side scaled to SHORT_PX at most and the longer to twice that; even sides.

    raises  ValueError when OpenCV reads no picture there
    """
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError(f"{path}: no picture that OpenCV reads; take it out of the corpus")
    height, width = picture.shape[:2]
    scale = min(SHORT_PX / min(width, height), SHORT_PX * 2 / max(width, height))
    size = (max(32, even(width * scale)), max(32, even(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def make(animation: Animation, still: Path, into: Path, seed: str) -> list[Truth]:
    """Write one still in motion, 3 to 4 s, and say what is true of it (a still's only second is 0).

    raises  ValueError for what is no picture; CalledProcessError when FFmpeg refuses
    """
    random = Random(seed)  # noqa: S311  (the same clip on every machine, nothing secret)
    picture = open_still(still)
    if animation.mirrored:
        picture = np.ascontiguousarray(picture[:, ::-1])
    duration = round(random.uniform(3.0, 4.0), 2)
    moving = (shaped(one, animation.shape) for one in MOTIONS[animation.motion](picture, int(duration * RATE), random))
    _encode(moving, animation.overlays, into, random)
    last = HELD_S if animation.motion == "drift" else duration
    return [Truth(query=(0.0, last), reference=(0.0, 0.0), mirrored=animation.mirrored)]


def _encode(frames: Iterator[Picture], overlays: tuple[str, ...], into: Path, random: Random) -> None:
    """Pipe frames into x264, lettering them on the way."""
    first = next(frames)
    height, width = first.shape[:2]
    part = into.with_name(into.name + ".part.mp4")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24"]
    command += ["-s", f"{width}x{height}", "-r", str(RATE), "-i", "-", "-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2"]
    command += ["-threads", "1", "-c:v", "libx264", "-preset", "veryfast", "-crf", "26", "-pix_fmt", "yuv420p"]
    layer = np.asarray(overlay(overlays, width, height, random)).astype(np.float32) if overlays else None
    shown = (frame if layer is None else _lettered(frame, layer) for frame in (first, *frames))
    parts = [np.ascontiguousarray(frame).tobytes() for frame in shown]
    subprocess.run([*command, str(part)], input=b"".join(parts), check=True, capture_output=True, timeout=300)
    part.replace(into)


def _lettered(frame: Picture, layer: NDArray[np.float32]) -> Picture:
    """Lay an RGBA layer over a BGR frame."""
    share = layer[..., 3:] / 255
    return (frame * (1 - share) + layer[..., 2::-1] * share).astype(np.uint8)
