"""Text and C2PA boxes of MP4, MOV, 3GP, HEIC and AVIF files: the ISO base media file format.

Follows a fixed table of which box may hold which, so that no nesting is deeper than the table.
Never reads a sample, but for the first bytes of the first `mdat`: encoders sign there.
source  ISO/IEC 14496-12; QuickTime File Format, "User Data Atoms" and "Metadata"
"""

import struct
from collections.abc import Iterator

from matchers.marks_file import Bytes, Found, Seal, plain
from matchers.marks_media import SIGNED_BYTES, signatures
from matchers.marks_stills import XMP_LAST, exif, xmp

C2PA_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
HOLDS = {
    "": (b"moov", b"meta", b"udta"),
    "moov": (b"trak", b"udta", b"meta"),
    "moov.trak": (b"mdia", b"udta", b"meta"),
    "moov.trak.mdia": (b"minf",),
    "moov.trak.mdia.minf": (b"stbl",),
    "moov.udta": (b"meta",),
    "moov.trak.udta": (b"meta",),
    "udta": (b"meta",),
}
PICTURES = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1", b"hevc")
PICTURE_SCAN_BYTES = 2 << 20  # their XMP is an item inside mdat; both ends of it are looked for as text
COMPRESSOR = 42  # where a picture's sample entry has its compressor's name: a length, then 31 bytes
DRAWN = (b"avc1", b"avc3", b"hvc1", b"hev1", b"av01", b"vp08", b"vp09", b"mp4v", b"ap4h", b"apch", b"apcn", b"jpeg")
UTF16 = 2  # the data type of an ilst value; everything else is tried as UTF-8


def walk(file: Bytes, found: Found) -> None:
    """Collect the metadata of a file that starts with a box.

    raises  Spent at a limit; what was found stays in `found`
    """
    _level(file, found, 0, file.size, "")
    if file.read(8, 4) in PICTURES:
        _picture(file, found)


def boxes(file: Bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, start of its body, its end) of each box, clipped to `end`.

    A box shorter than its own header ends the level: nothing behind it can be placed.
    """
    at = start
    while at + 8 <= end:
        file.step()
        head = file.read(at, 16)
        if len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head[:8])
        header = 8
        if size == 1:
            if len(head) < 16:
                return
            size, header = int(struct.unpack(">Q", head[8:16])[0]), 16
        elif size == 0:
            size = end - at  # to the end of the file
        if size < header:
            return
        yield kind, at + header, min(at + size, end)
        at += size


def _level(file: Bytes, found: Found, start: int, end: int, path: str) -> None:
    """Walk one level of the table; the recursion is as deep as HOLDS is."""
    media_seen = False
    for kind, body, stop in boxes(file, start, end):
        here = f"{path}.{_name(kind)}".lstrip(".")
        if kind == b"uuid":
            _uuid(file, found, body, stop, here)
        elif kind == b"mdat" and not path and not media_seen:
            media_seen = True
            signatures(file, found, file.read(body, min(SIGNED_BYTES, stop - body)), f"mdat at byte {body}")
        elif kind == b"meta" and kind in HOLDS.get(path, ()):
            _meta(file, found, body, stop, here)
        elif kind in HOLDS.get(path, ()):
            _level(file, found, body, stop, here)
        elif kind == b"hdlr" and path == "moov.trak.mdia":
            file.keep(found, "handler_name", _pascal_or_plain(file.value(body + 24, min(stop, body + 280))), here)
        elif kind == b"stsd":
            _sample_entries(file, found, body + 8, stop, here)
        elif path.endswith("udta"):
            _user_data(file, found, (kind, body, stop), here)


def _name(kind: bytes) -> str:
    text = kind.decode("latin-1")  # © is 0xA9 in these, and in latin-1
    return text if text.isprintable() else kind.hex()


def _pascal_or_plain(raw: bytes) -> str:
    """QuickTime writes a length before a handler's name, MP4 ends it with a NUL."""
    if raw and 0 < raw[0] == len(raw) - 1:
        raw = raw[1:]
    return plain(raw.split(b"\0", 1)[0])


