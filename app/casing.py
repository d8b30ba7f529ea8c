"""The case stage: each hit into the case of its clip, by what proves copies; a person may move it at the desk."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache

from app.home import Home
from app.matching import fingerprints
from app.progress import track
from app.stages import due, now, tally
from core.cases import Likeness, Place, Relation, both_ways, case_id, likeness, places
from core.records import Basis, Match
from matchers.bank_file import file_bank
from matchers.compare import HashBank
from matchers.method import Bank, Method, Sense, methods
from matchers.sameness import CHANGE, LOOKS, Films, films, motions
from store.cases import NO_FILE, Move, receipts, refresh, save_moves
from store.ledger import Ledger

CASE_VERSION = 2  # raise it when the rule changes: hits already in a case stay there
TOGETHER = 25  # hits that are compared with one another at once: a pair of one clip of 30 s takes 30 ms
NEAREST = 20  # pairs by which a file may join: of many uploads of one clip each matches all the others
NEWEST = 1000  # leads whose features are searched: they lie in memory, and re-uploads come soon or with equal hashes


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A file of a hit."""

    finding: str
    franchise: str
    sha256: str
    duration_s: float | None


def group_hits(home: Home) -> dict[str, int]:
    """Put every new hit into a case. Returns hits, and how many cases they opened."""
    ledger, counts = home.ledger, {"hits": 0, "cases": 0}
    with track("cases", ledger.count_pending("case", now=now())) as progress:
        for batch in _batches(due(ledger, "case")):
            placed = _placed(ledger, batch)
            new = [finding for finding in batch if placed.get(finding) in {None, NO_FILE}]
            moves = _place(home, new)
            moves = [move for move in moves if not (placed.get(move.finding) == NO_FILE and move.why == NO_FILE)]
            with ledger.write():
                save_moves(ledger, moves, at=now())
                refresh(ledger, _cases(ledger, set(batch) - {move.finding for move in moves}))
                receipts(ledger, batch, CASE_VERSION, at=now())
            counts["hits"] += len(batch)
            counts["cases"] += sum(move.case_id == case_id(move.finding) for move in moves)
            progress.to(counts["hits"], note=tally(counts))
    return counts


def _batches(pairs: Iterable[tuple[str, str]]) -> Iterator[list[str]]:
    batch: list[str] = []
    for subject, _ in pairs:
        batch.append(subject)
        if len(batch) == TOGETHER:
            yield batch
            batch = []
    if batch:
        yield batch


def _placed(ledger: Ledger, findings: Sequence[str]) -> dict[str, str]:
    """Finding -> why it is in its case, for those that are in one."""
    found = {}
    for finding in findings:
        for row in ledger.rows("SELECT why FROM members WHERE finding = ?", [finding]):
            found[finding] = row["why"]
    return found


def _cases(ledger: Ledger, findings: Iterable[str]) -> set[str]:
    rows = (ledger.rows("SELECT case_id FROM members WHERE finding = ?", [finding]) for finding in findings)
    return {row["case_id"] for found in rows for row in found}


def _place(home: Home, findings: Sequence[str]) -> list[Move]:
    """Where each of some new hits belongs, and why."""
    clips = [clip for finding in findings for clip in _clips(home.ledger, finding)]
    leads = _leads(home.ledger, findings)
    like = both_ways(_alike(home, clips, leads))
    joined = {one.other for ones in like.values() for one in ones}
    moves: dict[str, Move] = {}
    for franchise in dict.fromkeys(clip.franchise for clip in clips):
        mine = [clip for clip in clips if clip.franchise == franchise]
        near = [clip for clip in leads if clip.franchise == franchise and clip.sha256 in joined]
        there = {clip.sha256: _place_of(home.ledger, clip) for clip in near}
        found = places([(clip.sha256, case_id(clip.finding)) for clip in mine], there, like)
        for clip, (_, place) in zip(mine, found, strict=True):  # a post of some clips goes with its first
            moves.setdefault(clip.finding, Move(finding=clip.finding, **asdict(place)))
    alone = {
        finding: Move(finding=finding, case_id=case_id(finding), differs="", why=NO_FILE)
        for finding in findings
        if finding not in moves
    }
    return [(moves | alone)[finding] for finding in findings]


