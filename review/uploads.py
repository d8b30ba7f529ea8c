"""Uploads: a multipart body onto the disk, bounded in size, time and number, and gone after the request.

Never holds a file in memory, never takes a path from a stranger, and calls a file what its bytes say it is.
"""

import asyncio
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from fastapi import HTTPException, Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from review.words import readable

MIB = 1024 * 1024
MOST_FIELDS, MOST_FIELD_BYTES = 20, 2_000
MOST_NAME, MOST_NAME_BYTES = 100, 200  # letters of a file's name that are kept; a disk takes 255 bytes
SPARE_BYTES = 256 * MIB  # what an upload leaves free on the disk
LEFT_BEHIND_S = 3600.0  # no upload lasts so long: what is older was left by a kill
SNIFFED = 4096  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one upload may take."""

    most_bytes: int
    most_files: int = 1
    most_seconds: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of an upload: what its sender calls it, and where it lies until the request ends."""

    name: str
    path: Path
    size_bytes: int


@dataclass(slots=True, kw_only=True)
class Form:
    """What came: fields by name, the last of each, and files in their order."""

    fields: dict[str, str] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)


@contextmanager
def admitted(request: Request, most: int, name: str) -> Iterator[None]:
    """One of at most so many at once.

    raises  HTTPException 503 with Retry-After when they are as many already
    """
    state = request.app.state
    if not hasattr(state, "uploads"):
        state.uploads = Counter[str]()
    counts: Counter[str] = state.uploads
    if counts[name] >= most:
        raise HTTPException(503, f"{most} uploads are being looked at; try again", headers={"Retry-After": "5"})
    counts[name] += 1
    try:
        yield
    finally:
        counts[name] -= 1


