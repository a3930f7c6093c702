"""The open transaction that a unit of work receives.

Many signatures name it, so SQLAlchemy, which is slow to import, is imported with the first statement.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from iacs.core._database import many
from iacs.core._database.errors import translated_errors
from iacs.core._database.workers import Interrupt
from iacs.core.exceptions import DatabaseError

if TYPE_CHECKING:
    from iacs.core._database.sqlalchemy_parts import Connection, CursorResult

Params = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
Row = Mapping[str, Any]
"""A row of a result, by the names of its columns."""

SAVEPOINT_HINT = "run a statement that may fail in a savepoint()"


class Transaction:
    """An open transaction, in which SQL has `:name` parameters.

    Every method raises DatabaseError. After that the transaction can only be rolled back, on SQLite as on
    PostgreSQL; run a statement that may fail in a `savepoint`, or use ON CONFLICT.
    """

    def __init__(self, connection: "Connection", interrupt: Interrupt | None = None) -> None:
        self.connection = connection
        self.dialect = connection.dialect.name
        self.failed = False
        self._interrupt = interrupt or Interrupt()

    def execute(self, sql: str, params: Params = None) -> int:
        """Return the number of affected rows; a sequence of parameters runs the statement once per item."""
        if params is not None and not isinstance(params, Mapping) and not params:
            return 0
        with self._statement():
            return max(0, self._run(sql, params).rowcount)

    def insert(self, table: str, rows: Sequence[Row], *, on_conflict: str = "") -> int:
        """Insert rows into a table and return how many were written, in the least time for many of them.

        The rows all have the same columns, with texts, integers, booleans and None; `on_conflict` is the rest of the
        statement. On PostgreSQL up to a megabyte of rows is one statement, so it cannot update a row twice.
        """
        if not rows:
            return 0
        with self._statement():
            return many.insert_many(self.connection, table, rows, on_conflict)

    def rows(self, sql: str, params: Params = None) -> list[Row]:
        """Return every row."""
        with self._statement():
            return cast("list[Row]", list(self._query(sql, params).mappings()))

    def row(self, sql: str, params: Params = None) -> Row | None:
        """Return the first row, None without one."""
        with self._statement():
            return cast("Row | None", self._query(sql, params).mappings().first())

    def value(self, sql: str, params: Params = None) -> Any:
        """Return the first column of the first row, None without a row."""
        with self._statement():
            return self._query(sql, params).scalar()

    def run_script(self, script: str) -> None:
        """Run every statement of a script; colons and percent signs are literal.

        All of it belongs to this transaction, so BEGIN, COMMIT and ROLLBACK in it are an error. PostgreSQL
        reports that after the script has run: what it committed is stored then.
        """
        from iacs.core._database import scripts

        with self._statement(), scripts.inside_transaction(self.connection):
            for statement in scripts.statements(script, self.dialect):
                self.check()
                self.connection.exec_driver_sql(statement, execution_options={"no_parameters": True}).close()

    def check(self) -> None:
        """Raise DatabaseError once the unit of work was cancelled; for work that takes long between statements."""
        self._interrupt.check()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo only the statements inside when one of them, or the code around them, fails."""
        with self._statement():
            point = self.connection.begin_nested()
        try:
            yield
        except BaseException:
            with translated_errors():
                point.rollback()
            self.failed = False
            raise
        with self._statement():
            point.commit()

    def _run(self, sql: str, params: Params) -> "CursorResult[Any]":
        if params is not None and not isinstance(params, Mapping):
            return many.execute_many(self.connection, sql, params)
        return many.execute(self.connection, sql, params or {})

    def _query(self, sql: str, params: Params) -> "CursorResult[Any]":
        result = self._run(sql, params)
        if not result.returns_rows:
            raise DatabaseError("the statement returns no rows", hint="run it with execute()")
        return result

    @contextmanager
    def _statement(self) -> Iterator[None]:
        """Translate errors, and remember them: PostgreSQL would silently roll back at the commit."""
        self.check()
        if self.failed:
            raise DatabaseError(
                "an earlier statement failed, so this transaction can only be rolled back",
                hint=SAVEPOINT_HINT,
            )
        self.failed = True
        with translated_errors():
            yield
        self.failed = False
