"""People of the desk, from the terminal: accounts and roles, and the audit log that shows what everyone did."""

import getpass
import sys
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from app.console import AsJson, app, home, out, print_json, say
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
        key = people.add(opened.ledger, name, role, by=_me(), at=now(), shown=shown)
    say(f"{escape(name)} has the role {escape(role)}. Its owner opens, at the address that `clipwarden serve` prints,")
    say(f"  /sign-in/once?key={key}")


@people_app.command("list", epilog="Example: clipwarden people list --json")
def people_list(as_json: AsJson = False) -> None:
    """Show all accounts, their roles and how they sign in."""
    from store import people

    with home() as opened:
        rows = people.listed(opened.ledger)
    if as_json:
        print_json(rows)
        return
    table = Table("name", "full name", "role", "signs in by", "since", box=None)
    for row in rows:
        by = "company" if row["issuer"] else "password" if row["has_password"] else "link only"
        by = "closed" if row["disabled_at"] else f"{by} and code" if row["has_totp"] else by
        table.add_row(row["name"], escape(printable(row["shown"])), row["role"], by, row["made_at"][:10])
    out.print(table) if rows else say("no accounts; `clipwarden serve` prints a link for the first admin")


@people_app.command("role", epilog="Example: clipwarden people role ada approver")
def people_role(name: Name, role: Annotated[str, typer.Argument(help="The new role.")]) -> None:
    """Give an account another role; it holds from the next click on."""
    from app.stages import now
    from review import people

    with home() as opened:
        people.change_role(opened.ledger, name, role, by=_me(), at=now())
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
            accounts.set_disabled(opened.ledger, name, disabled=False, by=_me(), at=now())
        else:
            people.disable(opened.ledger, name, by=_me(), at=now())
    say(f"{escape(name)} is {'open again' if undo else 'closed'}")


@people_app.command("password", epilog="Example: clipwarden people password ada")
def people_password(name: Name) -> None:
    """Set an account's password, for who is locked out; its sessions end, its one-time codes stay."""
    from app.stages import now
    from review.passwords import Passwords
    from review.people import existing
    from store import people

    with home() as opened:
        existing(opened.ledger, name)
        given = typer.prompt(f"new password of {printable(name)}", hide_input=True, confirmation_prompt=True)
        people.set_password(opened.ledger, name, Passwords().hashed(given), by=_me(), at=now())
    say(f"{escape(name)} has a new password")


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


def _me() -> str:
    """Who sits at the terminal: nobody asks for a password there, since whoever can write the ledger is in already."""
    return f"terminal:{printable(getpass.getuser(), most=40)}"
