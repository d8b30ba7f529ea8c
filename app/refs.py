"""References: official stills and clips, known infringing clips, licensed and negative ones.

A file is copied into the blobs, so that a hit can be shown beside it years later. Never reads a
file's content here: what does not decode is told by the fingerprint stage, like any other media.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.home import Home
from app.progress import Track
from core.errors import NotFound, SettingsWrong
from core.records import Bank, Element, Franchise, Reference
from core.words import slug
from store import queries

IMAGES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".avif"})
VIDEOS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".flv", ".mpg", ".mpeg", ".gif", ".3gp"})


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
