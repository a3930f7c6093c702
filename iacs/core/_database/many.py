"""Statements that are passed to the driver directly: SQLAlchemy takes as long as SQLite itself, and more for a short one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from iacs.core._database import sqlalchemy_parts

if TYPE_CHECKING:
    from iacs.core._database.sqlalchemy_parts import Connection, CursorResult


_STATEMENT_BYTES = 1_000_000
"""The size of the rows in one statement, unless a single row is larger."""


class _Compiled(NamedTuple):
    """A statement with the driver's placeholders, and the function that returns their values from a row."""

    sql: str
    values: Callable[[Mapping[str, Any]], Any]


def execute(connection: "Connection", sql: str, values: Mapping[str, Any]) -> "CursorResult[Any]":
    """Run a statement with `:name` parameters."""
    statement = _compile(sql, connection.dialect)
    try:
        parameters = statement.values(values)
    except KeyError:
        return connection.execute(sqlalchemy_parts.text(sql), values)  # which reports what is missing
    return connection.exec_driver_sql(statement.sql, parameters)


def execute_many(
    connection: "Connection", sql: str, rows: Sequence[Mapping[str, Any]]
) -> "CursorResult[Any]":
    """Run a statement with `:name` parameters once per row."""
    statement = _compile(sql, connection.dialect)
    try:
        values = [statement.values(row) for row in rows]
    except KeyError:
        return connection.execute(sqlalchemy_parts.text(sql), rows)  # which reports what is missing
    return connection.exec_driver_sql(statement.sql, values)


def insert_many(
    connection: "Connection", table: str, rows: Sequence[Mapping[str, Any]], on_conflict: str
) -> int:
    """Insert rows that all have the same columns; return the number of rows that were written.

    PostgreSQL's driver spends more time on one statement per row than on the rest of it: there they are one JSON text.
    """
    names = list(rows[0])
    columns = ", ".join(f'"{name}"' for name in names)
    into = f"INSERT INTO {table} ({columns})"
    if connection.dialect.name == "sqlite":
        sql = f"{into} VALUES ({', '.join('?' * len(names))}) {on_conflict}"
        values = itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)
        return connection.exec_driver_sql(sql, [values(row) for row in rows]).rowcount
    source = f"json_populate_recordset(CAST(NULL AS {table}), CAST(%s AS json))"
    sql = f"{into} SELECT {columns} FROM {source} {on_conflict}"  # noqa: S608 - names of the schema
    return sum(connection.exec_driver_sql(sql, (texts,)).rowcount for texts in _arrays(rows))


def _arrays(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield rows as JSON arrays of about `_STATEMENT_BYTES`."""
    from msgspec.json import encode

    texts, size = list[bytes](), 0
    for row in rows:
        if size >= _STATEMENT_BYTES:
            yield f"[{b','.join(texts).decode()}]"
            texts, size = [], 0
        texts.append(encode(row, enc_hook=str))
        size += len(texts[-1])
    yield f"[{b','.join(texts).decode()}]"


@lru_cache(maxsize=512)
def _compile(sql: str, dialect: Any) -> _Compiled:
    compiled = sqlalchemy_parts.text(sql).compile(dialect=dialect)
    names: list[str] = compiled.positiontup or list(compiled.params)
    if compiled.positiontup is None:
        # By name, so that a name that is repeated is one parameter: PostgreSQL infers its type from any of its uses.
        return _Compiled(str(compiled), lambda row: {name: row[name] for name in names})
    if len(names) > 1:
        return _Compiled(str(compiled), itemgetter(*names))
    return _Compiled(str(compiled), lambda row: tuple(row[name] for name in names))
