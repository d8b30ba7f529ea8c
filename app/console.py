"""What all verbs share: the Typer app, the home of this command, and how things are printed."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.home import DEFAULT, Home, open_home

DESK_PORT = 8484  # where `clipwarden serve` listens unless told otherwise
BLIND = 3  # exit code: done, but a source was blind
app = typer.Typer(
    help="Find AI-generated clips of a studio's characters and sets, prove them, and follow each takedown.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Example: clipwarden init && clipwarden refs add --brand B --franchise F stills/ && clipwarden run",
)
out = Console(highlight=False)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
chosen: dict[str, Path] = {"home": DEFAULT}


def say(text: str) -> None:
    """A line for people, in rich's markup; left whole, so that a pipe gets one line for one thing."""
    out.print(text, soft_wrap=True)


@app.callback()
def options(
    home: Annotated[
        Path, typer.Option(envvar="CLIPWARDEN_HOME", help="Where ledger, blobs and brand files live.")
    ] = DEFAULT,
) -> None:
    """Remember the home for the command that follows."""
    chosen["home"] = home


@contextmanager
def home(*, alone: bool = False, new: bool = False, sync: bool = False) -> Iterator[Home]:
    """The home of this command; `sync` reads its brand files first."""
    with open_home(chosen["home"], alone=alone, new=new) as opened:
        if sync:
            read_brands(opened)
        yield opened


def read_brands(opened: Home) -> None:
    """The sync stage: brand files and methods into the ledger."""
    from app.brands import load_all
    from app.stages import register
    from crawler.crawl import platforms

    register(opened.ledger)
    for brand in load_all(opened.brands, {name: spider.kinds for name, spider in platforms().items()}):
        opened.ledger.sync(brand)


def print_json(value: object) -> None:
    """Machine-readable output, on standard output alone."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")
