"""SQL scripts: how SQLite and PostgreSQL run several statements in an open transaction."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from iacs.core._database.sqlalchemy_parts import Connection, DBAPIError
from iacs.core.exceptions import DatabaseError

_CONTROL_HINT = "remove BEGIN, COMMIT, END and ROLLBACK from it"


def statements(script: str, dialect: str) -> Iterator[str]:
    """Yield the parts of a script that the driver runs at a time.

    PostgreSQL runs a whole script. SQLite runs one statement, which ends at the first `;` that its own tokenizer
    accepts as the end.
    """
    if "\0" in script:
        raise DatabaseError("the script contains a null character", hint="remove it from the script")
    start = 0
    for semicolon in () if dialect == "postgresql" else re.finditer(";", script):
        if sqlite3.complete_statement(script[start : semicolon.end()]):
            yield script[start : semicolon.end()]
            start = semicolon.end()
    if start < len(script):
        yield script[start:]


def inside_transaction(connection: Connection) -> AbstractContextManager[None]:
    """Raise DatabaseError when the statements inside begin or end a transaction."""
    return _on_postgresql(connection) if connection.dialect.name == "postgresql" else _on_sqlite(connection)


@contextmanager
def _on_sqlite(connection: Connection) -> Iterator[None]:
    driver: Any = connection.connection.dbapi_connection
    refused: list[str] = []

    def authorize(action: int, operation: str, *_rest: object) -> int:
        if action != sqlite3.SQLITE_TRANSACTION:
            return sqlite3.SQLITE_OK
        refused.append(operation)
        return sqlite3.SQLITE_DENY

    driver.set_authorizer(authorize)
    try:
        yield
    except DBAPIError as error:
        if not refused:
            raise
        raise DatabaseError(
            f"the script contains {refused[0]}, but all of it runs in one transaction", hint=_CONTROL_HINT
        ) from error.orig
    finally:
        driver.set_authorizer(None)


@contextmanager
def _on_postgresql(connection: Connection) -> Iterator[None]:
    """Detect it afterwards, by a savepoint that no longer exists: what the script committed stays."""
    connection.exec_driver_sql("SAVEPOINT iacs_script")
    with _without_prepared_statements(connection):
        yield
    try:
        connection.exec_driver_sql("RELEASE SAVEPOINT iacs_script")
    except DBAPIError as error:
        raise DatabaseError(
            "the script ended the transaction that it runs in, and what it committed is stored",
            hint=_CONTROL_HINT,
        ) from error.orig


@contextmanager
def _without_prepared_statements(connection: Connection) -> Iterator[None]:
    """PostgreSQL prepares a single statement only, and a script has several."""
    driver: Any = connection.connection.dbapi_connection
    threshold, driver.prepare_threshold = driver.prepare_threshold, None
    try:
        yield
    finally:
        driver.prepare_threshold = threshold
