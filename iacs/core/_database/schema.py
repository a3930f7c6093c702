"""Bring the tables of a database up to the newest version in `sql/`.

Each version is one transaction, which also records it: a script that fails leaves nothing of itself. Only one
process at a time is in such a transaction, and each looks again when its turn has come.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from sqlalchemy import Connection, inspect

from iacs.core import clock
from iacs.core._database.errors import translated_errors
from iacs.core.exceptions import DatabaseError, SchemaError
from iacs.core.transaction import Transaction
from iacs.sql import Version

_RECORD = """
CREATE TABLE IF NOT EXISTS iacs_schema_versions (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at TEXT NOT NULL
)
"""
_POSTGRESQL_LOCK = "SELECT pg_advisory_xact_lock(4917360)"  # any number that nobody else draws


def apply(begin: Callable[[], AbstractContextManager[Transaction]], versions: Sequence[Version]) -> None:
    """Apply what is missing, in order; `begin` opens a transaction that may write.

    Raises SchemaError when a script fails.
    """
    for version in versions:
        with begin() as tx:
            if tx.dialect == "postgresql":
                tx.value(_POSTGRESQL_LOCK)
            tx.execute(_RECORD)
            if version.number > applied(tx):
                _apply_one(tx, version)


def is_current(connection: Connection, versions: Sequence[Version]) -> bool:
    """Tell whether nothing is missing; raise SchemaError when the database is newer than `versions`."""
    with translated_errors():
        if not inspect(connection).has_table("iacs_schema_versions"):
            return False
    newest, found = max(version.number for version in versions), applied(Transaction(connection))
    if found > newest:
        raise SchemaError(
            f"the database has version {found} of the schema, and this iacs knows {newest}; upgrade iacs"
        )
    return found == newest


def applied(tx: Transaction) -> int:
    """Return the newest version that is recorded, 0 for none."""
    return int(tx.value("SELECT coalesce(max(version), 0) FROM iacs_schema_versions"))


def _apply_one(tx: Transaction, version: Version) -> None:
    try:
        tx.run_script(version.script)
    except DatabaseError as error:
        raise SchemaError(f"{version.name} could not be applied; {error}") from error.__cause__
    tx.execute(
        "INSERT INTO iacs_schema_versions (version, name, applied_at) VALUES (:version, :name, :applied_at)",
        {"version": version.number, "name": version.name, "applied_at": clock.to_text(clock.now())},
    )
