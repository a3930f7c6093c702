"""`iacs init-db`: the schema, before anything else needs it."""

import asyncio
from typing import TYPE_CHECKING, Any

from iacs.cli.options import Json
from iacs.cli.output import line, print_json
from iacs.cli.running import run

if TYPE_CHECKING:
    from iacs.cli.running import App
    from iacs.core.database import Database


def init_db(json: Json = False) -> None:
    """Apply the schema to the database; safe to repeat."""
    from iacs.core.database import Database

    async def work(app: "App") -> dict[str, Any]:
        return await asyncio.to_thread(_apply, app.get(Database))

    result = run(work, Database)
    if json:
        print_json(result)
    else:
        line("{database} has version {schema_version} of the schema".format(**result))


def _apply(database: "Database") -> dict[str, Any]:
    from iacs.core._database import schema
    from iacs.core._database.errors import describe

    with database.transaction() as tx:
        return {
            "database": describe(database.engine.url),
            "dialect": database.dialect,
            "schema_version": schema.applied(tx),
        }
