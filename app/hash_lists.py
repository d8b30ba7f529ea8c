"""Hash lists: what others keep instead of pictures, read and written in the forms they use.

Reads one hash a line, `hash,name` and `name,hash` in either order, CSV with a header, what pdq-photo-hasher
prints, `pdq HASH` as python-threatexchange keeps it, ThreatExchange's JSON, and JSON lists of hashes or
objects. Never guesses which method a hash is of, and never widens a hash of 64 bits: a line that cannot be
used is told by its number, and the others are kept.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import hexdigits
from typing import Any, TextIO

from app.hash_layouts import Layout
from app.hits_files import cell
from core.errors import NotFound, SettingsWrong
from review.words import readable

MOST_LETTERS = 4000  # of a line; a longer one is no hash with a name
MOST_NAME = 200  # letters
MOST_JSON_BYTES = 256 << 20  # one JSON document stands in memory whole: five times its size
HEX_DIGITS = 64
LEAST_SET, MOST_SET = 64, 192  # of 256 bits: both methods set about half; far fewer is an empty picture
METHODS = {"hash_pdq": "pdq", "pdq": "pdq", "pdqhash": "pdq", "phash": "phash", "imagehash": "phash"}
PICTURES = frozenset({"image", "photo", "picture", "video", "frame"})  # a type of content says nothing of the hash
OTHER_LENGTHS = {
    16: "64 bits, and ours have 256: a hash cannot be widened; hash the pictures anew with hash_size=16",
    32: "128 bits, as MD5 has; only pictures' hashes of 256 bits can be compared",
    40: "160 bits, as SHA-1 has; only pictures' hashes of 256 bits can be compared",
}
# What the columns or keys of a list are called -> what they hold.
COLUMNS = {
    **dict.fromkeys(("hash", "indicator", "raw_indicator", "signal", "signal_str", "value", "hash_value"), "hash"),
    **dict.fromkeys(("pdq", "pdq_hash", "phash"), "hash"),
    **dict.fromkeys(("name", "filename", "file_name", "file", "path", "title", "description", "metadata"), "name"),
    **dict.fromkeys(("type", "signal_type", "indicator_type", "method", "hash_type"), "type"),
    **dict.fromkeys(("quality", "pdq_quality", "hash_quality"), "quality"),
    **dict.fromkeys(("tags", "labels"), "tags"),
    **dict.fromkeys(("status", "should_delete"), "standing"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One hash of a list. `quality` is 100 where the list does not say."""

    line: int
    method: str
    value: bytes
    name: str
    quality: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A line, or the place in a JSON list, that cannot be used, and why."""

    line: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hash:
    """One hash to be written: of a whole frame, shown at `offset_s` of its reference."""

    value: bytes
    quality: int
    name: str
    offset_s: float
    bank: str
    franchise: str
    element: str | None
    reference: str


def read(path: Path, method: str | None) -> Iterator[Entry | LeftOut]:
    """Walk a list, one line at a time; a JSON document is read whole.

    method  of the hashes, where the list does not say it itself
    raises  NotFound for no such file; SettingsWrong when nobody says which method it is, or for a JSON
            document that does not parse or is absurdly large
    """
    if not path.is_file():
        raise NotFound(f"{path}: no such file")
    with path.open(encoding="utf-8-sig", errors="replace", newline=None) as file:
        start = file.read(4096).lstrip()[:1]
    lines = _json_records(path) if start in {"[", "{"} else _text_records(path)
    for number, record in lines:
        yield record if isinstance(record, LeftOut) else _entry(path, number, record, method)


def count_lines(path: Path) -> int:
    """Count the lines of a file, for a progress bar."""
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def write(hashes: Iterable[Hash], layout: Layout, method: str, file: TextIO) -> int:
    """Write a list as it is walked; return how many hashes there were.

    raises  SettingsWrong for a layout that has no word for the method
    """
    if method != "pdq" and layout in {Layout.SIGNALS, Layout.THREATEXCHANGE}:
        raise SettingsWrong(f"{layout} has no type for {method}; use --format csv or json, or --method pdq")
    if layout in {Layout.LINES, Layout.SIGNALS}:
        return _write_lines(hashes, "pdq " if layout is Layout.SIGNALS else "", file)
    if layout is Layout.CSV:
        return _write_csv(hashes, method, file)
    return _write_json(hashes, layout, method, file)


# ------------------------------------------------------------------- reading
def _text_records(path: Path) -> Iterator[tuple[int, Mapping[str, str] | LeftOut]]:
    header: list[str] | None = None
    first = True
    for number, line in _lines(path):
        if line is None:
            yield number, LeftOut(line=number, why=f"longer than {MOST_LETTERS} letters; no hash with a name is")
            continue
        if not line.strip() or line.startswith("#"):
            continue
        fields = _fields(line)
        if first:
            first, header = False, _header(fields)
            if header:
                continue
        yield number, _named(header, fields) if header else _placed(number, fields)


def _lines(path: Path) -> Iterator[tuple[int, str | None]]:
    """Each line with its number; None for one that is too long, which never stands in memory whole."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        number = 0
        while line := file.readline(MOST_LETTERS):
            number += 1
            whole = line.endswith("\n") or len(line) < MOST_LETTERS
            while not line.endswith("\n") and len(line) == MOST_LETTERS:
                line = file.readline(MOST_LETTERS)
            yield number, line if whole else None