def _uuid(file: Bytes, found: Found, body: int, stop: int, here: str) -> None:
    which = file.read(body, 16)
    if which == C2PA_BOX:
        found.seals.append(Seal(where=f"{here} {which.hex()} at byte {body - 8}", size_bytes=stop - body))
    elif which == XMP_BOX:
        xmp(file, found, file.value(body + 16, stop), f"{here} (XMP)")


def _sample_entries(file: Bytes, found: Found, start: int, stop: int, here: str) -> None:
    for kind, body, _ in boxes(file, start, stop):
        if kind in DRAWN:
            name = file.read(body + COMPRESSOR, 32)
            if name and 0 < name[0] < 32:
                file.keep(found, "compressor", plain(name[1 : 1 + name[0]]), f"{here}.{_name(kind)}")


def _user_data(file: Bytes, found: Found, box: tuple[bytes, int, int], here: str) -> None:
    kind, body, stop = box
    if kind == b"XMP_":
        xmp(file, found, file.value(body, stop), here)
    elif kind[:1] == b"\xa9":  # QuickTime: texts, each with its length and language
        raw = file.value(body, stop)
        if len(raw) >= 4:
            length = int.from_bytes(raw[:2], "big")
            file.keep(found, _name(kind), plain(raw[4 : 4 + length]), here)
    elif kind in {b"titl", b"auth", b"dscp", b"perf", b"cprt"}:  # 3GPP: version, flags, language, text
        file.keep(found, _name(kind), plain(file.value(body + 6, stop)), here)
    elif kind.upper() == b"AIGC" or (stop - body < 65_536 and b"{" in file.read(body, 16)):
        raw = file.value(body, stop)
        file.keep(found, _name(kind), plain(raw[max(0, raw.find(b"{")) :]), here)


def _meta(file: Bytes, found: Found, body: int, stop: int, here: str) -> None:
    """Read keys and ilst. In QuickTime `meta` has no version and flags, in MP4 it has."""
    if file.read(body + 4, 4) != b"hdlr":
        body += 4
    keys: list[str] = []
    for kind, inner, end in boxes(file, body, stop):
        if kind == b"keys":
            keys = list(_keys(file, inner, end))
        elif kind == b"ilst":
            for item, first, last in boxes(file, inner, end):
                _item(file, found, (item, first, last), keys, f"{here}.ilst")
        elif kind == b"uuid":
            _uuid(file, found, inner, end, f"{here}.uuid")
        elif kind == b"xml ":
            xmp(file, found, file.value(inner + 4, end), f"{here}.xml")


def _keys(file: Bytes, body: int, stop: int) -> Iterator[str]:
    for _, inner, end in boxes(file, body + 8, stop):  # each is shaped like a box: size, "mdta", name
        yield plain(file.value(inner, end))


def _item(file: Bytes, found: Found, item: tuple[bytes, int, int], keys: list[str], here: str) -> None:
    """Read one ilst entry: a name of four letters, a number into `keys`, or ---- with its own name."""
    kind, body, stop = item
    number = int.from_bytes(kind, "big")
    key = keys[number - 1] if 0 < number <= len(keys) else _name(kind)
    for part, inner, end in boxes(file, body, stop):
        if part == b"name":
            key = plain(file.value(inner + 4, end))
        elif part == b"data":
            raw = file.value(inner + 8, end)
            wide = int.from_bytes(file.read(inner, 4), "big") == UTF16
            text = raw.decode("utf-16-be", "replace") if wide else plain(raw)
            file.keep(found, key, text, f"{here}.{key}"[:200])


def _picture(file: Bytes, found: Found) -> None:
    """Find the XMP and EXIF of HEIC and AVIF by their own beginnings, in the first 2 MiB."""
    raw = file.read(0, PICTURE_SCAN_BYTES)
    start = raw.find(b"<x:xmpmeta")
    if start >= 0:
        stop = raw.find(XMP_LAST, start)
        xmp(file, found, raw[start : stop + len(XMP_LAST) if stop > 0 else None], f"XMP item at byte {start}")
    at = raw.find(b"Exif\0\0")
    if at >= 0:
        exif(file, found, raw[at + 6 : at + 6 + file.limits.value_bytes], f"EXIF item at byte {at}")
