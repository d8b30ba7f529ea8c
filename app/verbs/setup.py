"""Set up: init, doctor, and the references."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from app.console import AsJson, app, chosen, home, out, print_json, say
from app.hash_layouts import Layout
from app.progress import track
from core.errors import NotFound
from core.records import Bank

LEFT_OUT = 4  # exit code: done, but some lines could not be used
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
        note = " [red](unreadable)[/]" if row.sha256 in failed else "" if row.size_bytes else " (hash only)"
        name = escape(row.name) + note
        table.add_row(row.id, row.bank, row.franchise, element, row.kind, name)
    out.print(table) if rows else say("no references yet; `clipwarden refs add` adds some")


@refs_app.command("flood", epilog="Example: clipwarden refs flood --json")
def refs_flood(as_json: AsJson = False) -> None:
    """List references that match too much (logos, end cards, black frames), why, and what to do."""
    from app.flooding import flooding

    with home(alone=True, sync=True) as opened:
        rows = flooding(opened)
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    table = Table("id", "file", "method", "why", "hashes", "near", "at", "what to do", box=None)
    for row in rows:
        numbers = [str(row.frames), str(row.near or ""), f"{row.at_s:.1f} s"]
        table.add_row(row.reference, escape(row.name), row.method, row.kind, *numbers, row.advice)
    out.print(table) if rows else say("no reference matches too much")


@refs_app.command("remove", epilog="Example: clipwarden refs remove R-1a2b3c4d5e")
def refs_remove(ids: Annotated[list[str], typer.Argument(help="Ids, or unambiguous beginnings of them.")]) -> None:
    """Take references away; the posts they matched are judged again at the next run."""
    from app import refs

    with home(alone=True) as opened:
        for reference in refs.remove(opened, ids):
            say(f"removed {reference.id} {escape(reference.name)}")


@refs_app.command(
    "import", epilog="Example: clipwarden refs import --brand Netflix --franchise Bridgerton --method pdq list.csv"
)
def refs_import(
    files: Annotated[list[Path], typer.Argument(help="Lists: one hash a line, hash,name, CSV, or JSON.")],
    *,
    brand: Annotated[str, typer.Option(help="The brand, as its file names it.")],
    franchise: Annotated[str, typer.Option(help="The franchise, by title or alias.")],
    element: Annotated[str | None, typer.Option(help="The protected element they show.")] = None,
    bank: Annotated[Bank, typer.Option(help="What a match with them means.")] = Bank.POSITIVE,
    method: Annotated[str | None, typer.Option(help="pdq or phash, where the lists do not say it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add the entries of hash lists as references without pictures; exit 4 when lines were left out."""
    from app import refs

    with home(alone=True, sync=True) as opened, track("import") as progress:
        done = refs.import_hashes(
            opened,
            brand=brand,
            franchise=franchise,
            element=element,
            bank=bank,
            paths=files,
            method=method,
            progress=progress,
        )
    told = [{"file": str(path), "line": one.line, "why": one.why} for path, one in done.told]
    if as_json:
        counts = {"new": done.new, "known": done.known, "weak": done.weak, "left_out": done.left_out}
        print_json(counts | {"doubtful": done.doubtful, "lines": told})
    else:
        say(f"{done.new} added, {done.known} there already, {done.left_out} left out, {done.weak} too weak to compare")
        for line in told[:20]:
            say(f"[yellow]left out[/] {escape(str(line['file']))}:{line['line']}: {escape(str(line['why']))}")
        if done.left_out > 20:
            say(f"[yellow]left out[/] {done.left_out - 20} more; --json names the first {refs.MOST_TOLD}")
        if done.doubtful:
            say("[yellow]doubtful[/] most entries are not balanced as hashes of pictures are; is it another hash?")
    if done.left_out:
        raise typer.Exit(LEFT_OUT)


@refs_app.command("export", epilog="Example: clipwarden refs export --method pdq --format csv > hashes.csv")
def refs_export(
    method: Annotated[str, typer.Option(help="pdq, or phash as imagehash writes it.")] = "pdq",
    layout: Annotated[Layout, typer.Option("--format", help="How the list is written.")] = Layout.LINES,
    bank: Annotated[Bank, typer.Option(help="The references of one bank.")] = Bank.POSITIVE,
) -> None:
    """Write the references' hashes to standard output, for those who compare pictures elsewhere."""
    from app import refs
    from app.exports import noted
    from app.hash_lists import write

    with home() as opened:
        rows = sum(1 for _ in refs.export_hashes(opened, method=method, bank=bank))
        hashes = refs.export_hashes(opened, method=method, bank=bank)
        told = noted(opened.ledger, "hashes", hashes, rows=rows, method=method, bank=bank, form=layout)
        count = write(told, layout, method, sys.stdout)
    if not count:
        raise NotFound(f"no {method} hashes of {bank} references; `clipwarden refs list` says what there is")
