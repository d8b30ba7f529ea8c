"""The command line: thin verbs, one a stage, and what stands around them.

Exit codes: 0 done, 1 an error told in one line, 2 wrong usage, 3 done but a source was blind,
130 stopped by Ctrl-C. Never sends anything to anyone.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.home import DEFAULT, Home, open_home
from core.errors import ClipwardenError, NotFound
from core.records import Bank, Verdict

BLIND = 3
app = typer.Typer(
    help="Find AI-generated clips of a studio's characters and sets, prove them, and follow each takedown.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Example: clipwarden init && clipwarden refs add --brand B --franchise F stills/ && clipwarden run",
)
refs_app = typer.Typer(help="References: official stills and clips, and known infringing ones.", no_args_is_help=True)
app.add_typer(refs_app, name="refs")
out = Console(highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
State: dict[str, Path] = {"home": DEFAULT}


@app.callback()
def options(
    home: Annotated[
        Path, typer.Option(envvar="CLIPWARDEN_HOME", help="Where ledger, blobs and brand files live.")
    ] = DEFAULT,
) -> None:
    """Remember the home for the command that follows."""
    State["home"] = home


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; errors become one line and an exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        app(_home_first(given), prog_name="clipwarden")
    except ClipwardenError as error:
        sys.stderr.write(f"clipwarden: {error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("clipwarden: stopped; nothing is lost, the same command goes on from here\n")
        sys.exit(130)
    except BrokenPipeError:  # the reader, `head` say, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _home_first(given: list[str]) -> list[str]:
    """Let --home stand anywhere: people write it last."""
    for index, word in enumerate(given):
        if word == "--":
            break
        if word == "--home" and index + 1 < len(given):
            return ["--home", given[index + 1], *given[:index], *given[index + 2 :]]
        if word.startswith("--home="):
            return [word, *given[:index], *given[index + 1 :]]
    return given


@contextmanager
def home(*, alone: bool = False, sync: bool = False) -> Iterator[Home]:
    """The home of this command; `sync` reads its brand files first."""
    with open_home(State["home"], alone=alone) as opened:
        if sync:
            _sync(opened)
        yield opened


def _sync(opened: Home) -> None:
    from app.brands import load_all
    from app.stages import register
    from crawler.crawl import platforms

    register(opened.ledger)
    for brand in load_all(opened.brands, {name: spider.kinds for name, spider in platforms().items()}):
        opened.ledger.sync(brand)


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


# -------------------------------------------------------------------- set up
@app.command(epilog="Example: clipwarden init --home /srv/clipwarden")
def init() -> None:
    """Write clipwarden.toml and brands/example.yml, to be made your own. Keeps what is there."""
    from app.initial import write_initial

    for path, written in write_initial(State["home"]):
        out.print(f"{'wrote' if written else 'kept '} {escape(str(path))}")
    out.print("Next: copy brands/example.yml for your brand, then `clipwarden refs add`, then `clipwarden run`.")


@app.command(epilog="Example: clipwarden doctor --json")
def doctor(as_json: AsJson = False) -> None:
    """Say what is missing and how to get it; exit 1 when something needed is."""
    from app.doctor import examine

    with home() as opened:
        checks = list(examine(opened))
    if as_json:
        _print_json([{"name": c.name, "ok": c.ok, "needed": c.needed, "says": c.says} for c in checks])
    else:
        for check in checks:
            mark = "[green]ok     [/]" if check.ok else "[red]missing[/]" if check.needed else "[yellow]without[/]"
            out.print(f"{mark} {check.name:<11} {escape(check.says)}")
    if any(check.needed and not check.ok for check in checks):
        raise typer.Exit(1)


# ---------------------------------------------------------------- references
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
        added = refs.add(opened, brand=brand, franchise=franchise, element=element, bank=bank, paths=paths)
        counts = stages.fingerprint_files(opened)
    out.print(f"{added.new} added, {added.known} there already, {counts['unreadable']} unreadable")
    for path in added.skipped:
        out.print(f"[yellow]left out[/] {escape(str(path))}: not an image or video by its name")


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
        _print_json(
            [{key: getattr(row, key) for key in row.__slots__} | {"readable": row.sha256 not in failed} for row in rows]
        )
        return
    table = Table("id", "bank", "franchise", "element", "kind", "file", box=None)
    for row in rows:
        element = (row.element or "").rsplit("/", 1)[-1]
        name = escape(row.name) + (" [red](unreadable)[/]" if row.sha256 in failed else "")
        table.add_row(row.id, row.bank, row.franchise, element, row.kind, name)
    out.print(table if rows else "no references yet; `clipwarden refs add` adds some")


@refs_app.command("remove", epilog="Example: clipwarden refs remove R-1a2b3c4d5e")
def refs_remove(ids: Annotated[list[str], typer.Argument(help="Ids, or unambiguous beginnings of them.")]) -> None:
    """Take references away; the posts they matched are judged again at the next run."""
    from app import refs

    with home(alone=True) as opened:
        for reference in refs.remove(opened, ids):
            out.print(f"removed {reference.id} {escape(reference.name)}")


# -------------------------------------------------------------------- stages
@app.command(epilog="Example: clipwarden crawl --watch netflix:mastodon")
def crawl(
    watch: Annotated[list[str] | None, typer.Option(help="Only watches whose id begins so; may be repeated.")] = None,
    due: Annotated[bool, typer.Option("--due", help="Only those whose time has come.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask the platforms for new posts. Exit 3 when a source was blind."""
    with home(alone=True, sync=True) as opened:
        blind = _crawl(opened, watch or [], due=due, as_json=as_json)
    raise typer.Exit(BLIND if blind else 0)


