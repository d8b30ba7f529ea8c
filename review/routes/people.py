"""Accounts and tokens, for who manages people: a page of plain forms, and the same as JSON.

Links and tokens are shown once, in the answer that made them.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from core.errors import ClipwardenError
from review import people, sealing
from review.desk import ledger_of, now, page
from review.people import existing, may_give
from review.rights import ROLES, Person, Right, needs
from review.routes.sign_in import company_of
from store import keys
from store import people as accounts

router = APIRouter()
Me = Annotated[Person, needs(Right.PEOPLE)]
Text = Annotated[str, Form()]
Number = Annotated[int, Path(ge=1, le=2**31)]
MOST_TEXT = 300


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewAccount(_Words):
    """An account to make. company_id: the subject that the company's sign-in knows the person by; "" for a password."""

    name: str = Field(max_length=MOST_TEXT)
    role: str = Field(max_length=MOST_TEXT)
    shown: str = Field(default="", max_length=MOST_TEXT)
    company_id: str = Field(default="", max_length=MOST_TEXT)


class Change(_Words):
    """What of an account changes; what is left out stays."""

    role: str | None = Field(default=None, max_length=MOST_TEXT)
    disabled: bool | None = None


class NewToken(_Words):
    """A token to make. scopes: rights; days: how long it holds."""

    name: str = Field(max_length=MOST_TEXT)
    scopes: list[str] = Field(max_length=20)
    days: int = Field(default=90, ge=1, le=people.LONGEST_TOKEN.days)


# ----------------------------------------------------------------------- page
@router.get("/people")
def all_people(request: Request, me: Me) -> Response:
    """Accounts, roles and tokens."""
    return _page(request, me)


@router.post("/people/add")
def add(
    request: Request, me: Me, *, name: Text = "", role: Text = "", shown: Text = "", company_id: Text = ""
) -> Response:
    """Make an account."""
    given = {"name": name.strip().lower(), "role": role, "shown": shown, "company_id": company_id.strip()}
    return _done(request, me, lambda: _add(request, me, given))


@router.post("/people/{name}/role")
def change_role(request: Request, me: Me, name: str, role: Text = "") -> Response:
    """Give an account another role."""
    return _done(request, me, lambda: _change(request, me, name, {"role": role}))


@router.post("/people/{name}/disable")
def disable(request: Request, me: Me, name: str) -> Response:
    """Close an account."""
    return _done(request, me, lambda: _change(request, me, name, {"disabled": True}))


@router.post("/people/{name}/enable")
def enable(request: Request, me: Me, name: str) -> Response:
    """Open an account again."""
    return _done(request, me, lambda: _change(request, me, name, {"disabled": False}))


@router.post("/people/{name}/reset")
def reset(request: Request, me: Me, name: str) -> Response:
    """Take password and one-time codes away, and show the link that opens the account again."""
    return _done(request, me, lambda: _reset(request, me, name))


@router.post("/people/tokens")
def make_token(
    request: Request,
    me: Me,
    name: Text = "",
    scopes: Annotated[list[str], Form()] = [],  # noqa: B006 - FastAPI copies it
    days: Text = "90",
) -> Response:
    """Make a token, and show it."""
    term = int(days) if days.isascii() and days.isdigit() and len(days) < 5 else 0
    return _done(request, me, lambda: {"token": _make_token(request, me, name.strip(), scopes, term)})


@router.post("/people/tokens/{number}/end")
def end_token(request: Request, me: Me, number: Number) -> Response:
    """Close a token."""
    return _done(request, me, lambda: _end_token(request, me, number))


# ----------------------------------------------------------------------- JSON
@router.get("/v1/people")
def people_list(request: Request, me: Me) -> list[dict[str, Any]]:  # noqa: ARG001 - the right is what it is asked for
    """All accounts."""
    return accounts.listed(ledger_of(request))


@router.post("/v1/people", status_code=201)
def people_add(request: Request, me: Me, given: NewAccount) -> dict[str, Any]:
    """Make an account; the answer holds the link that opens it, once."""
    return {"name": given.name} | _add(request, me, given.model_dump())


