"""The stages, one verb each, and all of them in order."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from app.console import BLIND, AsJson, app, home, print_json, say
from app.home import Home
from core.errors import NotFound


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
    picked = [one for one in watches if not wanted or one.id.startswith(tuple(wanted))]
    if wanted and not picked:
        there = "\n  ".join(one.id for one in queries.watches(opened.ledger))
        raise NotFound(f"no watch begins with {', '.join(wanted)}; there are:\n  {there}")
    ended = crawl_watches(opened, picked) if picked else []
    bad = [one for one in ended if one.coverage != "ok"]
    if as_json:
        print_json([{key: getattr(one, key) for key in one.__slots__} for one in ended])
    elif not picked:
        say("crawl: no watch is due" if due else "crawl: no watches; a brand file names them")
    for one in [] if as_json else bad:
        what = "[red]source blind[/]" if one.coverage == "blind" else "[yellow]partial[/]"
        say(f"{what} {escape(one.watch)}: {escape(one.why)}")
    return any(one.coverage == "blind" for one in ended)


@app.command(epilog="Example: clipwarden fetch")
def fetch() -> None:
    """Download the media of posts that have none yet, and the best rendition of proved copies."""
    from app import stages

    with home(alone=True) as opened:
        stages.fetch(opened)
        stages.fetch_originals(opened)


@app.command(epilog="Example: clipwarden match")
def match() -> None:
    """Fingerprint what is new and compare it with the references: sparsely first, closely where it pays."""
    from app import cascade

    with home(alone=True, sync=True) as opened:
        cascade.look(opened)


@app.command(epilog="Example: clipwarden find --again")
def find(again: Annotated[bool, typer.Option("--again", help="Judge every post anew.")] = False) -> None:
    """Turn matches, words and labels into findings, and put the hits into cases."""
    from app import casing, finding

    with home(alone=True, sync=True) as opened:
        if again:
            opened.ledger.enqueue_find()
        finding.find(opened)
        casing.group_hits(opened)


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
    from app import cascade, casing, finding, importing, stages
    from app.hits import daily

    for done in importing.inbox(opened):
        say(f"inbox: {escape(done.file)}: {done.posts} posts, {done.new} of them new, {len(done.bad)} bad lines")
    blind = _crawl(opened, [], due=not everything)
    finding.find(opened)  # words and labels: what they call promising is fetched first, and looked at closely at once
    stages.fetch(opened)
    cascade.look_and_find(opened)
    casing.group_hits(opened)
    today = daily(opened.ledger, datetime.now(UTC).date(), datetime.now(UTC))
    say(f"Today: {len(today.copies)} copies proved, {len(today.suggestions)} suggested. `clipwarden hits` shows them.")
    return blind


@app.command(epilog="Example: clipwarden scan clips/ https://videos.example/w/1 --json")
def scan(
    targets: Annotated[list[str], typer.Argument(help="Files, folders or http(s) addresses.")],
    as_json: AsJson = False,
    quick: Annotated[bool, typer.Option("--quick", help="Key frames only: much faster, and finds less.")] = False,
) -> None:
    """Score files, folders or URLs against the references, without a crawl. JSON gives a line each."""
    from app.scan import scan as scan_targets

    with home() as opened:
        for record in scan_targets(opened, targets, quick=quick):
            if as_json:
                sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
            else:
                _print_scanned(record)


def _print_scanned(record: dict[str, Any]) -> None:
    if record.get("error"):
        say(f"[red]  —  [/] {escape(record['path'])}: {escape(record['error'])}")
        return
    colour = "green" if record["score"] == 0 else "red"
    say(f"[{colour}]{record['score']:.2f} [/] {escape(record['path'])}")
    for one in record["matches"]:
        say(f"      {escape(one['franchise'])}: {escape(one['reason'])}")