def _place_of(ledger: Ledger, lead: Clip) -> Place:
    return Place(**ledger.rows("SELECT case_id, differs, why FROM members WHERE finding = ?", [lead.finding])[0])


CLIPS = (
    "SELECT DISTINCT f.id AS finding, f.franchise, m.sha256, m.duration_s"
    " FROM findings f JOIN media m ON m.post = f.post"
)
FINGERPRINTED = (
    "m.rendition = 'triage' AND EXISTS (SELECT 1 FROM receipts r"
    " WHERE r.stage = 'fingerprint' AND r.subject = m.sha256 AND r.found > 0)"
)


FIRST_OF_CASE = "(SELECT min(finding) FROM members y WHERE y.case_id = x.case_id AND y.differs = '' AND y.why <> ?1)"


def _clips(ledger: Ledger, finding: str) -> list[Clip]:
    """The files of a hit that have been fingerprinted."""
    sql = f"{CLIPS} WHERE f.id = ? AND {FINGERPRINTED} ORDER BY m.position"
    return [Clip(**row) for row in ledger.rows(sql, [finding])]


def _leads(ledger: Ledger, but: Sequence[str]) -> list[Clip]:
    """The files that stand for their cases: the first of each, and what differs from it."""
    sql = (
        f"{CLIPS} JOIN members x ON x.finding = f.id WHERE x.why <> ?1 AND {FINGERPRINTED}"
        f" AND (x.differs <> '' OR f.id = {FIRST_OF_CASE}) ORDER BY f.found_at, f.id, m.position"
    )
    left_out = set(but)
    return [Clip(**row) for row in ledger.rows(sql, [NO_FILE]) if row["finding"] not in left_out]


def _alike(home: Home, clips: Sequence[Clip], leads: Sequence[Clip]) -> Iterator[tuple[str, Likeness]]:
    """Each new file's likeness to the others and to the leads, by every method that proves copies by pictures."""
    files = {clip.sha256: clip for clip in clips}
    known = {clip.sha256: clip for clip in leads}
    for name in files.keys() & known.keys():
        yield name, Likeness(other=name, relation=Relation.SAME, share=1.0, why="the same file")
    matches: dict[tuple[str, str], list[Match]] = {}
    every = methods()
    for method in every.values():
        if method.basis is not Basis.COPY or method.sense is not Sense.FRAMES:
            continue
        own = method.bank(method, ((name, fingerprints(home.ledger, method, name)) for name in files))
        for bank in (own, _kept(home, method, list(known))):
            for name in files if len(bank) else ():
                for match in bank.compare(name, fingerprints(home.ledger, method, name)):
                    matches.setdefault((name, match.reference), []).append(match)
    there = known | files

    @cache
    def moving(name: str) -> Films:
        return films(*(fingerprints(home.ledger, every[method], name) for method in (LOOKS, CHANGE)))

    order = {name: place for place, name in enumerate((*known, *files))}
    joining: dict[str, list[tuple[str, str]]] = {}  # the later file -> the pairs by which it may join, the surest first
    for pair in sorted(matches, key=lambda pair: (-max(one.probability for one in matches[pair]), pair)):
        if pair[0] != pair[1] and pair[1] in there:
            joining.setdefault(max(pair, key=order.__getitem__), []).append(pair)
    for pairs in joining.values():
        for name, other in pairs[:NEAREST]:
            found, seconds = matches[name, other], (files[name].duration_s, there[other].duration_s)
            like = likeness(found, *seconds)
            if like.relation is not Relation.NONE and None not in seconds:
                like = likeness(found, *seconds, motions(found, moving(name), moving(other)))
            yield name, like


def _kept(home: Home, method: Method, names: Sequence[str]) -> Bank:
    """The leads' prints: hashes mapped from a file that only grows; others, such as features, of the newest leads."""
    empty = method.bank(method, ())
    if not isinstance(empty, HashBank):
        newest = names[-NEWEST:]
        return method.bank(method, ((name, fingerprints(home.ledger, method, name)) for name in newest))
    path = home.folder / "index" / f"cases-{method.name}-{method.version}.idx"
    path.parent.mkdir(exist_ok=True)
    return file_bank(empty, path, names, lambda name: fingerprints(home.ledger, method, name))
