"""Streams, followed as long as one likes."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from app.console import app, home, say
from core.words import printable

if TYPE_CHECKING:
    from crawler.collect import State


@app.command(epilog="Example: clipwarden collect")
def collect(
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Stop after so long; else at Ctrl-C.")] = None,
    at: Annotated[list[str] | None, typer.Option(help="A Jetstream of your own, ws:// or wss://; repeatable.")] = None,
) -> None:
    """Follow the platforms that tell each post as it is made, and each deletion; crawls go on beside it.

    Nothing is lost when it is stopped or killed: it goes on from where it was, as far back as the stream keeps.
    """
    from app.collecting import collect as follow
    from app.progress import track

    told = {"lost": "yellow", "blind": "red", "gap": "red", "deaf": "yellow", "connected": "green"}
    counts: dict[str, int] = {}
    with home(sync=True, new=True) as opened, track("collect") as progress:

        def heard(state: "State") -> None:
            counts[state.feed] = state.posts
            behind = "" if state.behind_s is None else f", {state.behind_s:.0f} s behind"
            progress.to(sum(counts.values()), note=f"posts kept; {state.feed}: {state.messages} messages{behind}")
            if state.event:
                say(f"[{told[state.event]}]{state.event}[/] {escape(state.feed)}: {escape(printable(state.told))}")

        follow(opened, addresses=at or [], seconds=minutes * 60 if minutes else None, heard=heard)
