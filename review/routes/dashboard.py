"""The dashboard: what was found, confirmed, noticed and gone; how sure each method is; and which source is blind."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from core.times import to_text
from review import plots
from review.desk import ledger_of, now, page
from review.rights import Right, needs
from review.words import readable
from store.dashboard import MOST_DAYS, WHATS, Dashboard, dashboard

router = APIRouter()

SPANS = (7, 30, 90, 365)
SHOWN = 12  # platforms, franchises or methods on a plot; the table has them all
PLOTTED = ("found", "infringing", "noticed", "gone")

Days = Annotated[int, Query(ge=1, le=MOST_DAYS, description="How many UTC days, today with them.")]
Name = Annotated[str, Query(max_length=200, description="Of this one only; all when left out.")]


@router.get("/dashboard", dependencies=[needs(Right.SEE)])
def show(request: Request) -> HTMLResponse:
    """The page; an address that was typed wrong shows thirty days of everything."""
    asked = request.query_params
    typed = asked.get("days", "")
    days = int(typed) if len(typed) <= 3 and typed.isascii() and typed.isdecimal() else 30
    days = days if 1 <= days <= MOST_DAYS else 30
    platform, franchise = asked.get("platform", "")[:200], asked.get("franchise", "")[:200]
    ledger, at = ledger_of(request), now()
    found = dashboard(ledger, until=at.date(), now=at, days=days, platform=platform, franchise=franchise)
    watched = ledger.rows("SELECT DISTINCT platform FROM watches ORDER BY platform")
    names = names_of(request.app.state.pages.globals["t"]["dashboard"])
    return page(
        request,
        "dashboard.html",
        board=found,
        spans=sorted({*SPANS, days}),
        days=days,
        platform=platform,
        franchise=franchise,
        platforms=[row["platform"] for row in watched],
        titles=sorted(found.titles.items(), key=lambda pair: pair[1]),
        plots=[plots.svg(plot, f"plot-{number}") for number, plot in enumerate(pictures(found, names))],
        whats=WHATS,
        span=span,
        readable=readable,
    )


@router.get("/v1/dashboard", dependencies=[needs(Right.SEE)])
def numbers(request: Request, days: Days = 30, platform: Name = "", franchise: Name = "") -> dict[str, Any]:
    """The same numbers as data; times in seconds, shares 0..1."""
    at = now()
    found = dashboard(ledger_of(request), until=at.date(), now=at, days=days, platform=platform, franchise=franchise)
    plain: dict[str, Any] = _plain(asdict(found))
    return plain


def names_of(texts: Mapping[str, str]) -> dict[str, str]:
    """What people call that which the plots show, from the catalogue."""
    return {what: texts[what] for what in PLOTTED}


def pictures(board: Dashboard, names: Mapping[str, str]) -> list[plots.Plot]:
    """The plots of the page; the daily mail shows the first one too."""
    titles = {board.titles.get(name, name): counts for name, counts in board.by_franchise.items()}
    sure = {
        method.kind: (method.low, method.precision, method.high)
        for method in board.methods
        if method.precision is not None
    }
    found = [per_day(board, names)]
    found += [
        plots.bars(title, _most(rows), names)
        for title, rows in (("By platform", board.by_platform), ("By title", titles))
    ]
    kept = dict(list(sure.items())[:SHOWN])
    return [*found, plots.intervals("Precision per method, with its interval of 95 %", kept)]


def per_day(board: Dashboard, names: Mapping[str, str]) -> plots.Plot:
    """Found, confirmed, noticed and gone on each day."""
    series = {what: [board.per_day[day][what] for day in board.days] for what in PLOTTED}
    return plots.over_time("Per day", board.days, series, names)


def _most(rows: Mapping[str, Mapping[str, int]]) -> dict[str, Mapping[str, int]]:
    ordered = sorted(rows.items(), key=lambda pair: (-pair[1]["found"], pair[0]))
    return dict(ordered[:SHOWN])


def span(seconds: float) -> str:
    """A length of time as people say it: 40 min, 7.5 h, 3.1 days."""
    if seconds < 5_400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.1f} h" if seconds < 2 * 86_400 else f"{seconds / 86_400:.1f} days"


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a record holds
    """Records' fields as JSON can hold them, with instants in the one format of the ledger."""
    if isinstance(value, datetime):
        return to_text(value)
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(one) for one in value]
    return value
