"""Tiny media made by code for the tests of this room."""

import struct
import subprocess
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np

from matchers.examples import scene

QUIET = {"libx265": {"x265-params": "log-level=none"}}  # it writes to the terminal itself


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
    coding: dict[str, str] | None = None,
) -> Path:
    """Encode gray frames. `stamps` are milliseconds, for a variable frame rate.

    options  of the container
    coding   of the codec
    """
    with av.open(str(path), "w", options=options or {}) as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        stream.options = QUIET.get(codec, {}) | (coding or {})
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


def without_key_frames(path: Path, into: Path) -> Path:
    """Copy a video, marking no frame as a key frame. (An MP4 that marks none is read as one that marks all.)"""
    with av.open(str(path)) as whole, av.open(str(into), "w") as part:
        stream = part.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.size:
                packet.is_keyframe, packet.stream = False, stream
                part.mux(packet)
    return into


def sound(path: Path) -> Path:
    """Half a second of silence and no picture."""
    return tone(path, hz=0, seconds=0.5)


def tone(
    path: Path, *, codec: str = "aac", hz: float = 440, seconds: float = 3, rate: int = 44_100, hole_s: float = 0
) -> Path:
    """A stereo tone and no picture; its second half comes `hole_s` late."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate, layout="stereo")
        wave = 12_000 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
        size = stream.codec_context.frame_size or 1024
        for start in range(0, len(wave), size):
            part = np.repeat(wave[start : start + size].astype(np.int16), 2)[None]
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout="stereo")
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = start + (round(hole_s * rate) if start > len(wave) // 2 else 0)
            for ready in av.AudioResampler(stream.codec_context.format, "stereo", rate).resample(frame):
                container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    return path


def damaged(path: Path, seed: int) -> Path:
    """Change some bytes of a file in place, or cut it short, or join it to itself, as the seed says."""
    random, data = np.random.default_rng(seed), bytearray(path.read_bytes())
    kind = seed % 4
    if kind == 0:
        del data[random.integers(len(data)) :]
    elif kind == 1:
        at, other = random.integers(len(data), size=2)
        data[at:at] = data[other : other + 3000]
    else:
        reach = min(600, len(data)) if kind == 2 else len(data)  # the header, or anywhere
        for at in random.integers(reach, size=random.integers(1, 40)):
            data[at] = random.integers(256)
    path.write_bytes(data)
    return path


def ffmpeg(*arguments: str | Path | int) -> None:
    """Run the ffmpeg of imageio-ffmpeg, for what PyAV cannot write."""
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)], check=True)


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
