"""What a unit of work does with the database."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, RowMapping, text

from iacs.core.database_errors import translated_errors
from iacs.core.exceptions import DatabaseError

Params = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


class Transaction:
    """Run SQL with `:name` parameters in one open transaction.

    Every method raises DatabaseError. After that the transaction can only be rolled back, on SQLite as on
    PostgreSQL: what may fail is avoided, with ON CONFLICT for instance.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.dialect = connection.dialect.name
        self.failed = False

    def execute(self, sql: str, params: Params = None) -> int:
        """Return how many rows were touched; a sequence of parameters runs the statement for each."""
        if params is not None and not isinstance(params, Mapping) and not params:
            return 0
        return max(0, self._run(sql, params).rowcount)

    def rows(self, sql: str, params: Params = None) -> list[RowMapping]:
        """Return every row."""
        return list(self._run(sql, params, returns_rows=True).mappings())

    def row(self, sql: str, params: Params = None) -> RowMapping | None:
        """Return the first row, None without one."""
        return self._run(sql, params, returns_rows=True).mappings().first()

    def value(self, sql: str, params: Params = None) -> Any:
        """Return the first column of the first row, None without a row."""
        return self._run(sql, params, returns_rows=True).scalar()

    def _run(self, sql: str, params: Params, *, returns_rows: bool = False) -> CursorResult[Any]:
        if self.failed:
            raise DatabaseError("an earlier statement failed, so this transaction can only be rolled back")
        self.failed = True
        with translated_errors():
            result = self.connection.execute(text(sql), params)
        if returns_rows and not result.returns_rows:
            raise DatabaseError("the statement returns no rows; run it with execute()")
        self.failed = False
        return result
