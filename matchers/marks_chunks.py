"""Text and C2PA chunks of JPEG, PNG, GIF, WebP, AVI, FLV and ID3-tagged MP3 files.

Never decodes a picture; never unpacks a compressed text beyond the limit of one value.
source  ITU T.81 B; PNG 11.3.3; GIF89a; RIFF; WebP container; Adobe FLV 10.1 E; ID3v2.3; C2PA 2.2 A.3
"""

import struct
import zlib

from matchers.marks_file import Bytes, Found, Seal, plain
from matchers.marks_media import SIGNED_BYTES, signatures
from matchers.marks_stills import exif, xmp

XMP_APP1, XMP_MORE = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
INFO = {b"ISFT": "Software", b"ICMT": "comment", b"IART": "artist", b"INAM": "title", b"ITCH": "encoded_by"}
TEXT_FRAMES = {b"TXXX", b"TSSE", b"TENC", b"COMM", b"TPE1"}


def jpeg(file: Bytes, found: Found) -> None:
    """Walk the segments up to the picture: APP1 EXIF and XMP, APP11 C2PA, comments."""
    at, more = 2, bytearray()
    while True:
        file.step()
        head = file.read(at, 4)
        if len(head) < 4 or head[0] != 0xFF or head[1] in {0xDA, 0xD9}:
            break
        if head[1] == 0xFF:  # a fill byte
            at += 1
            continue
        length = int.from_bytes(head[2:], "big")
        if length < 2:
            break
        body, stop, here = at + 4, at + 2 + length, f"at byte {at}"
        if head[1] == 0xE1:
            raw = file.value(body, stop)
            if raw.startswith(b"Exif\0"):
                exif(file, found, raw[6:], f"EXIF {here}")
            elif raw.startswith(XMP_APP1):
                xmp(file, found, raw[len(XMP_APP1) :], f"XMP {here}")
            elif raw.startswith(XMP_MORE) and len(more) < file.limits.value_bytes:
                more += raw[len(XMP_MORE) + 40 :]  # after a digest, the whole length and this part's offset
        elif head[1] == 0xEB and file.read(body, 2) == b"JP":
            box = file.read(body + 8, 8)  # after the instance and packet numbers; each segment repeats it
            if box[4:] == b"jumb" and not found.seals:
                found.seals.append(Seal(where=f"APP11 JUMBF {here}", size_bytes=int.from_bytes(box[:4], "big")))
        elif head[1] == 0xFE:
            file.keep(found, "comment", plain(file.value(body, stop)), f"COM {here}")
        at = stop
    if more:
        xmp(file, found, bytes(more), "extended XMP")


def png(file: Bytes, found: Found) -> None:
    """Walk the chunks: tEXt, zTXt, iTXt, eXIf, caBX."""
    at = 8
    while True:
        file.step()
        head = file.read(at, 8)
        if len(head) < 8 or head[4:] == b"IEND":
            return
        length, kind = struct.unpack(">I4s", head)
        body, stop, here = at + 8, at + 8 + length, f"{kind.decode('latin-1')} at byte {at}"
        if kind in {b"tEXt", b"zTXt", b"iTXt"}:
            _png_text(file, found, kind, file.value(body, stop), here)
        elif kind == b"eXIf":
            exif(file, found, file.value(body, stop).removeprefix(b"Exif\0\0"), here)
        elif kind == b"caBX":
            found.seals.append(Seal(where=here, size_bytes=length))
        at = stop + 4  # a checksum


def _png_text(file: Bytes, found: Found, kind: bytes, raw: bytes, here: str) -> None:
    key, _, rest = raw.partition(b"\0")
    packed = kind == b"zTXt"
    if packed:
        rest = rest[1:]
    elif kind == b"iTXt":
        packed = rest[:1] == b"\x01"
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]  # language, translated key
    if packed:
        try:
            rest = zlib.decompressobj().decompress(rest, file.limits.value_bytes)
        except zlib.error:
            return
        file.spend(len(rest))
    if key == b"XML:com.adobe.xmp":
        xmp(file, found, rest, here)
    else:
        name = key.decode("latin-1")
        file.keep(found, name, plain(rest), f"{here} {name}"[:200])


def riff(file: Bytes, found: Found) -> None:
    """Walk the chunks of WebP or AVI, and AVI's LIST INFO."""
    _riff(file, found, 12, file.size, "")


def _riff(file: Bytes, found: Found, start: int, end: int, inside: str) -> None:
    at = start
    while at + 8 <= end:
        file.step()
        head = file.read(at, 12)
        if len(head) < 8:
            return
        kind, length = struct.unpack("<4sI", head[:8])
        body, stop, here = at + 8, min(at + 8 + length, end), f"{inside}{kind.decode('latin-1')} at byte {at}"
        if inside:
            key = INFO.get(kind, kind.decode("latin-1"))
            file.keep(found, key, plain(file.value(body, stop)), here)
        elif kind == b"LIST" and head[8:12] == b"INFO":
            _riff(file, found, body + 4, stop, "INFO.")
        elif kind == b"LIST" and head[8:12] == b"movi":
            signatures(file, found, file.read(body, min(SIGNED_BYTES, stop - body)), f"movi at byte {at}")
        elif kind == b"EXIF":
            exif(file, found, file.value(body, stop).removeprefix(b"Exif\0\0"), here)
        elif kind == b"XMP ":
            xmp(file, found, file.value(body, stop), here)
        elif kind == b"C2PA":
            found.seals.append(Seal(where=here, size_bytes=length))
        at += 8 + length + length % 2


