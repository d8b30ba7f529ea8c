"""Read the header of a downloaded file: container, duration and size in pixels. Never decodes the clip.

Runs in the process that downloaded it, under the same limits and the same clock.
"""

import hashlib
import os
import stat
from pathlib import Path
from typing import Any, TypeAlias

import av

from crawler.download_classes import NotMedia

Header: TypeAlias = tuple[str, float | None, int | None, int | None]
UNKNOWN: Header = ("unknown", None, None, None)

# Without a list of formats a renamed ffconcat or HLS file makes the demuxer read its neighbours.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,avi,flv,asf,ogg,mp3,wav,flac,aac,gif,apng,"
    "png_pipe,jpeg_pipe,webp_pipe,bmp_pipe,tiff_pipe,jpegxl_pipe"
)
SNIFF_BYTES = 4096


def digest(path: Path) -> tuple[str, int]:
    """Hash a file: (sha256 in hex, size in bytes). A link or anything but a plain file is an OSError."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
        found = os.fstat(stream.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{path} is not a plain file")
        return hashlib.file_digest(stream, "sha256").hexdigest(), found.st_size


def probe(path: Path) -> Header:
    """Read (container, duration_s, width_px, height_px); `UNKNOWN` for bytes that no demuxer takes.

    raises  NotMedia when the bytes are plain text: a login page, a message, a manifest
    """
    try:
        header = _header(path)
    except (av.FFmpegError, ValueError, OSError, OverflowError):
        header = UNKNOWN
    if header == UNKNOWN:
        with path.open("rb") as stream:
            start = stream.read(SNIFF_BYTES)
        if is_text(start):
            raise NotMedia(f"the server answered with text, not media: {start[:60].decode('utf-8', 'replace')!r}")
    return header


def _header(path: Path) -> Header:
    options = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
    with av.open(str(path), options=options, metadata_errors="replace") as container:
        seconds = None if container.duration is None else container.duration / av.time_base
        name = container.format.name.split(",")[0]
        if not container.streams.video:
            return name, seconds, None, None
        video: Any = container.streams.video[0]
        if seconds is None and video.duration is not None and video.time_base is not None:
            seconds = float(video.duration * video.time_base)
        return name, seconds, video.width or None, video.height or None


def is_text(start: bytes) -> bool:
    """Whether the first bytes of a file are words: no media container begins without a control byte."""
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # a character cut off at the end is still text
            return False
        text = start[: error.start].decode("utf-8")
    return bool(text.strip()) and not any(ord(mark) < 0x20 and mark not in "\t\r\n\f" for mark in text)
