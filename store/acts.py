"""What people do at the desk: leases, decisions, merges, splits, and undoing each; one transaction each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from core.cases import case_id as new_case
from core.errors import Busy, NotFound
from core.records import Bank, Reference, Verdict
from core.times import to_text
from store import audit
from store.cases import Move, refresh, save_moves
from store.ledger import Ledger
from store.rows import dump

LEASE = timedelta(minutes=10)
ALLOWED_FOR = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What a person decided of a case.

    seen      the newest act on the case that the person had seen; another since then is not overruled unawares
    findings  members it is about; () for all that share the case's clip
    element   which protected thing it is; None leaves what the finding says
    until     for `licensed`: how long the account is allowed
    """

    case: str
    verdict: Verdict
    person: str
    note: str = ""
    fair_use: str | None = None
    element: str | None = None
    seen: int | None = None
    findings: Sequence[str] = ()
    until: datetime | None = None


def lease(ledger: Ledger, case: str, person: str, *, at: datetime) -> None:
    """Take a case for ten minutes, or longer by taking it again.

    raises  Busy when another has it; NotFound when there is no such case
    """
    with ledger.write():
        ledger.db.execute("DELETE FROM leases WHERE until_at <= ?", [to_text(at)])
        if not ledger.rows("SELECT 1 FROM cases WHERE id = ?", [case]):
            raise NotFound(f"no case {case}; it may have been merged into another")
        held = ledger.rows("SELECT person FROM leases WHERE case_id = ?", [case])
        if held and held[0]["person"] != person:
            raise Busy(f"case {case} is being looked at by {held[0]['person']}; take the next one")
        ledger.db.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", [case, person, to_text(at + LEASE)])


def release(ledger: Ledger, case: str, person: str) -> None:
    """Give a case back."""
    with ledger.write():
        ledger.db.execute("DELETE FROM leases WHERE case_id = ? AND person = ?", [case, person])


def last_act(ledger: Ledger, case: str) -> int:
    """The newest act on a case; 0 for none."""
    return int(ledger.db.execute("SELECT coalesce(max(id), 0) FROM acts WHERE case_id = ?", [case]).fetchone()[0])


def decide(ledger: Ledger, ruling: Ruling, *, at: datetime) -> int:
    """Write a person's decision on a case; return the act.

    raises  Busy when another person has the case, or acted on it since this one saw it; NotFound for no such case
    """
    with ledger.write():
        lease(ledger, ruling.case, ruling.person, at=at)
        newest = last_act(ledger, ruling.case)
        if ruling.seen is not None and newest > ruling.seen:
            who = ledger.rows("SELECT person FROM acts WHERE id = ?", [newest])[0]["person"]
            if who != ruling.person:
                raise Busy(f"{who} acted on case {ruling.case} meanwhile; look at it again before you decide")
        members = _members(ledger, ruling)
        act = _act(ledger, "decide", ruling.case, ruling.person, at)
        for row in members:
            ledger.db.table("decisions").insert(
                {
                    "finding": row["finding"], "verdict": ruling.verdict, "reviewer": ruling.person,
                    "note": ruling.note, "fair_use": ruling.fair_use, "at": to_text(at), "act": act,
                    "element": ruling.element,
                }
            )  # fmt: skip
        if ruling.verdict is Verdict.UNRELATED:
            _learn(ledger, act, members, at)
        if ruling.verdict is Verdict.LICENSED:
            _allow(ledger, act, members, ruling.until or at + ALLOWED_FOR)
        release(ledger, ruling.case, ruling.person)
        refresh(ledger, [ruling.case])
    return act


def _members(ledger: Ledger, ruling: Ruling) -> list[dict[str, Any]]:
    sql = (
        "SELECT m.finding, m.differs, f.post, f.franchise, f.element, f.basis, fr.brand, p.platform, p.author_handle,"
        " d.verdict FROM members m JOIN findings f ON f.id = m.finding JOIN franchises fr ON fr.id = f.franchise"
        " JOIN posts p ON p.id = f.post LEFT JOIN latest_decisions d ON d.finding = f.id WHERE m.case_id = ?"
        " ORDER BY m.finding"
    )
    rows = ledger.rows(sql, [ruling.case])
    if ruling.findings:
        chosen = [row for row in rows if row["finding"] in set(ruling.findings)]
    else:  # the clip itself first; what differs from it keeps its own verdict, and is asked for next
        alike = [row for row in rows if not row["differs"]]
        undecided = [row for row in rows if row["verdict"] is None]
        chosen = alike if any(row["verdict"] is None for row in alike) or not undecided else undecided[:1]
    if not chosen:
        raise NotFound(f"case {ruling.case} has no such member; reload it")
    return chosen


def _act(ledger: Ledger, kind: str, case: str, person: str, at: datetime, *, undoes: int | None = None) -> int:
    row = {"kind": kind, "case_id": case, "person": person, "at": to_text(at), "undoes": undoes}
    act = int(ledger.db.table("acts").insert(row, pk="id").last_pk or 0)
    audit.note(ledger, person, kind, {"act": act, "case": case} | ({"undoes": undoes} if undoes else {}), at=at)
    return act


