"""One decoded frame of a video as it is shown: upright, square pixels, full range, standard range of light.

Never converts before it is asked, and never holds more of a large frame than methods look at.
"""

import struct
from functools import lru_cache, partial
from typing import Any, TypeAlias, cast

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray
from PIL import Image

from matchers.source import Colour, Luma, fitted
from matchers.stills import over_white

# Frames are held in runs of up to 64, a fourth of them ticks: 4K ones would be 800 MB.
KEPT_PIXELS = {True: 1920 * 1088, False: 1280 * 720}  # of a tick, of another frame
REDUCED_PX = 1280  # a tick of 4K video keeps that much for OCR and features; another frame what luma has
FULL_RANGE, PQ = 2, 16  # AVCOL_RANGE_JPEG, AVCOL_TRC_SMPTE2084
WHITE_NITS = 203.0  # BT.2408: what HDR grades as the white of a page
# The last two cost 5 %, and make the bits of a hash the same on every kind of processor.
SCALING = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
MOST_SCALERS = 8
KNEE = 0.75  # below it light is kept, above it compressed
# BT.2020 to BT.709, linear light (BT.2087).
NARROWER = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32)

Light: TypeAlias = NDArray[np.floating[Any]]  # any shape
Matrix: TypeAlias = tuple[int, int, int, int]  # a, b, c, d: x' = a x + c y, y' = b x + d y

TURNS: tuple[Matrix, ...] = (
    (1, 0, 0, 1),
    (0, -1, 1, 0),
    (-1, 0, 0, -1),
    (0, 1, -1, 0),
)  # by quarters, counterclockwise


class Tools:
    """What the frames of one clip share: FFmpeg's scalers, kept so that each is set up once.

    shape  width of a pixel over its height (anamorphic video has wide ones)
    """

    def __init__(self, shape: float) -> None:
        self.shape = shape if 0.25 <= shape <= 4 else 1.0
        self._scalers: dict[tuple[int, int, str], VideoReformatter] = {}
        self._matrices: dict[int, Matrix] = {}

    def scaled(
        self, frame: VideoFrame, width_px: int, height_px: int, pixels: str, how: Interpolation = SCALING
    ) -> VideoFrame:
        """Scale, by area unless told otherwise, and convert to a pixel format."""
        if len(self._scalers) > MOST_SCALERS:  # a stream may change its size with every frame
            self._scalers.clear()
        scale = self._scalers.setdefault((width_px, height_px, pixels), VideoReformatter()).reformat
        scale = partial(scale, frame, width_px, height_px, pixels, interpolation=how, threads=1)
        full = ColorRange.JPEG if pixels.startswith(("rgb", "gray")) else None
        try:
            return scale(dst_color_range=full)
        except (av.error.FFmpegError, ValueError):  # a colour space FFmpeg does not know or cannot convert
            return scale(src_colorspace=Colorspace.ITU709, dst_colorspace=Colorspace.ITU709, dst_color_range=full)

    def matrix(self, frame: VideoFrame) -> Matrix:
        """Return how the container asks to turn and mirror the frame."""
        quarters = round(frame.rotation / 90) % 4
        if quarters not in self._matrices:
            # PyAV's side data keeps its frame alive for ever: it is asked once a turn, of a frame of 16 px.
            tiny = self.scaled(frame, 16, 16, "gray", Interpolation.POINT)
            self._matrices[quarters] = _matrix(tiny) or TURNS[quarters]
        return self._matrices[quarters]


class Shown:
    """A frame and what is to be done to it."""

    def __init__(self, frame: VideoFrame, tools: Tools, *, tick: bool) -> None:
        self._frame, self._tools, self._tick = frame, tools, tick
        self._size = round(frame.width * tools.shape), frame.height
        self._pq = frame.color_trc == PQ
        self._matrix = tools.matrix(frame)

    def luma(self, side_px: int) -> Luma:
        """Return the luma plane as it was coded, brought to 0..255; other layouts are converted."""
        frame = self._frame
        width, height = fitted(*self._size, side_px)
        if _see_through(frame):
            luma = np.asarray(over_white(Image.fromarray(self._rgb(width, height, "rgba"))).convert("L"))
        elif _bits(frame) == 0:
            luma = _plane(self._tools.scaled(frame, width, height, "gray"))
        else:
            levels = _levels(_bits(frame), full=_is_full(frame), pq=self._pq)
            coded = self._coded(width, height)
            luma = np.asarray(cv2.LUT(coded, levels)) if coded.dtype == np.uint8 else levels.take(coded, mode="clip")
        self._let_go(side_px)
        return _turned(luma, self._matrix)

    def colour(self, side_px: int) -> Colour:
        """Return RGB."""
        width, height = fitted(*self._size, side_px)
        if _see_through(self._frame):
            pixels = np.asarray(over_white(Image.fromarray(self._rgb(width, height, "rgba"))).convert("RGB"))
        elif self._pq:
            pixels = _standard(self._rgb(width, height, "rgb48le"))
        else:
            pixels = self._rgb(width, height, "rgb24")
        return _turned(pixels, self._matrix)

    def _coded(self, width: int, height: int) -> NDArray[Any]:
        frame = self._frame
        if frame.interlaced_frame and _bits(frame) == 8 and frame.height >= 2:
            # One field is one moment; the two together are a comb wherever something moves.
            field = Image.fromarray(_plane(frame)[::2])
            return np.asarray(field.resize((width, height), Image.Resampling.BOX))
        if (width, height) != (frame.width, frame.height):
            if self._is_large() and not self._tick:  # that much is kept of it anyway, with its colour
                frame = self._tools.scaled(frame, width, height, frame.format.name)
                self._frame, self._size = frame, (width, height)
            elif _bits(frame) == 8:  # the same levels without the work for colour
                gray = VideoFrame.from_numpy_buffer(_plane(frame), "gray")
                frame = self._tools.scaled(gray, width, height, "gray")
            else:
                frame = self._tools.scaled(frame, width, height, frame.format.name)
        return _plane(frame)

    def _rgb(self, width: int, height: int, pixels: str) -> NDArray[np.uint8]:
        return np.asarray(self._tools.scaled(self._frame, width, height, pixels).to_ndarray())

    def _is_large(self) -> bool:
        return self._frame.width * self._frame.height > KEPT_PIXELS[self._tick]

    def _let_go(self, side_px: int) -> None:
        frame = self._frame
        if self._is_large():
            side_px = max(side_px, REDUCED_PX) if self._tick else side_px
            pixels = frame.format.name if _bits(frame) else "rgba" if _see_through(frame) else "rgb24"
            self._size = fitted(*self._size, side_px)
            self._frame = self._tools.scaled(frame, *self._size, pixels)


