"""The audit log, for who may read it. Never changes it: the log only grows, by what people do."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from review.desk import ledger_of, page
from review.rights import Right, needs
from store import audit

router = APIRouter()
PAGE = 100
Word = Annotated[str, Query(max_length=200)]
Number = Annotated[int | None, Query(ge=1, le=2**62)]


@router.get("/audit", dependencies=[needs(Right.AUDIT)])
def log(request: Request, person: Word = "", act: Word = "", before: Number = None) -> Response:
    """A page of the log, the newest first."""
    rows = audit.listed(ledger_of(request), person=person, act=act, before=before, limit=PAGE)
    return page(
        request, "audit.html", rows=rows, person=person, act=act, before=rows[-1]["id"] if len(rows) == PAGE else 0
    )


@router.get("/v1/audit", dependencies=[needs(Right.AUDIT)])
def log_rows(
    request: Request,
    person: Word = "",
    act: Word = "",
    before: Number = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = PAGE,
) -> list[dict[str, Any]]:
    """Rows of the log, the newest first. before: only those older than this id."""
    return audit.listed(ledger_of(request), person=person, act=act, before=before, limit=limit)
