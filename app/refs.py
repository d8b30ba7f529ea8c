"""References: official stills and clips, known infringing clips, licensed and negative ones.

A file is copied into the blobs, so that a hit can be shown beside it years later. Never reads a
file's content here: what does not decode is told by the fingerprint stage, like any other media.
An entry of a hash list is a reference without a file: size 0, and one fingerprint that came with it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from app.hash_lists import Entry, Hash, LeftOut, count_lines, read
from app.home import Home
from app.progress import Track
from core.errors import NotFound, SettingsWrong
from core.records import Bank, Element, Fingerprint, Franchise, Reference
from core.words import slug
from matchers.method import method as method_named
from store import queries
from store.ledger import Ledger
from store.rows import dump

IMAGES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".avif"})
VIDEOS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".flv", ".mpg", ".mpeg", ".gif", ".3gp"})

HASH_METHODS = ("pdq", "phash")  # whose hashes others exchange; both 256 bits
BATCH = 5000  # entries written together: a kill loses one batch, and the same command goes on from there
MOST_TOLD = 1000  # lines left out that are named; all are counted
BALANCED = range(126, 131)  # bits set of 256: 128 in 999 of 1000 hashes of pictures, by the medians they stand on


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What `refs add` did: how many files are new, were there before, or are not media by name."""

    new: int
    known: int
    skipped: tuple[Path, ...]


def add(
    home: Home, *, brand: str, franchise: str, element: str | None, bank: Bank, paths: Sequence[Path], progress: Track
) -> Added:
    """Add files and folders as references of a franchise, or of one element of it.

    raises  NotFound for a path, SettingsWrong for a brand, franchise or element the brand files lack
    """
    title, part = resolve(home, brand, franchise, element)
    files, skipped = _media(paths)
    references = []
    progress.to(progress.done, total=(progress.total or 0) + len(files))
    for path in files:
        sha256 = home.blobs.copy(path)
        references.append(
            Reference(
                id=reference_id(title.id, part.id if part else None, bank, sha256),
                sha256=sha256,
                franchise=title.id,
                element=part.id if part else None,
                bank=bank,
                kind="image" if path.suffix.lower() in IMAGES else "video",
                name=path.name,
                size_bytes=path.stat().st_size,
                added_at=datetime.now(UTC),
            )
        )
        progress.step(note=path.name[:40])
    new = home.ledger.save_references(references)
    return Added(new=new, known=len(references) - new, skipped=tuple(skipped))


@dataclass(slots=True, kw_only=True)
class Imported:
    """What `refs import` did.

    new         entries that are references now
    known       were so before, or stand in the lists twice
    weak        new ones of so low a quality that they are never compared
    balanced    entries with about as many ones as zeros; in a list of another kind of hash they are few
    left_out    how many lines could not be used, and the first of them: file, line, why
    """

    new: int = 0
    known: int = 0
    weak: int = 0
    balanced: int = 0
    left_out: int = 0
    told: list[tuple[Path, LeftOut]] = field(default_factory=list)

    @property
    def doubtful(self) -> bool:
        """Whether most of the entries are hardly hashes of a picture's frequencies."""
        return self.balanced * 2 < self.new + self.known


def import_hashes(
    home: Home,
    *,
    brand: str,
    franchise: str,
    element: str | None,
    bank: Bank,
    paths: Sequence[Path],
    method: str | None,
    progress: Track,
) -> Imported:
    """Make a reference of each entry of hash lists. What is there already changes nothing.

    method  of the hashes, where a list does not say it
    raises  NotFound for a path, SettingsWrong for a brand, franchise, element or method that nobody knows,
            and as `hash_lists.read`
    """
    title, part = resolve(home, brand, franchise, element)
    if method is not None and method not in HASH_METHODS:
        raise SettingsWrong(f"no hash lists of {method}; there are: {', '.join(HASH_METHODS)}")
    for path in paths:
        if not path.is_file():
            raise NotFound(f"{path}: no such file")
    done, total = Imported(), sum(map(count_lines, paths))
    progress.to(0, total=total)
    for path in paths:
        walk, before = read(path, method), progress.done
        while batch := list(islice(walk, BATCH)):
            entries = [one for one in batch if isinstance(one, Entry)]
            _import_batch(home.ledger, (title.id, part.id if part else None, bank), entries, done)
            for one in batch:
                if isinstance(one, LeftOut):
                    done.left_out += 1
                    done.told += [(path, one)] * (len(done.told) < MOST_TOLD)
            seen = before + batch[-1].line
            progress.to(seen, total=max(total, seen), note=f"{done.new} new")
    return done


