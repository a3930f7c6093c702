"""`iacs init-db` and `iacs database …`: creating the database before anything else uses it, and backing it up."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iacs.cli.options import Json
from iacs.cli.output import show
from iacs.cli.running import run

if TYPE_CHECKING:
    from iacs.core.database import Database

app = typer.Typer(rich_markup_mode=None)


@app.callback()
def database() -> None:
    """Back up the database."""


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="New file for the copy.")],
    json: Json = False,
) -> None:
    """Copy a SQLite database into a new file, also while others use it.

    Copying the file of an open database with cp may miss what was stored last.
    """
    from iacs.core.database import Database

    run(lambda app: app.get(Database).backup(target), Database)
    show(f"copied to {target}", {"backup": str(target)}, json=json)


def init_db(json: Json = False) -> None:
    """Create the database, or bring its schema up to date.

    Safe to repeat.
    """
    result = run(
        lambda app: asyncio.to_thread(_apply, app.container.core().database()), "core.database", creates=True
    )
    show("{database} has schema version {schema_version}".format(**result), result, json=json)


def _apply(database: "Database") -> dict[str, Any]:
    from iacs.core._database import schema
    from iacs.core._database.errors import describe

    with database.transaction() as tx:
        return {
            "database": describe(database.engine.url),
            "dialect": database.dialect,
            "schema_version": schema.applied(tx),
        }
