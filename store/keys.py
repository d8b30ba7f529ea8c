"""Keys that open the desk: sessions, one-time links, tokens of programs; and how often someone guessed.

Each is 256 random bits of which only the digest is kept: who reads the ledger cannot sign in with it.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from core.errors import Busy, NotFound
from core.times import from_text, to_text
from store import audit
from store.ledger import Ledger
from store.people import digest
from store.rows import dump

SESSION = timedelta(hours=12)
IDLE = timedelta(hours=2)
LINK = timedelta(minutes=15)
COMPANY = timedelta(minutes=10)  # to sign in at the provider
TOUCH = timedelta(minutes=1)  # how exactly we know when a key was last used; a write for each request would be dear
MOST_COMPANY = 1000  # sign-ins that are with the provider at once: anyone may begin one
LONGEST_WAIT_S = 900
FORGOTTEN = timedelta(days=1)
MOST_ATTEMPTS = 100_000  # rows; names and addresses are the guesser's to choose
TOLD_AN_HOUR = 1000  # refused sign-ins that are noted one by one: a log that only grows is a disk to fill


# ------------------------------------------------------------------ sessions
def begin_session(ledger: Ledger, person: str, address: str, *, how: str, at: datetime) -> str:
    """Sign a person in; return the session's key. how: "password", "link", "company"."""
    key, now = secrets.token_urlsafe(32), to_text(at)
    with ledger.write():
        ended = [to_text(at - SESSION), to_text(at - IDLE)]
        ledger.db.execute("DELETE FROM sessions WHERE made_at <= ? OR seen_at <= ?", ended)
        ledger.db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", [digest(key), person, address, now, now])
        audit.note(ledger, person, "sign-in", {"how": how, "address": address}, at=at)
    return key


def session(ledger: Ledger, key: str, *, at: datetime) -> dict[str, Any] | None:
    """Name, shown and role of the person of a session, or None when it has ended or the account is closed."""
    sql = (
        "SELECT p.name, p.shown, p.role, s.seen_at FROM sessions s JOIN people p ON p.name = s.person"
        " WHERE s.sha256 = ? AND s.made_at > ? AND s.seen_at > ? AND p.disabled_at IS NULL"
    )
    rows = ledger.rows(sql, [digest(key), to_text(at - SESSION), to_text(at - IDLE)])
    if not rows:
        return None
    if at - from_text(rows[0]["seen_at"]) >= TOUCH:
        with ledger.write():
            ledger.db.execute("UPDATE sessions SET seen_at = ? WHERE sha256 = ?", [to_text(at), digest(key)])
    return rows[0]


def end_session(ledger: Ledger, key: str, *, at: datetime) -> None:
    """Sign out, once."""
    with ledger.write():
        rows = ledger.rows("SELECT person FROM sessions WHERE sha256 = ?", [digest(key)])
        if rows:
            ledger.db.execute("DELETE FROM sessions WHERE sha256 = ?", [digest(key)])
            audit.note(ledger, rows[0]["person"], "sign-out", {}, at=at)


def end_sessions(ledger: Ledger, person: str, *, but: str = "", at: datetime) -> int:
    """Sign a person out everywhere; return how many sessions ended. but: a key that stays."""
    with ledger.write():
        sql = "DELETE FROM sessions WHERE person = ? AND sha256 <> ?"
        ended = ledger.db.execute(sql, [person, digest(but)]).rowcount
        audit.note(ledger, person, "sign-out-everywhere", {"sessions": ended}, at=at)
    return ended


def sessions(ledger: Ledger, person: str) -> list[dict[str, Any]]:
    """Where a person is signed in, without the keys."""
    return ledger.rows("SELECT address, made_at, seen_at FROM sessions WHERE person = ? ORDER BY made_at", [person])


