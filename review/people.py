"""Who comes in, and what may be done to accounts: the rules between the routes and the ledger.

Never says which of name, password and code was wrong, nor by how long it took whether there is such a name.
"""

import hmac
import ipaddress
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from argon2 import PasswordHasher
from fastapi import HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool

from core.errors import Busy, ClipwardenError, NotFound
from core.words import printable
from review import sealing
from review.desk import desk_of, ledger_of, now
from review.passwords import MOST_NAME, Passwords, step_of, typed
from review.rights import ROLES, Person, Right
from store import keys, people
from store.ledger import Ledger

ACCOUNT_FREE, ADDRESS_FREE = 5, 30  # failures that cost nothing; an office comes from one address
NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
TOKEN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}")
LONGEST_TOKEN = timedelta(days=366)
FIRST = "admin"  # the account of a fresh install
MOST_NEXT = 512  # letters of a place to go on to


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What somebody typed to sign in, and from where."""

    name: str
    password: str
    code: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Not let in. wait_s: how long before the next attempt is looked at; 0 for at once."""

    wait_s: int = 0


# ------------------------------------------------------------------- who asks
async def who(request: Request) -> Person | None:
    """The person of the session, or the program of the token; None for neither. What review.desk.create takes."""
    return await run_in_threadpool(person_of, request)


def person_of(request: Request) -> Person | None:
    """The same, for routes that are plain functions."""
    ledger, given = ledger_of(request), request.headers.get("Authorization", "")
    if given:  # a token is never helped out by a cookie that happens to be there
        kind, _, key = given.partition(" ")
        row = keys.token(ledger, key.strip(), at=now()) if kind.lower() == "bearer" else None
        if row is None:
            return None
        # A program may never do more than who made it may do today.
        rights = ROLES.get(row["role"], frozenset()) & {Right(scope) for scope in row["scopes"] if scope in list(Right)}
        return Person(name=f"token:{row['name']}", role="program", rights=rights)
    key = session_key(request)
    row = keys.session(ledger, key, at=now()) if key else None
    if row is None:
        return None
    rights = ROLES.get(row["role"], frozenset())
    return Person(name=row["name"], role=row["role"], rights=rights, csrf=csrf_of(key))


def cookie_name(request: Request) -> str:
    """Ours alone: browsers give all ports of a host the same cookies, and two desks may run on one machine."""
    if request.url.scheme == "https":
        return "__Host-clipwarden"
    return f"clipwarden-{request.url.port or 80}"


def session_key(request: Request) -> str:
    """The session's key that the browser holds; "" for none."""
    return request.cookies.get(cookie_name(request), "")


def csrf_of(key: str) -> str:
    """What a change must carry beside the cookie: made from it, so that it need not be kept."""
    return hmac.new(key.encode(), b"csrf", sha256).hexdigest()


def let_in(request: Request, response: Response, name: str, *, how: str) -> Response:
    """Begin a new session, whatever the browser brought along, and give it the key."""
    ledger, old = ledger_of(request), session_key(request)
    with ledger.write():
        if old:
            keys.end_session(ledger, old, at=now())
        key = keys.begin_session(ledger, name, address_of(request), how=how, at=now())
    keep(request, response, cookie_name(request), key, seconds=int(keys.SESSION.total_seconds()))
    return response


def keep(request: Request, response: Response, name: str, value: str, *, seconds: int, lax: bool = False) -> None:
    """Give the browser a cookie that no script reads and no other site sends. lax: a link from outside may send it."""
    secure = request.url.scheme == "https"
    response.set_cookie(
        name, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax" if lax else "strict"
    )


def address_of(request: Request) -> str:
    """Where a request comes from; of IPv6 the network, since a guesser has 2^64 addresses in it."""
    text = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return printable(text, most=MOST_NAME) or "unknown"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def base_of(request: Request) -> str:
    """The desk's own address as people type it, without a slash at the end: the settings' `address`, or this one."""
    return str(desk_of(request).settings.get("address") or request.base_url).rstrip("/")


def inside(place: str) -> str:
    """A place of ours to go on to; "/" for one that leads elsewhere."""
    if not 0 < len(place) <= MOST_NEXT or not place.isprintable() or not place.isascii() or "\\" in place:
        return "/"
    try:
        parts = urlsplit(place)
    except ValueError:
        return "/"
    ours = place.startswith("/") and not place.startswith("//") and not parts.scheme and not parts.netloc
    return place if ours else "/"


# -------------------------------------------------------------------- sign in
def passwords_of(request: Request) -> Passwords:
    """How this desk hashes: argon2-cffi's defaults, or what its settings say."""
    state = request.app.state
    if not hasattr(state, "passwords"):
        chosen: dict[str, Any] = dict(desk_of(request).settings.get("argon2") or {})
        state.passwords = Passwords(PasswordHasher(**chosen))
    found: Passwords = state.passwords
    return found


def check(ledger: Ledger, passwords: Passwords, given: Given, *, at: datetime) -> str | Refused:
    """The name of who may come in by password, or a refusal; either stands in the audit log or the attempts.

    Both name and address slow down after some failures, and an attempt that is too early is not even looked at.
    """
    name = given.name.strip().lower()[:MOST_NAME]
    account, address = f"account:{name}", f"address:{given.address}"
    wait = keys.attempt(ledger, {account: ACCOUNT_FREE, address: ADDRESS_FREE}, at=at)
    if wait:
        return Refused(wait_s=wait)
    row = people.find(ledger, name)
    kept = row["password"] if row and not row["disabled_at"] else None
    right = passwords.match(kept, given.password)
    if not right or row is None or (row["totp"] and not _code_is_right(ledger, row, given.code, at=at)):
        # What is no name of ours may be a password in the wrong box: it goes into no log.
        told = row["name"] if row else "nobody"
        keys.refused(ledger, told, {"address": given.address}, at=at)
        return Refused()
    keys.succeeded(ledger, account, address)
    if passwords.stale(row["password"]):
        people.renew_hash(ledger, name, passwords.hashed(given.password))
    sealing.seal_all(ledger)
    return name


