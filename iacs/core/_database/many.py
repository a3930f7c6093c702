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
    compiled = sqlalchemy_parts.text(sql).compile(dialect=dialect)
    names: list[str] = compiled.positiontup or list(compiled.params)
    if compiled.positiontup is None:
        # By name, so that a name that is repeated is one parameter: PostgreSQL infers its type from any of its uses.
        return _Compiled(str(compiled), lambda row: {name: row[name] for name in names})
    if len(names) > 1:
        return _Compiled(str(compiled), itemgetter(*names))
    return _Compiled(str(compiled), lambda row: tuple(row[name] for name in names))
