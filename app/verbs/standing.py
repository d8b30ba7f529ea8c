"""What stands and runs: the schedule, and the embedded demo."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from app.console import AsJson, app, chosen, print_json, say


@app.command(epilog="Example: clipwarden schedule --list")
def schedule(
    plan: Annotated[Path | None, typer.Option(help="A plan.yml; HOME/plan.yml, else schedules/plan.yml.")] = None,
    only_list: Annotated[bool, typer.Option("--list", help="Show when each job runs next, and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the stages on plan.yml, until stopped. One scheduler a home."""
    from app.scheduling import serve
    from schedules.plan import DEFAULT as STANDARD
    from schedules.plan import load, next_fires

    own = chosen["home"] / "plan.yml"
    path = plan or (own if own.is_file() else STANDARD)
    if not only_list and not as_json:
        serve(chosen["home"], path)
        return
    fires = next_fires(load(path), datetime.now(UTC))
    if as_json:
        print_json([asdict(fire) for fire in fires])
    else:
        for fire in fires:
            say(f"{escape(fire.job)}: {fire.at:%Y-%m-%d %H:%M} UTC")


@app.command(epilog="Example: clipwarden demo --keep-serving")
def demo(
    keep_serving: Annotated[
        bool, typer.Option("--keep-serving", help="Leave the loopback platform up to look at.")
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="End after the job; exit 1 unless the planted truth was found.")
    ] = False,
) -> None:
    """Run the whole job on an embedded platform with planted clips, and show the hits."""
    from app.demo.job import run_demo

    raise typer.Exit(run_demo(chosen["home"], keep_serving=keep_serving and not once))