def _learn(ledger: Ledger, act: int, members: Sequence[dict[str, Any]], at: datetime) -> None:
    """The files of rejected copies join the negative bank: their re-encodings are then no hits either."""
    for row in members:
        ledger.db.execute("INSERT OR IGNORE INTO work (stage, subject) VALUES ('find', ?)", [row["post"]])
        if row["basis"] != "copy":
            continue
        for media in ledger.rows(
            "SELECT sha256, container, duration_s, size_bytes FROM media WHERE post = ?", [row["post"]]
        ):
            reference = Reference(
                id=f"rejected:{row['franchise']}:{media['sha256'][:16]}", sha256=media["sha256"],
                franchise=row["franchise"], element=None, bank=Bank.NEGATIVE,
                kind="video" if media["duration_s"] else "image", name=f"rejected {row['finding']}",
                size_bytes=media["size_bytes"], added_at=at,
            )  # fmt: skip
            if ledger.save_references([reference]):
                ledger.db.execute("INSERT INTO learned VALUES (?, ?)", [act, reference.id])


def _allow(ledger: Ledger, act: int, members: Sequence[dict[str, Any]], until: datetime) -> None:
    for brand, platform, handle in sorted({(row["brand"], row["platform"], row["author_handle"]) for row in members}):
        row = {"act": act, "brand": brand, "platform": platform, "handle": handle, "until_at": to_text(until)}
        ledger.db.table("allowed").insert(row, pk="id")


def decide_one(ledger: Ledger, finding: str, ruling: Ruling, *, at: datetime) -> None:
    """Decide one finding by its own id, as the command line does: by its case, where it is in one."""
    with ledger.write():
        rows = ledger.rows("SELECT case_id FROM members WHERE finding = ?", [finding])
        if rows:
            decide(ledger, replace(ruling, case=rows[0]["case_id"], findings=[finding]), at=at)
            return
        ledger.save_decision(
            finding, ruling.verdict, reviewer=ruling.person, note=ruling.note, fair_use=ruling.fair_use, at=at
        )
        audit.note(ledger, ruling.person, "decide", {"finding": finding, "verdict": ruling.verdict}, at=at)


def merge(ledger: Ledger, case: str, into: str, person: str, *, at: datetime) -> int:
    """Put all members of one case into another; return the act.

    raises  NotFound when one is not there or they are of different franchises
    """
    with ledger.write():
        known = {row["id"]: row["franchise"] for row in ledger.rows(
            "SELECT id, franchise FROM cases WHERE id IN (SELECT value FROM json_each(?))", [dump([case, into])]
        )}  # fmt: skip
        if case == into or len(known) < 2 or known[case] != known[into]:
            raise NotFound(f"{case} cannot be merged into {into}: both must be there, and of one franchise")
        act = _act(ledger, "merge", into, person, at)
        rows = ledger.rows("SELECT finding, differs FROM members WHERE case_id = ?", [case])
        why = f"merged by {person}"
        moves = [Move(finding=row["finding"], case_id=into, differs=row["differs"], why=why) for row in rows]
        save_moves(ledger, moves, at=at, act=act)
    return act


def split(ledger: Ledger, case: str, findings: Sequence[str], person: str, *, at: datetime) -> int:
    """Take some members out of a case into one of their own; return the act.

    raises  NotFound when they are not in it, or nothing would be left
    """
    with ledger.write():
        there = {row["finding"] for row in ledger.rows("SELECT finding FROM members WHERE case_id = ?", [case])}
        if not findings or not set(findings) < there:
            raise NotFound(f"case {case}: choose some of its members, not all; reload it")
        act = _act(ledger, "split", case, person, at)
        own, why = new_case(f"{min(findings)}|{act}"), f"split off by {person}"
        moves = [Move(finding=name, case_id=own, differs="", why=why) for name in sorted(set(findings))]
        save_moves(ledger, moves, at=at, act=act)
    return act


def undo(ledger: Ledger, person: str, *, at: datetime) -> tuple[int, str] | None:
    """Undo a person's last act that is not undone; return (that act, its case), or None when there is none.

    raises  Busy when another acted on the same case since
    """
    with ledger.write():
        sql = (
            "SELECT * FROM acts a WHERE person = ? AND kind <> 'undo'"
            " AND NOT EXISTS (SELECT 1 FROM acts b WHERE b.undoes = a.id) ORDER BY id DESC LIMIT 1"
        )
        rows = ledger.rows(sql, [person])
        if not rows:
            return None
        act, case = int(rows[0]["id"]), str(rows[0]["case_id"])
        since = ledger.rows("SELECT person FROM acts WHERE case_id = ? AND id > ? AND person <> ?", [case, act, person])
        if since:
            raise Busy(f"{since[0]['person']} acted on case {case} since; ask them before you undo yours")
        undoing = _act(ledger, "undo", case, person, at, undoes=act)
        touched = {case}
        for row in ledger.rows("SELECT finding FROM moves WHERE act = ? ORDER BY id", [act]):
            before = ledger.rows(BEFORE, [row["finding"], act])[0]
            touched.add(before["case_id"])
            why = before["why"]
            move = Move(finding=row["finding"], case_id=before["case_id"], differs=before["differs"], why=why)
            save_moves(ledger, [move], at=at, act=undoing)
        for row in ledger.rows("SELECT reference FROM learned WHERE act = ?", [act]):
            ledger.remove_reference(row["reference"])
        for row in ledger.rows(REJECTED, [act]):
            ledger.db.execute("INSERT OR IGNORE INTO work (stage, subject) VALUES ('find', ?)", [row["post"]])
        refresh(ledger, touched)
    return act, case


BEFORE = """
SELECT case_id, differs, why FROM moves m WHERE finding = ?1 AND id < (SELECT min(id) FROM moves WHERE finding = ?1
  AND act = ?2) ORDER BY id DESC LIMIT 1
"""

REJECTED = """
SELECT DISTINCT f.post FROM decisions d JOIN findings f ON f.id = d.finding WHERE d.act = ? AND d.verdict = 'unrelated'
"""
