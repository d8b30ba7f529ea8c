"""What people bring in by hand: captures of their browser, and lists of addresses."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from app.console import AsJson, app, home, print_json, say

LEFT_OUT = 4  # exit code: done, but lines were left out
SHOWN = 20  # bad lines told one by one; --json tells all


@app.command("import", epilog="Example: clipwarden import zeeschuimer-tiktok.ndjson addresses.txt")
def import_(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Zeeschuimer NDJSON, 4CAT CSV, or addresses, one a line.")
    ] = None,
    *,
    brand: Annotated[str | None, typer.Option(help="The brand, where the home has several.")] = None,
    inbox: Annotated[bool, typer.Option("--inbox", help="Also what lies in HOME/inbox/BRAND/, as `run` does.")] = False,
    dry: Annotated[bool, typer.Option("--try", help="Say what is in the files, and store nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make posts of captured files; exit 4 when lines were left out, each told by its number."""
    from app import importing

    if not files and not inbox:
        raise typer.BadParameter("name a file, or say --inbox")
    with home(alone=True, sync=True) as opened:
        done = []
        if files:
            chosen = importing.brand_of(opened.ledger, brand)
            done += importing.import_files(opened, files, brand=chosen, keep=not dry)
        if inbox and not dry:
            done += importing.inbox(opened)
    if as_json:
        print_json([asdict(one) for one in done])
    for one in [] if as_json else done:
        _tell(one)
    raise typer.Exit(LEFT_OUT if any(one.bad for one in done) else 0)


def _tell(one: Any) -> None:  # noqa: ANN401 - app.importing.Imported, whose import is for the command alone
    say(
        f"{escape(one.file)}: {one.posts} posts, {one.new} of them new; {one.without_video} without a video,"
        f" {len(one.bad)} bad lines"
    )
    for bad in one.bad[:SHOWN]:
        say(f"[yellow]left out[/] line {bad.line}: {escape(bad.why)}")
    if len(one.bad) > SHOWN:
        say(f"... and {len(one.bad) - SHOWN} more; --json tells all")
