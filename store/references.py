"""The references page: what there is and what it found, retiring and bringing back, thresholds people accepted.

Retiring takes a reference out of refs, so that every stage stops using it, and keeps it here with all it matched.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from core.errors import Busy, NotFound
from core.findings import HIT_SCORE
from core.proposals import Decided, Proposal
from core.times import to_text
from store.ledger import Ledger
from store.rows import dump, reference_of

PAGE = 50
SUSPICIOUS_FALSE = 3  # false hits from which a reference is suspect, if they are more than its confirmed ones
RIGHT = ("infringing", "licensed", "fair-use")  # it was a copy, whoever was allowed to make it


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which references one wants to see, as it stands in the address bar; "" is all.

    state  active or retired
    """

    franchise: str = ""
    element: str = ""
    bank: str = ""
    kind: str = ""
    state: str = "active"


def listed(
    ledger: Ledger, wanted: Wanted, counts: Mapping[str, dict[str, Any]], *, limit: int = PAGE, skip: int = 0
) -> list[dict[str, Any]]:
    """References with the hits they produced: those with more false than confirmed ones first, then by name.

    counts  what `outcomes` says

    Each is a row of refs with its franchise's title and element's name, and: confirmed, unrelated, shared, last_at (of
    what was decided), undecided (hits that wait), suspicious, unreadable (why, or None), picture_s (a telling frame's
    offset, None where there is no file), retired_by, retired_at, why (None for an active one).
    """
    rows = ledger.rows(RETIRED if wanted.state == "retired" else ACTIVE, _asked(wanted))
    rows = [row | counts.get(row["id"], NOTHING) for row in rows]
    for row in rows:
        row["suspicious"] = row["unrelated"] >= SUSPICIOUS_FALSE and row["unrelated"] > row["confirmed"]
    rows.sort(key=lambda row: (-row["unrelated"] if row["suspicious"] else 0, row["title"], row["name"], row["id"]))
    return [row | _closer(ledger, row) for row in rows[skip : skip + limit]]


def _asked(wanted: Wanted) -> dict[str, str]:
    keys = ("franchise", "element", "bank", "kind")
    return {key: getattr(wanted, key) for key in keys}


SHOWN = """ JOIN franchises fr ON fr.id = r.franchise LEFT JOIN elements e ON e.id = r.element
WHERE (:franchise = '' OR r.franchise = :franchise) AND (:element = '' OR r.element = :element)
  AND (:bank = '' OR r.bank = :bank) AND (:kind = '' OR r.kind = :kind)"""

ACTIVE = f"""
SELECT r.*, fr.title, e.name AS element_name, NULL AS retired_by, NULL AS retired_at, NULL AS why FROM refs r {SHOWN}
"""  # noqa: S608 - our own words

LAST = "SELECT max(id) FROM retirements GROUP BY reference"

RETIRED = f"""
SELECT r.*, fr.title, e.name AS element_name FROM (
  SELECT reference AS id, was ->> 'sha256' AS sha256, was ->> 'franchise' AS franchise, was ->> 'element' AS element,
    was ->> 'bank' AS bank, was ->> 'kind' AS kind, was ->> 'name' AS name, was ->> 'size_bytes' AS size_bytes,
    was ->> 'added_at' AS added_at, person AS retired_by, at AS retired_at, why
  FROM retirements WHERE retired AND id IN ({LAST}) AND reference NOT IN (SELECT id FROM refs)) r {SHOWN}
"""  # noqa: S608 - our own words

NOTHING = {"confirmed": 0, "unrelated": 0, "shared": 0, "last_at": None}


def outcomes(ledger: Ledger) -> dict[str, dict[str, Any]]:
    """Reference -> how many decided findings its matches stand behind: confirmed, unrelated, shared, and the last.

    A false finding is the fault of every match; a confirmed one is owed to its surest, and shared by the others.
    """
    return {row.pop("reference"): row for row in ledger.rows(OUTCOMES)}


# From the decisions on, since most matches never were a hit: a walk over all of them would take seconds.
OUTCOMES = """
WITH said AS (
  SELECT f.id, f.post, f.franchise, f.found_at, d.verdict FROM (SELECT DISTINCT finding FROM decisions) y
  CROSS JOIN findings f ON f.id = y.finding CROSS JOIN latest_decisions d ON d.finding = f.id),
pairs AS (
  SELECT x.reference, s.id, s.found_at, s.verdict, x.probability FROM said s CROSS JOIN media m ON m.post = s.post
  CROSS JOIN matches x ON x.sha256 = m.sha256 CROSS JOIN refs r ON r.id = x.reference AND r.franchise = s.franchise
  UNION ALL SELECT t.reference, s.id, s.found_at, s.verdict, x.probability FROM said s
  CROSS JOIN media m ON m.post = s.post CROSS JOIN past_matches x ON x.sha256 = m.sha256
  CROSS JOIN retirements t ON t.id = x.retirement AND t.was ->> 'franchise' = s.franchise),
placed AS (
  SELECT reference, found_at, verdict, verdict IN ('infringing', 'licensed', 'fair-use') AS copied,
    rank() OVER (PARTITION BY id ORDER BY max(probability) DESC) AS place FROM pairs GROUP BY id, reference)
SELECT reference, sum(copied AND place = 1) AS confirmed, sum(copied AND place > 1) AS shared,
  sum(verdict = 'unrelated') AS unrelated, max(found_at) AS last_at FROM placed GROUP BY reference
"""


