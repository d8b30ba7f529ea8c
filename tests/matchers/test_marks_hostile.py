"""What hostile files cannot do to the reader of marks: crash it, hold it up, fill memory, or lie in a report."""

import os
import pickle
import random
import struct
import time
import zlib
from pathlib import Path

import pytest

from core.errors import NotFound
from matchers.marks import Mark, marks
from tests.matchers import marked


def test_text_of_the_file_cannot_rewrite_the_report(tmp_path: Path) -> None:
    """No line breaks, no direction override, no lone surrogate, no endless value; it travels to another process."""
    text = marked.label(ContentProducer="kli\u202eng\nPRESENT\x1b[2J\ud800 " + "x" * 9000)
    mark = marked.only(marked.boxed(tmp_path / "a.mp4", ilst=marked.freeform("AIGC", text)), "aigc-label")

    assert mark.generator is not None
    assert mark.generator.startswith("kli ng PRESENT [2J x")
    assert all(piece.isprintable() and len(piece) <= 500 for piece in (*mark.fields.values(), mark.generator))
    assert mark.sentence.isprintable()
    assert len(mark.sentence) < 600
    assert pickle.loads(pickle.dumps(mark)) == mark  # noqa: S301  (our own)


def harmless(path: Path) -> tuple[Mark, ...]:
    """Read a hostile file; fail if it takes long or says too much."""
    started = time.process_time()  # a busy machine is not the file's fault
    found = marks(path)

    assert time.process_time() - started < 5
    assert all(len(mark.sentence) < 2000 and len(mark.fields) < 40 for mark in found)
    assert all(len(text) <= 500 for mark in found for text in mark.fields.values())
    return found


