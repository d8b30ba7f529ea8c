"""What a file says about its own origin: AI labels, C2PA, IPTC, generators' marks, encoder names.

Reads the bytes as received: joining sound and picture, or any remux, destroys marks. Never says
that a clip is not generated: platforms strip marks, and nothing shows that there was never one.
Never goes to the network, and never decodes a picture.
"""

import re
from pathlib import Path

from core.errors import NotFound
from matchers import marks_boxes, marks_chunks, marks_ebml, marks_labels, marks_vendors
from matchers.marks_file import Bytes, Found, Limits, Spent, Tag
from matchers.marks_mark import NAMES, Claim, Kind, Mark, State, shown
from matchers.marks_stills import exif

__all__ = ["Claim", "Kind", "Limits", "Mark", "State", "marks"]

LOOKED_FOR: tuple[Kind, ...] = ("aigc-label", "c2pa", "iptc", "vendor")
BOXES = {b"ftyp", b"styp", b"moov", b"mdat", b"wide", b"free", b"skip", b"sidx", b"moof", b"pnot", b"uuid"}
ADDRESS = re.compile(r"https?://\S{1,2000}")


def marks(path: Path, *, limits: Limits = Limits(), anchors: str = "") -> tuple[Mark, ...]:  # noqa: B008  (frozen values)
    """Read every mark of a file: AI labels first, encoder names last.

    A kind of AI mark that was looked for and not found is there as `absent`, which proves nothing.
    Bytes that are damaged or hostile end the reading early; what was read until then stays.

    path        the file as it was downloaded, before any merge
    anchors     PEM certificates of C2PA roots to trust; "" trusts none, and says so of each signature
    raises      NotFound when there is no such file
    """
    if not path.is_file():  # nor a pipe, on which opening would wait for ever
        raise NotFound(f"{path}: no file there; fetch the media again")
    found = _found(path, limits)
    different: dict[object, Mark] = {}
    for tag in found.tags:
        mark = _mark(tag, limits)
        if mark is not None:  # every track repeats its encoder: the first is reported
            different.setdefault((mark.kind, mark.state, *sorted(mark.fields.items())), mark)
    read = list(different.values())
    if found.seals:
        from matchers.marks_c2pa import check  # noqa: PLC0415  (few files have one)

        read.append(check(path, found.seals, limits, anchors))
    order = [*LOOKED_FOR, "encoder"]
    there = {kind: [mark for mark in read if mark.kind == kind] for kind in order}
    for kind in LOOKED_FOR:
        there[kind] = there[kind] or [_absent(kind, found)]
    return tuple(mark for kind in order for mark in there[kind][: limits.marks])


def _found(path: Path, limits: Limits) -> Found:
    with path.open("rb") as stream:
        file = Bytes(stream, path.stat().st_size, limits)
        head = file.read(0, 16)
        found = Found(container="unknown")
        try:
            _walk(file, found, head)
        except Spent as limit:
            found.cut = str(limit)
    return found


def _walk(file: Bytes, found: Found, head: bytes) -> None:
    """Choose the walker by the first bytes; a file's name and its server's word count for nothing."""
    if head[4:8] in BOXES:
        found.container = "mp4"
        marks_boxes.walk(file, found)
    elif head[:4] == b"\x1a\x45\xdf\xa3":
        found.container = "matroska"
        marks_ebml.walk(file, found)
    elif head[:3] == b"\xff\xd8\xff":
        found.container = "jpeg"
        marks_chunks.jpeg(file, found)
    elif head[:8] == b"\x89PNG\r\n\x1a\n":
        found.container = "png"
        marks_chunks.png(file, found)
    elif head[:4] == b"RIFF" and head[8:12] in {b"WEBP", b"AVI "}:
        found.container = head[8:12].decode().strip().lower()
        marks_chunks.riff(file, found)
    elif head[:6] in {b"GIF87a", b"GIF89a"}:
        found.container = "gif"
        marks_chunks.gif(file, found)
    elif head[:4] == b"FLV\x01":
        found.container = "flv"
        marks_chunks.flv(file, found)
    elif head[:3] == b"ID3":
        found.container = "mp3"
        marks_chunks.id3(file, found)
    elif head[:4] in {b"II*\0", b"MM\0*"}:
        found.container = "tiff"
        exif(file, found, file.value(0, file.size), "TIFF")


def _mark(tag: Tag, limits: Limits) -> Mark | None:
    return (
        marks_labels.aigc(tag, limits)
        or marks_labels.iptc(tag, limits)
        or marks_vendors.vendor(tag, limits)
        or marks_vendors.encoder(tag, limits)
    )


def _absent(kind: Kind, found: Found) -> Mark:
    """Say where was looked, and what that means."""
    place = "this container, whose metadata is not read" if found.container == "unknown" else f"this {found.container}"
    if found.cut:
        place = f"{place}, of which only {found.cut} were read"
    fields: dict[str, str] = {}
    pointed = ""
    if kind == "c2pa":
        for tag in found.tags:
            address = ADDRESS.match(tag.value) if marks_labels.key_of(tag) == "provenance" else None
            if address:
                fields["remote"] = shown(address[0], 500)
                pointed = f" (it names one at {shown(address[0], 120)}, which is never fetched)"
    sentence = f"No {NAMES[kind]} in {place}{pointed}; marks get stripped, so this does not say who made it"
    return Mark(kind=kind, state="absent", fields=fields, sentence=sentence)
