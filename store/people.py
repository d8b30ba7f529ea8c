"""Accounts of the desk; each change notes itself in the audit log. What may be done, review.people decides.

Never holds a password or a recovery code itself, only what proves one.
"""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any

from core.errors import Busy, NotFound
from core.times import to_text
from store import audit
from store.ledger import Ledger

SHOWN = (
    "SELECT name, shown, role, issuer, subject, made_at, disabled_at, password IS NOT NULL AS has_password,"
    " totp IS NOT NULL AS has_totp FROM people"
)


def digest(key: str) -> str:
    """What is kept of a key that only its owner has; the keys are random and long, so a plain hash serves."""
    return sha256(key.encode()).hexdigest()


def add(
    ledger: Ledger,
    name: str,
    role: str,
    *,
    by: str,
    at: datetime,
    shown: str = "",
    company: tuple[str, str] | None = None,
) -> None:
    """Make an account, without a password.

    company  (issuer, subject): who this is at the company's own sign-in
    raises   Busy when the name, or that person of the company, has one
    """
    issuer, subject = company or (None, None)
    with ledger.write():
        if find(ledger, name):
            raise Busy(f"there is an account {name} already; names are never given twice, so choose another")
        if issuer and subject and (other := of_company(ledger, issuer, subject)):
            raise Busy(f"{subject} of {issuer} has the account {other['name']} already")
        row = {"name": name, "shown": shown, "role": role, "issuer": issuer, "subject": subject, "made_at": to_text(at)}
        ledger.db.table("people").insert(row)
        detail = {"account": name, "role": role} | ({"subject": subject} if subject else {})
        audit.note(ledger, by, "account-made", detail, at=at)


def find(ledger: Ledger, name: str) -> dict[str, Any] | None:
    """An account with what proves it, or None."""
    rows = ledger.rows("SELECT * FROM people WHERE name = ?", [name])
    return rows[0] if rows else None


def of_company(ledger: Ledger, issuer: str, subject: str) -> dict[str, Any] | None:
    """The account of a person of the company, or None."""
    rows = ledger.rows("SELECT * FROM people WHERE issuer = ? AND subject = ?", [issuer, subject])
    return rows[0] if rows else None


def listed(ledger: Ledger) -> list[dict[str, Any]]:
    """All accounts by name, without what proves them."""
    return ledger.rows(f"{SHOWN} ORDER BY name")


def set_role(ledger: Ledger, name: str, role: str, *, by: str, at: datetime) -> None:
    """Give an account another role; it holds from the next request on."""
    with ledger.write():
        before = _change(ledger, name, {"role": role})["role"]
        if before != role:
            audit.note(ledger, by, "role-changed", {"account": name, "from": before, "to": role}, at=at)


def set_disabled(ledger: Ledger, name: str, *, disabled: bool, by: str, at: datetime) -> None:
    """Close an account and end its sessions, or open it again."""
    with ledger.write():
        _change(ledger, name, {"disabled_at": to_text(at) if disabled else None})
        if disabled:
            _lock_out(ledger, name)
        audit.note(ledger, by, "account-disabled" if disabled else "account-enabled", {"account": name}, at=at)


def set_password(ledger: Ledger, name: str, hashed: str, *, by: str, at: datetime) -> None:
    """Give an account another password and end its sessions. hashed: by review.passwords."""
    with ledger.write():
        _change(ledger, name, {"password": hashed})
        _lock_out(ledger, name)
        ledger.db.execute("DELETE FROM attempts WHERE key = ?", [f"account:{name}"])
        audit.note(ledger, by, "password-set", {"account": name}, at=at)


def renew_hash(ledger: Ledger, name: str, hashed: str) -> None:
    """The same password, hashed with today's parameters."""
    with ledger.write():
        _change(ledger, name, {"password": hashed})


