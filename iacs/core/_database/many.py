"""A statement that runs once per row, passed to the driver directly: SQLAlchemy takes as long as SQLite itself."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from iacs.core._database import sqlalchemy_parts

if TYPE_CHECKING:
    from iacs.core._database.sqlalchemy_parts import Connection, CursorResult


class _Compiled(NamedTuple):
    """A statement with the driver's placeholders, and the function that returns their values from a row."""

    sql: str
    values: Callable[[Mapping[str, Any]], Any]


def execute_many(
    connection: "Connection", sql: str, rows: Sequence[Mapping[str, Any]]
) -> "CursorResult[Any]":
    """Run a statement with `:name` parameters once per row."""
    compiled = _compile(sql, connection.dialect)
    try:
        values = [compiled.values(row) for row in rows]
    except KeyError:
        return connection.execute(sqlalchemy_parts.text(sql), rows)  # which reports what is missing
    return connection.exec_driver_sql(compiled.sql, values)


@lru_cache(maxsize=128)
def _compile(sql: str, dialect: Any) -> _Compiled:
    positional = type(dialect)(paramstyle="qmark" if dialect.paramstyle == "qmark" else "format")
    compiled = sqlalchemy_parts.text(sql).compile(dialect=positional)
    names: list[str] = compiled.positiontup or []
    if len(names) > 1:
        return _Compiled(str(compiled), itemgetter(*names))
    return _Compiled(str(compiled), lambda row: tuple(row[name] for name in names))
