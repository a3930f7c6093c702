"""`iacs init-db`: creating the database before anything else uses it."""

import asyncio
from typing import TYPE_CHECKING, Any

from iacs.cli.options import Json
from iacs.cli.output import line, print_json
from iacs.cli.running import run

if TYPE_CHECKING:
    from iacs.core.database import Database


def init_db(json: Json = False) -> None:
    """Create the database, or bring its schema up to date.

    Safe to repeat.
    """
    result = run(
        lambda app: asyncio.to_thread(_apply, app.container.core().database()), "core.database", creates=True
    )
    if json:
        print_json(result)
    else:
        line("{database} has schema version {schema_version}".format(**result))


def _apply(database: "Database") -> dict[str, Any]:
    from iacs.core._database import schema
    from iacs.core._database.errors import describe

    with database.transaction() as tx:
        return {
            "database": describe(database.engine.url),
            "dialect": database.dialect,
            "schema_version": schema.applied(tx),
        }
