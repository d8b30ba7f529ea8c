"""Sign in and out: by password and one-time code, by a one-time link, by the company's own sign-in.

Never goes on to a place outside the desk, and never signs a browser in that did not ask for it.
"""

import secrets
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from core.errors import ClipwardenError, NotFound
from review import people, sealing
from review.desk import desk_of, ledger_of, now, page
from review.oidc import Company, account_of, provider_of
from review.passwords import MOST_NAME
from review.people import Given, Refused, inside
from review.rights import Person, needs
from store import keys

router = APIRouter()
FORM = "clipwarden-form"  # cookie that the sign-in form must name: nobody signs you in as somebody else
BROWSER = "clipwarden-company"  # cookie that ties a sign-in at the provider to the browser that began it
HOUR_S = 3600
Text = Annotated[str, Form()]


@router.get("/sign-in")
def sign_in(request: Request, next: str = "/") -> Response:  # noqa: A002 - it stands in addresses as ?next=
    """The page to sign in on; next: where to go on to."""
    place = inside(next)
    # Browsers keep the session's cookie back when a mail or another site led here: ask once more from our own page.
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        return page(request, "sign_in.html", go_on=f"/sign-in?{request.url.query}")
    if people.person_of(request):
        return RedirectResponse(place, 303)
    return _form(request, place)


@router.post("/sign-in")
def sign_in_by_password(
    request: Request,
    *,
    name: Text = "",
    password: Text = "",
    code: Text = "",
    next: Text = "/",  # noqa: A002 - it stands in addresses as ?next=
    csrf: Text = "",
) -> Response:
    """Sign in by name, password and, where the account has them, a one-time code."""
    texts, place = _texts(request), inside(next)
    if not _from_our_form(request, csrf):
        return _form(request, place, name=name, problem=texts["out_of_date"], status=403)
    given = Given(name=name, password=password, code=code, address=people.address_of(request))
    found = people.check(ledger_of(request), people.passwords_of(request), given, at=now())
    if isinstance(found, str):
        response = RedirectResponse(place, 303)
        response.delete_cookie(FORM)
        return people.let_in(request, response, found, how="password")
    return _refuse(request, place, name, found)


@router.get("/sign-in/once")
def ask_once(request: Request, key: str = "") -> Response:
    """The page that a one-time link opens; a click signs in, so that no program that only looks uses it up."""
    return _form(request, "/", once=key[:100])


@router.post("/sign-in/once")
def sign_in_once(request: Request, key: Text = "", csrf: Text = "") -> Response:
    """Sign in by a one-time link, to set a password."""
    texts = _texts(request)
    if not _from_our_form(request, csrf):
        return _form(request, "/", once=key[:100], problem=texts["out_of_date"], status=403)
    name = keys.use_link(ledger_of(request), key, at=now())
    if name is None:
        return _form(request, "/", problem=texts["link_used"], status=403)
    return people.let_in(request, RedirectResponse("/me", 303), name, how="link")


@router.get("/sign-in/company")
def begin_company(request: Request, next: str = "/") -> Response:  # noqa: A002 - it stands in addresses as ?next=
    """Send the browser to the company's own sign-in."""
    try:
        url, browser = _company(request).begin(ledger_of(request), _back(request), inside(next), at=now())
    except ClipwardenError as error:
        return _form(request, inside(next), problem=str(error), status=502)
    response = RedirectResponse(url, 303)
    people.keep(request, response, BROWSER, browser, seconds=int(keys.COMPANY.total_seconds()), lax=True)
    return response


@router.get("/sign-in/company/back")
def end_company(request: Request, state: str = "") -> Response:
    """The browser comes back from the company's sign-in."""
    ledger, company = ledger_of(request), _company(request)
    steps = keys.end_company(ledger, state, request.cookies.get(BROWSER, ""), at=now())
    if steps is None:
        return _form(request, "/", problem=_texts(request)["company_late"], status=403)
    back = _back(request)
    try:
        claims = company.claims(back, f"{back}?{request.url.query}", state, steps)
        name = account_of(ledger, company.provider, claims, at=now())
    except ClipwardenError as error:
        told = {"address": people.address_of(request), "why": str(error)[:300]}
        keys.refused(ledger, "company", told, at=now())
        return _form(request, "/", problem=str(error), status=403)
    # A page of ours leads on: a redirect would still belong to the provider's, and the new cookie would stay behind.
    response = page(request, "sign_in.html", go_on=inside(steps["next"]))
    response.delete_cookie(BROWSER)
    return people.let_in(request, response, name, how="company")


@router.post("/sign-out")
def sign_out(request: Request, me: Annotated[Person, needs()], everywhere: Text = "") -> Response:
    """End this session, or all of this person's."""
    ledger, key = ledger_of(request), people.session_key(request)
    if everywhere:
        keys.end_sessions(ledger, me.name, at=now())
    else:
        keys.end_session(ledger, key, at=now())
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(people.cookie_name(request), secure=request.url.scheme == "https", httponly=True)
    return response


def _form(
    request: Request, place: str, *, name: str = "", once: str = "", problem: str = "", status: int = 200
) -> Response:
    held = request.cookies.get(FORM, "")
    key = held if len(held) == 43 else secrets.token_urlsafe(32)
    company = company_of(request)
    values = {"name": name[:MOST_NAME], "once": once, "problem": problem, "place": place, "key": key, "most": MOST_NAME}
    shown = (company.provider.shown or company.provider.issuer) if company else ""
    response = page(request, "sign_in.html", go_on="", company=shown, **values)
    response.status_code = status
    people.keep(request, response, FORM, key, seconds=HOUR_S)
    return response


def _refuse(request: Request, place: str, name: str, refused: Refused) -> Response:
    texts = _texts(request)
    if not refused.wait_s:
        # The same for every name: it says nothing of who was refused, or why.
        lost = sealing.lost(ledger_of(request))
        told = f"{texts['refused']} {texts['codes_lost']}" if lost else texts["refused"]
        return _form(request, place, name=name, problem=told, status=401)
    response = _form(request, place, name=name, problem=texts["wait"].format(seconds=refused.wait_s), status=429)
    response.headers["Retry-After"] = str(refused.wait_s)
    return response


def _from_our_form(request: Request, csrf: str) -> bool:
    held = request.cookies.get(FORM, "")
    return bool(held) and secrets.compare_digest(held.encode(), csrf.encode())


def _texts(request: Request) -> dict[str, str]:
    found: dict[str, str] = request.app.state.pages.globals["t"]["sign_in"]
    return found


def _back(request: Request) -> str:
    return f"{people.base_of(request)}/sign-in/company/back"


def company_of(request: Request) -> Company | None:
    """The company's own sign-in; None where the settings name none."""
    state = request.app.state
    if not hasattr(state, "company"):
        provider = provider_of(desk_of(request).settings)
        state.company = Company(provider) if provider else None
    found: Company | None = state.company
    return found


def _company(request: Request) -> Company:
    company = company_of(request)
    if company is None:
        raise NotFound("this desk has no sign-in by the company; set [oidc] in clipwarden.toml")
    return company