def _import_batch(
    ledger: Ledger, place: tuple[str, str | None, Bank], entries: Sequence[Entry], done: Imported
) -> None:
    """One transaction: the fingerprints, their receipts, the references, and nothing left to fingerprint."""
    (franchise, element, bank), now = place, datetime.now(UTC)
    versions = {name: method_named(name) for name in {one.method for one in entries}}
    with ledger.write():
        references = []
        had = _fingerprinted(ledger, [content_id(one) for one in entries])
        for one in entries:
            sha256, made_by = content_id(one), versions[one.method]
            references.append(
                Reference(
                    id=reference_id(franchise, element, bank, sha256),
                    sha256=sha256,
                    franchise=franchise,
                    element=element,
                    bank=bank,
                    kind="image",
                    name=one.name,
                    size_bytes=0,
                    added_at=now,
                )
            )
            done.balanced += int.from_bytes(one.value).bit_count() in BALANCED
            if sha256 not in had:
                had.add(sha256)
                done.weak += one.quality < made_by.least_quality
                value = Fingerprint(offset_s=0.0, region="whole", value=one.value, quality=one.quality)
                ledger.save_fingerprints(sha256, one.method, made_by.version, [value], at=now)
        new = ledger.save_references(references)
    done.new += new
    done.known += len(entries) - new


def content_id(entry: Entry) -> str:
    """What stands for the bytes that an entry has not: the same hash is the same content, whatever its name."""
    return hashlib.sha256(f"clipwarden hash\n{entry.method} {entry.value.hex()}\n".encode()).hexdigest()


def _fingerprinted(ledger: Ledger, contents: Sequence[str]) -> set[str]:
    """Those that the version in force has looked at: a second receipt would have them swept again."""
    # CROSS JOIN: the planner would walk all receipts for each of these.
    sql = (
        "SELECT r.subject FROM json_each(?) CROSS JOIN receipts r ON r.stage = 'fingerprint' AND r.subject = value"
        " JOIN methods m ON m.name = r.method AND m.version = r.version"
    )
    return {row["subject"] for row in ledger.rows(sql, [dump(list(contents))])}


def export_hashes(home: Home, *, method: str, bank: Bank) -> Iterator[Hash]:
    """Walk the hashes of a bank's references, of whole frames that are good enough to be compared.

    raises  SettingsWrong for a method whose values are no hashes of 256 bits
    """
    if method not in HASH_METHODS:
        raise SettingsWrong(f"no hash lists of {method}; there are: {', '.join(HASH_METHODS)}")
    made_by = method_named(method)
    sql = (
        "SELECT f.value, f.quality, r.name, f.offset_s, r.bank, r.franchise, r.element, r.id AS reference"
        " FROM refs r JOIN fingerprints f ON f.sha256 = r.sha256 AND f.method = ? AND f.version = ?"
        " AND f.region = 'whole' WHERE r.bank = ? AND f.quality >= ?"
        " ORDER BY r.franchise, r.element, r.name, r.id, f.offset_s"
    )
    values = [made_by.name, made_by.version, bank, made_by.least_quality]
    for row in home.ledger.db.query(sql, values):
        yield Hash(**row)


def resolve(home: Home, brand: str, franchise: str, element: str | None) -> tuple[Franchise, Element | None]:
    """The franchise and element a person named, by title or by its slug."""
    known = [one for one in queries.franchises(home.ledger) if one.brand == slug(brand)]
    found = next((one for one in known if slug(franchise) in {slug(one.title), *map(slug, _aliases(one))}), None)
    if found is None:
        there = ", ".join(one.title for one in known) or "none; is its file in brands/?"
        raise SettingsWrong(f"no franchise {franchise!r} in brand {brand!r}; there are: {there}")
    if element is None:
        return found, None
    part = next((one for one in found.elements if slug(one.name) == slug(element)), None)
    if part is None:
        there = ", ".join(one.name for one in found.elements) or "none"
        raise SettingsWrong(f"no element {element!r} in {found.title}; there are: {there}")
    return found, part


def remove(home: Home, beginnings: Sequence[str]) -> list[Reference]:
    """Take references away by their id; the blobs stay, since findings may show them."""
    known = queries.references(home.ledger)
    gone = []
    for start in beginnings:
        found = [one for one in known if one.id.startswith(start)]
        if len(found) != 1:
            many = "more than one reference begins" if found else "no reference begins"
            raise NotFound(f"{many} with {start!r}; `clipwarden refs list` shows their ids")
        gone += found
    with home.ledger.write():
        for reference in gone:
            home.ledger.remove_reference(reference.id)
    return gone


def reference_id(franchise: str, element: str | None, bank: Bank, sha256: str) -> str:
    """Short enough to type; the same file for the same thing in the same bank is the same reference."""
    return "R-" + hashlib.sha256(f"{franchise}|{element or ''}|{bank}|{sha256}".encode()).hexdigest()[:10]


def _aliases(franchise: Franchise) -> Iterator[str]:
    for names in franchise.aliases.values():
        yield from names


def _media(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Files as they are named, folders searched; (media, not media by name)."""
    media: list[Path] = []
    skipped: list[Path] = []
    for path in paths:
        if not path.exists():
            raise NotFound(f"{path}: no such file or folder")
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                (media if file.suffix.lower() in IMAGES | VIDEOS else skipped).append(file)
    return media, skipped
