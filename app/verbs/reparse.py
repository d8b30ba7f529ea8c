"""What is stored, read again."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape

from app.console import AsJson, app, home, print_json, say
from core.words import printable

LEFT_OUT = 4  # exit code: done, but some answers could not be read


@app.command(epilog="Example: clipwarden reparse --platform mastodon --since 2026-11-01")
def reparse(
    platform: Annotated[str | None, typer.Option(help="Only what came from this platform.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Only what came since then, UTC."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Read stored answers again, say after a spider was mended; asks nobody. Exit 4 when some could not be read."""
    from app import reparsing

    with home(alone=True, sync=True) as opened:
        done = reparsing.reparse(opened, platform=platform, since=since.replace(tzinfo=UTC) if since else None)
    if as_json:
        print_json(asdict(done))
    else:
        say(f"{done.answers} answers read again: {done.posts} posts, {done.new} new, {done.changed} changed")
        for why, count in sorted(done.unread.items(), key=lambda pair: -pair[1])[:20]:
            say(f"[yellow]unread[/] {count}: {escape(printable(why, most=300))}")
        if done.new or done.changed:
            say("`clipwarden run` takes them through the stages")
    raise typer.Exit(LEFT_OUT if done.unread else 0)
