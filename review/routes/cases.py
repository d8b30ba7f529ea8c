"""Cases: their page, and what a person does with one: decide, merge, split, undo."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from core.errors import Busy
from core.records import Verdict
from review.cards import card
from review.desk import ledger_of, now, page
from review.rights import Person, Right, needs
from store import acts, desk
from store.captions import as_json, histories
from store.desk import Filter

router = APIRouter()
Reviewer = Annotated[Person, needs(Right.REVIEW)]
PRELOADED = 4  # the one that is looked at, and three more
Id = Field(min_length=1, max_length=80)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Wanted(_Body):
    """A filter of the queue, as the address bar has it."""

    status: str = Field(default="open", max_length=20)
    franchise: str = Field(default="", max_length=300)
    platform: str = Field(default="", max_length=60)
    day: str = Field(default="", max_length=10)
    basis: str = Field(default="", max_length=20)
    ai: bool | None = None
    least_score: float = Field(default=0.0, ge=0, le=1)
    text: str = Field(default="", max_length=200)

    def filter(self, after: float | None = None) -> Filter:
        """The same for the store."""
        return Filter(**self.model_dump(include=set(Wanted.model_fields)), after=after)


class Listed(Wanted):
    """A page of the queue; `after`: the rank of the last case of the page before."""

    after: float | None = None
    limit: int = Field(default=desk.PAGE, ge=1, le=500)

    def filter(self, after: float | None = None) -> Filter:
        """The same for the store."""
        return super().filter(self.after if after is None else after)


class Next(_Body):
    """Which cases one wants to see next. but: those one has, or has skipped; only: this one and no other."""

    wanted: Wanted = Wanted()
    but: list[str] = Field(default=[], max_length=5000)
    most: int = Field(default=PRELOADED, ge=1, le=10)
    only: str = Field(default="", max_length=80)


class Decision(_Body):
    """A verdict on a case; see store.acts.Ruling."""

    verdict: Verdict
    note: str = Field(default="", max_length=10_000)
    fair_use: str | None = Field(default=None, max_length=20_000)
    element: str | None = Field(default=None, max_length=300)
    seen: int | None = Field(default=None, ge=0)
    findings: list[str] = Field(default=[], max_length=1000)
    until: datetime | None = None


class Merge(_Body):
    """Into which case another goes."""

    into: str = Id


class Split(_Body):
    """The members that go into a case of their own."""

    findings: list[str] = Field(min_length=1, max_length=1000)


@router.get("/cases/{case}", dependencies=[needs(Right.SEE)])
def case_page(request: Request, case: str) -> HTMLResponse:
    """One case, as one can send its address to somebody."""
    return page(request, "case.html", card=card(ledger_of(request), case))


@router.get("/v1/cases", dependencies=[needs(Right.SEE)])
def list_cases(request: Request, listed: Annotated[Listed, Query()]) -> list[dict[str, Any]]:
    """A page of the queue, the first in rank first."""
    return desk.cases(ledger_of(request), listed.filter(), limit=listed.limit)


@router.get("/v1/cases/{case}", dependencies=[needs(Right.SEE)])
def one_case(request: Request, case: str) -> dict[str, Any]:
    """A case with its members, verdicts and acts, and what those posts said before whose captions changed."""
    ledger = ledger_of(request)
    row = desk.case(ledger, case)
    edited = histories(ledger, [member["post"] for member in row["members"]])
    return row | {"captions": [as_json(history) for history in edited]}


@router.post("/v1/next")
def next_cases(request: Request, body: Next, me: Reviewer) -> list[dict[str, Any]]:
    """Lease the next cases and get their cards: the one to look at, and those to have ready."""
    ledger = ledger_of(request)
    wanted = [body.only] if body.only else []
    if not wanted:
        wanted = desk.next_cases(ledger, body.wanted.filter(), me.name, at=now(), but=body.but, limit=body.most)
    found = []
    for case in wanted:
        try:
            acts.lease(ledger, case, me.name, at=now())
        except Busy:  # somebody took it in between
            if body.only:
                raise
            continue
        made = card(ledger, case)
        html = request.app.state.pages.get_template("card.html").render(card=made, me=me)
        pictures = [side.src for pair in made.pairs for side in pair if side and side.src]
        found.append({"id": case, "seen": made.row["seen"], "html": html, "pictures": pictures})
    return found


@router.post("/v1/cases/{case}/decision")
def decide(request: Request, case: str, body: Decision, me: Reviewer) -> dict[str, Any]:
    """Decide a case. 409 when somebody else has it, or acted on it since it was seen."""
    if body.until and body.until.tzinfo is None:
        raise HTTPException(400, "until: name the time zone")
    ruling = acts.Ruling(case=case, person=me.name, **body.model_dump())
    ledger = ledger_of(request)
    return {"act": acts.decide(ledger, ruling, at=now()), "status": _status(request, case)}


@router.post("/v1/cases/{case}/lease")
def lease(request: Request, case: str, me: Reviewer) -> dict[str, Any]:
    """Take a case for ten minutes, or keep it for ten more."""
    acts.lease(ledger_of(request), case, me.name, at=now())
    return {"case": case, "minutes": acts.LEASE.total_seconds() / 60}


@router.post("/v1/cases/{case}/merge")
def merge(request: Request, case: str, body: Merge, me: Reviewer) -> dict[str, Any]:
    """Put a case's members into another one."""
    return {"act": acts.merge(ledger_of(request), case, body.into, me.name, at=now())}


@router.post("/v1/cases/{case}/split")
def split(request: Request, case: str, body: Split, me: Reviewer) -> dict[str, Any]:
    """Take members out into a case of their own."""
    return {"act": acts.split(ledger_of(request), case, body.findings, me.name, at=now())}


@router.post("/v1/undo")
def undo(request: Request, me: Reviewer) -> dict[str, Any]:
    """Undo one's own last act that is not undone; 404 when there is none."""
    undone = acts.undo(ledger_of(request), me.name, at=now())
    if undone is None:
        raise HTTPException(404, "nothing of yours is left to undo")
    return {"act": undone[0], "case": undone[1], "status": _status(request, undone[1])}


def _status(request: Request, case: str) -> str:
    rows = ledger_of(request).rows("SELECT status FROM queue WHERE case_id = ?", [case])
    return str(rows[0]["status"]) if rows else ""