# ------------------------------------------------------------- one-time links
def make_link(ledger: Ledger, person: str, *, by: str, at: datetime) -> str:
    """A key that signs a person in once, within fifteen minutes; those before it end."""
    key = secrets.token_urlsafe(32)
    with ledger.write():
        ledger.db.execute("DELETE FROM sign_in_links WHERE person = ? OR until_at <= ?", [person, to_text(at)])
        row = [digest(key), person, to_text(at + LINK)]
        ledger.db.execute("INSERT INTO sign_in_links VALUES (?, ?, ?)", row)
        audit.note(ledger, by, "link-made", {"account": person}, at=at)
    return key


def use_link(ledger: Ledger, key: str, *, at: datetime) -> str | None:
    """Whom a link signs in, or None when it was used, is too old, or the account is closed. It is used up now."""
    sql = (
        "DELETE FROM sign_in_links WHERE sha256 = ? AND until_at > ? AND person IN"
        " (SELECT name FROM people WHERE disabled_at IS NULL) RETURNING person"
    )
    with ledger.write():
        row = ledger.db.execute(sql, [digest(key), to_text(at)]).fetchone()
    return str(row[0]) if row else None


# ------------------------------------------------- sign-ins with the company
def begin_company(ledger: Ledger, steps: Mapping[str, str], *, at: datetime) -> None:
    """Remember what a sign-in at the provider must come back with: state, browser, verifier, nonce, next."""
    with ledger.write():
        ledger.db.execute(
            "DELETE FROM company_sign_ins WHERE until_at <= ? OR sha256 IN"
            " (SELECT sha256 FROM company_sign_ins ORDER BY until_at DESC LIMIT -1 OFFSET ?)",
            [to_text(at), MOST_COMPANY - 1],
        )
        row = [digest(steps["state"]), digest(steps["browser"]), steps["verifier"], steps["nonce"], steps["next"]]
        ledger.db.execute("INSERT INTO company_sign_ins VALUES (?, ?, ?, ?, ?, ?)", [*row, to_text(at + COMPANY)])


def end_company(ledger: Ledger, state: str, browser: str, *, at: datetime) -> dict[str, Any] | None:
    """What was remembered for this state, if the same browser brings it back in time. It is used up now."""
    with ledger.write():
        rows = ledger.rows("SELECT * FROM company_sign_ins WHERE sha256 = ?", [digest(state)])
        if not rows or rows[0]["browser"] != digest(browser):
            return None
        ledger.db.execute("DELETE FROM company_sign_ins WHERE sha256 = ?", [digest(state)])
    return rows[0] if rows[0]["until_at"] > to_text(at) else None


# --------------------------------------------------------------------- tokens
def make_token(ledger: Ledger, name: str, scopes: Sequence[str], *, by: str, until: datetime, at: datetime) -> str:
    """Make a program's token; return it, which nobody can do again.

    raises  Busy when there is one of that name
    """
    key = f"cw_{secrets.token_urlsafe(32)}"
    with ledger.write():
        if ledger.rows("SELECT 1 FROM tokens WHERE name = ?", [name]):
            raise Busy(f"there is, or was, a token {name}; acts stand under its name, so choose another")
        row = {
            "sha256": digest(key), "name": name, "scopes": dump(sorted(scopes)), "made_by": by,
            "made_at": to_text(at), "until_at": to_text(until),
        }  # fmt: skip
        ledger.db.table("tokens").insert(row, pk="id")
        detail = {"token": name, "scopes": sorted(scopes), "until": to_text(until)}
        audit.note(ledger, by, "token-made", detail, at=at)
    return key


def token(ledger: Ledger, key: str, *, at: datetime) -> dict[str, Any] | None:
    """Name, scopes, and its maker's role; None when it has ended, or its maker's account is closed."""
    sql = (
        "SELECT t.id, t.name, t.scopes, t.used_at, p.role FROM tokens t JOIN people p ON p.name = t.made_by"
        " WHERE t.sha256 = ? AND t.ended_at IS NULL AND t.until_at > ? AND p.disabled_at IS NULL"
    )
    rows = ledger.rows(sql, [digest(key), to_text(at)])
    if not rows:
        return None
    if rows[0]["used_at"] is None or at - from_text(rows[0]["used_at"]) >= TOUCH:
        with ledger.write():
            ledger.db.execute("UPDATE tokens SET used_at = ? WHERE id = ?", [to_text(at), rows[0]["id"]])
    return rows[0] | {"scopes": json.loads(rows[0]["scopes"])}


