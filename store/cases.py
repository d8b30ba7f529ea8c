"""Cases: which finding is in which, and its row in the queue; written by the case stage and the desk."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.cases import status
from core.priority import priority, rank
from core.records import AuthorClass
from core.times import from_text, to_text
from core.words import bare
from store.captions import earlier_words
from store.ledger import Ledger
from store.rows import dump

SEARCHED = 40  # members whose captions can be searched; a re-upload rarely says something new
CAPTION = 2000  # letters of each
EARLIER = 100  # texts that members had before: who edits a title away is found by it all the same
NO_FILE = "no file yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Into which case a finding goes, why, and what it has that the case's clip has not ("" for nothing)."""

    finding: str
    case_id: str
    differs: str
    why: str


def save_moves(ledger: Ledger, moves: Sequence[Move], *, at: datetime, act: int | None = None) -> None:
    """Put findings into cases, opening those that are not there, and show it in the queue.

    act  the person's act that moved them; None: the rule did
    """
    now = to_text(at)
    with ledger.write():
        for move in moves:
            before = ledger.rows("SELECT case_id FROM members WHERE finding = ?", [move.finding])
            ledger.db.execute(
                "INSERT OR IGNORE INTO cases SELECT ?, franchise, found_at FROM findings WHERE id = ?",
                [move.case_id, move.finding],
            )
            ledger.db.execute(
                "INSERT INTO moves (finding, case_id, differs, why, act, at) VALUES (?, ?, ?, ?, ?, ?)",
                [move.finding, move.case_id, move.differs, move.why, act, now],
            )
            refresh(ledger, {move.case_id, *(row["case_id"] for row in before)})


def receipts(ledger: Ledger, findings: Iterable[str], version: int, *, at: datetime) -> None:
    """Note that the case stage has looked at findings."""
    with ledger.write():
        for finding in findings:
            row = ["case", finding, "", version, 1, to_text(at), 0]
            ledger.db.execute("INSERT OR REPLACE INTO receipts VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def refresh(ledger: Ledger, cases: Iterable[str]) -> None:
    """Make the queue's rows of some cases anew from what the ledger says of their members."""
    with ledger.write():
        for case in sorted(set(cases)):
            members = ledger.rows(MEMBERS, [case])
            shown = [row for row in members if row["score"] >= 0.5 or row["verdict"]]
            _drop(ledger, case) if not shown else _show(ledger, case, shown)


MEMBERS = """
SELECT m.finding, m.differs, f.post, f.franchise, f.element, f.basis, f.score, f.ai_evidence <> '[]' AS ai,
  f.author_class, f.found_at, p.platform, p.author_handle, substr(p.text, 1, 2000) AS text, p.posted_at, p.seen_at,
  c.opened_at, d.verdict, d.note, d.at AS decided_at,
  (SELECT max(views) FROM sightings s WHERE s.post = p.id) AS views,
  (SELECT max(seen_at) FROM sightings s WHERE s.post = p.id) AS last_at
FROM members m JOIN cases c ON c.id = m.case_id JOIN findings f ON f.id = m.finding JOIN posts p ON p.id = f.post
LEFT JOIN latest_decisions d ON d.finding = m.finding
WHERE m.case_id = ? ORDER BY m.differs <> '', f.score DESC, f.found_at, m.finding
"""


def _drop(ledger: Ledger, case: str) -> None:
    ledger.db.execute("DELETE FROM found WHERE rowid = (SELECT id FROM queue WHERE case_id = ?)", [case])
    ledger.db.execute("DELETE FROM queue_platforms WHERE case_id = ?", [case])
    ledger.db.execute("DELETE FROM queue WHERE case_id = ?", [case])


def _show(ledger: Ledger, case: str, members: Sequence[Mapping[str, Any]]) -> None:
    lead = members[0]
    verdicts = {row["finding"]: row["verdict"] for row in members}
    platforms = sorted({row["platform"] for row in members})
    views = sum(row["views"] or 0 for row in members)
    matters = priority(
        max(row["score"] for row in members),
        views,
        sum(_views_a_day(row) for row in members),
        max((AuthorClass(row["author_class"]) for row in members), key=_weight),
    )
    row = {
        "case_id": case,
        "status": status(verdicts, {row["finding"]: bool(row["differs"]) for row in members}),
        "rank": rank(matters, from_text(lead["opened_at"])),
        "franchise": lead["franchise"],
        "element": next((row["element"] for row in members if row["element"]), None),
        "day": lead["opened_at"][:10],
        "basis": min(row["basis"] for row in members),  # copy before suggestion
        "score": max(row["score"] for row in members),
        "views": views,
        "ai": int(any(row["ai"] for row in members)),
        "lead": lead["finding"],
        "members": len(members),
        "platforms": dump(platforms),
        "decided_at": max((row["decided_at"] for row in members if row["decided_at"]), default=None),
    }
    columns = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    news = ", ".join(f"{name} = excluded.{name}" for name in row if name != "case_id")
    sql = f"INSERT INTO queue ({columns}) VALUES ({marks}) ON CONFLICT (case_id) DO UPDATE SET {news}"  # noqa: S608 - our own names
    ledger.db.execute(sql, row)
    ledger.db.execute("DELETE FROM queue_platforms WHERE case_id = ?", [case])
    ledger.db.conn.executemany(
        "INSERT INTO queue_platforms VALUES (?, ?, ?, ?)",
        [(platform, row["status"], row["rank"], case) for platform in platforms],
    )
    number = ledger.db.execute("SELECT id FROM queue WHERE case_id = ?", [case]).fetchone()[0]
    ledger.db.execute("DELETE FROM found WHERE rowid = ?", [number])
    searched = members[:SEARCHED]
    earlier = earlier_words(ledger, [row["post"] for row in searched], texts=EARLIER, letters=CAPTION)
    words = [
        bare("\n".join(dict.fromkeys(texts)))
        for texts in (
            [*(row["text"][:CAPTION] for row in searched), *earlier],
            [row["author_handle"] for row in searched],
            [row["note"] for row in members if row["note"]],
        )
    ]
    ledger.db.execute("INSERT INTO found (rowid, text, author, note) VALUES (?, ?, ?, ?)", [number, *words])


def _weight(author_class: AuthorClass) -> float:
    return priority(1.0, 0, 0.0, author_class)


def _views_a_day(row: Mapping[str, Any]) -> float:
    """How fast a post is seen, from its first day on; 0 where nobody counts."""
    if not row["views"] or not row["last_at"]:
        return 0.0
    days = (from_text(row["last_at"]) - from_text(row["posted_at"])).total_seconds() / 86_400
    return float(row["views"]) / max(days, 0.25)
