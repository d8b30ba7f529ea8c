"""What is watched: list it, try it, and add what was learned from confirmed hits."""

import getpass
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from app.console import BLIND, AsJson, app, home, out, print_json, say
from app.home import Home
from core.errors import NotFound
from core.words import printable, tag


@app.command(epilog="Example: clipwarden watches netflix:mastodon --try")
def watches(
    watch: Annotated[
        str, typer.Argument(help="Only those whose id begins so; with --try, the one that is meant.")
    ] = "",
    *,
    trial: Annotated[bool, typer.Option("--try", help="Ask one page of it now, show it, and store nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the watches: where each question comes from, how its last crawl went, what it brought in seven days."""
    from app import watching

    with home(alone=True, sync=True) as opened:
        if trial:
            _try(opened, watch, as_json=as_json)
            return
        rows = watching.rows(opened, watch)
    if as_json:
        print_json([watching.plain_row(row) for row in rows])
        return
    # An id cut short is an id nobody can type.
    table = Table(
        Column("watch", overflow="fold"), "every", "comes from", "last crawl", "posts", "hits", "yes", box=None
    )
    for row in rows:
        colour = {"ok": "green", "partial": "yellow", "blind": "red"}.get(row.coverage, "dim")
        last = f"[{colour}]{row.coverage}[/] {(row.finished_at or '')[:16].replace('T', ' ')}"
        numbers = [str(number) for number in (row.posts, row.hits, row.confirmed)]
        every = f"{row.watch.every_s / 3600:g} h"
        table.add_row(escape(row.watch.id), every, escape(printable(row.why, most=60)), last, *numbers)
    out.print(table) if rows else say("no watches; a brand file names them")


def _try(opened: Home, name: str, *, as_json: bool) -> None:
    from app import watching

    ended, posts = watching.trial(opened, watching.one(opened, name))
    if as_json:
        print_json({"crawl": asdict(ended), "posts": [asdict(post) for post in posts]})
    else:
        say(
            f"{escape(ended.watch)}: {ended.coverage}, {len(posts)} posts with a video on one page. {escape(ended.why)}"
        )
        for post in posts:
            said = f"{printable(post.author_handle, most=40)}: {printable(post.text, most=100)}"
            say(f"  {post.posted_at:%Y-%m-%d %H:%M} {escape(said)}\n    {escape(printable(post.url))}")
    raise typer.Exit(BLIND if ended.coverage == "blind" else 0)


@app.command(epilog="Example: clipwarden tags --accept silvergownai")
def tags(
    accept: Annotated[list[str] | None, typer.Option(help="Watch this tag from now on; may be repeated.")] = None,
    *,
    brand: Annotated[str | None, typer.Option(help="The brand, where the home has several.")] = None,
    reviewer: Annotated[str | None, typer.Option(help="Who accepts; your login name when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Propose hashtags that stand beside confirmed hits, with the yield they promise. A person accepts."""
    from app import importing, watching

    with home(alone=True, sync=True) as opened:
        chosen = importing.brand_of(opened.ledger, brand)
        [mine] = [one for one in watching.brands(opened) if one.id == chosen]
        found = watching.proposed(opened, mine)
        for name in accept or ():
            if tag(name) not in {one.tag for one in found}:
                raise NotFound(f"{name!r} is not proposed; any tag may be written into the brand file by hand")
            path = watching.accept(opened, mine, name, reviewer=reviewer or getpass.getuser())
            say(f"#{escape(tag(name))} is watched from the next crawl on, by {escape(str(path))}")
    if accept:
        return
    if as_json:
        print_json([asdict(one) for one in found])
        return
    table = Table("tag", "confirmed", "judged", "posts", "at least", "confirmed a week", box=None)
    for one in found:
        numbers = [str(one.confirmed), str(one.judged), str(one.posts), f"{one.at_least:.0%}", f"{one.a_week:g}"]
        table.add_row(escape(printable(f"#{one.tag}", most=60)), *numbers)
    out.print(table) if found else say("nothing to propose: it takes two confirmed hits with the same unwatched tag")