def reset(ledger: Ledger, name: str, *, by: str, at: datetime) -> None:
    """Take away password, one-time codes and sessions: only a new link opens the account again."""
    with ledger.write():
        _change(ledger, name, {"password": None, "totp": None, "totp_next": None, "totp_step": 0})
        ledger.db.execute("DELETE FROM recovery_codes WHERE person = ?", [name])
        _lock_out(ledger, name)
        audit.note(ledger, by, "account-reset", {"account": name}, at=at)


def begin_totp(ledger: Ledger, name: str, secret: str) -> None:
    """Keep a secret for one-time codes until its first code shows that the person's app has it.

    secret  sealed: see review.sealing
    """
    with ledger.write():
        _change(ledger, name, {"totp_next": secret})


def confirm_totp(ledger: Ledger, name: str, step: int, codes: Iterable[str], *, at: datetime) -> None:
    """From now on the account asks for one-time codes.

    step   that of the first code, which counts no second time
    codes  recovery codes; only their digests are kept
    """
    with ledger.write():
        secret = (find(ledger, name) or {}).get("totp_next")
        _change(ledger, name, {"totp": secret, "totp_next": None, "totp_step": step})
        ledger.db.execute("DELETE FROM recovery_codes WHERE person = ?", [name])
        rows = [{"person": name, "sha256": digest(code)} for code in codes]
        ledger.db.table("recovery_codes").insert_all(rows)
        audit.note(ledger, name, "one-time-codes-on", {"account": name}, at=at)


def end_totp(ledger: Ledger, name: str, *, by: str, at: datetime) -> None:
    """The account asks for no one-time codes any more."""
    with ledger.write():
        _change(ledger, name, {"totp": None, "totp_next": None})
        ledger.db.execute("DELETE FROM recovery_codes WHERE person = ?", [name])
        audit.note(ledger, by, "one-time-codes-off", {"account": name}, at=at)


def totp_secrets(ledger: Ledger) -> list[tuple[str, str]]:
    """(name, secret as it is kept) of every account that asks for one-time codes."""
    rows = ledger.rows("SELECT name, totp FROM people WHERE totp IS NOT NULL ORDER BY name")
    return [(row["name"], row["totp"]) for row in rows]


def reseal_totp(ledger: Ledger, name: str, before: str, sealed: str) -> None:
    """Keep the same secret in another form, unless it was changed meanwhile."""
    with ledger.write():
        ledger.db.execute("UPDATE people SET totp = ? WHERE name = ? AND totp = ?", [sealed, name, before])


def use_step(ledger: Ledger, name: str, step: int) -> bool:
    """Whether the code of this step was not used before; it is now."""
    sql = "UPDATE people SET totp_step = ?1 WHERE name = ?2 AND totp_step < ?1"
    with ledger.write():
        return ledger.db.execute(sql, [step, name]).rowcount == 1


def use_recovery(ledger: Ledger, name: str, code: str, *, at: datetime) -> bool:
    """Whether this is one of the account's recovery codes; it is used up now."""
    with ledger.write():
        sql = "DELETE FROM recovery_codes WHERE person = ? AND sha256 = ?"
        used = ledger.db.execute(sql, [name, digest(code)]).rowcount == 1
        if used:
            left = ledger.db.execute("SELECT count(*) FROM recovery_codes WHERE person = ?", [name]).fetchone()[0]
            audit.note(ledger, name, "recovery-code-used", {"account": name, "left": left}, at=at)
    return used


def _change(ledger: Ledger, name: str, values: dict[str, Any]) -> dict[str, Any]:
    """Write some columns of an account; return what it was before."""
    before = find(ledger, name)
    if before is None:
        raise NotFound(f"no account {name}; `clipwarden people list` names them")
    ledger.db.table("people").update(name, values)
    return before


def _lock_out(ledger: Ledger, name: str) -> None:
    ledger.db.execute("DELETE FROM sessions WHERE person = ?", [name])
    ledger.db.execute("DELETE FROM sign_in_links WHERE person = ?", [name])
