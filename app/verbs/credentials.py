"""Credentials of the platforms: get them, check them, see which there are."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from app.console import BLIND, AsJson, app, home, out, print_json, say
from core.errors import NotFound

if TYPE_CHECKING:
    from crawler.platform import PlatformSpider


@app.command(epilog="Example: clipwarden login youtube")
def login(
    platform: Annotated[str, typer.Argument(help="The platform; --list shows those that take a credential.")] = "",
    *,
    show: Annotated[bool, typer.Option("--list", help="Say which credentials there are, and from where.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only check what is there, with one real question.")] = False,
    as_json: AsJson = False,
) -> None:
    """Walk through getting a platform's credentials, keep them in the system's keyring, and check them."""
    from app import credentials
    from crawler.crawl import platforms

    spiders = {name: spider for name, spider in platforms().items() if spider.secrets}
    if show or not platform:
        rows = [row for name, spider in spiders.items() for row in credentials.held(name, spider.secrets)]
        _list(rows, as_json=as_json)
        return
    if platform not in spiders:
        raise NotFound(f"{platform!r} takes no credential; those that do: {', '.join(spiders)}")
    if not check:
        for secret in spiders[platform].secrets:
            say(f"[bold]{secret.name}[/]: {escape(secret.what)}{' (may be left out)' if secret.optional else ''}")
            for number, step in enumerate(secret.how, 1):
                say(f"  {number}. {escape(step)}")
            say(f"  begin at {secret.where}")
            value = typer.prompt(f"  {secret.name} (nothing shows; Enter leaves it)", default="", hide_input=True)
            if value.strip():
                credentials.keep(secret.name, value.strip())
    _check(platform, spiders[platform])


def _list(rows: list, *, as_json: bool) -> None:  # type: ignore[type-arg]  # Held, whose import is for the command alone
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    table = Table("platform", "credential", "there", "what it is", box=None)
    for row in rows:
        there = f"[green]{row.where}[/]" if row.where else "[dim]optional[/]" if row.optional else "[red]missing[/]"
        table.add_row(row.platform, row.name, there, escape(row.what))
    out.print(table)


def _check(platform: str, spider: "type[PlatformSpider]") -> None:
    from app.watching import question

    with home(alone=True, sync=True) as opened:
        ended = question(opened, platform, spider)
    if ended is None:
        say(f"{platform}: kept; it has no question that would check it, so the next crawl shows")
        return
    good = ended.coverage != "blind"
    say(f"{platform}: {'[green]it answers[/]' if good else '[red]it refuses[/]'} {escape(ended.why)}")
    raise typer.Exit(0 if good else BLIND)


@app.command(epilog="Example: clipwarden logout youtube")
def logout(platform: Annotated[str, typer.Argument(help="The platform.")]) -> None:
    """Take a platform's credentials out of the keyring; the environment is yours to clear."""
    from app import credentials
    from crawler.crawl import platforms

    spider = platforms().get(platform)
    if spider is None or not spider.secrets:
        raise NotFound(f"{platform!r} takes no credential")
    for secret in spider.secrets:
        gone = credentials.forget(secret.name)
        say(f"{secret.name}: {'forgotten' if gone else 'was not in the keyring'}")
