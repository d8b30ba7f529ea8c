"""What people do at the desk: nothing lost, nothing decided twice, everything undone to the letter."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from core.errors import Busy, NotFound
from core.records import Verdict
from store import acts, desk, queries
from store.acts import Ruling
from store.desk import Filter
from store.ledger import Ledger
from tests.builders import NOW, media
from tests.review.seed import seed

LATER = NOW + timedelta(minutes=11)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Some weeks of a small home."""
    with Ledger(tmp_path / "ledger.db") as opened:
        seed(opened, posts=500, findings=200, days=10)
        yield opened


def state(ledger: Ledger) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that a decision may change, without what only grows."""
    asked = {
        "queue": "SELECT * FROM queue ORDER BY case_id",
        "platforms": "SELECT * FROM queue_platforms ORDER BY 1, 2, 3, 4",
        "members": "SELECT finding, case_id, differs FROM members ORDER BY finding",
        "verdicts": "SELECT finding, verdict, reviewer, note FROM latest_decisions ORDER BY finding",
        "refs": "SELECT id, bank FROM refs ORDER BY id",
        "words": "SELECT rowid, text, author, note FROM found ORDER BY rowid",
        "allowed": "SELECT platform, handle FROM allowed a WHERE NOT EXISTS"
        " (SELECT 1 FROM acts b WHERE b.undoes = a.act) ORDER BY 1, 2",
    }
    return {name: [tuple(row.values()) for row in ledger.rows(sql)] for name, sql in asked.items()}


def open_cases(ledger: Ledger, count: int = 50) -> list[str]:
    """The first open cases."""
    return [row["case_id"] for row in desk.cases(ledger, Filter(), limit=count)]


def any_cases(ledger: Ledger) -> list[str]:
    """Cases in every state."""
    return [row["case_id"] for row in desk.cases(ledger, Filter(status=""), limit=50)]


def test_undo_of_many_acts_restores_the_exact_state(ledger: Ledger) -> None:
    """Decisions of every kind, merges and splits, undone one after another, leave no trace but the acts."""
    before = state(ledger)
    draw = Random(5)  # noqa: S311 - which act comes next is no secret
    done = 0
    while done < 60:
        case = draw.choice(any_cases(ledger))
        members = [row["finding"] for row in ledger.rows("SELECT finding FROM members WHERE case_id = ?", [case])]
        kind = draw.choice(["decide"] * 6 + ["merge", "split"])
        try:
            if kind == "merge":
                acts.merge(ledger, case, draw.choice(any_cases(ledger)), "eve", at=NOW)
            elif kind == "split":
                acts.split(ledger, case, members[:1], "eve", at=NOW)
            else:
                ruling = Ruling(case=case, verdict=draw.choice(list(Verdict)), person="eve", note=f"note {done}")
                acts.decide(ledger, ruling, at=NOW)
        except NotFound:  # two franchises, or a case of one
            continue
        done += 1
    assert state(ledger) != before
    for _ in range(60):
        assert acts.undo(ledger, "eve", at=NOW)

    assert state(ledger) == before
    assert len(ledger.rows("SELECT 1 FROM acts WHERE kind = 'undo'")) >= 60


def test_case_is_leased_to_one_person(ledger: Ledger) -> None:
    """Nobody else gets it for ten minutes, in the queue or by its address."""
    (case, *_), *_ = [open_cases(ledger)]
    acts.lease(ledger, case, "ada", at=NOW)

    with pytest.raises(Busy, match="ada"):
        acts.lease(ledger, case, "ben", at=NOW)
    with pytest.raises(Busy, match="ada"):
        acts.decide(ledger, Ruling(case=case, verdict=Verdict.INFRINGING, person="ben"), at=NOW)
    assert case not in desk.next_cases(ledger, Filter(), "ben", at=NOW)
    assert desk.next_cases(ledger, Filter(), "ben", at=LATER)[0] == case


def test_lost_lease_loses_no_decision(ledger: Ledger) -> None:
    """Whose lease ran out decides all the same, unless another decided meanwhile: then nobody is overruled unawares."""
    first, second = open_cases(ledger, 2)
    for case in (first, second):
        acts.lease(ledger, case, "ada", at=NOW)
    seen = acts.last_act(ledger, first)
    acts.decide(ledger, Ruling(case=first, verdict=Verdict.UNSURE, person="ada", seen=seen), at=LATER)
    acts.decide(ledger, Ruling(case=second, verdict=Verdict.LICENSED, person="ben"), at=LATER)

    assert ledger.rows("SELECT status FROM queue WHERE case_id = ?", [first])[0]["status"] == "unsure"
    with pytest.raises(Busy, match="ben acted"):
        acts.decide(ledger, Ruling(case=second, verdict=Verdict.INFRINGING, person="ada", seen=0), at=LATER)
    assert ledger.rows("SELECT status FROM queue WHERE case_id = ?", [second])[0]["status"] == "licensed"


def test_undo_is_refused_where_another_acted_since(ledger: Ledger) -> None:
    """One person's undo never takes away what another decided on top of it."""
    (case,) = open_cases(ledger, 1)
    acts.decide(ledger, Ruling(case=case, verdict=Verdict.UNSURE, person="ada"), at=NOW)
    acts.decide(ledger, Ruling(case=case, verdict=Verdict.INFRINGING, person="ben"), at=LATER)

    with pytest.raises(Busy, match="ben"):
        acts.undo(ledger, "ada", at=LATER)


