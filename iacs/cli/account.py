"""`iacs account …`: enrol, list, disable and enable accounts."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iacs.cli.options import Email, Json
from iacs.cli.output import line, note, print_json, show
from iacs.cli.running import run
from iacs.cli.table import print_table

if TYPE_CHECKING:
    from iacs.account import Account, AccountService, EnrollmentResult
    from iacs.cli.running import App

app = typer.Typer(rich_markup_mode=None)

Directory = Annotated[
    Path | None,
    typer.Argument(
        metavar="DIRECTORY", help="Folder with one YAML file per account (default: ENROLLMENT_DIRECTORY)."
    ),
]
Prune = Annotated[bool, typer.Option("--prune", help="Disable the accounts that have no file in the folder.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only print what would change.")]
Yes = Annotated[
    bool, typer.Option("--yes", help="Do not ask before disabling more than half of the accounts.")
]

Username = Annotated[
    str | None,
    typer.Option(
        "--username", metavar="NAME", help="Name that the person signs in with (default: the address)."
    ),
]


@app.command()
def sync(
    directory: Directory = None,
    prune: Prune = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Enrol and update accounts from a folder of YAML files."""

    async def work(app: "App") -> "EnrollmentResult":
        accounts = app.container.account().service()
        if prune and not dry_run and not yes:
            _confirm(await accounts.sync(directory, prune=True, dry_run=True))
        return await accounts.sync(directory, prune=prune, dry_run=dry_run)

    result = run(work, "account.service", "account_publisher", creates=True)
    changes = {name.replace("_", " "): emails for name, emails in result}
    if json:
        print_json(result.model_dump())
        return
    for change, emails in changes.items():
        for email in emails:
            line(f"{change:10}  {email}")
    prefix = "nothing was changed; would be: " if dry_run else ""
    note(prefix + "; ".join(f"{len(emails)} {change}" for change, emails in changes.items()))


def _confirm(planned: "EnrollmentResult") -> None:
    """Ask before more than half of the accounts are disabled; refuse if there is no terminal to ask on."""
    if not planned.disables_most:
        return
    number = len(planned.disabled)
    sentence = f"--prune would disable {number} account{'' if number == 1 else 's'}, more than half of all"
    if sys.stdin.isatty() and sys.stderr.isatty():
        typer.confirm(f"{sentence}. Go on?", abort=True, err=True)
        return
    raise typer.BadParameter(
        f"{sentence}; list them with --dry-run, or add --yes to disable them", param_hint="--prune"
    )


@app.command()
def add(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Address of the new account.")],
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="Display name.")] = "",
    tenant: Annotated[
        str,
        typer.Option(
            "--tenant", metavar="TENANT", help="Tenant, as id or domain (default: AZURE_TENANT_ID)."
        ),
    ] = "",
    username: Username = None,
    access: Annotated[
        str,
        typer.Option(
            "--access", metavar="KIND", help="What opens the mailbox: delegated, shared or application."
        ),
    ] = "delegated",
    via: Annotated[
        str, typer.Option("--via", metavar="EMAIL", help="Account whose person opens a shared mailbox.")
    ] = "",
    json: Json = False,
) -> None:
    """Enrol one account."""
    _change(
        lambda accounts: accounts.add(
            email, name=name, tenant_id=tenant, username=username or "", access=access, via=via
        ),
        "enrolled",
        json=json,
        creates=True,
    )


@app.command()
def relink(
    email: Email,
    tenant: Annotated[
        str | None,
        typer.Option("--tenant", metavar="TENANT", help="New tenant, as id or domain (default: unchanged)."),
    ] = None,
    username: Annotated[
        str | None,
        typer.Option(
            "--username", metavar="NAME", help="Name that the person signs in with (default: unchanged)."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Accept another person at the next sign-in; stored mail is kept, tokens are deleted.

    For a person who was deleted and created again, or moved to another tenant. The directory or the enrolment
    still has to confirm that the address is theirs.
    """
    _change(
        lambda accounts: accounts.relink(email, tenant_id=tenant, username=username),
        f"waiting for a new sign-in: iacs auth login {email}",
        json=json,
    )


@app.command()
def disable(email: Email, json: Json = False) -> None:
    """Disable an account: no query, sync or sign-in; its stored mail and tokens are kept."""
    _change(lambda accounts: accounts.disable(email), "disabled", json=json)


@app.command()
def enable(email: Email, json: Json = False) -> None:
    """Enable a disabled account; if it was signed in, it still is."""
    _change(lambda accounts: accounts.enable(email), "enabled", json=json)


def _change(
    change: "Callable[[AccountService], Awaitable[Account]]", done: str, *, json: bool, creates: bool = False
) -> None:
    account = run(
        lambda app: change(app.container.account().service()),
        "account.service",
        "account_publisher",
        creates=creates,
    )
    show(f"{account.email} is {done}", account.model_dump(mode="json"), json=json)


@app.command("list")
def list_accounts(json: Json = False) -> None:
    """List the accounts and their status."""
    accounts = run(lambda app: app.container.account().service().list(), "account.service")
    if json:
        for account in accounts:
            print_json(account.model_dump(mode="json"))
    elif accounts:
        rows = [
            (
                account.email,
                str(account.status),
                f"{account.access} via {account.via}" if account.via else str(account.access),
                account.name or None,
            )
            for account in accounts
        ]
        print_table(("account", "status", "access", "name"), rows)
    else:
        note("no account is enrolled; enrol one with: iacs account add EMAIL, or iacs account sync DIRECTORY")
