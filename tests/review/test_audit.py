"""The audit log: what is done stands in it, and what is done to it shows."""

import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.cli import VERBS
from app.console import app as command_line
from core.records import Verdict
from review import people, sealing
from review.desk import now
from store import audit, keys
from store import people as accounts
from store.acts import Ruling, decide, undo
from store.ledger import Ledger
from tests.review.doors import empty_ledger

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ROWS = 50


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with fifty acts in its log."""
    with empty_ledger(tmp_path) as opened:
        with opened.write():
            for number in range(1, ROWS + 1):
                audit.note(opened, "ada", "decide", {"act": number, "case": "ünïcode ✨"}, at=NOON)
        yield opened


def unguarded(ledger: Ledger, *statements: str) -> None:
    """What somebody does who can write the file: the triggers are no wall for them."""
    for name in ("audit_keeps", "audit_stays", "audit_follows"):
        ledger.db.execute(f"DROP TRIGGER IF EXISTS {name}")
    for statement in statements:
        ledger.db.execute(statement)


def test_whole_log_is_whole(ledger: Ledger) -> None:
    """Every row is walked, and the head is the last one's hash."""
    last = audit.listed(ledger, limit=1)[0]

    assert audit.verify(ledger) == audit.Chain(rows=ROWS, head=last["hash"])


COPY = "INSERT INTO audit SELECT {}, at, person, act, detail, hash FROM audit WHERE id = {}"
TOUCHED = {
    "a letter of a name": ("UPDATE audit SET person = 'adb' WHERE id = 20", 19, "row 20 is not what was written"),
    "a time": ("UPDATE audit SET at = '2026-11-21T12:00:00.001Z' WHERE id = 1", 0, "row 1 is not"),
    "a digit of a detail": ("UPDATE audit SET detail = replace(detail, '50', '51') WHERE id = 50", 49, "row 50 is not"),
    "an act": ("UPDATE audit SET act = 'undo' WHERE id = 33", 32, "row 33 is not"),
    "a hash": ("UPDATE audit SET hash = hex(zeroblob(32)) WHERE id = 7", 6, "row 7 is not"),
    "a row taken out": ("DELETE FROM audit WHERE id = 20", 19, "row 20 is missing"),
    "the first row taken out": ("DELETE FROM audit WHERE id = 1", 0, "row 1 is missing"),
    "a row put before": (COPY.format(0, 5), 0, "row 0 stands before the first"),
    "a row put after": (COPY.format(51, 50), 50, "row 51 is not"),
}  # fmt: skip


@pytest.mark.parametrize("what", TOUCHED)
def test_first_touched_row_is_named(ledger: Ledger, what: str) -> None:
    """One byte changed, a row cut out or put in: the walk stops there and says so."""
    statement, whole, told = TOUCHED[what]
    unguarded(ledger, statement)
    chain = audit.verify(ledger)

    assert (chain.rows, chain.broken[: len(told)]) == (whole, told)


def test_rows_that_change_places_are_seen(ledger: Ledger) -> None:
    """Two acts in the other order are another history."""
    unguarded(ledger, "UPDATE audit SET id = -10 WHERE id = 10", "UPDATE audit SET id = 10 WHERE id = 11")
    unguarded(ledger, "UPDATE audit SET id = 11 WHERE id = -10")

    assert audit.verify(ledger).broken.startswith("row 10 is not")


def test_log_cut_short_is_seen_by_a_head_kept_elsewhere(ledger: Ledger) -> None:
    """A chain without its end is whole in itself; the head that was kept tells."""
    head = audit.verify(ledger).head
    grown = audit.verify(ledger, head=audit.listed(ledger, before=31, limit=1)[0]["hash"])
    unguarded(ledger, "DELETE FROM audit WHERE id > 40")

    assert (grown.broken, audit.verify(ledger).broken) == ("", "")
    assert "the end was cut off" in audit.verify(ledger, head=head).broken


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET person = 'eve'",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE id = 50",
        "INSERT OR REPLACE INTO audit VALUES (50, 'x', 'eve', 'x', '{}', hex(zeroblob(32)))",
        "REPLACE INTO audit VALUES (1, 'x', 'eve', 'x', '{}', hex(zeroblob(32)))",
        "INSERT INTO audit VALUES (99, 'x', 'eve', 'x', '{}', hex(zeroblob(32)))",
        "INSERT INTO audit (at, person, act, detail, hash) VALUES ('x', 'eve', 'x', '{}', hex(zeroblob(32)))",
    ],
)
def test_log_refuses_to_be_changed(ledger: Ledger, statement: str) -> None:
    """No statement of ours can do it by mistake, not even INSERT OR REPLACE."""
    with pytest.raises(sqlite3.IntegrityError):
        ledger.db.execute(statement)

    assert audit.verify(ledger).rows == ROWS


