"""What the desk reads: a page of the queue, a case, what was said of an account. Each is a walk along an index."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.errors import NotFound
from core.times import to_text
from core.words import bare
from store.acts import last_act
from store.ledger import Ledger

PAGE = 50
MOST_MEMBERS = 200
LEAST_LETTERS = 3  # what the index of words finds


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What of the queue one wants to see, as it stands in the address bar; None or "" is all.

    text    three letters or more, found in captions, authors and notes
    after   rank of the last case of the page before
    """

    status: str = "open"
    franchise: str = ""
    platform: str = ""
    day: str = ""
    basis: str = ""
    ai: bool | None = None
    least_score: float = 0.0
    text: str = ""
    after: float | None = None


def cases(ledger: Ledger, wanted: Filter, *, limit: int = PAGE, but: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Rows of the queue, the first in rank first. but: cases that are left out."""
    sql, values = _query(wanted)
    sql += f" ORDER BY q.rank DESC LIMIT {int(limit) + len(but)}"
    rows = ledger.rows(sql, values)
    return [row | {"platforms": json.loads(row["platforms"])} for row in rows if row["case_id"] not in set(but)][:limit]


def _query(wanted: Filter) -> tuple[str, list[Any]]:
    source, where, values = "queue q", list[str](), list[Any]()
    if wanted.text:
        source = "found w CROSS JOIN queue q ON q.id = w.rowid"
        where.append("w.found MATCH ?")
        values.append(_phrases(wanted.text))
    if wanted.platform:
        # Along the platform's own ranks: a rare platform would else be looked for through the whole queue.
        source = source.replace("queue q", "queue_platforms p CROSS JOIN queue q ON q.case_id = p.case_id", 1)
        if wanted.text:
            source = "found w CROSS JOIN queue q ON q.id = w.rowid JOIN queue_platforms p ON p.case_id = q.case_id"
        where.append("p.platform = ?")
        values.append(wanted.platform)
        if wanted.status:
            where.append("p.status = ?")
            values.append(wanted.status)
    for column in ("status", "franchise", "day", "basis"):
        if value := getattr(wanted, column):
            where.append(f"q.{column} = ?")
            values.append(value)
    if wanted.ai is not None:
        where.append("q.ai = ?")
        values.append(int(wanted.ai))
    if wanted.least_score > 0:
        where.append("q.score >= ?")
        values.append(wanted.least_score)
    if wanted.after is not None:
        where.append("q.rank < ?")
        values.append(wanted.after)
    return f"SELECT q.* FROM {source} WHERE {' AND '.join(where) or '1'}", values  # noqa: S608 - our own columns


def _phrases(text: str) -> str:
    """What a person typed as a query of the index: every word of three letters or more, quoted."""
    words = [word for word in bare(text).replace('"', " ").replace("\x00", " ").split() if len(word) >= LEAST_LETTERS]
    if not words:
        raise NotFound(f"search for {LEAST_LETTERS} letters or more")
    return " ".join(f'"{word}"' for word in words[:20])


def counts(ledger: Ledger) -> dict[str, int]:
    """How many cases have each status."""
    return {row["status"]: row["n"] for row in ledger.rows("SELECT * FROM case_tallies WHERE n ORDER BY status")}


def next_cases(
    ledger: Ledger, wanted: Filter, person: str, *, at: datetime, but: Sequence[str] = (), limit: int = 4
) -> list[str]:
    """The first cases in rank that nobody else has leased."""
    taken = ledger.rows("SELECT case_id FROM leases WHERE person <> ? AND until_at > ?", [person, to_text(at)])
    return [row["case_id"] for row in cases(ledger, wanted, limit=limit, but=[*but, *(r["case_id"] for r in taken)])]


def case(ledger: Ledger, case_id: str) -> dict[str, Any]:
    """A case with its members: each with its post, its finding, its verdict and its files.

    raises  NotFound for none of that id
    """
    rows = ledger.rows("SELECT c.*, q.* FROM cases c LEFT JOIN queue q ON q.case_id = c.id WHERE c.id = ?", [case_id])
    if not rows:
        raise NotFound(f"no case {case_id[:40]!r}; the queue lists those there are")
    members = ledger.rows(MEMBERS, [case_id, MOST_MEMBERS])
    return rows[0] | {
        "id": case_id,
        "members": members,
        "seen": last_act(ledger, case_id),
        "acts": acts(ledger, case_id),
    }


MEMBERS = """
SELECT m.finding, m.differs, m.why, f.post, f.basis, f.score, f.reasons, f.ai_evidence, f.author_class, f.element,
  f.found_at, p.platform, p.url, p.author_handle, p.author_id, substr(p.text, 1, 4000) AS text, p.language,
  p.posted_at, d.verdict, d.reviewer, d.note, d.at AS decided_at,
  (SELECT max(views) FROM sightings s WHERE s.post = p.id) AS views
FROM members m JOIN findings f ON f.id = m.finding JOIN posts p ON p.id = f.post
LEFT JOIN latest_decisions d ON d.finding = m.finding
WHERE m.case_id = ? ORDER BY m.differs <> '', f.score DESC, f.found_at, m.finding LIMIT ?
"""


def acts(ledger: Ledger, case_id: str) -> list[dict[str, Any]]:
    """What people did with a case, the newest first."""
    sql = (
        "SELECT a.id, a.kind, a.person, a.at, a.undoes, (SELECT verdict FROM decisions d WHERE d.act = a.id LIMIT 1)"
        " AS verdict, EXISTS (SELECT 1 FROM acts b WHERE b.undoes = a.id) AS undone FROM acts a WHERE case_id = ?"
        " ORDER BY a.id DESC LIMIT 50"
    )
    return ledger.rows(sql, [case_id])


def views_of(ledger: Ledger, post: str) -> list[dict[str, Any]]:
    """A post's views over time, the oldest first."""
    sql = "SELECT seen_at, views, likes FROM sightings WHERE post = ? AND views IS NOT NULL ORDER BY seen_at LIMIT 500"
    return ledger.rows(sql, [post])


def record_of(ledger: Ledger, platform: str, author_id: str) -> dict[str, Any]:
    """An account's record: its hits, and what was decided of them."""
    sql = (
        "SELECT count(*) AS hits, coalesce(sum(o.verdict = 'infringing'), 0) AS infringing,"
        " coalesce(sum(o.verdict = 'unrelated'), 0) AS unrelated, min(o.found_at) AS first_at"
        " FROM hit_authors h JOIN outcomes o ON o.finding = h.finding WHERE h.platform = ? AND h.author_id = ?"
    )
    return ledger.rows(sql, [platform, author_id])[0]