@router.patch("/v1/people/{name}")
def people_change(request: Request, me: Me, name: str, change: Change) -> dict[str, Any]:
    """Change an account's role, close it or open it again."""
    _change(request, me, name, change.model_dump(exclude_none=True))
    return next(row for row in accounts.listed(ledger_of(request)) if row["name"] == name)


@router.post("/v1/people/{name}/reset")
def people_reset(request: Request, me: Me, name: str) -> dict[str, str]:
    """Take password and one-time codes away; the answer holds the link that opens the account again, once."""
    return _reset(request, me, name)


@router.get("/v1/tokens")
def tokens_list(request: Request, me: Me) -> list[dict[str, Any]]:  # noqa: ARG001 - the right is what it is asked for
    """All tokens, without what opens them."""
    return keys.tokens(ledger_of(request))


@router.post("/v1/tokens", status_code=201)
def tokens_make(request: Request, me: Me, given: NewToken) -> dict[str, str]:
    """Make a token; the answer holds it, once."""
    return {"name": given.name, "token": _make_token(request, me, given.name, given.scopes, given.days)}


@router.delete("/v1/tokens/{number}", status_code=204)
def tokens_end(request: Request, me: Me, number: Number) -> None:
    """Close a token."""
    _end_token(request, me, number)


# ---------------------------------------------------------------- what is done
def _add(request: Request, me: Person, given: dict[str, str]) -> dict[str, str]:
    may_give(me, given["role"])
    company = None
    if given["company_id"]:
        its = company_of(request)
        if its is None:
            raise ClipwardenError("this desk has no sign-in by the company; leave the company's id out")
        company = (its.provider.issuer, given["company_id"])
    key = people.add(
        ledger_of(request), given["name"], given["role"], by=me.name, at=now(), shown=given["shown"], company=company
    )
    return {"link": _link(request, key)} if key else {}


def _change(request: Request, me: Person, name: str, values: dict[str, Any]) -> dict[str, str]:
    ledger, at = ledger_of(request), now()
    with ledger.write():
        may_give(me, existing(ledger, name)["role"])
        if "role" in values:
            may_give(me, values["role"])
            people.change_role(ledger, name, values["role"], by=me.name, at=at)
        if values.get("disabled") is True:
            people.disable(ledger, name, by=me.name, at=at)
        if values.get("disabled") is False:
            accounts.set_disabled(ledger, name, disabled=False, by=me.name, at=at)
    return {}


def _reset(request: Request, me: Person, name: str) -> dict[str, str]:
    ledger = ledger_of(request)
    may_give(me, existing(ledger, name)["role"])
    return {"link": _link(request, people.reset(ledger, name, by=me.name, at=now()))}


def _make_token(request: Request, me: Person, name: str, scopes: list[str], days: int) -> str:
    # A token lives by its maker's account, and a program has none; nor does anybody give away what they have not.
    if me.role == "program" or not set(scopes) <= set(me.rights) | (set(scopes) - set(Right)):
        raise HTTPException(403, f"{me.name} may not make a token for {', '.join(sorted(scopes))[:MOST_TEXT]}")
    return people.make_token(ledger_of(request), name, scopes, days=days, by=me.name, at=now())


def _end_token(request: Request, me: Person, number: int) -> dict[str, str]:
    keys.end_token(ledger_of(request), number, by=me.name, at=now())
    return {}


def _link(request: Request, key: str) -> str:
    return f"{people.base_of(request)}/sign-in/once?key={key}"


def _done(request: Request, me: Person, deed: Any) -> Response:  # noqa: ANN401 - what of the page it shows once
    """Do it and show the page again, with what is shown once, or with why it was not done."""
    try:
        return _page(request, me, **deed())
    except ClipwardenError as error:
        response = _page(request, me, problem=str(error))
        response.status_code = 400
        return response


def _page(request: Request, me: Person, *, problem: str = "", link: str = "", token: str = "") -> Response:
    ledger = ledger_of(request)
    given = [role for role, rights in ROLES.items() if rights <= me.rights]
    return page(
        request, "people.html", people=accounts.listed(ledger), tokens=keys.tokens(ledger), roles=given,
        rights=sorted(me.rights), problem=problem or sealing.lost(ledger), link=link, token=token,
        company=company_of(request) is not None, today=now().isoformat(), days=90, most_days=people.LONGEST_TOKEN.days,
    )  # fmt: skip
