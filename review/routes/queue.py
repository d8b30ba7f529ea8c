"""The queue: the list one filters, and the screen on which one case follows another."""

from datetime import date, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from core.errors import ClipwardenError
from review.desk import ledger_of, now, page
from review.rights import Right, needs
from review.routes.cases import Wanted
from store import desk

router = APIRouter()


@router.get("/", dependencies=[needs(Right.SEE)])
def queue(request: Request) -> HTMLResponse:
    """A page of the queue with its filters; what is filtered stands in the address."""
    ledger = ledger_of(request)
    wanted, after, problem = _asked(request)
    try:
        rows = desk.cases(ledger, wanted.filter(after))
    except ClipwardenError as error:
        rows, problem = [], str(error)
    return page(
        request,
        "queue.html",
        rows=rows,
        wanted=wanted,
        problem=problem,
        counts=desk.counts(ledger),
        franchises=ledger.rows("SELECT id, title FROM franchises ORDER BY title"),
        platforms=[row["platform"] for row in ledger.rows("SELECT DISTINCT platform FROM watches ORDER BY platform")],
        days=_days(now().date()),
        blind=ledger.rows("SELECT platform, site, cause, opened_at FROM incidents WHERE closed_at IS NULL"),
        onward=_onward(request, rows[-1]["rank"]) if len(rows) == desk.PAGE else "",
        query=request.url.query,
    )


@router.get("/review", dependencies=[needs(Right.REVIEW)])
def review(request: Request) -> HTMLResponse:
    """One case after another, by the keyboard."""
    wanted, _, _ = _asked(request)
    return page(
        request, "review.html", wanted=wanted.model_dump_json(), start=request.query_params.get("case", "")[:80]
    )


def _asked(request: Request) -> tuple[Wanted, float | None, str]:
    """What the address asks for; an address that was typed wrong shows everything, and says so."""
    given = {name: value for name, value in request.query_params.items() if name in Wanted.model_fields and value}
    if "status" in request.query_params and not request.query_params["status"]:
        given["status"] = ""
    after = request.query_params.get("after")
    try:
        return Wanted.model_validate(given), float(after) if after else None, ""
    except (ValidationError, ValueError):
        return Wanted(), None, "the address asks for something that is not there; everything open is shown"


def _onward(request: Request, rank: float) -> str:
    return str(request.url.include_query_params(after=repr(rank)).query)


def _days(today: date) -> list[str]:
    return [(today - timedelta(days=back)).isoformat() for back in range(30)]
