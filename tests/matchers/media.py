"""Tiny media made by code for the tests of this room."""

import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from matchers.examples import scene


def moving(frames: int, *, width_px: int = 160, height_px: int = 90, seed: int = 7) -> list[np.ndarray]:
    """A camera that pans over a drawn scene, 3 px a frame."""
    wide = scene(seed, width_px=width_px + 3 * frames, height_px=height_px)
    return [np.ascontiguousarray(wide[:, 3 * n : 3 * n + width_px]) for n in range(frames)]


def video(
    path: Path,
    frames: list[np.ndarray],
    *,
    rate: int = 5,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    stamps: list[int] | None = None,
    rotation: int | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Encode gray frames. `stamps` are milliseconds, for a variable frame rate."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        if rotation is not None:
            stream.set_display_rotation(rotation)
        if stamps:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number, pixels_of in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels_of, format="gray" if pixels_of.ndim == 2 else "rgba")
            frame.pts = stamps[number] if stamps else number
            frame.time_base = Fraction(1, 1000) if stamps else Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def sound(path: Path) -> Path:
    """Half a second of silence and no picture."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 22050), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def png_header(path: Path, width_px: int, height_px: int) -> Path:
    """A PNG that claims a size and brings next to nothing: the head of a decompression bomb."""
    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    chunks = b"".join(_chunk(kind, body) for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 999))))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks + _chunk(b"IEND", b""))
    return path


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def endless_gif(path: Path, frames: int) -> Path:
    """A GIF of very many 1 x 1 px frames of 1 s, 20 bytes each."""
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = (
        b"\x21\xf9\x04\x00\x64\x00\x00\x00" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    )
    path.write_bytes(head + frame * frames + b"\x3b")
    return path
