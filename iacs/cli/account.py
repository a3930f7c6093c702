"""`iacs account …`: who is enrolled."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iacs.cli.options import Json
from iacs.cli.output import line, note, print_json
from iacs.cli.running import run
from iacs.cli.tables import print_table

if TYPE_CHECKING:
    from iacs.account import Account, EnrollmentResult
    from iacs.cli.running import App

app = typer.Typer(help="Who is enrolled.", rich_markup_mode=None)

Directory = Annotated[
    Path | None, typer.Argument(metavar="[DIRECTORY]", help="Instead of ENROLLMENT_DIRECTORY.")
]


@app.command()
def sync(directory: Directory = None, json: Json = False) -> None:
    """Make the accounts what the YAML files of the enrollment directory say."""
    from iacs.account import AccountService

    async def work(app: "App") -> "EnrollmentResult":
        return await app.get(AccountService).sync(directory)

    result = run(work, AccountService, creates=True)
    changes = {name: getattr(result, name) for name in ("added", "updated", "disabled", "unchanged")}
    if json:
        print_json(changes)
        return
    for change, emails in changes.items():
        for email in emails:
            line(f"{change:9}  {email}")
    note("; ".join(f"{len(emails)} {change}" for change, emails in changes.items()))


@app.command("list")
def list_accounts(json: Json = False) -> None:
    """List the accounts and whether each is signed in."""
    from iacs.account import AccountService

    async def work(app: "App") -> "tuple[Account, ...]":
        return await app.get(AccountService).list()

    accounts = run(work, AccountService)
    if json:
        for account in accounts:
            print_json(account.model_dump(mode="json"))
    elif accounts:
        print_table(("account", "status", "name"), [_row(account) for account in accounts])
    else:
        note("no account is enrolled; write one YAML file for each and run: iacs account sync DIRECTORY")


def _row(account: "Account") -> tuple[str, str, str | None]:
    return account.email, str(account.status), account.name or None
