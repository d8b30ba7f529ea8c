"""References: which there are and what they found, uploads of more, retiring, and thresholds that decisions propose."""

import time
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar, cast
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from core.errors import ClipwardenError, NotFound
from core.proposals import TARGET, Advice, Proposal, propose
from core.records import Bank
from review.desk import Desk, desk_of, ledger_of, now, page
from review.rights import Person, Right, needs
from review.routes.screen import REFUSALS
from review.uploads import MIB, File, Form, Limits, admitted, received, safe_name, suffix, unnamed
from review.words import readable
from store import audit, references
from store.ledger import Ledger

router = APIRouter()
Manager = Annotated[Person, needs(Right.MANAGE)]
MOST_BYTES = 1024 * MIB  # of all files of one upload
MOST_FILES = 20
MOST_SECONDS = 900.0
AT_ONCE = 2
KEPT_S = 30.0  # how old what is counted from decisions may be
T = TypeVar("T")
FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["franchise", "bank", "files"],
                    "properties": {
                        "franchise": {"type": "string"},
                        "element": {"type": "string"},
                        "bank": {"type": "string", "enum": [str(bank) for bank in Bank]},
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    },
                }
            }
        },
    }
}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Wanted(_Body):
    """Which references one wants to see, as the address bar has it."""

    franchise: str = Field(default="", max_length=300)
    element: str = Field(default="", max_length=300)
    bank: Literal["", "positive", "negative", "licensed"] = ""
    kind: Literal["", "image", "video"] = ""
    state: Literal["active", "retired"] = "active"
    skip: int = Field(default=0, ge=0, le=10_000_000)

    def asked(self) -> references.Wanted:
        """The same for the store."""
        return references.Wanted(**self.model_dump(exclude={"skip"}))


class Named(_Body):
    """A reference by its id, and why it is retired or brought back."""

    reference: str = Field(min_length=1, max_length=200)
    why: str = Field(default="", max_length=1000)


class Threshold(_Body):
    """A proposed threshold one accepts, or None to take back the one accepted before."""

    element: str = Field(min_length=1, max_length=300)
    method: str = Field(min_length=1, max_length=60)
    threshold: int | None = Field(default=None, ge=-(2**31), le=2**31)


@router.get("/references", dependencies=[needs(Right.SEE)])
def references_page(request: Request) -> HTMLResponse:
    """The references with their filters, the form that adds some, and what decisions say of thresholds."""
    ledger = ledger_of(request)
    try:
        wanted = Wanted.model_validate({key: value for key, value in request.query_params.items() if value})
    except ValueError:
        wanted = Wanted()  # an address that was typed wrong shows everything
    rows = references.listed(ledger, wanted.asked(), _counts(request), skip=wanted.skip)
    query = wanted.model_dump(exclude_defaults=True, exclude={"skip"})
    return page(
        request,
        "references.html",
        wanted=wanted,
        rows=[_shown(row) for row in rows],
        onward=urlencode(query | {"skip": wanted.skip + references.PAGE}) if len(rows) == references.PAGE else "",
        franchises=ledger.rows("SELECT id, title FROM franchises ORDER BY title, id"),
        elements=ledger.rows("SELECT id, franchise, name FROM elements ORDER BY franchise, name"),
        banks=[str(bank) for bank in Bank],
        proposals=[one for one in _proposals(request) if one.advice is not Advice.FEW],
        accepted=references.accepted(ledger),
        target=TARGET,
        most_mib=_limits(desk_of(request)).most_bytes // MIB,
    )


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    texts = {
        key: readable(row[key] or "", most=most) for key, most in (("name", 120), ("why", 300), ("unreadable", 300))
    }
    return row | texts


def _counts(request: Request) -> dict[str, dict[str, Any]]:
    return _kept(request, references.outcomes)


def _proposals(request: Request) -> list[Proposal]:
    return _kept(request, lambda ledger: propose(references.decided(ledger)), name="proposals")


def _kept(request: Request, make: Callable[[Ledger], T], name: str = "counts") -> T:
    """What takes a second to count among 100,000 findings, kept for a moment, until somebody retires or accepts."""
    ledger, state = ledger_of(request), request.app.state
    if not hasattr(state, "references"):
        state.references = {}
    since = ledger.rows(
        "SELECT (SELECT max(id) FROM retirements) AS retired, (SELECT max(id) FROM accepted) AS accepted"
    )
    until, key, value = state.references.get(name, (float("-inf"), None, None))
    if time.monotonic() > until or key != since:
        value = make(ledger)
        state.references[name] = (time.monotonic() + KEPT_S, since, value)
    return cast(T, value)


@router.get("/v1/references", dependencies=[needs(Right.SEE)])
def list_references(request: Request, wanted: Annotated[Wanted, Query()]) -> list[dict[str, Any]]:
    """A page of the references with the hits they made; those with many false ones first."""
    return references.listed(ledger_of(request), wanted.asked(), _counts(request), skip=wanted.skip)


