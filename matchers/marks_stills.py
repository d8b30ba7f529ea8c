"""EXIF and XMP, wherever a file holds them.

Never follows an EXIF pointer twice, and never lets XMP declare entities.
"""

import json
import struct
from contextlib import suppress
from xml.parsers import expat

from matchers.marks_file import Bytes, Found, plain

XMP_LAST = b"</x:xmpmeta>"
EXIF_TEXTS = {
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x013B: "Artist",
    0x013C: "HostComputer",
    0x9C9C: "XPComment",
    0x9286: "UserComment",
}
XMP_PACKET, EXIF_IFD = 0x02BC, 0x8769
XMP_DEPTH = 64  # a property of a structure in a list is 8 deep
UNIT = {1: 1, 2: 1, 7: 1, 3: 2, 4: 4}  # bytes of BYTE, ASCII, UNDEFINED, SHORT, LONG
LABEL_KEYS = (
    "Label",
    "ContentProducer",
    "ProduceID",
    "ReservedCode1",
    "ContentPropagator",
    "PropagateID",
    "ReservedCode2",
)
# Local names: real files write TC260:AIGC under a prefix they declared as C260, or not at all.
XMP_NAMES = {
    "AIGC": "AIGC",
    "DigitalSourceType": "DigitalSourceType",
    "AISystemUsed": "AISystemUsed",
    "CreatorTool": "CreatorTool",
    "Software": "Software",
    "Credit": "Credit",
    "provenance": "provenance",
    "UserComment": "UserComment",
    "description": "description",
}


def exif(file: Bytes, found: Found, raw: bytes, where: str) -> None:
    """Collect the texts of a TIFF structure.

    raw     from the byte order on, without "Exif"
    """
    order = {b"II": "<", b"MM": ">"}.get(raw[:2])
    if order is None or len(raw) < 8:
        return
    entries = _directory(file, raw, order, int(struct.unpack(order + "I", raw[4:8])[0]))
    pointer = entries.pop(EXIF_IFD, None)
    if pointer is not None and len(pointer) == 4:
        inner = _directory(file, raw, order, int(struct.unpack(order + "I", pointer)[0]))
        entries = {**inner, **entries}
    for number, value in entries.items():
        if number == XMP_PACKET:
            xmp(file, found, value, f"{where} XMP")
        elif number in EXIF_TEXTS:
            name = EXIF_TEXTS[number]
            file.keep(found, name, _exif_text(number, value, order), f"{where} {name}")


def _directory(file: Bytes, raw: bytes, order: str, at: int) -> dict[int, bytes]:
    """Return the values of one directory that we know how to read, the first of each."""
    wanted: dict[int, bytes] = {}
    if not 0 < at <= len(raw) - 2:
        return wanted
    (count,) = struct.unpack(order + "H", raw[at : at + 2])
    for number in range(count):
        start = at + 2 + 12 * number
        entry = raw[start : start + 12]
        if len(entry) < 12:
            break
        file.step()
        tag, kind, items = struct.unpack(order + "HHI", entry[:8])
        size = UNIT.get(kind, 0) * items
        if tag in wanted or not size or tag not in {*EXIF_TEXTS, XMP_PACKET, EXIF_IFD}:
            continue
        (offset,) = struct.unpack(order + "I", entry[8:])
        wanted[tag] = entry[8 : 8 + size] if size <= 4 else raw[offset : offset + size]
    return wanted


def _exif_text(number: int, value: bytes, order: str) -> str:
    wide = "utf-16-le" if order == "<" else "utf-16-be"
    if number == 0x9C9C:
        return value.decode("utf-16-le", "replace")
    if number != 0x9286:
        return plain(value)
    if value[:7] == b"UNICODE":
        return value[8:].decode(wide, "replace")
    known = value[:8] in {b"ASCII\0\0\0", b"\0" * 8, b"JIS\0\0\0\0\0"}
    return plain(value[8:] if known else value)


class _Refused(Exception):
    """The packet declares a document type, or nests as no honest one does."""


def xmp(file: Bytes, found: Found, raw: bytes, where: str) -> None:
    """Collect the properties we know of an XMP packet, up to where it stops being XML."""
    reader = _Properties()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    text = plain(raw).strip("\0 \r\n\t")
    with suppress(expat.ExpatError, _Refused):
        parser.Parse(text.encode("utf-8", "replace"), True)  # noqa: FBT003  (expat takes it by position)
    for name, value in reader.properties[: file.limits.tags]:
        file.keep(found, name, value, f"{where} {name}")
    stated = len(reader.label) > 1  # a lone Label is Lightroom's colour
    if stated and not any(name == "AIGC" for name, _ in reader.properties):
        file.keep(found, "AIGC", json.dumps(reader.label, ensure_ascii=False), f"{where} TC260 properties")


class _Properties:
    """Gather elements and attributes by local name; an rdf:li counts as the property around it."""

    def __init__(self) -> None:
        self.properties: list[tuple[str, str]] = []
        self.label: dict[str, str] = {}
        self._open: list[tuple[str, list[str]]] = []

    def refuse(self, *_: object) -> None:
        """Stop at a document type."""
        raise _Refused

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take the attributes; remember the element until its end."""
        if len(self._open) >= XMP_DEPTH:
            raise _Refused
        local = name.rpartition(":")[2]
        for key, value in attributes.items():
            attribute = key.rpartition(":")[2]
            self._take(local if attribute == "resource" else attribute, value)
        if name.startswith("rdf:") and self._open:
            self._open.append(("", self._open[-1][1]))  # its text belongs to the property outside
        else:
            self._open.append((local, []))

    def end(self, _: str) -> None:
        """Take the element's text."""
        local, pieces = self._open.pop()
        if local:
            self._take(local, "".join(pieces))

    def text(self, data: str) -> None:
        """Gather text for the innermost property."""
        if self._open:
            self._open[-1][1].append(data)

    def _take(self, local: str, value: str) -> None:
        value = value.strip()
        if value and local in XMP_NAMES:
            self.properties.append((XMP_NAMES[local], value))
        elif local in LABEL_KEYS:
            self.label.setdefault(local, value)
