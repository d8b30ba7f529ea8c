"""Who may do what at the desk: rights, the roles that hold them, and the check that stands before every route.

A route without a right is refused by a test, so none is open by oversight.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from hmac import compare_digest
from typing import Any

from fastapi import Depends, HTTPException, Request

# Routes that ask for no right: how one gets in.
OPEN = frozenset({"/sign-in", "/sign-in/once", "/sign-in/company", "/sign-in/company/back"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Right(StrEnum):
    """What a route asks for."""

    SEE = "see"  # queue, cases, dashboard
    REVIEW = "review"  # decide, undo, merge, split
    APPROVE = "approve"  # what leaves the house
    COUNSEL = "counsel"  # fair-use records and legal notes
    MANAGE = "manage"  # references, thresholds, accounts that are allowed
    PEOPLE = "people"  # accounts, roles, tokens
    AUDIT = "audit"  # the chain of all acts
    SCREEN = "screen"  # a partner's upload check


SEEING = frozenset({Right.SEE})
REVIEWING = SEEING | {Right.REVIEW}
ROLES: dict[str, frozenset[Right]] = {
    "viewer": SEEING,
    "reviewer": REVIEWING,
    "approver": REVIEWING | {Right.APPROVE},
    "counsel": REVIEWING | {Right.APPROVE, Right.COUNSEL},
    "auditor": SEEING | {Right.AUDIT},
    "admin": frozenset(Right),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who asks: a person with a session, or a program with a token.

    csrf    what a change must carry when it comes with a cookie; "" for a token, which no browser sends by itself
    """

    name: str
    role: str
    rights: frozenset[Right]
    csrf: str = ""


def needs(*rights: Right) -> Any:  # noqa: ANN401 - FastAPI's own marker
    """Let pass whoever holds all these rights; hands the Person to the route."""

    async def check(request: Request) -> Person:
        person: Person | None = await request.app.state.who(request)
        if person is None:
            raise HTTPException(401, "sign in first", headers={"WWW-Authenticate": "Bearer"})
        if not person.rights.issuperset(rights):
            lacking = ", ".join(sorted(set(rights) - person.rights))
            raise HTTPException(403, f"{person.role} {person.name} may not: {lacking}")
        if person.csrf and request.method not in SAFE_METHODS:
            given = request.headers.get("X-CSRF", "")
            uploads = request.headers.get("content-type", "").lower().startswith("multipart/")
            if not given and not uploads:  # an upload says it in the header: its body is read by its route, and bounded
                given = str((await request.form()).get("csrf", ""))
            if not compare_digest(given.encode(), person.csrf.encode()):
                raise HTTPException(403, "this page is out of date; reload it and do it again")
        request.state.person = person
        return person

    check.rights = frozenset(rights)  # type: ignore[attr-defined]  # what the test of all routes reads
    return Depends(check)


Who = Callable[[Request], Awaitable[Person | None]]