def tokens(ledger: Ledger) -> list[dict[str, Any]]:
    """All tokens, the newest first, without what opens them."""
    sql = "SELECT id, name, scopes, made_by, made_at, until_at, used_at, ended_at FROM tokens ORDER BY id DESC"
    return [row | {"scopes": json.loads(row["scopes"])} for row in ledger.rows(sql)]


def end_token(ledger: Ledger, number: int, *, by: str, at: datetime) -> None:
    """Close a token for good.

    raises  NotFound when there is none of that number
    """
    with ledger.write():
        sql = "UPDATE tokens SET ended_at = coalesce(ended_at, ?) WHERE id = ? RETURNING name"
        row = ledger.db.execute(sql, [to_text(at), number]).fetchone()
        if row is None:
            raise NotFound(f"no token number {number}; reload the page")
        audit.note(ledger, by, "token-ended", {"token": row[0]}, at=at)


# ------------------------------------------------------------------- attempts
def attempt(ledger: Ledger, free: Mapping[str, int], *, at: datetime) -> int:
    """Count an attempt before it is made, so that a thousand at once are a thousand; seconds to wait, 0 to go on.

    free  key (account:NAME, address:IP) -> how many failures cost nothing; each further one doubles the wait
    """
    with ledger.write():
        ledger.db.execute("DELETE FROM attempts WHERE last_at <= ?", [to_text(at - FORGOTTEN)])
        there = {
            row["key"]: row
            for row in ledger.rows(
                "SELECT * FROM attempts WHERE key IN (SELECT value FROM json_each(?))", [dump(list(free))]
            )
        }
        waits = [_wait(row, free[key], at) for key, row in there.items()]
        if max(waits, default=0) > 0:
            return max(waits)
        for key in free:
            sql = (
                "INSERT INTO attempts VALUES (?1, 1, ?2) ON CONFLICT DO UPDATE SET"
                " failures = min(failures + 1, 1000), last_at = ?2"
            )
            ledger.db.execute(sql, [key, to_text(at)])
        sql = "DELETE FROM attempts WHERE key IN (SELECT key FROM attempts ORDER BY last_at DESC LIMIT -1 OFFSET ?)"
        ledger.db.execute(sql, [MOST_ATTEMPTS])
    return 0


def succeeded(ledger: Ledger, account: str, address: str) -> None:
    """The attempt was right: forget the account's failures, and this one of the address.

    Not all of the address: whoever has one account would else guess at the others for ever.
    """
    with ledger.write():
        ledger.db.execute("DELETE FROM attempts WHERE key = ?", [account])
        ledger.db.execute("UPDATE attempts SET failures = max(failures - 1, 0) WHERE key = ?", [address])


def refused(ledger: Ledger, person: str, detail: Mapping[str, Any], *, at: datetime) -> None:
    """Note a refused sign-in; in an hour with very many, only the 1,024th, the 2,048th ... with how many there were."""
    key = f"refused:{to_text(at)[:13]}"
    with ledger.write():
        sql = (
            "INSERT INTO attempts VALUES (?, 1, ?) ON CONFLICT DO UPDATE SET failures = failures + 1 RETURNING failures"
        )
        count = int(ledger.db.execute(sql, [key, to_text(at)]).fetchone()[0])
        if count <= TOLD_AN_HOUR or count.bit_count() == 1:
            more = {"refused_this_hour": count} if count > TOLD_AN_HOUR else {}
            audit.note(ledger, person, "sign-in-refused", {**detail, **more}, at=at)


def _wait(row: Mapping[str, Any], free: int, at: datetime) -> int:
    over = int(row["failures"]) - free
    if over < 0:
        return 0
    until = from_text(row["last_at"]) + timedelta(seconds=min(2 ** min(over, 20), LONGEST_WAIT_S))
    return max(0, -int((at - until).total_seconds() // 1))
