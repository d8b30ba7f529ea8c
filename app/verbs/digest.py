"""The daily digest: a day's hit list to the team's own mailboxes and webhook."""

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from app.console import AsJson, app, home, print_json, say


@app.command(epilog="Example: clipwarden digest --day 2026-11-20 --dry-run")
def digest(
    day: Annotated[str | None, typer.Option(help="A UTC day as YYYY-MM-DD; yesterday when left out.")] = None,
    *,
    to: Annotated[list[str] | None, typer.Option(help="Only to this one of those in the settings.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show who would get what; send nothing.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the mail to this .eml file; send nothing.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Also to those who have it already, or may have it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send a day's hit list to the team's own mailboxes and webhook, which the settings name; once a day each."""
    from app.digest import compose, message
    from app.digest_sending import complaint, reachable, ready, recipients, send
    from app.explain_files import check_place
    from app.exports import note_export
    from crawler.egress import install

    if out:
        check_place(out)
    with home() as opened:
        now = datetime.now(UTC)
        if not out:
            ready(opened.settings, *recipients(opened.settings, to or ()))  # before a minute goes into pictures
        made = compose(opened, _day(day, now), now)
        if out:
            wanted = opened.settings.digest
            sender = wanted.sender or "clipwarden@localhost.localdomain"
            note_export(opened.ledger, "digest", rows=len(made.payload["hits"]), day=f"{made.day}", to="a file")
            out.write_bytes(message(made, sender, [*wanted.recipients, sender][0]).as_bytes())
            say(f"wrote {escape(str(out))}")
            return
        if dry_run:
            mailboxes, hooks = recipients(opened.settings, to or ())
            for one in (*mailboxes, *hooks):
                say(f"would send to {escape(one)}: {escape(made.subject)}")
            say(escape(made.text))
            return
        install(reachable(opened.settings))
        outcomes = send(opened, made, only=to or (), again=again)
    if as_json:
        print_json([asdict(one) for one in outcomes])
    else:
        for outcome in outcomes:
            say(f"{outcome.state}: {escape(outcome.recipient)}")
    if wrong := complaint(outcomes):
        raise wrong


def _day(text: str | None, now: datetime) -> date:
    if text is None:
        return now.date() - timedelta(days=1)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day; write it as 2026-11-20", param_hint="--day") from None
