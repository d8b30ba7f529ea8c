"""The match stage: new files against all references, and new references against all files."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress

from app.home import Home
from app.progress import Track, track
from app.stages import due, now, tally
from core.errors import Busy
from core.records import Fingerprint, Match
from matchers.bank_file import file_bank
from matchers.compare import HashBank
from matchers.method import Bank, Method, methods
from store.ledger import Ledger

SWEPT = 20_000  # new references looked up at once; a walk over all gathered files is what costs


def match_files(home: Home, banks: dict[str, Bank] | None = None) -> dict[str, int]:
    """Compare new media with all references, and new references with all media. Returns files and matches.

    banks   method -> its bank, to which what is built here is added: for who asks it again about the same files
    """
    ledger, counts, known = home.ledger, {"compared": 0, "matches": 0}, methods()
    banks = {} if banks is None else banks
    total = ledger.count_pending("match", now=now()) + ledger.count_pending("sweep", now=now())
    with track("match", total) as progress:
        for sha256, name in due(ledger, "match"):
            if name not in banks:
                banks[name] = reference_bank(ledger, known[name])
            found = banks[name].compare(sha256, fingerprints(ledger, known[name], sha256))
            ledger.save_matches("match", sha256, name, known[name].version, found, at=now())
            _count(counts, progress, len(found))
        for name, references in _due_sweeps(ledger):
            for reference, found in _sweep(ledger, known[name], references).items():
                ledger.save_matches("sweep", reference, name, known[name].version, found, at=now())
                _count(counts, progress, len(found))
        flooded = {name for bank in banks.values() if isinstance(bank, HashBank) for name in bank.flooded}
        if flooded:  # an empty frame or a logo that thousands of reference frames show: told, never silent
            counts["files with frames like too many references (see `clipwarden refs flood`)"] = len(flooded)
            progress.to(progress.done, note=tally(counts))
    return counts


def _due_sweeps(ledger: Ledger) -> Iterator[tuple[str, list[str]]]:
    """The new references of each method, so many that one walk over the gathered files serves them all."""
    by_method: dict[str, list[str]] = {}
    for reference, name in due(ledger, "sweep"):
        by_method.setdefault(name, []).append(reference)
    for name, references in by_method.items():
        for start in range(0, len(references), SWEPT):
            yield name, references[start : start + SWEPT]


def _sweep(ledger: Ledger, method: Method, references: list[str]) -> dict[str, list[Match]]:
    """New references against everything that was gathered before them."""
    found: dict[str, list[Match]] = {reference: [] for reference in references}
    bank = reference_bank(ledger, method, references)
    sql = "SELECT subject FROM receipts WHERE stage = 'match' AND method = ?"
    for row in ledger.rows(sql, [method.name]) if len(bank) else []:
        for match in bank.compare(row["subject"], fingerprints(ledger, method, row["subject"])):
            found[match.reference].append(match)
    return found


def reference_bank(ledger: Ledger, method: Method, only: Sequence[str] | None = None) -> Bank:
    """The references of a method, ready to search; or some of them."""
    if only is None and isinstance(empty := method.bank(method, ()), HashBank):
        with suppress(Busy, OSError):  # another adds to it, or the disk is full: what is in memory serves as well
            return _from_file(ledger, method, empty)
    chosen = "SELECT id, sha256 FROM refs ORDER BY id"
    if only is not None:
        chosen = "SELECT refs.id, sha256 FROM json_each(?) j JOIN refs ON refs.id = j.value ORDER BY refs.id"
    rows = ledger.rows(chosen, [] if only is None else [json.dumps(only)])
    return method.bank(method, ((row["id"], fingerprints(ledger, method, row["sha256"])) for row in rows))


def _from_file(ledger: Ledger, method: Method, empty: HashBank) -> Bank:
    """The hashes of all references that have any, mapped from a file beside the ledger."""
    folder = ledger.path.parent / "index"
    folder.mkdir(exist_ok=True)
    sql = (
        "SELECT refs.id, refs.sha256 FROM refs JOIN receipts r ON r.stage = 'fingerprint' AND r.subject = refs.sha256"
        " AND r.method = ? AND r.version = ? ORDER BY refs.id"
    )
    known = {row["id"]: row["sha256"] for row in ledger.rows(sql, [method.name, method.version])}
    path = folder / f"{method.name}-{method.version}.idx"
    for stale in folder.glob(f"{method.name}-*"):
        if stale.stem != path.stem:
            stale.unlink()
    return file_bank(empty, path, list(known), lambda name: fingerprints(ledger, method, known[name]))


def fingerprints(ledger: Ledger, method: Method, sha256: str) -> list[Fingerprint]:
    """A file's fingerprints by a method's version in force."""
    sql = (
        "SELECT offset_s, region, value, quality FROM fingerprints"
        " WHERE sha256 = ? AND method = ? AND version = ? ORDER BY offset_s, region"
    )
    return [Fingerprint(**row) for row in ledger.rows(sql, [sha256, method.name, method.version])]


def _count(counts: dict[str, int], progress: Track, found: int) -> None:
    counts["compared"] += 1
    counts["matches"] += found
    progress.step(note=tally(counts))