def gif(file: Bytes, found: Found) -> None:
    """Walk the blocks: comments, XMP, C2PA."""
    flags = (file.read(10, 1) or b"\0")[0]
    at = 13 + _palette(flags)
    while True:
        file.step()
        head = file.read(at, 10)
        if head[:1] == b"\x2c" and len(head) == 10:
            at = _blocks(file, at + 11 + _palette(head[9]))
        elif head[:2] == b"\x21\xfe":
            stop = _blocks(file, at + 2)
            file.keep(found, "comment", plain(_joined(file.value(at + 2, stop))), f"comment at byte {at}")
            at = stop
        elif head[:2] == b"\x21\xff":
            name, stop = file.read(at + 3, 11), _blocks(file, at + 2)
            if name == b"XMP DataXMP":  # written as it is, with a run of bytes behind it that ends every block
                xmp(file, found, file.value(at + 14, stop).partition(b"\x01\xff\xfe")[0], f"XMP at byte {at}")
            elif name.startswith(b"C2PA_GIF"):
                found.seals.append(Seal(where=f"C2PA_GIF at byte {at}", size_bytes=stop - at))
            at = stop
        elif head[:1] == b"\x21":
            at = _blocks(file, at + 2)
        else:
            return


def _palette(flags: int) -> int:
    return int(3 << ((flags & 7) + 1)) if flags & 0x80 else 0


def _blocks(file: Bytes, at: int) -> int:
    """Step over sub-blocks of up to 255 bytes; return where they end."""
    while True:
        file.step()
        length = file.read(at, 1)
        if not length or not length[0]:
            return at + 1
        at += 1 + length[0]


def _joined(raw: bytes) -> bytes:
    pieces, at = [], 0
    while at < len(raw) and raw[at]:
        pieces.append(raw[at + 1 : at + 1 + raw[at]])
        at += 1 + raw[at]
    return b"".join(pieces)


def flv(file: Bytes, found: Found) -> None:
    """Read onMetaData: the names and texts of its first script tag."""
    at = 13
    for _ in range(8):  # it stands first; what comes before it is a key frame's or none
        file.step()
        head = file.read(at, 11)
        if len(head) < 11:
            return
        length = int.from_bytes(head[1:4], "big")
        if head[0] == 18:
            _amf(file, found, file.value(at + 11, at + 11 + length), f"onMetaData at byte {at}")
        elif head[0] == 9:
            raw = file.read(at + 11, min(SIGNED_BYTES, length))
            signatures(file, found, raw, f"video tag at byte {at}")
        at += 15 + length


def _amf(file: Bytes, found: Found, raw: bytes, where: str) -> None:
    """Read AMF0: a string, then one object or array of pairs; it ends at a value that is neither of three kinds."""
    if raw[:3] != b"\x02\x00\x0a" or raw[3:13] != b"onMetaData":
        return
    at = {b"\x08": 18, b"\x03": 14}.get(raw[13:14], len(raw))  # an ECMA array counts its pairs first
    while at + 3 <= len(raw):
        file.step()
        size = int.from_bytes(raw[at : at + 2], "big")
        key, kind, at = raw[at + 2 : at + 2 + size], raw[at + 2 + size : at + 3 + size], at + 3 + size
        if kind == b"\x02":
            size = int.from_bytes(raw[at : at + 2], "big")
            file.keep(found, plain(key), plain(raw[at + 2 : at + 2 + size]), where)
            at += 2 + size
        elif kind in {b"\x00", b"\x01"}:
            at += 8 if kind == b"\x00" else 1
        elif kind == b"\x0c":
            size = int.from_bytes(raw[at : at + 4], "big")
            file.keep(found, plain(key), plain(raw[at + 4 : at + 4 + size]), where)
            at += 4 + size
        else:
            return


def id3(file: Bytes, found: Found) -> None:
    """Read the text frames of ID3v2.3 and 2.4 at the start of an MP3."""
    head = file.read(0, 10)
    end = 10 + _syncsafe(head[6:10])
    at = 10
    while at + 10 <= end:
        file.step()
        frame = file.read(at, 10)
        size = _syncsafe(frame[4:8]) if head[3] == 4 else int.from_bytes(frame[4:8], "big")
        if len(frame) < 10 or not size:
            return
        if frame[:4] in TEXT_FRAMES:
            name = frame[:4].decode("ascii")
            raw = file.value(at + 10, min(end, at + 10 + size))
            code = {0: "latin-1", 1: "utf-16", 2: "utf-16-be"}.get((raw or b"\3")[0], "utf-8")
            text = raw[4 if name == "COMM" else 1 :].decode(code, "replace").lstrip("\ufeff")
            key, zero, value = text.partition("\0")
            named = name in {"TXXX", "COMM"} and zero
            file.keep(found, key if named and key else name, (value if named else text).lstrip("\ufeff"), f"ID3 {name}")
        elif frame[:4] == b"GEOB" and b"c2pa" in file.read(at + 10, 64):
            found.seals.append(Seal(where=f"ID3 GEOB at byte {at}", size_bytes=size))
        at += 10 + size


def _syncsafe(raw: bytes) -> int:
    value = 0
    for byte in raw:
        value = value << 7 | byte & 0x7F
    return value