def _crawl(opened: Home, wanted: Sequence[str], *, due: bool, as_json: bool = False) -> bool:
    from app.crawling import crawl as crawl_watches
    from store import queries

    watches = queries.watches_due(opened.ledger, now=datetime.now(UTC)) if due else queries.watches(opened.ledger)
    chosen = [one for one in watches if not wanted or one.id.startswith(tuple(wanted))]
    if wanted and not chosen:
        there = "\n  ".join(one.id for one in queries.watches(opened.ledger))
        raise NotFound(f"no watch begins with {', '.join(wanted)}; there are:\n  {there}")
    ended = crawl_watches(opened, chosen) if chosen else []
    bad = [one for one in ended if one.coverage != "ok"]
    if as_json:
        _print_json([{key: getattr(one, key) for key in one.__slots__} for one in ended])
    elif not chosen:
        out.print("crawl: no watch is due" if due else "crawl: no watches; a brand file names them")
    for one in [] if as_json else bad:
        what = "[red]source blind[/]" if one.coverage == "blind" else "[yellow]partial[/]"
        out.print(f"{what} {escape(one.watch)}: {escape(one.why)}")
    return any(one.coverage == "blind" for one in ended)


@app.command(epilog="Example: clipwarden fetch")
def fetch() -> None:
    """Download the media of posts that have none yet."""
    from app import stages

    with home(alone=True) as opened:
        stages.fetch(opened)


@app.command(epilog="Example: clipwarden match")
def match() -> None:
    """Fingerprint what is new and compare it with the references."""
    from app import stages

    with home(alone=True, sync=True) as opened:
        stages.fingerprint_files(opened)
        stages.match_files(opened)


@app.command(epilog="Example: clipwarden find --again")
def find(again: Annotated[bool, typer.Option("--again", help="Judge every post anew.")] = False) -> None:
    """Turn matches, words and labels into findings."""
    from app import stages

    with home(alone=True, sync=True) as opened:
        if again:
            opened.ledger.enqueue_find()
        stages.find(opened)


@app.command(epilog="Example: clipwarden run --all")
def run(
    everything: Annotated[bool, typer.Option("--all", help="Crawl every watch, due or not.")] = False,
) -> None:
    """Do all stages in order, from where the last run stopped. Exit 3 when a source was blind."""
    with home(alone=True, sync=True) as opened:
        blind = run_stages(opened, everything=everything)
    raise typer.Exit(BLIND if blind else 0)


def run_stages(opened: Home, *, everything: bool = False) -> bool:
    """Crawl, fetch, match, find; return whether a source was blind."""
    from app import stages
    from app.hits import daily

    blind = _crawl(opened, [], due=not everything)
    stages.fetch(opened)
    stages.fingerprint_files(opened)
    stages.match_files(opened)
    stages.find(opened)
    today = daily(opened.ledger, datetime.now(UTC).date(), now=datetime.now(UTC))
    out.print(
        f"Today: {len(today.copies)} copies proved, {len(today.suggestions)} suggested. `clipwarden hits` shows them."
    )
    return blind


@app.command(epilog="Example: clipwarden scan clips/ https://videos.example/w/1 --json")
def scan(
    targets: Annotated[list[str], typer.Argument(help="Files, folders or http(s) addresses.")],
    as_json: AsJson = False,
) -> None:
    """Score files, folders or URLs against the references, without a crawl. JSON gives a line each."""
    from app.scan import scan as scan_targets

    with home() as opened:
        for record in scan_targets(opened, targets):
            if as_json:
                sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
            else:
                _print_scanned(record)


