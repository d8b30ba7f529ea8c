"""POST /v1/screen: a partner's upload and its matches back in one call, before anybody publishes it.

Keeps nothing: the file is gone after the answer, and the ledger gets one line in the audit log. Who may not see the
references is not told what their files are called.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Request
from starlette.concurrency import run_in_threadpool

from core.errors import NotFound
from review.desk import Desk, desk_of, ledger_of, now
from review.rights import Person, Right, needs
from review.uploads import MIB, Form, Limits, admitted, received, suffix, unnamed
from store import audit

router = APIRouter()
MOST_BYTES = 256 * MIB
MOST_SECONDS = 120.0  # of the upload; the decoding has the limit of the home
AT_ONCE = 4
FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": why}
    for status, why in {
        400: "a broken form, or one that was cut short",
        408: "too slow",
        413: "too large",
        415: "no form, or no picture or video",
        422: "a file that does not decode",
        503: "too many at once, or no reference to compare with; see Retry-After",
        507: "the disk is nearly full",
    }.items()
}


@router.post("/v1/screen", responses=REFUSALS, openapi_extra=FORM)
async def screen(request: Request, me: Annotated[Person, needs(Right.SCREEN)]) -> dict[str, Any]:
    """Compare one picture or clip with the references; score 0..1, and its matches with their reasons."""
    desk = desk_of(request)
    limits = Limits(
        most_bytes=int(desk.settings.get("screen_most_bytes", MOST_BYTES)),
        most_seconds=float(desk.settings.get("screen_most_seconds", MOST_SECONDS)),
    )
    with admitted(request, int(desk.settings.get("screen_at_once", AT_ONCE)), "screen"):
        async with received(request, desk.ledger.parent, limits) as form:
            return await run_in_threadpool(_screen, request, desk, form, me)


def _screen(request: Request, desk: Desk, form: Form, me: Person) -> dict[str, Any]:
    if len(form.files) != 1 or not form.files[0].size_bytes:
        raise HTTPException(400, "send one file that is not empty, in the field `file`")
    file = form.files[0]
    if suffix(file.path) is None:
        raise HTTPException(415, "its first bytes are those of no picture or video that is known here")
    try:
        found = desk.screen(file.path)
    except NotFound as nothing:
        raise HTTPException(503, str(nothing), headers={"Retry-After": "600"}) from None
    error = found.get("error")
    ledger = ledger_of(request)
    detail = {"size_bytes": file.size_bytes, "score": found["score"], "matches": len(found.get("matches", ()))}
    audit.note(ledger, me.name, "screen", detail, at=now())
    if error is not None:
        raise HTTPException(422, unnamed(str(error), file))
    if Right.SEE in me.rights:
        return {"score": found["score"], "matches": found["matches"]}
    titles = {row["id"]: row["title"] for row in ledger.rows("SELECT id, title FROM franchises")}
    told = [_public(one, titles.get(one["franchise"], "")) for one in found["matches"] if one["bank"] != "negative"]
    return {"score": found["score"], "matches": told}


def _public(match: Mapping[str, Any], title: str) -> dict[str, Any]:
    """What of a match a partner is told: nothing by which a reference, or its file, can be told from another."""
    return {
        "franchise": title,
        "bank": match["bank"],
        "basis": match["basis"],
        "score": match["weight"],
        "seconds": [[part["query_start_s"], part["query_end_s"]] for part in match["segments"]],
        "reason": match["reason"].replace(f"“{match['name']}”", f"an official picture or clip of {title}"),
    }
