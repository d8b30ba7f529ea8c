"""Set up: init, doctor, and the references."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from app.console import AsJson, app, chosen, home, out, print_json, say
from app.progress import track
from core.records import Bank

refs_app = typer.Typer(help="References: official stills and clips, and known infringing ones.", no_args_is_help=True)
app.add_typer(refs_app, name="refs")


@app.command(epilog="Example: clipwarden init --home /srv/clipwarden")
def init() -> None:
    """Write clipwarden.toml and brands/example.yml, to be made your own. Keeps what is there."""
    from app.initial import write_initial

    for path, written in write_initial(chosen["home"]):
        say(f"{'wrote' if written else 'kept '} {escape(str(path))}")
    say("Next: copy brands/example.yml for your brand, then `clipwarden refs add`, then `clipwarden run`.")


@app.command(epilog="Example: clipwarden doctor --json")
def doctor(as_json: AsJson = False) -> None:
    """Say what is missing and how to get it; exit 1 when something needed is."""
    from app.doctor import examine

    with home(new=True) as opened:
        checks = list(examine(opened))
    if as_json:
        print_json([{"name": c.name, "ok": c.ok, "needed": c.needed, "says": c.says} for c in checks])
    else:
        for check in checks:
            mark = "[green]ok     [/]" if check.ok else "[red]missing[/]" if check.needed else "[yellow]without[/]"
            say(f"{mark} {check.name:<11} {escape(check.says)}")
    if any(check.needed and not check.ok for check in checks):
        raise typer.Exit(1)


@refs_app.command(
    "add", epilog="Example: clipwarden refs add --brand Netflix --franchise Bridgerton stills/ trailer.mp4"
)
def refs_add(
    paths: Annotated[list[Path], typer.Argument(help="Images, videos, or folders of them.")],
    brand: Annotated[str, typer.Option(help="The brand, as its file names it.")],
    franchise: Annotated[str, typer.Option(help="The franchise, by title or alias.")],
    element: Annotated[str | None, typer.Option(help="The protected element they show.")] = None,
    bank: Annotated[Bank, typer.Option(help="What a match with them means.")] = Bank.POSITIVE,
) -> None:
    """Add official stills, trailers or known clips to compare with."""
    from app import refs, stages

    with home(alone=True, sync=True) as opened:
        with track("references") as progress:
            added = refs.add(
                opened, brand=brand, franchise=franchise, element=element, bank=bank, paths=paths, progress=progress
            )
        counts = stages.fingerprint_files(opened)
    say(f"{added.new} added, {added.known} there already, {counts['unreadable']} unreadable")
    for path in added.skipped:
        say(f"[yellow]left out[/] {escape(str(path))}: not an image or video by its name")


@refs_app.command("list", epilog="Example: clipwarden refs list --json")
def refs_list(as_json: AsJson = False) -> None:
    """List the references, with what each is for and whether it could be read."""
    from store import queries

    with home() as opened:
        rows = queries.references(opened.ledger)
        failed = {
            row["subject"] for row in opened.ledger.rows("SELECT subject FROM failures WHERE stage = 'fingerprint'")
        }
    if as_json:
        print_json(
            [{key: getattr(row, key) for key in row.__slots__} | {"readable": row.sha256 not in failed} for row in rows]
        )
        return
    table = Table("id", "bank", "franchise", "element", "kind", "file", box=None)
    for row in rows:
        element = (row.element or "").rsplit("/", 1)[-1]
        name = escape(row.name) + (" [red](unreadable)[/]" if row.sha256 in failed else "")
        table.add_row(row.id, row.bank, row.franchise, element, row.kind, name)
    out.print(table) if rows else say("no references yet; `clipwarden refs add` adds some")


@refs_app.command("remove", epilog="Example: clipwarden refs remove R-1a2b3c4d5e")
def refs_remove(ids: Annotated[list[str], typer.Argument(help="Ids, or unambiguous beginnings of them.")]) -> None:
    """Take references away; the posts they matched are judged again at the next run."""
    from app import refs

    with home(alone=True) as opened:
        for reference in refs.remove(opened, ids):
            say(f"removed {reference.id} {escape(reference.name)}")