@asynccontextmanager
async def received(request: Request, home: Path, limits: Limits) -> AsyncIterator[Form]:
    """The form of a request, its files in a folder that is gone afterwards, whatever happens.

    home    where its `uploads` folder stands, on a disk with room
    raises  HTTPException 408, 411..415 or 507 for what is too slow, too large, no form, or has no room; 400 for one
            that is broken or cut short
    """
    parts = _announced(request, limits)
    uploads = home / "uploads"
    uploads.mkdir(mode=0o700, exist_ok=True)
    _sweep(uploads)
    expected = int(request.headers.get("content-length") or limits.most_bytes)
    if shutil.disk_usage(uploads).free - expected < SPARE_BYTES:
        raise HTTPException(507, "the disk is nearly full; free some room")
    folder = Path(tempfile.mkdtemp(dir=uploads))
    parts.folder = folder
    try:
        try:
            async with asyncio.timeout(limits.most_seconds):
                await _read(request, parts, limits)
        except TimeoutError:
            raise HTTPException(408, f"the upload took longer than {limits.most_seconds:g} s") from None
        except ClientDisconnect:
            raise HTTPException(400, "the upload was cut short; send it again") from None
        except FormParserError as error:
            raise HTTPException(400, f"the form is broken: {readable(str(error), most=200)}") from None
        finally:
            parts.close()
        yield parts.form
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _announced(request: Request, limits: Limits) -> "_Parts":
    """What the headers say of the body, before any of it is read."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise HTTPException(415, "send the file as multipart/form-data")
    length = request.headers.get("content-length", "0")
    if not re.fullmatch("[0-9]{1,18}", length):
        raise HTTPException(400, "Content-Length is no number")
    if int(length) > limits.most_bytes:
        raise HTTPException(413, f"at most {limits.most_bytes // MIB} MiB")
    if getattr(request, "_form", None) is not None:  # the check for a cookie's token has read it
        raise HTTPException(400, "send the page's token in the X-CSRF header, not in the form")
    try:
        return _Parts(boundary, limits)
    except FormParserError as error:
        raise HTTPException(400, f"the form is broken: {error}") from None


async def _read(request: Request, parts: "_Parts", limits: Limits) -> None:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limits.most_bytes:
            raise HTTPException(413, f"at most {limits.most_bytes // MIB} MiB")
        parts.parser.write(chunk)
    announced = request.headers.get("content-length")
    if not parts.ended or (announced is not None and int(announced) != size):
        raise HTTPException(400, "the upload was cut short; send it again")


class _Parts:
    """The parts of a multipart body, written as they come."""

    def __init__(self, boundary: bytes, limits: Limits) -> None:
        self.form, self.folder, self.ended = Form(), Path(), False
        self._limits, self._count = limits, 0
        self._header, self._value, self._headers = b"", b"", dict[bytes, bytes]()
        self._name, self._text = "", bytearray()
        self._file: BinaryIO | None = None
        self.parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._in_header,
                "on_header_value": self._in_value,
                "on_header_end": self._header_ends,
                "on_headers_finished": self._opens,
                "on_part_data": self._data,
                "on_part_end": self._part_ends,
                "on_end": self._end,
            },
        )

    def close(self) -> None:
        """Close what a broken form left open."""
        if self._file:
            self._file.close()

    def _begin(self) -> None:
        self._headers, self._header, self._value = {}, b"", b""
        self._count += 1
        if self._count > self._limits.most_files + MOST_FIELDS:
            raise HTTPException(413, "too many parts in one form")

    def _in_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _in_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header, self._value = b"", b""

    def _opens(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" not in options:
            self._text = bytearray()
            return
        if len(self.form.files) >= self._limits.most_files:
            raise HTTPException(413, f"at most {self._limits.most_files} files at once")
        path = self.folder / str(len(self.form.files))  # never what the sender calls it
        self._file = path.open("wb")
        name = options[b"filename"].decode("utf-8", "replace")
        self.form.files.append(File(name=name, path=path, size_bytes=0))

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file:
            self._file.write(data[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > MOST_FIELD_BYTES:
            raise HTTPException(413, f"the field {readable(self._name, most=40)!r} is too long")

    def _part_ends(self) -> None:
        if self._file:
            self._file.close()
            last = self.form.files[-1]
            self.form.files[-1] = File(name=last.name, path=last.path, size_bytes=last.path.stat().st_size)
            self._file = None
        else:
            self.form.fields[self._name] = self._text.decode("utf-8", "replace")

    def _end(self) -> None:
        self.ended = True


def _sweep(uploads: Path) -> None:
    """Delete what a killed desk left."""
    for entry in uploads.iterdir():
        try:
            old = time.time() - entry.lstat().st_mtime > LEFT_BEHIND_S
        except FileNotFoundError:  # another upload just ended
            continue
        if old:
            shutil.rmtree(entry, ignore_errors=True)


BRANDS = {b"avif": ".avif", b"avis": ".avif", b"qt  ": ".mov", b"3gp": ".3gp"}  # of ISO media files; others are mp4


def suffix(path: Path) -> str | None:
    """What a file's first bytes say it is, as the suffix `refs add` knows it by; None for no picture or video."""
    with path.open("rb") as file:
        head = file.read(SNIFFED)
    for magic, found in (
        (b"\xff\xd8\xff", ".jpg"), (b"\x89PNG\r\n\x1a\n", ".png"), (b"GIF8", ".gif"), (b"BM", ".bmp"),
        (b"II*\x00", ".tif"), (b"MM\x00*", ".tif"), (b"FLV\x01", ".flv"), (b"\x00\x00\x01\xba", ".mpg"),
        (b"\x00\x00\x01\xb3", ".mpg"),
    ):  # fmt: skip
        if head.startswith(magic):
            return found
    if head[4:8] == b"ftyp":
        return next((found for brand, found in BRANDS.items() if head[8:12].startswith(brand)), ".mp4")
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return ".webm" if b"webm" in head[:64] else ".mkv"
    if head.startswith(b"RIFF"):
        return {b"WEBP": ".webp", b"AVI ": ".avi"}.get(head[8:12])
    return ".ts" if head[:1] == head[188:189] == head[376:377] == b"\x47" else None


def safe_name(name: str, ending: str) -> str:
    """What to call a file that a sender named: one readable word of a path, with the ending its bytes give it."""
    bare = re.split(r"[/\\]", name)[-1]
    stem = readable(bare.rpartition(".")[0] or bare, most=MOST_NAME).lstrip(".- ")
    kept = re.sub(r'[<>:"|?*\s]+', " ", stem).encode("utf-8", "ignore")[:MOST_NAME_BYTES].decode("utf-8", "ignore")
    return (kept.strip() or "upload") + ending


def unnamed(message: str, file: File) -> str:
    """An error as its sender may read it: without where the file lay."""
    return message.replace(str(file.path), "the file").replace(f"{file.path.name}: ", "", 1)
