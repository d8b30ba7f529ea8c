"""How well each source is watched, and what to do about those that are not."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from app.console import BLIND, AsJson, app, home, out, print_json, say
from core.words import printable

if TYPE_CHECKING:
    from store.sources import SourceRow


@app.command(epilog="Example: clipwarden sources --hours 168")
def sources(
    hours: Annotated[float, typer.Option(min=1, max=8760, help="How far to look back.")] = 24.0,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what share of the last hours each source was watched, its gaps and why; exit 3 when one is blind."""
    from app.sources import rows, tell_alert

    with home(alone=True, sync=True) as opened:
        found = rows(opened, hours=hours)
    if as_json:
        print_json([asdict(row) for row in found])
    else:
        table = Table("source", "route", "watched", "posts", "last", "gaps", box=None)
        for row in found:
            colour = "red" if row.incident else "green" if row.share > 0.99 else "yellow"
            last = f"{row.last_at:%Y-%m-%d %H:%M}" if row.last_at else "never"
            name = escape(f"{row.platform} {row.site}".strip())
            table.add_row(name, row.route, f"[{colour}]{row.share:.0%}[/]", str(row.posts), last, escape(_gaps(row)))
        out.print(table) if found else say("no sources; a brand file names what is watched")
        for row in found:
            if row.incident:
                since, why = f"{row.incident.opened_at:%Y-%m-%d %H:%M}", printable(row.incident.why)
                say(f"[red]source blind[/] {escape(row.platform)} since {since} ({row.incident.cause}): {escape(why)}")
                say(f"  next: {escape(row.next_step)}")
            for alert in row.alerts:
                tell_alert(alert)
    raise typer.Exit(BLIND if any(row.incident for row in found) else 0)


def _gaps(row: "SourceRow") -> str:
    """The causes of the gaps, with the hours of each a watch: "captcha 3.0 h, never asked 1.5 h"."""
    hours: dict[str, float] = {}
    for _, gap in row.gaps:
        hours[gap.cause] = hours.get(gap.cause, 0.0) + (gap.until - gap.since).total_seconds() / 3600 / row.watches
    return ", ".join(f"{cause} {length:.1f} h" for cause, length in sorted(hours.items(), key=lambda pair: -pair[1]))
