"""People of the desk, from the terminal: accounts and roles, and the audit log that shows what everyone did."""

import socket
import sys
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from app.console import DESK_PORT, AsJson, app, home, out, print_json, say
from app.exports import at_terminal
from core.words import printable

people_app = typer.Typer(help="Accounts of the desk: who may sign in, and as what.", no_args_is_help=True)
audit_app = typer.Typer(help="The log of every act, chained by hashes.", no_args_is_help=True)
app.add_typer(people_app, name="people")
app.add_typer(audit_app, name="audit")
Name = Annotated[str, typer.Argument(help="The account's name.")]
Role = Annotated[str, typer.Option(help="viewer, reviewer, approver, counsel, auditor or admin.")]


@people_app.command("add", epilog="Example: clipwarden people add ada --role reviewer")
def people_add(
    name: Name, role: Role = "viewer", shown: Annotated[str, typer.Option(help="The full name, for people.")] = ""
) -> None:
    """Make an account; its owner sets the password by a link that works once, for fifteen minutes."""
    from app.stages import now
    from review import people

    with home() as opened:
        key = people.add(opened.ledger, name, role, by=at_terminal(), at=now(), shown=shown)
        address, told = _address(opened.settings.desk.address)
    say(f"{escape(name)} has the role {escape(role)}. Its owner opens once, within fifteen minutes:")
    sys.stdout.write(f"  {address}/sign-in/once?key={key}\n")  # whole on one line, however narrow the terminal
    say(escape(told))


@people_app.command("list", epilog="Example: clipwarden people list --json")
def people_list(as_json: AsJson = False) -> None:
    """Show all accounts, their roles and how they sign in."""
    from review import sealing
    from store import people

    with home() as opened:
        rows, lost = people.listed(opened.ledger), sealing.lost(opened.ledger)
    if as_json:
        print_json(rows)
        return
    table = Table("name", "full name", "role", "signs in by", "since", box=None)
    for row in rows:
        by = "company" if row["issuer"] else "password" if row["has_password"] else "link only"
        by = "closed" if row["disabled_at"] else f"{by} and code" if row["has_totp"] else by
        table.add_row(row["name"], escape(printable(row["shown"])), row["role"], by, row["made_at"][:10])
    if lost:
        say(f"[red]{escape(lost)}[/]")
    out.print(table) if rows else say("no accounts; `clipwarden serve` prints a link for the first admin")


@people_app.command("role", epilog="Example: clipwarden people role ada approver")
def people_role(name: Name, role: Annotated[str, typer.Argument(help="The new role.")]) -> None:
    """Give an account another role; it holds from the next click on."""
    from app.stages import now
    from review import people

    with home() as opened:
        people.change_role(opened.ledger, name, role, by=at_terminal(), at=now())
    say(f"{escape(name)} has the role {escape(role)} from now on")


@people_app.command("disable", epilog="Example: clipwarden people disable ada")
def people_disable(
    name: Name, *, undo: Annotated[bool, typer.Option("--undo", help="Open the account again.")] = False
) -> None:
    """Close an account: its sessions and the tokens it made stop at once. Nothing it did is lost."""
    from app.stages import now
    from review import people
    from store import people as accounts

    with home() as opened:
        if undo:
            accounts.set_disabled(opened.ledger, name, disabled=False, by=at_terminal(), at=now())
        else:
            people.disable(opened.ledger, name, by=at_terminal(), at=now())
    say(f"{escape(name)} is {'open again' if undo else 'closed'}")


@people_app.command("password", epilog="Example: clipwarden people password ada")
def people_password(
    name: Name,
    *,
    codes_off: Annotated[bool, typer.Option("--codes-off", help="Turn its one-time codes off too.")] = False,
) -> None:
    """Set an account's password, for who is locked out; its sessions end, its one-time codes stay or are turned off."""
    from app.stages import now
    from review.passwords import Passwords
    from review.people import existing
    from store import people

    with home() as opened:
        existing(opened.ledger, name)
        given = typer.prompt(f"new password of {printable(name)}", hide_input=True, confirmation_prompt=True)
        hashed = Passwords().hashed(given)
        with opened.ledger.write():
            people.set_password(opened.ledger, name, hashed, by=at_terminal(), at=now())
            if codes_off:
                people.end_totp(opened.ledger, name, by=at_terminal(), at=now())
    say(f"{escape(name)} has a new password{' and no one-time codes any more' if codes_off else ''}")


@audit_app.command("verify", epilog="Example: clipwarden audit verify --head 7d0a…")
def audit_verify(
    *,
    head: Annotated[str, typer.Option(help="A head kept elsewhere; the log must still hold it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Walk the chain of the audit log; exit 1 and name the first row that is not what was written.

    Keep the head it prints where nobody who can write the ledger can write: it shows a log cut short.
    """
    from store import audit

    with home() as opened:
        chain = audit.verify(opened.ledger, head=head)
    if as_json:
        print_json({"rows": chain.rows, "head": chain.head, "broken": chain.broken})
    elif chain.broken:
        say(f"[red]broken[/]: {escape(printable(chain.broken))}; {chain.rows} rows before it are whole")
    else:
        say(f"{chain.rows} rows, each as it was written; head {chain.head}")
    raise typer.Exit(1 if chain.broken else 0)


@audit_app.command("list", epilog="Example: clipwarden audit list --person ada --limit 20")
def audit_list(
    person: Annotated[str, typer.Option(help="Only what this one did.")] = "",
    act: Annotated[str, typer.Option(help="Only acts of this kind, such as sign-in-refused.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show who did what, the newest first."""
    from store import audit

    with home() as opened:
        rows = audit.listed(opened.ledger, person=person, act=act, limit=limit)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        detail = " ".join(f"{key}={value}" for key, value in row["detail"].items())
        line = printable(f"{row['at'][:19]} {row['person']} {row['act']} {detail}")
        sys.stdout.write(f"{row['id']:>8} {line}\n")


def _address(public: str) -> tuple[str, str]:
    """Where the desk is, without a slash at the end, and how that is known; public: what the settings call it."""
    if public:
        return public.rstrip("/"), "The address is that of [desk] in clipwarden.toml."
    try:
        socket.create_connection(("127.0.0.1", DESK_PORT), timeout=1).close()
    except OSError:
        told = "Nothing answers there now: start `clipwarden serve`."
    else:
        told = "Something answers there now."
    return f"http://localhost:{DESK_PORT}", f"{told} With --host or --port it is another: take what that prints."