# ------------------------------------------------------------------------- add
@router.post("/v1/references", responses=REFUSALS, openapi_extra=FORM)
async def add_references(request: Request, me: Manager) -> list[dict[str, Any]]:
    """Add files as references; for each its name and either its id, or the error that kept it out."""
    desk = desk_of(request)
    with admitted(request, AT_ONCE, "references"):
        async with received(request, desk.ledger.parent, _limits(desk)) as form:
            return await run_in_threadpool(_add_all, request, form, me)


def _limits(desk: Desk) -> Limits:
    most = int(desk.settings.get("references_most_bytes", MOST_BYTES))
    return Limits(most_bytes=most, most_files=MOST_FILES, most_seconds=MOST_SECONDS)


def _add_all(request: Request, form: Form, me: Person) -> list[dict[str, Any]]:
    ledger, desk = ledger_of(request), desk_of(request)
    place = _place(ledger, form)
    if not form.files:
        raise HTTPException(400, "choose at least one file")
    told = []
    for file in form.files:
        answer = _add(desk, file, place)
        if "reference" in answer:
            audit.note(ledger, me.name, "reference-add", {"reference": answer["reference"]}, at=now())
        told.append(answer)
    return told


def _place(ledger: Ledger, form: Form) -> dict[str, Any]:
    """Where the form says they belong."""
    franchise, element = form.fields.get("franchise", ""), form.fields.get("element", "") or None
    rows = ledger.rows("SELECT brand FROM franchises WHERE id = ?", [franchise])
    parts = ledger.rows("SELECT 1 FROM elements WHERE id = ? AND franchise = ?", [element, franchise])
    bank = form.fields.get("bank", "")
    if not rows or (element and not parts) or bank not in set(Bank):
        raise HTTPException(400, "choose a title, one of its elements or none, and a bank that there is")
    return {"brand": rows[0]["brand"], "franchise": franchise, "element": element, "bank": Bank(bank)}


def _add(desk: Desk, file: File, place: dict[str, Any]) -> dict[str, Any]:
    name = readable(file.name, most=120)
    ending = suffix(file.path) if file.size_bytes else None
    if ending is None:
        why = "its first bytes are those of no picture or video" if file.size_bytes else "it is empty"
        return {"name": name, "error": f"{why}; nothing was added"}
    folder = file.path.with_name(f"{file.path.name}-named")
    folder.mkdir()
    path = file.path.rename(folder / safe_name(file.name, ending))
    try:
        added: dict[str, Any] = desk.add(path, **place)
    except ClipwardenError as error:
        return {"name": name, "error": unnamed(str(error), File(name=name, path=path, size_bytes=file.size_bytes))}
    return added | {"name": name}


# ------------------------------------------------------------- retire, bring back
@router.post("/v1/references/retire")
def retire(request: Request, body: Named, me: Manager) -> dict[str, str]:
    """Take a reference out of use; what it found so far stays known. 404 when it is not in use."""
    ledger = ledger_of(request)
    with ledger.write():
        references.retire(ledger, body.reference, person=me.name, why=body.why, at=now())
        audit.note(ledger, me.name, "reference-retire", body.model_dump(), at=now())
    return {"reference": body.reference, "state": "retired"}


@router.post("/v1/references/return")
def bring_back(request: Request, body: Named, me: Manager) -> dict[str, str]:
    """Put a retired reference to use again. 404 when it was not retired, 409 when it may not come back."""
    ledger = ledger_of(request)
    with ledger.write():
        references.bring_back(ledger, body.reference, person=me.name, why=body.why, at=now())
        audit.note(ledger, me.name, "reference-return", body.model_dump(), at=now())
    return {"reference": body.reference, "state": "active"}


# ------------------------------------------------------------------- thresholds
@router.get("/v1/thresholds", dependencies=[needs(Right.SEE)])
def thresholds(request: Request) -> list[Proposal]:
    """What past decisions say of each element's thresholds; those that would change something first."""
    return _proposals(request)


@router.post("/v1/thresholds")
def accept(request: Request, body: Threshold, me: Manager) -> dict[str, Any]:
    """Put a proposed threshold in force, or take one back. 404 when decisions no longer propose it."""
    ledger, proposal = ledger_of(request), None
    if body.threshold is not None:
        wanted = (body.element, body.method, body.threshold)
        found = (one for one in _proposals(request) if (one.element, one.method, one.threshold) == wanted)
        proposal = next(found, None)
        if proposal is None:
            raise NotFound("decisions do not propose this threshold any more; reload the page")
    with ledger.write():
        references.accept(ledger, body.element, body.method, proposal, person=me.name, at=now())
        audit.note(ledger, me.name, "threshold", body.model_dump(), at=now())
    return body.model_dump()