def test_act_that_was_not_done_is_not_noted(ledger: Ledger) -> None:
    """Note and act are one transaction: a kill between them leaves neither."""

    def export() -> None:
        with ledger.write():
            audit.note(ledger, "ada", "export", {}, at=NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        export()

    assert audit.verify(ledger).rows == ROWS


@pytest.mark.parametrize("text", ["\ud800", "\0", "\x1b[2J", "\u202eevil", "'; DROP TABLE audit; --"])
def test_any_text_can_be_noted(ledger: Ledger, text: str) -> None:
    """Whatever strangers wrote, the chain holds."""
    audit.note(ledger, "ada", "export", {"title": text}, at=NOON)

    assert (audit.listed(ledger)[0]["detail"]["title"], audit.verify(ledger).broken) == (text, "")


def test_decision_and_its_undo_stand_in_the_log(home_ledger: Ledger) -> None:
    """Each act of the desk, with its number and its case, in the transaction that does it."""
    case = home_ledger.rows("SELECT case_id FROM queue WHERE status = 'open' LIMIT 1")[0]["case_id"]
    act = decide(home_ledger, Ruling(case=case, verdict=Verdict.UNSURE, person="ada"), at=NOON)
    undo(home_ledger, "ada", at=NOON)
    told = [(row["person"], row["act"], row["detail"]) for row in audit.listed(home_ledger, limit=2)]

    assert told == [
        ("ada", "undo", {"act": act + 1, "case": case, "undoes": act}), ("ada", "decide", {"act": act, "case": case}),
    ]  # fmt: skip


def test_listing_is_filtered_and_paged(ledger: Ledger) -> None:
    """By person, by act, and the page before a row."""
    audit.note(ledger, "ben", "sign-in", {}, at=NOON)

    assert [row["id"] for row in audit.listed(ledger, person="ben")] == [51]
    assert [row["id"] for row in audit.listed(ledger, act="decide", before=10, limit=3)] == [9, 8, 7]


def test_walk_is_quick(ledger: Ledger) -> None:
    """Twenty thousand rows in less than a second of work; a million were measured by hand, in the report."""
    with ledger.write():
        for number in range(20_000):
            audit.note(ledger, "ada", "decide", {"act": number}, at=NOON)
    began = time.process_time()
    audit.verify(ledger)

    assert time.process_time() - began < 1


# --------------------------------------------------------------- command line
@pytest.fixture
def type_in(tmp_path: Path, ledger: Ledger) -> Callable[..., Result]:
    """A terminal in this home."""

    def run(*words: str, **given: Any) -> Result:
        assert VERBS, "the folder of verbs registers them when it is imported"
        return CliRunner().invoke(command_line, ["--home", str(tmp_path), *words], **given)

    return run


def test_verify_ends_in_an_exit_code(type_in: Callable[..., Result], ledger: Ledger) -> None:
    """0 for a whole log, 1 for a broken one, which a nightly job can act on."""
    whole = type_in("audit", "verify")
    unguarded(ledger, "DELETE FROM audit WHERE id = 20")
    broken = type_in("audit", "verify", "--json")

    assert (whole.exit_code, broken.exit_code, json.loads(broken.stdout)["broken"]) == (0, 1, "row 20 is missing")


def test_terminal_shows_no_escape_of_a_stranger(type_in: Callable[..., Result], ledger: Ledger) -> None:
    """A name that would clear the screen, or turn the line around, does not."""
    audit.note(ledger, "eve\x1b[2J", "sign-in\u202e", {"why": "a\nb"}, at=NOON)
    shown = type_in("audit", "list", "--limit", "1").stdout

    assert (shown.count("\n"), "\x1b" in shown, "\u202e" in shown) == (1, False, False)


def test_people_are_kept_from_the_terminal(type_in: Callable[..., Result], ledger: Ledger) -> None:
    """Add, list, role, disable, password: each does what it says, and stands in the log."""
    added = type_in("people", "add", "ada", "--role", "admin", "--shown", "Ada \x1b[31mL.")
    type_in("people", "add", "ben")
    type_in("people", "role", "ben", "approver")
    secret = "a lantern over the harbour"  # noqa: S105 - of a ledger that lives for one test
    set_now = type_in("people", "password", "ben", input=f"{secret}\n{secret}\n")
    type_in("people", "disable", "ben")
    rows = {row["name"]: row for row in json.loads(type_in("people", "list", "--json").stdout)}

    assert ("/sign-in/once?key=" in added.stdout, set_now.exit_code, rows["ada"]["shown"]) == (True, 0, "Ada [31mL.")
    assert (rows["ben"]["role"], rows["ben"]["has_password"], bool(rows["ben"]["disabled_at"])) == ("approver", 1, True)
    assert [row["act"] for row in audit.listed(ledger, limit=4)] == [
        "account-disabled", "password-set", "role-changed", "link-made",
    ]  # fmt: skip
    assert secret not in (added.stdout + set_now.stdout + str(audit.listed(ledger)))


def test_link_of_a_new_account_is_whole(type_in: Callable[..., Result], tmp_path: Path, ledger: Ledger) -> None:
    """The whole address on one line: of the settings where they name it, else where the desk listens by itself."""
    first = type_in("people", "add", "ada").stdout
    (tmp_path / "clipwarden.toml").write_text('[desk]\naddress = "https://clips.example/"\n', encoding="utf-8")
    second = type_in("people", "add", "ben").stdout
    links = [re.findall(r"^  (\S+)$", told, re.MULTILINE)[0] for told in (first, second)]

    assert [re.sub(r"=[\w-]{43}$", "=KEY", link) for link in links] == [
        "http://localhost:8484/sign-in/once?key=KEY", "https://clips.example/sign-in/once?key=KEY",
    ]  # fmt: skip
    assert [keys.use_link(ledger, link.split("=")[1], at=now()) for link in links] == ["ada", "ben"]
    assert ("answers there now" in first, "[desk] in clipwarden.toml" in second) == (True, True)


def test_codes_are_turned_off_from_the_terminal(type_in: Callable[..., Result], ledger: Ledger) -> None:
    """The way back of an admin whose phone, or whose desk's key file, is lost; without the word they stay."""
    type_in("people", "add", "ada", "--role", "admin")
    accounts.begin_totp(ledger, "ada", sealing.seal(ledger, "ada", "SECRET"))
    accounts.confirm_totp(ledger, "ada", 1, ["a-code"], at=NOON)
    (ledger.path.parent / sealing.KEY_FILE).unlink()
    told, given = type_in("people", "list").stdout, "a lantern over the harbour\n" * 2
    kept = []
    for more in ([], ["--codes-off"]):
        assert type_in("people", "password", "ada", *more, input=given).exit_code == 0
        kept.append((accounts.find(ledger, "ada") or {})["totp"] is not None)

    assert (kept, ledger.count("recovery_codes")) == ([True, False], 0)
    assert "no one-time code of ada can be checked: codes.key is not in the home" in " ".join(told.split())
    assert audit.listed(ledger)[0]["act"] == "one-time-codes-off"


def test_last_admin_stays(type_in: Callable[..., Result], ledger: Ledger) -> None:
    """A desk without anyone who manages people cannot be opened again from inside."""
    people.add(ledger, "ada", "admin", by="test", at=NOON)
    told = [type_in("people", "disable", "ada"), type_in("people", "role", "ada", "viewer")]

    assert [str(one.exception) for one in told] == ["ada is the last admin; make another one first"] * 2