def test_rejected_copy_joins_the_negative_bank(ledger: Ledger) -> None:
    """And leaves it again with the decision."""
    sql = "SELECT m.case_id, f.post FROM members m JOIN findings f ON f.id = m.finding"
    (row,) = ledger.rows(sql + " WHERE f.basis = 'copy' AND m.differs = '' LIMIT 1")
    case = row["case_id"]
    ledger.save_media([media(row["post"])])
    acts.decide(ledger, Ruling(case=case, verdict=Verdict.UNRELATED, person="eve"), at=NOW)
    learned = ledger.rows("SELECT * FROM refs WHERE bank = 'negative' AND id LIKE 'rejected:%'")
    acts.undo(ledger, "eve", at=NOW)

    assert learned
    assert not ledger.rows("SELECT 1 FROM refs WHERE id LIKE 'rejected:%'")


@pytest.mark.parametrize("sql", ["UPDATE acts SET person = 'x'", "DELETE FROM acts"])
def test_acts_are_append_only(ledger: Ledger, sql: str) -> None:
    """Whoever holds the file may read what was done, and not write it anew."""
    (case,) = open_cases(ledger, 1)
    acts.decide(ledger, Ruling(case=case, verdict=Verdict.UNSURE, person="ada"), at=NOW)

    with pytest.raises(Exception, match="append-only"):
        ledger.db.execute(sql)


def test_licensed_account_is_allowed_until_it_ends(ledger: Ledger) -> None:
    """`licensed` puts the account on the allow-list with an end; undone, it is off it."""
    (case,) = open_cases(ledger, 1)
    before = queries.accounts(ledger, now=NOW)
    ruling = Ruling(case=case, verdict=Verdict.LICENSED, person="eve", until=NOW + timedelta(days=30))
    acts.decide(ledger, ruling, at=NOW)
    during, after = queries.accounts(ledger, now=NOW), queries.accounts(ledger, now=NOW + timedelta(days=31))
    acts.undo(ledger, "eve", at=NOW)

    assert len(during) > len(before)
    assert len(after) <= len(before)
    assert queries.accounts(ledger, now=NOW) == before


def test_finding_is_decided_by_its_own_id(ledger: Ledger) -> None:
    """As the command line does: it shows in the queue, and can be undone at the desk."""
    (case,) = open_cases(ledger, 1)
    finding = ledger.rows("SELECT lead FROM queue WHERE case_id = ?", [case])[0]["lead"]
    acts.decide_one(ledger, finding, Ruling(case="", verdict=Verdict.UNSURE, person="eve"), at=NOW)

    assert ledger.rows("SELECT verdict FROM latest_decisions WHERE finding = ?", [finding])[0]["verdict"] == "unsure"
    assert acts.undo(ledger, "eve", at=NOW)
