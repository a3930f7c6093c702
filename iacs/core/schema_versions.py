"""Bring the tables of a database up to the newest version in `sql/`.

Each version is one transaction, which also records it: a script that fails leaves nothing of itself. Only one
process at a time is in such a transaction, and each looks again when its turn has come.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import sqlalchemy
from sqlalchemy import Connection, text

from iacs.core import clock, sql_script
from iacs.core.database_errors import translated_errors
from iacs.core.exceptions import DatabaseError, SchemaError
from iacs.sql import Version

_RECORD = """
CREATE TABLE IF NOT EXISTS schema_versions (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at TEXT NOT NULL
)
"""
_POSTGRESQL_LOCK = "SELECT pg_advisory_xact_lock(4917360)"  # any number that nobody else draws


def apply(begin: Callable[[], AbstractContextManager[Connection]], versions: Sequence[Version]) -> None:
    """Apply what is missing, in order; `begin` opens a transaction that may write.

    Raises SchemaError when a script fails, or when the database is newer than `versions`.
    """
    for version in versions:
        with begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(_POSTGRESQL_LOCK)
            connection.exec_driver_sql(_RECORD)
            if version.number > applied(connection):
                _apply_one(connection, version)


def is_current(connection: Connection, versions: Sequence[Version]) -> bool:
    """Tell whether nothing is missing; raise SchemaError when the database is newer than `versions`."""
    if not sqlalchemy.inspect(connection).has_table("schema_versions"):
        return False
    newest, found = max(version.number for version in versions), applied(connection)
    if found > newest:
        raise SchemaError(
            f"the database has version {found} of the schema and this iacs knows {newest}; upgrade iacs"
        )
    return found == newest


def applied(connection: Connection) -> int:
    """Return the newest version that is recorded, 0 for none."""
    return int(connection.scalar(text("SELECT coalesce(max(version), 0) FROM schema_versions")) or 0)


def run_script(connection: Connection, script: str) -> None:
    """Run every statement of a script as it stands: nothing in it is taken for a parameter."""
    literal = {"no_parameters": True}
    for statement in sql_script.statements(script, connection.dialect.name):
        with translated_errors():
            connection.exec_driver_sql(statement, execution_options=literal)


def _apply_one(connection: Connection, version: Version) -> None:
    try:
        run_script(connection, version.script)
    except DatabaseError as error:
        raise SchemaError(f"{version.name} could not be applied; {error}") from error.__cause__
    connection.execute(
        text("INSERT INTO schema_versions (version, name, applied_at) VALUES (:version, :name, :applied_at)"),
        {"version": version.number, "name": version.name, "applied_at": clock.to_text(clock.now())},
    )
