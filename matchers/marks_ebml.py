"""Tags of Matroska and WebM files.

Seeks over clusters of known size; steps through those of a live recording, whose size nobody wrote.
source  RFC 8794 (EBML), RFC 9559 (Matroska)
"""

from collections.abc import Iterator

from matchers.marks_file import Bytes, Found, plain
from matchers.marks_media import SIGNED_BYTES, signatures

EBML, SEGMENT, CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
TAGS, TAG, SIMPLE_TAG, TAG_NAME, TAG_STRING, TAG_BINARY = 0x1254C367, 0x7373, 0x67C8, 0x45A3, 0x4487, 0x4485
HOLDS = {
    SEGMENT: {0x1549A966: "Info", TAGS: "Tags", 0x1654AE6B: "Tracks"},
    TAGS: {TAG: "Tag"},
    0x1654AE6B: {0xAE: "TrackEntry"},
}
TEXTS = {0x4D80: "MuxingApp", 0x5741: "WritingApp", 0x7BA9: "Title", 0x536E: "handler_name", 0x258688: "CodecName"}


def walk(file: Bytes, found: Found) -> None:
    """Collect the tags of a file that starts with an EBML header.

    raises  Spent at a limit; what was found stays in `found`
    """
    for kind, body, stop in elements(file, 0, file.size):
        if kind == SEGMENT:
            _segment(file, found, body, stop)


def elements(file: Bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (id, start of its body, its end) of each element, clipped to `end`.

    A cluster of unknown size is yielded empty: its children, then the next cluster, follow as siblings.
    """
    at = start
    while at + 2 <= end:
        file.step()
        head = file.read(at, 12)
        id_length, size_length = _length(head, 0, most=4), 0
        if id_length:
            size_length = _length(head, id_length, most=8)
        if not size_length or len(head) < id_length + size_length:
            return  # not EBML from here on
        kind = int.from_bytes(head[:id_length], "big")
        bits = 7 * size_length
        size = int.from_bytes(head[id_length : id_length + size_length], "big") & ((1 << bits) - 1)
        body = at + id_length + size_length
        if size == (1 << bits) - 1:
            size = 0 if kind == CLUSTER else end - body
        yield kind, body, min(body + size, end)
        at = body + size


def _length(head: bytes, at: int, *, most: int) -> int:
    """How many bytes a variable-size integer takes; 0 when it is none."""
    if at >= len(head) or not head[at]:
        return 0
    length = 9 - head[at].bit_length()
    return length if length <= most else 0


def _segment(file: Bytes, found: Found, start: int, end: int) -> None:
    first = True
    for kind, body, stop in elements(file, start, end):
        name = HOLDS[SEGMENT].get(kind)
        if kind == CLUSTER and first:
            first = False
            signatures(file, found, file.read(body, min(SIGNED_BYTES, end - body)), f"Cluster at byte {body}")
        elif kind == TAGS:
            for inner, inner_body, inner_stop in elements(file, body, stop):
                if inner == TAG:
                    _tag(file, found, (inner_body, inner_stop), "Tags.Tag", file.limits.depth)
        elif name:
            _texts(file, found, kind, (body, stop), f"Segment.{name}")


def _texts(file: Bytes, found: Found, parent: int, span: tuple[int, int], here: str) -> None:
    for kind, body, stop in elements(file, *span):
        if kind in TEXTS:
            file.keep(found, TEXTS[kind], plain(file.value(body, stop)), here)
        elif kind in HOLDS.get(parent, {}):
            _texts(file, found, kind, (body, stop), f"{here}.{HOLDS[parent][kind]}")


def _tag(file: Bytes, found: Found, span: tuple[int, int], here: str, depth: int) -> None:
    """Read a Tag or a SimpleTag, which may hold SimpleTags."""
    name, value = "", ""
    for kind, body, stop in elements(file, *span):
        if kind == TAG_NAME:
            name = plain(file.value(body, stop))
        elif kind in {TAG_STRING, TAG_BINARY}:
            value = plain(file.value(body, stop))
        elif kind == SIMPLE_TAG and depth:
            _tag(file, found, (body, stop), f"{here}.SimpleTag", depth - 1)
    if name:
        file.keep(found, name, value, f"{here} {name}"[:200])