def _fields(line: str) -> list[str]:
    comma = "\t" if "\t" in line else ";" if ";" in line and "," not in line else ","
    try:
        fields = [field.strip() for field in next(csv.reader([line], delimiter=comma), [])]
    except csv.Error:
        fields = [field.strip() for field in line.split(comma)]
    if len(fields) != 1 or " " not in fields[0]:
        return fields
    # "pdq HASH", "HASH  a name": the two that have no comma.
    start, _, rest = fields[0].partition(" ")
    if _is_hash(start) or _is_hash(rest.strip()):
        return [start, rest.strip()]
    return fields


def _header(fields: Sequence[str]) -> list[str] | None:
    """What the columns hold, if this line says it."""
    known = [_holds(field) for field in fields]
    return known if "hash" in known and not any(map(_is_hash, fields)) else None


def _holds(column: str) -> str:
    return COLUMNS.get(column.strip().lower(), "")


def _named(header: Sequence[str], fields: Sequence[str]) -> dict[str, str]:
    """By the header; of two columns that hold one thing the first that says something counts."""
    record: dict[str, str] = {}
    for column, field in zip(header, fields, strict=False):
        if column and field and column not in record:
            record[column] = field
    return record


def _placed(number: int, fields: list[str]) -> Mapping[str, str] | LeftOut:
    """A line without a header: the hash is what looks like one, and what is beside it is its name."""
    if fields[0].startswith("hash="):  # pdq-photo-hasher --details
        pairs = [field.partition("=") for field in fields]
        return _named([_holds(key) for key, _, _ in pairs], [value for _, _, value in pairs])
    hashes = {field.lower() for field in fields if _is_hash(field)}
    if len(hashes) != 1:
        return LeftOut(line=number, why=_why_none(fields)) if not hashes else _two(number)
    rest = [field for field in fields if field and not _is_hash(field)]
    record = {"hash": hashes.pop()}
    if len(fields) == 2 and rest and rest[0].lower() in METHODS:
        return record | {"type": rest[0]}
    if len(rest) >= 2 and rest[0].isdecimal() and int(rest[0]) <= 100 and _is_hash(fields[0]):
        record["quality"] = rest.pop(0)
    return record | ({"name": rest[-1]} if rest else {})


def _two(number: int) -> LeftOut:
    return LeftOut(line=number, why="two hashes in one line; name the columns in a first line: hash,name ...")


def _json_records(path: Path) -> Iterator[tuple[int, Mapping[str, str] | LeftOut]]:
    """JSON lines one at a time, a document whole."""
    first = next((line for _, line in _lines(path) if line is None or line.strip()), None)
    alone = _parsed(first) if first else None
    if isinstance(alone, dict) and any(isinstance(held, str) and _holds(key) == "hash" for key, held in alone.items()):
        for number, line in _lines(path):
            if line is None or line.strip():
                yield number, _record(number, _parsed(line or ""))
        return
    if path.stat().st_size > MOST_JSON_BYTES:
        raise SettingsWrong(f"{path}: a JSON document of more than {MOST_JSON_BYTES >> 20} MiB; give one object a line")
    document = _parsed(path.read_text(encoding="utf-8-sig", errors="replace"))
    if document is None:
        raise SettingsWrong(f"{path}: begins like JSON and does not parse; check it with `python -m json.tool`")
    for number, item in enumerate(_items(document), 1):
        yield number, _record(number, item)


def _parsed(text: str) -> Any:  # noqa: ANN401 - JSON is anything
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # ours to tell, with the place
        return None


def _items(document: Any) -> Iterable[Any]:  # noqa: ANN401 - JSON is anything
    """The list in a document: itself, the one list it wraps, or names with their hashes."""
    if isinstance(document, list):
        return document
    lists = [value for value in document.values() if isinstance(value, list)]
    return lists[0] if len(lists) == 1 else [{"name": name, "hash": value} for name, value in document.items()]


def _record(number: int, item: Any) -> Mapping[str, str] | LeftOut:  # noqa: ANN401 - JSON is anything
    if isinstance(item, str):
        return _placed(number, [item.strip()])
    if isinstance(item, list) and item and all(isinstance(one, str) for one in item):
        return _placed(number, [one.strip() for one in item])
    if isinstance(item, dict):
        return _plain(item)
    return LeftOut(line=number, why="neither a hash nor an object with one")


