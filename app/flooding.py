"""References whose hashes match too much: told apart by why, with what to do. Removes nothing."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from app.home import Home
from app.matching import reference_bank
from matchers.compare import HashBank
from matchers.index_file import IndexFile
from matchers.index_flood import flood_report, plain
from matchers.method import Method, methods
from store import queries
from store.ledger import Ledger

COMMON = 10  # references that share a picture; a studio's logo stands in all of them
SAMPLE = 20_000  # rows whose neighbours are counted, evenly spread over the index
ADVICE = {
    "low quality": "not one frame of it can be compared: dark, flat or empty; replace it",
    "pattern": "its hash is nearly all one bit, or a pattern: replace the picture, or move it to the negative bank",
    "common": "a logo, end card or black frame that many references show: cut it off, or add it to the negative bank",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flooding:
    """One reference and one reason.

    kind    low quality, pattern, common
    frames  how many of its hashes are so; of `common`, those of the worst in the sample
    near    of `common`: how many references are near its worst one; 0 for the others
    at_s    where that is in the reference, seconds
    """

    reference: str
    name: str
    method: str
    kind: str
    frames: int
    near: int
    at_s: float
    advice: str


def flooding(home: Home) -> list[Flooding]:
    """Every reference that cannot be compared at all, says nothing, or matches many others; the worst first."""
    names = {one.id: one.name for one in queries.references(home.ledger)}
    found: list[Flooding] = []
    for method in methods().values():
        bank = reference_bank(home.ledger, method)
        if not isinstance(bank, HashBank):
            continue
        # A still says nothing to a method of movements, and need not: the others speak for it.
        weak = () if method.movement else _weak(home.ledger, method)
        found += [
            Flooding(
                reference=reference, name=names.get(reference, ""), method=method.name, kind=kind, frames=frames,
                near=near, at_s=at_s, advice=ADVICE[kind],
            )
            for reference, kind, frames, near, at_s in (*weak, *_crowded(bank))
        ]  # fmt: skip
    order = list(ADVICE)
    return sorted(found, key=lambda one: (-order.index(one.kind), -one.near, -one.frames, one.reference))


def _weak(ledger: Ledger, method: Method) -> Iterator[tuple[str, str, int, int, float]]:
    """References that were looked at and have no hash good enough to be compared."""
    sql = (
        "SELECT refs.id, count(f.value) AS n, coalesce(min(f.offset_s), 0.0) AS at FROM refs"
        " JOIN receipts r ON r.stage = 'fingerprint' AND r.subject = refs.sha256 AND r.method = ?1 AND r.version = ?2"
        " LEFT JOIN fingerprints f ON f.sha256 = refs.sha256 AND f.method = ?1 AND f.version = ?2"
        " GROUP BY refs.id HAVING coalesce(max(f.quality), -1) < ?3"
    )
    for row in ledger.rows(sql, [method.name, method.version, method.least_quality]):
        yield row["id"], "low quality", row["n"], 0, row["at"]


def _crowded(bank: HashBank) -> Iterator[tuple[str, str, int, int, float]]:
    if not isinstance(bank.index, IndexFile) or not len(bank):
        return
    rows = bank.index.rows()
    values, owners, offsets = bank.index.values(rows), bank.owner[rows], bank.offset_s[rows]
    empty = np.flatnonzero(plain(values))
    for number, frames in Counter(owners[empty].tolist()).items():
        first = empty[owners[empty] == number][0]
        yield bank.references[number], "pattern", frames, 0, float(offsets[first])
    report = flood_report(values, owners, offsets, bank.method.threshold, COMMON, sample=SAMPLE)
    shown = Counter(one.owner for one in report.worst)
    for one in {one.owner: one for one in reversed(report.worst)}.values():
        yield bank.references[one.owner], "common", shown[one.owner], one.near, one.offset_s
