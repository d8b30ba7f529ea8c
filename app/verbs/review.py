"""Review: the hit list, a person's decision, a drafted notice, and the ledger's own count."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from app.console import AsJson, app, home, out, print_json, say
from app.home import Home
from app.progress import ERR
from core.records import Verdict

if TYPE_CHECKING:
    from app.hits import DailyList


@app.command(epilog="Example: clipwarden hits --day 2026-11-20 --html hits.html --csv hits.csv")
def hits(
    day: Annotated[str | None, typer.Option(help="A UTC day as YYYY-MM-DD; today when left out.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a table for a spreadsheet.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a day's hit list. A source that failed is shown as blind, never as "no hits"."""
    from app.explain_files import check_place
    from app.exports import note_export
    from app.hits import daily
    from app.hits_files import as_json as plain
    from app.hits_files import write_csv
    from app.hits_table import print_table

    for place in filter(None, (html, csv)):
        check_place(place)
    with home() as opened:
        today = daily(opened.ledger, _day(day), datetime.now(UTC))
        if forms := [name for name, asked in (("csv", csv), ("html", html), ("json", as_json)) if asked]:
            note_export(opened.ledger, "hits", rows=len(today.hits), day=f"{today.day}", form=" ".join(forms))
        if html:
            _write_page(opened, today, html)
    if csv:
        with csv.open("w", newline="", encoding="utf-8") as file:
            write_csv(today, file)
    if as_json:
        # ASCII only: what strangers wrote may end on a terminal.
        sys.stdout.write(json.dumps(plain(today), indent=2) + "\n")
    elif html or csv:
        say("wrote " + " and ".join(escape(str(path)) for path in (html, csv) if path))
    else:
        print_table(today, out)


def _write_page(opened: Home, today: "DailyList", path: Path) -> None:
    from app.hits_page import render
    from app.hits_pictures import gather_pictures

    path.write_text(render(today, gather_pictures(opened, today).get), encoding="utf-8")


def _day(text: str | None) -> date:
    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day; write it as 2026-11-20", param_hint="--day") from None


@app.command(epilog="Example: clipwarden explain F-1a2b3c4d5e --html why.html")
def explain(
    finding: Annotated[str, typer.Argument(help="A finding's id, as `clipwarden hits` shows it.")],
    html: Annotated[
        Path | None, typer.Option(help="Write one self-contained page, with the frames to compare.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show why a finding is one: every reason, time, distance and threshold, so that a person can check it."""
    from app.explain_files import as_json as plain
    from app.explain_files import check_place, write_page
    from app.explain_table import print_explanation
    from app.explaining import explain as gather_reasons

    if html:
        check_place(html)
    with home() as opened:
        explanation = gather_reasons(opened.ledger, finding, datetime.now(UTC))
        if html:
            from app.explain_page import render
            from app.explain_pictures import gather

            write_page(html, render(explanation, gather(opened, explanation)))
    if as_json:
        # ASCII only: what strangers wrote may end on a terminal.
        sys.stdout.write(json.dumps(plain(explanation), indent=2) + "\n")
    elif html:
        say(f"wrote {escape(str(html))}")
    else:
        print_explanation(explanation, out)


@app.command(epilog='Example: clipwarden decide F-1a2b3c4d5e infringing --fair-use "whole scene, no comment added"')
def decide(
    finding: Annotated[str, typer.Argument(help="A finding's id, as `clipwarden hits` shows it.")],
    verdict: Annotated[Verdict, typer.Argument(help="What you have decided.")],
    note: Annotated[str, typer.Option(help="Why, in your words.")] = "",
    fair_use: Annotated[
        str | None, typer.Option(help="How fair use was considered; a notice cannot be drafted without it.")
    ] = None,
    reviewer: Annotated[str | None, typer.Option(help="Who decides; your login name when left out.")] = None,
) -> None:
    """Record a person's decision on a finding. Nothing is overwritten; the latest decision holds."""
    import getpass

    from store import queries
    from store.acts import Ruling, decide_one

    with home() as opened:
        row = queries.finding(opened.ledger, finding)
        who = reviewer or getpass.getuser()
        ruling = Ruling(case="", verdict=verdict, person=who, note=note, fair_use=fair_use)
        decide_one(opened.ledger, row.finding.id, ruling, at=datetime.now(UTC))
    say(f"{row.finding.id}: {verdict} by {escape(who)}")


@app.command(epilog="Example: clipwarden draft --out notices/")
def draft(
    folder: Annotated[
        Path | None, typer.Option("--out", help="Where the letters go; HOME/notices when left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draft a DMCA notice for each platform over the confirmed findings. Sends nothing."""
    from app.drafting import draft as draft_notices

    with home(alone=True, sync=True) as opened:
        drafted = draft_notices(opened, out=folder, now=datetime.now(UTC), say=lambda line: ERR.print(escape(line)))
    if as_json:
        print_json([asdict(one) for one in drafted])
        return
    for one in drafted:
        say(f"{one.notice} {escape(one.host)}: {len(one.findings)} findings, {escape(str(one.path))}")
    if not drafted:
        say("nothing to draft: no finding is decided infringing that no notice names yet")


@app.command(epilog="Example: clipwarden ledger --json")
def ledger(
    retry: Annotated[str | None, typer.Option(help="Give a stage's failed subjects another chance.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print what each stage has done, has left, and could not do."""
    from store import queries

    with home() as opened:
        if retry:
            say(f"{opened.ledger.forget_failures(retry)} subjects of {escape(retry)} are due again")
        counts, failed = queries.stage_counts(opened.ledger), queries.failures(opened.ledger)
    if as_json:
        print_json({"stages": counts, "failures": failed})
        return
    table = Table("stage", "done", "pending", "failed", box=None)
    for row in counts:
        table.add_row(row["stage"], str(row["done"]), str(row["pending"]), str(row["failed"]))
    out.print(table)
    for row in failed:
        what = f"{row['stage']} {escape(row['subject'])}: {escape(row['message'])}"
        say(f"[red]{escape(row['error'])}[/] {what} ({row['retry_at'] or 'final'})")