def _plain(item: Mapping[str, Any]) -> dict[str, str]:
    """Words only: tags joined, as ThreatExchange gives them either way."""
    fields = []
    for key, value in item.items():
        held = value.get("data") if isinstance(value, dict) else value
        if isinstance(held, list):
            words = [one.get("text") if isinstance(one, dict) else one for one in held]
            held = " ".join(word for word in words if isinstance(word, str))
        fields.append((_holds(key), held))
    texts = [
        (column, str(held)) for column, held in fields if isinstance(held, str | int | float) and held is not False
    ]
    return _named([column for column, _ in texts], [text for _, text in texts])


def _entry(path: Path, number: int, record: Mapping[str, str], method: str | None) -> Entry | LeftOut:
    text, kind = record.get("hash", ""), record.get("type", "").lower()
    said = METHODS.get(kind)
    if kind and kind not in PICTURES and (said is None or said != (method or said)):
        return LeftOut(line=number, why=f"of type {readable(kind, most=40)}, not {method or 'pdq or phash'}")
    if not _is_hash(text):
        return LeftOut(line=number, why=_why_none([text]))
    if record.get("standing", "").upper() in {"TRUE", "NON_MALICIOUS"}:
        return LeftOut(line=number, why="withdrawn by its owner: should_delete, or NON_MALICIOUS")
    if said is None and method is None:
        raise SettingsWrong(f"{path}:{number}: PDQ and imagehash both write 64 digits; say --method pdq or phash")
    value = bytes.fromhex(text)
    if not LEAST_SET <= int.from_bytes(value).bit_count() <= MOST_SET:
        return LeftOut(line=number, why="the hash of an empty picture, which would match every empty frame")
    return Entry(
        line=number,
        method=said or method or "",
        value=value,
        name=readable(record.get("name") or record.get("tags") or "", most=MOST_NAME) or f"{path.name}:{number}",
        quality=_quality(record.get("quality", "")),
    )


def _quality(text: str) -> int:
    return min(int(text), 100) if text.isdecimal() and len(text) < 9 else 100


def _is_hash(field: str) -> bool:
    return len(field) == HEX_DIGITS and set(field) <= set(hexdigits)


def _why_none(fields: Sequence[str]) -> str:
    for field in fields:
        if len(field) in OTHER_LENGTHS and set(field) <= set(hexdigits):
            return OTHER_LENGTHS[len(field)]
    shown = readable(fields[0] if fields else "", most=40)
    return f"no hash of {HEX_DIGITS} hexadecimal digits in {shown!r}"


# ------------------------------------------------------------------- writing
def _write_lines(hashes: Iterable[Hash], before: str, file: TextIO) -> int:
    written = set[bytes]()
    for one in hashes:
        if one.value not in written:
            written.add(one.value)
            file.write(f"{before}{one.value.hex()}\n")
    return len(written)


def _write_csv(hashes: Iterable[Hash], method: str, file: TextIO) -> int:
    table, count = csv.writer(file, lineterminator="\n"), 0
    table.writerow(("hash", "quality", "name", "type", "offset_s", "bank", "franchise", "element", "reference"))
    for count, one in enumerate(hashes, 1):  # noqa: B007 - counted for the caller
        texts = (one.bank, one.franchise, one.element or "", one.reference)
        table.writerow((one.value.hex(), one.quality, cell(one.name), method, one.offset_s, *map(cell, texts)))
    return count


def _write_json(hashes: Iterable[Hash], layout: Layout, method: str, file: TextIO) -> int:
    wrapped, count = layout is Layout.THREATEXCHANGE, 0
    file.write('{"data": [' if wrapped else "[")
    for count, one in enumerate(hashes, 1):
        item = _indicator(one) if wrapped else _object(one, method)
        file.write(("," if count > 1 else "") + "\n" + json.dumps(item, ensure_ascii=False))
    file.write("\n]}\n" if wrapped else "\n]\n")
    return count


def _object(one: Hash, method: str) -> dict[str, Any]:
    return {
        "hash": one.value.hex(),
        "quality": one.quality,
        "name": one.name,
        "type": method,
        "offset_s": one.offset_s,
        "bank": one.bank,
        "franchise": one.franchise,
        "element": one.element,
        "reference": one.reference,
    }


def _indicator(one: Hash) -> dict[str, Any]:
    """As /threat_updates names things; tags may hold no space."""
    tags = [tag.replace(" ", "_") for tag in (one.franchise, one.element, one.bank) if tag]
    return {"indicator": one.value.hex(), "type": "HASH_PDQ", "tags": tags, "description": one.name}