def _print_scanned(record: dict[str, Any]) -> None:
    if record.get("error"):
        out.print(f"[red]  —  [/] {escape(record['path'])}: {escape(record['error'])}")
        return
    colour = "green" if record["score"] == 0 else "red"
    out.print(f"[{colour}]{record['score']:.2f} [/] {escape(record['path'])}")
    for one in record["matches"]:
        out.print(f"      {escape(one['franchise'])}: {escape(one['reason'])}")


# ------------------------------------------------------------------ the list
@app.command(epilog="Example: clipwarden hits --day 2026-11-20 --html hits.html --csv hits.csv")
def hits(
    day: Annotated[str | None, typer.Option(help="A UTC day as YYYY-MM-DD; today when left out.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a table for a spreadsheet.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a day's hit list. A source that failed is shown as blind, never as "no hits"."""
    from app import hits as listing

    with home() as opened:
        today = listing.daily(opened.ledger, _day(day), now=datetime.now(UTC))
        if html:
            from app.hits_page import write_page

            write_page(opened, today, html)
        if csv:
            with csv.open("w", newline="", encoding="utf-8-sig") as file:
                listing.write_csv(today, file)
        if as_json:
            _print_json(listing.as_json(today))
        elif html or csv:
            out.print("wrote " + " and ".join(escape(str(path)) for path in (html, csv) if path))
        else:
            listing.print_table(today, out)


def _day(text: str | None) -> date:
    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day; write it as 2026-11-20", param_hint="--day") from None


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

    with home() as opened:
        row = queries.finding(opened.ledger, finding)
        who = reviewer or getpass.getuser()
        opened.ledger.save_decision(
            row.finding.id, verdict, reviewer=who, note=note, fair_use=fair_use, at=datetime.now(UTC)
        )
    out.print(f"{row.finding.id}: {verdict} by {escape(who)}")


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
        drafted = draft_notices(opened, out=folder, now=datetime.now(UTC))
    if as_json:
        _print_json([{key: getattr(one, key) for key in one.__slots__} for one in drafted])
        return
    for one in drafted:
        out.print(f"{one.id} {escape(one.host)}: {len(one.findings)} findings, {escape(str(one.path))}")
    if not drafted:
        out.print("nothing to draft: no finding is decided infringing that no notice names yet")


@app.command(epilog="Example: clipwarden ledger --json")
def ledger(
    retry: Annotated[str | None, typer.Option(help="Give a stage's failed subjects another chance.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print what each stage has done, has left, and could not do."""
    from store import queries

    with home() as opened:
        if retry:
            out.print(f"{opened.ledger.forget_failures(retry)} subjects of {escape(retry)} are due again")
        counts, failed = queries.stage_counts(opened.ledger), queries.failures(opened.ledger)
    if as_json:
        _print_json({"stages": counts, "failures": failed})
        return
    table = Table("stage", "done", "pending", "failed", box=None)
    for row in counts:
        table.add_row(row["stage"], str(row["done"]), str(row["pending"]), str(row["failed"]))
    out.print(table)
    for row in failed:
        again = f"again at {row['retry_at']}" if row["retry_at"] else "final"
        out.print(
            f"[red]{escape(row['error'])}[/] {row['stage']} {escape(row['subject'])}: {escape(row['message'])} ({again})"
        )


# ----------------------------------------------------------- schedule, demo
@app.command(epilog="Example: clipwarden schedule --list")
def schedule(
    plan: Annotated[Path | None, typer.Option(help="A plan.yml; HOME/plan.yml, else schedules/plan.yml.")] = None,
    only_list: Annotated[bool, typer.Option("--list", help="Show when each job runs next, and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the stages on plan.yml, until stopped. One scheduler a home."""
    from app import scheduling

    path = scheduling.find_plan(State["home"], plan)
    if only_list or as_json:
        fires = scheduling.next_fires(path, datetime.now(UTC))
        if as_json:
            _print_json([{"job": name, "next_at": at} for name, at in fires])
        else:
            for name, at in fires:
                out.print(f"{escape(name)}: {at:%Y-%m-%d %H:%M} UTC")
        return
    scheduling.serve(State["home"], path)


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

    raise typer.Exit(run_demo(State["home"], keep_serving=keep_serving and not once))


if __name__ == "__main__":
    main()