def _bits(frame: VideoFrame) -> int:
    """Return the bits of a sample where the first plane is luma and nothing else; 0 elsewhere."""
    first, name = frame.format.components[0], frame.format.name
    if not (frame.format.is_planar or name.startswith("gray")) or not first.is_luma:
        return 0
    if first.bits == 8:
        return 8
    return first.bits if name.startswith(("yuv", "gray")) and name.endswith("le") else 0


def _is_full(frame: VideoFrame) -> bool:
    return frame.color_range == FULL_RANGE or frame.format.name.startswith(("yuvj", "gray"))


def _see_through(frame: VideoFrame) -> bool:
    return frame.format.has_palette or any(part.is_alpha for part in frame.format.components)


def _plane(frame: VideoFrame) -> NDArray[Any]:
    """View the first plane, uint8 or uint16, without the padding of its rows."""
    plane = frame.planes[0]
    kind = np.dtype(np.uint16 if frame.format.components[0].bits > 8 else np.uint8)
    rows = np.frombuffer(memoryview(plane), kind).reshape(-1, plane.line_size // kind.itemsize)
    return rows[: frame.height, : frame.width]


@lru_cache(maxsize=16)
def _levels(bits: int, *, full: bool, pq: bool) -> Luma:
    """Table from coded luma to 0..255.

    Limited range is stretched: a still and a film frame of one picture must not differ by coding.
    """
    codes = np.arange(1 << bits, dtype=np.float32) / (1 << (bits - 8))
    signal = np.clip(codes / (255 if full else 219) if full else (codes - 16) / 219, 0, 1)
    return np.round(255 * (_toned(_light(signal)) if pq else signal)).astype(np.uint8)


def _light(signal: Light) -> Light:
    """SMPTE ST 2084: signal 0..1 to light, 1 being a page's white."""
    power = np.power(signal, np.float32(1 / 78.84375))
    ratio = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    light: Light = np.power(ratio, np.float32(1 / 0.1593017578125)) * np.float32(10_000 / WHITE_NITS)
    return light


def _toned(light: Light) -> Light:
    """Light to a signal of 0..1 for a common screen: kept up to the knee, then rolled off."""
    over = np.maximum(light - KNEE, 0)
    shown = np.where(light > KNEE, 1 - (1 - KNEE) * np.exp(-over / (1 - KNEE)), np.clip(light, 0, KNEE))
    signal: Light = np.power(shown, np.float32(1 / 2.4))
    return signal


def _standard(pixels: NDArray[np.uint8]) -> Colour:
    """Bring uint16 (h, w, 3) RGB of PQ and BT.2020 to uint8 of a common screen."""
    light = _light(pixels.astype(np.float32) / 65535) @ NARROWER.T
    return np.round(255 * _toned(np.maximum(light, 0))).astype(np.uint8)


def _matrix(frame: VideoFrame) -> Matrix | None:
    try:
        side = cast("dict[str, bytes]", frame.side_data)["DISPLAYMATRIX"]
        a, b, _, c, d = struct.unpack_from("<5i", bytes(side))
    except (KeyError, ValueError, struct.error):  # none, or side data of a kind that PyAV does not know
        return None
    return a, b, c, d


def _turned(pixels: NDArray[np.uint8], matrix: Matrix) -> NDArray[np.uint8]:
    """Turn by quarters and mirror as the container asks, and own the memory: FFmpeg reuses its buffers."""
    a, b, c, d = matrix
    if abs(b) + abs(c) > abs(a) + abs(d):
        pixels, (a, d) = pixels.swapaxes(0, 1), (c, b)
    return np.array(pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1], order="C")
