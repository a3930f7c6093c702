"""The upgrade of a database's tables to the newest version in `sql/`.

Each version is one transaction, which also records it: a script that fails leaves no trace. Only one
process at a time is in such a transaction, and checks the version again at its beginning.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from iacs.core import clock
from iacs.core._database.errors import translated_errors
from iacs.core._database.sqlalchemy_parts import Connection, inspect
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
_POSTGRESQL_LOCK = "SELECT pg_advisory_xact_lock(4917360, hashtext(:schema))"  # a number of our own
_NO_RIGHT = (
    "42501",
    "3F000",
)  # insufficient_privilege, invalid_schema_name: no schema of the search_path can be used
_DUPLICATES = ("42P07", "42710")  # duplicate_table (views, indexes and sequences too), duplicate_object
_DUPLICATE_HINT = (
    "the database has a table or view of that name that iacs did not create: rename it, "
    "use another database, or on PostgreSQL a schema of its own (DATABASE_SCHEMA)"
)
_MAY_CREATE = "SELECT has_schema_privilege(:schema, 'USAGE') AND has_schema_privilege(:schema, 'CREATE')"


def apply(
    begin: Callable[[], AbstractContextManager[Transaction]], versions: Sequence[Version], *, schema: str = ""
) -> None:
    """Apply what is missing, in order; `begin` opens a transaction that may write.

    Raises SchemaError when a script fails, or when PostgreSQL's `schema` is missing and cannot be created.
    """
    for version in versions:
        with begin() as tx:
            if tx.dialect == "postgresql":
                tx.value(_POSTGRESQL_LOCK, {"schema": schema})
            if schema:
                _require_schema(tx, schema)
            _require_record(tx)
            if version.number > applied(tx):
                _apply_one(tx, version)


def is_current(connection: Connection, versions: Sequence[Version]) -> bool:
    """Return whether nothing is missing; raise SchemaError when the database is newer than `versions`."""
    with translated_errors():
        if not inspect(connection).has_table("iacs_schema_versions"):
            return False
    current = applied(Transaction(connection))
    refuse_newer(current, versions)
    return current == versions[-1].number


def refuse_newer(current: int, versions: Sequence[Version]) -> None:
    """Raise SchemaError when the database's version is not among `versions`, which are in order."""
    if current > versions[-1].number:
        raise SchemaError(
            f"the database has version {current} of the schema, and this version of iacs knows {versions[-1].number}",
            hint="upgrade it: pip install --upgrade iacsgraph",
        )


def applied(tx: Transaction) -> int:
    """Return the newest version that is recorded, 0 for none."""
    return int(tx.value("SELECT coalesce(max(version), 0) FROM iacs_schema_versions"))


def _require_schema(tx: Transaction, schema: str) -> None:
    """Create a schema of PostgreSQL where it is missing, and check that tables can be created in it."""
    hint = f'as owner of the database run: CREATE SCHEMA "{schema}" AUTHORIZATION "{tx.value("SELECT current_user")}"'
    if not tx.value("SELECT count(*) FROM pg_namespace WHERE nspname = :schema", {"schema": schema}):
        try:
            tx.execute(f'CREATE SCHEMA "{schema}"')
        except DatabaseError as error:
            raise SchemaError(
                f"schema {schema} could not be created; {error}", hint=hint
            ) from error.__cause__
    if not tx.value(_MAY_CREATE, {"schema": schema}):
        raise SchemaError(f"this user may not create tables in schema {schema}", hint=hint)


def _require_record(tx: Transaction) -> None:
    """Create the table of versions; it is the first table, so it shows a missing right."""
    user = tx.value("SELECT current_user") if tx.dialect == "postgresql" else ""
    try:
        tx.execute(_RECORD)
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", None) not in _NO_RIGHT:
            raise
        raise SchemaError(
            f"this user may not create tables; {error}",
            hint=f'as owner of the database run: GRANT CREATE, USAGE ON SCHEMA public TO "{user}", '
            "or set DATABASE_SCHEMA to a schema of its own",
        ) from error.__cause__


def _apply_one(tx: Transaction, version: Version) -> None:
    try:
        tx.run_script(version.script)
    except DatabaseError as error:
        hint = _DUPLICATE_HINT if _is_duplicate(error.__cause__) else error.hint
        raise SchemaError(f"{version.name} could not be applied; {error}", hint=hint) from error.__cause__
    tx.execute(
        "INSERT INTO iacs_schema_versions (version, name, applied_at) VALUES (:version, :name, :applied_at)",
        {"version": version.number, "name": version.name, "applied_at": clock.to_text(clock.now())},
    )


def _is_duplicate(cause: BaseException | None) -> bool:
    return getattr(cause, "sqlstate", "") in _DUPLICATES or "already exists" in str(cause)
