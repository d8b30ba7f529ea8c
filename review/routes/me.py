"""One's own account: password, one-time codes, where one is signed in."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from core.errors import ClipwardenError
from review import passwords, people, sealing
from review.desk import ledger_of, now, page
from review.people import Given, Refused
from review.rights import Person, needs
from store import keys
from store import people as accounts

router = APIRouter()
Text = Annotated[str, Form()]
Me = Annotated[Person, needs()]


@router.get("/me")
def account(request: Request, me: Me, done: str = "") -> Response:
    """The page of one's own account. done: what was just done, by the name of its text."""
    return _page(request, me, done=done if done == "password_set" else "")


@router.get("/v1/me")
def whoami(me: Me) -> dict[str, Any]:
    """Who asks, and what they may do."""
    return {"name": me.name, "role": me.role, "rights": sorted(me.rights)}


@router.post("/me/password")
def set_password(request: Request, me: Me, fresh: Text = "", password: Text = "", code: Text = "") -> Response:
    """Set one's password; all other sessions end."""
    ledger, at = ledger_of(request), now()
    row = _own(request, me)
    try:
        if row["password"]:
            _prove(request, me, password, code)
        hashed = people.passwords_of(request).hashed(fresh)
    except ClipwardenError as error:
        return _page(request, me, problem=str(error))
    with ledger.write():
        accounts.set_password(ledger, me.name, hashed, by=me.name, at=at)
        # It ended every session, this one too: a new one begins, with a new key.
        return people.let_in(request, RedirectResponse("/me?done=password_set", 303), me.name, how="new password")


@router.post("/me/codes")
def begin_codes(request: Request, me: Me, password: Text = "") -> Response:
    """Begin with one-time codes: show the secret once, for the app."""
    ledger, row, secret = ledger_of(request), _own(request, me), passwords.new_secret()
    if row["totp"]:
        return _page(request, me, problem="one-time codes are on; turn them off before you take another app")
    try:
        _prove(request, me, password, "")
        accounts.begin_totp(ledger, me.name, sealing.seal(ledger, me.name, secret))
    except ClipwardenError as error:
        return _page(request, me, problem=str(error))
    return _page(request, me, secret=secret)


@router.post("/me/codes/confirm")
def confirm_codes(request: Request, me: Me, code: Text = "") -> Response:
    """The first code shows that the app has the secret; recovery codes are shown, once."""
    ledger, row, at = ledger_of(request), _own(request, me), now()
    if not row["totp_next"]:
        return _page(request, me, problem="begin with the password: no secret waits for its first code")
    try:
        secret = sealing.opened(ledger, me.name, row["totp_next"])
    except ClipwardenError as error:
        return _page(request, me, problem=str(error))
    step = passwords.step_of(secret, passwords.typed(code), at=at)
    if step is None:
        told = "that is not the code of this half minute; check the clock of your phone, and try the next one"
        return _page(request, me, problem=told, secret=secret)
    codes = passwords.recovery_codes()
    accounts.confirm_totp(ledger, me.name, step, codes, at=at)
    return _page(request, me, codes=codes)


@router.post("/me/codes/end")
def end_codes(request: Request, me: Me, password: Text = "", code: Text = "") -> Response:
    """Turn one-time codes off."""
    _own(request, me)
    try:
        _prove(request, me, password, code)
    except ClipwardenError as error:
        return _page(request, me, problem=str(error))
    accounts.end_totp(ledger_of(request), me.name, by=me.name, at=now())
    return _page(request, me, done="codes_off")


def _own(request: Request, me: Person) -> dict[str, Any]:
    row = accounts.find(ledger_of(request), me.name)
    if row is None or row["issuer"]:
        raise HTTPException(403, f"{me.name} has no password here: programs have tokens, the company its own sign-in")
    return row


def _prove(request: Request, me: Person, password: str, code: str) -> None:
    """Whoever finds a desk unlocked must not take the account over: password and code once more."""
    given = Given(name=me.name, password=password, code=code, address=people.address_of(request))
    found = people.check(ledger_of(request), people.passwords_of(request), given, at=now())
    if isinstance(found, Refused):
        wait = f"; wait {found.wait_s} s" if found.wait_s else ""
        raise ClipwardenError(f"password or one-time code is not right{wait}")


def _page(
    request: Request,
    me: Person,
    *,
    problem: str = "",
    done: str = "",
    secret: str = "",
    codes: tuple[str, ...] | list[str] = (),
) -> Response:
    ledger = ledger_of(request)
    row = accounts.find(ledger, me.name)
    address = passwords.enrolment(secret, me.name) if secret else ""
    response = page(
        request, "me.html", account=row, problem=problem, done=done, secret=secret, address=address,
        drawn=passwords.drawn(address) if secret else "", codes=codes, sessions=keys.sessions(ledger, me.name),
        least=passwords.LEAST, most=passwords.MOST,
    )  # fmt: skip
    response.status_code = 400 if problem else 200
    return response
