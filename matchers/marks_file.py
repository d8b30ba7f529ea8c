"""The bytes of one hostile file, read in small pieces within limits, and what was found in them.

Never reads a whole file: the walkers in marks_boxes.py, marks_ebml.py, marks_chunks.py and
marks_stills.py seek over sound and pictures. Never writes.
"""

from dataclasses import dataclass, field
from typing import BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one file's metadata may cost; what lies behind a limit is not read, and that is said.

    metadata_bytes  read from one file in all; the largest honest sets (ComfyUI graphs) are under 1 MB
    value_bytes     of one value; a longer one is cut
    pieces          boxes, chunks, elements and blocks stepped over: under a second
    tags            values kept
    depth           of elements that may hold their own kind
    field_chars     of each field of a Mark
    marks           reported of each kind
    manifest_bytes  of a C2PA manifest; a larger one is not given to the library
    checked_bytes   of a file whose C2PA hashes are checked: the library holds all of it in memory (measured)
    """

    metadata_bytes: int = 8 << 20
    value_bytes: int = 1 << 20
    pieces: int = 200_000
    tags: int = 2_000
    depth: int = 8
    field_chars: int = 500
    marks: int = 12
    manifest_bytes: int = 16 << 20
    checked_bytes: int = 512 << 20


class Spent(Exception):
    """A limit is reached, and the message says which. Only marks.py catches it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """One piece of text in a file: `where` is the path of boxes or the segment it stood in."""

    key: str
    value: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A place where a C2PA manifest lies, not yet looked into."""

    where: str
    size_bytes: int


@dataclass(slots=True, kw_only=True)
class Found:
    """What the walkers collect. What was collected before a limit or damage stays.

    cut     which limit ended the reading; None when everything was read
    """

    container: str
    tags: list[Tag] = field(default_factory=list)
    seals: list[Seal] = field(default_factory=list)
    cut: str | None = None


class Bytes:
    """An open file, with a purse: every read and every step is paid for."""

    def __init__(self, stream: BinaryIO, size: int, limits: Limits) -> None:
        """Wrap an open seekable file of `size` bytes."""
        self.size = size
        self.limits = limits
        self._stream = stream
        self._bytes_left = limits.metadata_bytes
        self._memory_left = limits.metadata_bytes
        self._steps_left = limits.pieces

    def read(self, at: int, length: int) -> bytes:
        """Return up to `length` bytes from `at`; fewer where the file ends.

        raises  Spent when this file's share of reading is used up
        """
        if at < 0 or length <= 0 or at >= self.size:
            return b""
        length = min(length, self.size - at)
        self._bytes_left -= length
        if self._bytes_left < 0:
            raise Spent(f"its first {self.limits.metadata_bytes >> 20} MiB of metadata")
        self._stream.seek(at)
        return self._stream.read(length)

    def value(self, at: int, end: int) -> bytes:
        """Return the bytes between, cut at the limit of one value."""
        return self.read(at, min(end - at, self.limits.value_bytes))

    def spend(self, length: int) -> None:
        """Pay for what is kept in memory, or was unpacked: little read can become much.

        raises  Spent when it is too much
        """
        self._memory_left -= length
        if self._memory_left < 0:
            raise Spent(f"its first {self.limits.metadata_bytes >> 20} MiB of metadata values")

    def step(self) -> None:
        """Pay for one box, chunk, element or block.

        raises  Spent when there were too many
        """
        self._steps_left -= 1
        if self._steps_left < 0:
            raise Spent(f"its first {self.limits.pieces:,} boxes")

    def keep(self, found: Found, key: str, value: str, where: str) -> None:
        """Keep a text, unless it is empty.

        raises  Spent when there were too many
        """
        value = value.strip("\0 \t\r\n")
        if not value:
            return
        self.spend(len(value))
        if len(found.tags) >= self.limits.tags:
            raise Spent(f"its first {self.limits.tags:,} metadata values")
        found.tags.append(Tag(key=key.strip("\0 "), value=value, where=where))


def plain(raw: bytes) -> str:
    """Decode text as UTF-8, or UTF-16 where a byte order mark says so; what is neither shows as �."""
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return raw.decode("utf-16", "replace")
    return raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