def _closer(ledger: Ledger, row: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked of each reference that is shown, and of no other."""
    keys = ("id", "sha256", "franchise", "size_bytes")
    found = ledger.rows(CLOSER, {key: row[key] for key in keys} | {"hit": HIT_SCORE})[0]
    waiting_at = found.pop("waiting_at")
    return found | {"last_at": max(filter(None, (waiting_at, row["last_at"])), default=None)}


CLOSER = """
SELECT count(*) AS undecided, max(found_at) AS waiting_at,
  (SELECT message FROM failures WHERE stage = 'fingerprint' AND subject = :sha256) AS unreadable,
  iif(:size_bytes > 0, coalesce((SELECT offset_s FROM fingerprints WHERE sha256 = :sha256
     ORDER BY region = 'whole' DESC, quality DESC, offset_s LIMIT 1), 0.0), NULL) AS picture_s
FROM (SELECT DISTINCT f.id, f.found_at FROM matches x JOIN media m ON m.sha256 = x.sha256 JOIN findings f
  ON f.post = m.post AND f.franchise = :franchise AND f.score >= :hit WHERE x.reference = :id
  AND NOT EXISTS (SELECT 1 FROM latest_decisions d WHERE d.finding = f.id AND d.verdict <> 'unsure'))
"""


# ------------------------------------------------------------- retire, bring back
def retire(ledger: Ledger, reference: str, *, person: str, why: str, at: datetime) -> None:
    """Take a reference out of use, keeping it and all it matched; the posts it matched are judged again.

    raises  NotFound when there is none of that id, or it is retired already
    """
    with ledger.write():
        rows = ledger.rows("SELECT * FROM refs WHERE id = ?", [reference])
        if not rows:
            raise NotFound(f"no reference {reference[:80]!r} is in use; somebody may have retired it, reload the page")
        number = _note(ledger, rows[0], retired=1, person=person, why=why, at=to_text(at))
        ledger.db.execute(KEEP, [number, reference])
        ledger.remove_reference(reference)


KEEP = """
INSERT INTO past_matches SELECT ?, sha256, method, version, distance, threshold, unit, segments, probability, basis,
  more_is_nearer FROM matches WHERE reference = ?
"""


def bring_back(ledger: Ledger, reference: str, *, person: str, why: str, at: datetime) -> None:
    """Put a retired reference to use again: the next run compares it with everything that was gathered.

    raises  NotFound when none of that id was retired; Busy when it is in use, or may not come back
    """
    with ledger.write():
        sql = "SELECT * FROM retirements WHERE reference = ? ORDER BY id DESC LIMIT 1"
        rows = ledger.rows(sql, [reference])
        if not rows:
            raise NotFound(f"no reference {reference[:80]!r} was retired; the page lists those that were")
        if not rows[0]["retired"] or ledger.rows("SELECT 1 FROM refs WHERE id = ?", [reference]):
            raise Busy(f"reference {reference} is in use already; reload the page")
        was = json.loads(rows[0]["was"])
        _may_return(ledger, was)
        _note(ledger, was, retired=0, person=person, why=why, at=to_text(at))
        ledger.save_references([reference_of(was)])


def _may_return(ledger: Ledger, was: Mapping[str, Any]) -> None:
    undone = (
        "SELECT 1 FROM learned l WHERE l.reference = ?1 AND NOT EXISTS (SELECT 1 FROM learned k WHERE k.reference = ?1"
        " AND NOT EXISTS (SELECT 1 FROM acts a WHERE a.undoes = k.act))"
    )
    if ledger.rows(undone, [was["id"]]):
        raise Busy(f"{was['id']} was made by a decision that has been undone; decide again, and it is made anew")
    hashed = "SELECT 1 FROM receipts WHERE stage = 'fingerprint' AND subject = ?"
    if not was["size_bytes"] and not ledger.rows(hashed, [was["sha256"]]):
        raise Busy(f"{was['id']} is of a hash list and its hash is of an older method; import the list again")


def _note(ledger: Ledger, was: Mapping[str, Any], **said: str | int) -> int:
    row = {"reference": was["id"], "was": dump(dict(was)), **said}
    return int(ledger.db.table("retirements").insert(row, pk="id").last_pk or 0)


# ------------------------------------------------------------------- thresholds
def decided(ledger: Ledger) -> list[Decided]:
    """Every finding that people decided on, as each method saw it with the references of each element in use.

    Of several matches of one finding by one method with one element the nearest stands for it. The verdict is that of
    the surest of those that keep their thresholds, as judging ranks them; the others share it.
    """
    limits = {
        row["id"]: json.loads(row["thresholds"]) for row in ledger.rows("SELECT id, thresholds FROM elements_in_force")
    }
    rows = ledger.rows(DECIDED)
    own = {row["method"]: row["threshold"] for row in rows}
    found = []
    for _, group in groupby(rows, key=itemgetter("finding")):
        passed = False
        for row in group:  # the surest first
            limit = _in_force(limits.get(row["element"], {}).get(row["method"]), own[row["method"]], row)
            one = Decided(
                case=row["case_id"],
                finding=row["finding"],
                element=row["element"],
                method=row["method"],
                distance=row["distance"],
                in_force=limit,
                more_is_nearer=bool(row["more_is_nearer"]),
                confirmed=row["verdict"] in RIGHT,
                shared=passed,
            )
            passed = passed or one.passes(limit)
            found.append(one)
    return found


def _in_force(limit: int | None, own: int, row: Mapping[str, Any]) -> int:
    """The element's threshold; one that is wider than the method's own changes nothing."""
    if limit is None:
        return own
    return max(limit, own) if row["more_is_nearer"] else min(limit, own)


DECIDED = """
SELECT coalesce(c.case_id, f.id) AS case_id, f.id AS finding, r.element, x.method, x.more_is_nearer, d.verdict,
  iif(x.more_is_nearer, max(x.distance), min(x.distance)) AS distance,
  iif(x.more_is_nearer, min(x.threshold), max(x.threshold)) AS threshold
FROM (SELECT DISTINCT finding FROM decisions) y CROSS JOIN findings f ON f.id = y.finding
CROSS JOIN latest_decisions d ON d.finding = f.id AND d.verdict <> 'unsure'
CROSS JOIN media m ON m.post = f.post CROSS JOIN matches x ON x.sha256 = m.sha256 AND x.basis = 'copy'
CROSS JOIN refs r ON r.id = x.reference AND r.franchise = f.franchise AND r.bank = 'positive' AND r.element IS NOT NULL
LEFT JOIN members c ON c.finding = f.id
GROUP BY f.id, r.element, x.method ORDER BY f.id, max(x.probability) DESC, r.element, x.method
"""


def accept(ledger: Ledger, element: str, method: str, proposal: Proposal | None, *, person: str, at: datetime) -> None:
    """Put a proposed threshold in force, or with None take back the one accepted; its posts are judged again.

    raises  NotFound when there is no such element, or nothing to take back
    """
    with ledger.write():
        if not ledger.rows("SELECT 1 FROM elements WHERE id = ?", [element]):
            raise NotFound(f"no element {element[:80]!r}; the brand files say which there are")
        standing = {(row["element"], row["method"]) for row in accepted(ledger)}
        if proposal is None and (element, method) not in standing:
            raise NotFound(f"no threshold of {method[:40]} was accepted for {element}; reload the page")
        grounds = {}
        if proposal and proposal.then:
            told = proposal.then.precision, proposal.promised, proposal.cases
            grounds = dict(zip(("precision", "promised", "cases"), told, strict=True))
        row = {"element": element, "method": method, "threshold": proposal.threshold if proposal else None}
        ledger.db.table("accepted").insert(row | {"grounds": dump(grounds), "person": person, "at": to_text(at)})
        ledger.db.execute(JUDGE_AGAIN, [element, method])


JUDGE_AGAIN = """
INSERT OR IGNORE INTO work (stage, subject) SELECT DISTINCT 'find', m.post FROM refs r
JOIN matches x ON x.reference = r.id AND x.method = ?2 JOIN media m ON m.sha256 = x.sha256 WHERE r.element = ?1
"""


def accepted(ledger: Ledger) -> Sequence[dict[str, Any]]:
    """The thresholds that people accepted and that hold: element, its name, method, threshold, grounds, who, when."""
    sql = (
        "SELECT a.*, e.name FROM accepted a JOIN elements e ON e.id = a.element WHERE a.threshold IS NOT NULL"
        " AND a.id IN (SELECT max(id) FROM accepted GROUP BY element, method) ORDER BY a.element, a.method"
    )
    return [row | {"grounds": json.loads(row["grounds"])} for row in ledger.rows(sql)]