PNG = b"\x89PNG\r\n\x1a\n"
XMP = b"XML:com.adobe.xmp\0\0\0\0\0"
EBML = b"\x1a\x45\xdf\xa3\x80"
ENDLESS = b"\x01" + b"\xff" * 7  # the size of an element that does not know its own
NEST = [struct.pack(">I4s", 0, kind) for kind in (b"moov", b"udta", b"meta", b"ilst")]
LAUGHS = b"<!DOCTYPE l [<!ENTITY a 'aaaa'><!ENTITY b '" + b"&a;" * 9000 + b"'>]><x>" + b"&b;" * 9000 + b"</x>"
OVERLAPS = b"".join(struct.pack("<HHII", 0x010E + number % 60, 2, 0xFFFFF, 8) for number in range(65_535))
BOMBS: dict[str, bytes] = {
    "box in box": marked.box(b"ftyp") + b"".join(NEST) * 20_000,
    "a million boxes": struct.pack(">I4s", 8, b"free") * 1_000_000,
    "size below its header": marked.box(b"ftyp") + struct.pack(">I4sQ", 1, b"moov", 3) * 9,
    "size beyond 64 bits": marked.box(b"ftyp") + struct.pack(">I4sQ", 1, b"moov", 2**64 - 1) * 9,
    "tag in tag": EBML
    + b"".join(kind + ENDLESS for kind in (b"\x18\x53\x80\x67", b"\x12\x54\xc3\x67", b"\x73\x73"))
    + (b"\x67\xc8" + ENDLESS) * 50_000,
    "ebml without end": EBML + b"\x18\x53\x80\x67" + ENDLESS + b"\xec\x80" * 500_000,
    "png text bomb": PNG + marked.png_chunk(b"zTXt", b"comment\0\0" + zlib.compress(bytes(20_000_000))) * 30,
    "xmp in xmp": PNG + marked.png_chunk(b"iTXt", XMP + b"<a>" * 300_000) * 8,
    "xmp entities": PNG + marked.png_chunk(b"iTXt", XMP + LAUGHS),
    "exif overlaps": b"II*\0\x08\0\0\0\xff\xff" + OVERLAPS,
    "gif without end": b"GIF89a\1\0\1\0\0\0\0\x21\xfe" + b"\x01a" * 1_000_000,
    "jpeg of fill": b"\xff\xd8" + b"\xff" * 1_000_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_cost_little_and_say_nothing(tmp_path: Path, name: str) -> None:
    """Nesting, counts, sizes and compression, each beyond what any honest file has."""
    path = tmp_path / "bomb"
    path.write_bytes(BOMBS[name])

    assert not any(mark.evidence for mark in harmless(path))


def test_box_shorter_than_its_header_ends_the_reading_at_once(tmp_path: Path) -> None:
    """Nothing behind it can be placed; stepping on by 0 bytes would use up every limit."""
    path = tmp_path / "bomb"
    path.write_bytes(marked.box(b"ftyp") + struct.pack(">I4sQ", 1, b"free", 0) + bytes(100))

    assert "of which only" not in marks(path)[0].sentence


@pytest.mark.parametrize("name", ["png text bomb", "metadata without end"])
def test_memory_is_bounded_and_the_cut_told(tmp_path: Path, name: str) -> None:
    """8 MiB of values in all, packed or not."""
    endless = marked.box(b"ftyp") + marked.box(b"moov", marked.box(b"udta", marked.box(b"AIGC", bytes(1 << 20)) * 9))
    path = tmp_path / "bomb"
    path.write_bytes(BOMBS.get(name, endless))

    assert "of which only its first 8 MiB of metadata" in marks(path)[0].sentence


def test_xmp_that_declares_anything_is_not_read(tmp_path: Path) -> None:
    """No honest packet has a document type."""
    declared = b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + marked.aigc_element()
    path = tmp_path / "a.png"
    path.write_bytes(PNG + marked.png_chunk(b"iTXt", XMP + declared))

    assert marked.only(path, "aigc-label").state == "absent"


def test_limit_that_ends_the_reading_is_told(tmp_path: Path) -> None:
    """Absent in part of a file is less than absent."""
    path = tmp_path / "bomb"
    path.write_bytes(BOMBS["jpeg of fill"])

    assert "of which only its first 200,000 boxes were read" in marks(path)[0].sentence


def test_mark_before_the_damage_is_kept(tmp_path: Path) -> None:
    """A label is not lost because junk follows it."""
    path = marked.LABELLED["mp4 keys"](tmp_path)
    path.write_bytes(path.read_bytes() + os.urandom(50_000))

    assert marked.only(path, "aigc-label").evidence


def damaged(raw: bytes, seed: int) -> bytes:
    """Change, cut and repeat pieces of a file, the same for one seed."""
    chance, changed = random.Random(seed), bytearray(raw)  # noqa: S311  (not for secrets)
    for _ in range(chance.choice((1, 3, 20))):
        at, how = chance.randrange(len(changed)), chance.random()
        if how < 0.5:
            changed[at] = chance.randrange(256)
        elif how < 0.8:
            changed[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\0\1"))
        elif how < 0.9:
            del changed[at : at + chance.randrange(1, 64)]
        else:
            changed[at:at] = changed[max(0, at - chance.randrange(1, 64)) : at]
        changed = changed or bytearray(b"\0")
    return bytes(changed[: chance.randrange(len(changed)) + 1] if chance.random() < 0.2 else changed)


@pytest.mark.parametrize("name", marked.LABELLED)
def test_damaged_files_never_raise(tmp_path: Path, name: str) -> None:
    """Seeded damage to each container, and many lengths of its first kilobyte."""
    raw = marked.LABELLED[name](tmp_path).read_bytes()
    path = tmp_path / "damaged"
    for seed in range(60):
        path.write_bytes(damaged(raw, seed))
        harmless(path)
    for length in range(0, min(1024, len(raw)), 32):
        path.write_bytes(raw[:length])
        harmless(path)


@pytest.mark.parametrize("name", ["a.mp4", "a.jpg"])
def test_damaged_manifests_never_raise(tmp_path: Path, name: str) -> None:
    """The library is native code: a damaged manifest must not take the process with it."""
    raw = marked.signed(marked.plain(tmp_path, name), tmp_path / f"signed-{name}").read_bytes()
    path = tmp_path / "damaged"
    states = set()
    for seed in range(80):
        path.write_bytes(damaged(raw, seed))
        states |= {mark.state for mark in harmless(path) if mark.kind == "c2pa"}

    assert "invalid" in states


def test_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Nor is a pipe opened, on which one would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none", tmp_path / "pipe", tmp_path):
        with pytest.raises(NotFound, match="fetch the media again"):
            marks(path)