def _code_is_right(ledger: Ledger, row: dict[str, Any], code: str, *, at: datetime) -> bool:
    with suppress(sealing.KeyLost):  # then only a recovery code is left; the page says so, whoever asks
        step = step_of(sealing.opened(ledger, row["name"], row["totp"]), typed(code), at=at)
        if step is not None:
            return people.use_step(ledger, row["name"], step)
    return people.use_recovery(ledger, row["name"], typed(code), at=at)


def first_link(ledger: Ledger, *, at: datetime) -> str | None:
    """The key of a link for the first admin of a fresh install; None once any account can be signed in to.

    Open ADDRESS/sign-in/once?key=KEY; it works once, for fifteen minutes. Each start of the desk makes a new one.
    """
    with ledger.write():
        there = people.listed(ledger)
        if any(row["has_password"] or row["issuer"] for row in there):
            return None
        name = next((row["name"] for row in there if row["role"] == "admin" and not row["disabled_at"]), "")
        if not name:
            name = FIRST
            people.add(ledger, name, "admin", by="clipwarden", at=at)
        return keys.make_link(ledger, name, by="clipwarden", at=at)


# ------------------------------------------------------------------- accounts
def add(
    ledger: Ledger,
    name: str,
    role: str,
    *,
    by: str,
    at: datetime,
    shown: str = "",
    company: tuple[str, str] | None = None,
) -> str:
    """Make an account; return the key of the link that opens it, "" for one that comes in by the company.

    raises  ClipwardenError for a name or role that cannot be; Busy for a name that is taken
    """
    if not NAME.fullmatch(name):
        raise ClipwardenError(
            f"{printable(name, most=80)!r} is no account name; take 1 to 64 of a-z 0-9 . _ @ -, a letter or digit first"
        )
    known_role(role)
    with ledger.write():
        people.add(ledger, name, role, by=by, at=at, shown=printable(shown, most=80), company=company)
        return "" if company else keys.make_link(ledger, name, by=by, at=at)


def change_role(ledger: Ledger, name: str, role: str, *, by: str, at: datetime) -> None:
    """Give an account another role.

    raises  Busy when nobody would be left who manages people
    """
    known_role(role)
    with ledger.write():
        if role != "admin":
            _another_admin(ledger, name)
        people.set_role(ledger, name, role, by=by, at=at)


def disable(ledger: Ledger, name: str, *, by: str, at: datetime) -> None:
    """Close an account: its sessions and the tokens it made stop at once.

    raises  Busy when nobody would be left who manages people
    """
    with ledger.write():
        _another_admin(ledger, name)
        people.set_disabled(ledger, name, disabled=True, by=by, at=at)


def reset(ledger: Ledger, name: str, *, by: str, at: datetime) -> str:
    """Take password and one-time codes away; return the key of the link that opens the account again.

    raises  ClipwardenError for an account that signs in with the company
    """
    with ledger.write():
        row = existing(ledger, name)
        if row["issuer"]:
            raise ClipwardenError(f"{name} signs in with the company; its password is reset there")
        people.reset(ledger, name, by=by, at=at)
        return keys.make_link(ledger, name, by=by, at=at)


def make_token(ledger: Ledger, name: str, scopes: Collection[str], *, days: int, by: str, at: datetime) -> str:
    """A token for a program; return it, the only time it is shown.

    raises  ClipwardenError for a name, scopes or a term that cannot be; Busy for a name that is taken
    """
    unknown = sorted(set(scopes) - set(Right))
    if not TOKEN_NAME.fullmatch(name) or not scopes or unknown or not 0 < days <= LONGEST_TOKEN.days:
        told = f"a name of letters, digits, . _ -, scopes of {', '.join(Right)}, 1 to {LONGEST_TOKEN.days} days"
        raise ClipwardenError(f"a token needs {told}")
    return keys.make_token(ledger, name, sorted(set(scopes)), by=by, until=at + timedelta(days=days), at=at)


def may_give(me: Person, role: str) -> None:
    """Nobody hands out, or takes from, a role with rights that they have not themselves."""
    lacking = sorted(ROLES.get(role, frozenset()) - me.rights)
    if lacking:
        raise HTTPException(403, f"{me.name} may not manage {role}s, who may more: {', '.join(lacking)}")


def existing(ledger: Ledger, name: str) -> dict[str, Any]:
    """An account that is there.

    raises  NotFound when it is not
    """
    row = people.find(ledger, name)
    if row is None:
        raise NotFound(f"no account {printable(name, most=80)}; `clipwarden people list` names them")
    return row


def known_role(role: str) -> None:
    """Check that there is such a role.

    raises  ClipwardenError naming those there are
    """
    if role not in ROLES:
        raise ClipwardenError(f"{printable(role, most=80)!r} is no role; there are {', '.join(ROLES)}")


def _another_admin(ledger: Ledger, name: str) -> None:
    left = [
        row
        for row in people.listed(ledger)
        if row["role"] == "admin" and not row["disabled_at"] and row["name"] != name
    ]
    if not left and existing(ledger, name)["role"] == "admin":
        raise Busy(f"{name} is the last admin; make another one first")
