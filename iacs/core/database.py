"""The database: SQLite by default, PostgreSQL by URL; its schema is applied on the first connection.

SQLAlchemy is slow to import, and many modules name a Database that they never open: it is imported when one is built.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from pydantic import SecretStr

from iacs.core._database.errors import describe, translated_connection_errors, translated_errors
from iacs.core._database.retries import repeat_conflicts
from iacs.core._database.sqlite_file import sqlite_file
from iacs.core._database.workers import Interrupt, Workers
from iacs.core._database.writer_turn import WriterTurn
from iacs.core._lifecycle.closing import AsyncClosing, Closing
from iacs.core.exceptions import DatabaseError
from iacs.core.transaction import SAVEPOINT_HINT, Transaction

if TYPE_CHECKING:
    from iacs.core._database.sqlalchemy_parts import Connection, Engine

P = ParamSpec("P")
T = TypeVar("T")


class Database(Closing, AsyncClosing):
    """A database that is opened at its first use, for any number of threads; `timeout` is in seconds.

    With `must_exist` a missing SQLite file is a DatabaseError; otherwise it is created.

    On PostgreSQL `schema` names the schema that holds every table; it is created if it is missing. Without it
    the connection's own search_path decides. In a transaction it is the whole search_path.

    Behind a pooler that gives each transaction another connection (PgBouncer's pool_mode=transaction),
    `prepared_statements` is False.

    After a fork, the child process makes a new Database: connections cannot be shared.
    """

    def __init__(
        self,
        url: SecretStr | str,
        *,
        schema: str = "",
        pool_size: int = 5,
        timeout: float = 30.0,
        must_exist: bool = False,
        prepared_statements: bool = True,
    ) -> None:
        from iacs.core._database.engine import check_schema, parse_url

        self._url = parse_url(url.get_secret_value() if isinstance(url, SecretStr) else url)
        check_schema(schema, self._url)
        self._schema = schema
        self._pool_size = pool_size
        self._timeout = timeout
        self._must_exist = must_exist
        self._prepared_statements = prepared_statements
        self._engine: Engine | None = None
        self._is_current = False
        self._closed = False
        self._file = sqlite_file(self._url)
        self._engine_guard = threading.Lock()
        self._schema_guard = threading.Lock()
        self._writer_turn = WriterTurn(timeout)
        self._workers = Workers(pool_size, timeout)

    @property
    def engine(self) -> "Engine":
        """SQLAlchemy's engine, for an ORM of your own; reading it applies no schema."""
        from iacs.core._database.engine import create_engine

        with self._engine_guard:
            if self._closed:
                raise DatabaseError("the database is closed", hint="make a new Database")
            if self._engine is None:
                self._engine = create_engine(
                    self._url,
                    schema=self._schema,
                    pool_size=self._pool_size,
                    timeout=self._timeout,
                    prepared_statements=self._prepared_statements,
                )
            return self._engine

    @property
    def dialect(self) -> str:
        """Return "sqlite" or "postgresql"."""
        return self._url.get_backend_name()

    def get_connection(self) -> "Connection":
        """Open a connection, for use with `with`; the first one applies the schema.

        Its errors are SQLAlchemy's own. On SQLite it is for reading beside a writer; write in a
        `transaction`. Raises DatabaseError when no connection can be opened, and SchemaError.
        """
        if not self._is_current:
            with self._schema_guard:
                self._apply_schema()
        return self._connect()

    def transaction(self, *, read_only: bool = False) -> AbstractContextManager[Transaction]:
        """Commit at the end, roll back on any error.

        On SQLite one transaction at a time may write, across all threads and processes, and the others wait
        for their turn; any number of `read_only` transactions run beside it.
        """
        return self._transaction(Interrupt(self._timeout), read_only=read_only)

    async def run(
        self, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return `work(tx, …)`, run as one transaction in a worker thread.

        When a cancelled call raises CancelledError, nothing of it runs any more, and it is rolled back
        unless its commit had begun. After a deadlock or a serialization failure it is run again from its
        beginning, for up to `timeout` seconds: `work` must have no effects besides the transaction.
        """
        return await self._run(lambda tx: work(tx, *args, **kwargs), read_only=False)

    def run_sync(
        self, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return `work(tx, …)` as `run` does, in the calling thread."""
        return self._repeat(lambda tx: work(tx, *args, **kwargs), Interrupt(self._timeout), read_only=False)

    async def read(
        self, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return `work(tx, …)` as `run` does, in a transaction that only reads and waits for no writer."""
        return await self._run(lambda tx: work(tx, *args, **kwargs), read_only=True)

    async def probe(self) -> Mapping[str, object]:
        """Return the dialect and the schema's version, as read just now.

        Raises DatabaseError; SchemaError when another process has brought the schema to a version that this one does
        not know; and DegradedError when the disk of a SQLite file is nearly full. A SQLite file that was
        deleted is an error too: SQLite itself continues with it, and what it writes is lost.
        """
        return await self.read(self._state)

    def _state(self, tx: Transaction) -> Mapping[str, object]:
        from iacs import sql
        from iacs.core._database import schema as schema_versions

        if self._file:
            self._file.refuse_another()
            self._file.refuse_full_disk()
        version = schema_versions.applied(tx)
        schema_versions.refuse_newer(version, sql.versions(self.dialect))
        return {"dialect": tx.dialect, "schema_version": version}

    async def backup(self, target: Path) -> None:
        """Copy a SQLite database into a new file while others read and write it; one state, and only when complete.

        Raises DatabaseError when the file exists, cannot be written, or the database is PostgreSQL.
        """
        from iacs.core._database.backup import back_up

        await self.read(back_up, target)

    def run_script(self, sql: str) -> None:
        """Run every statement of a script in one transaction; colons and percent signs are literal."""
        with self.transaction() as tx:
            tx.run_script(sql)

    def close(self) -> None:
        """Wait for running work and close every connection; safe to call twice."""
        self._workers.close()
        with self._engine_guard:
            self._closed = True
            if self._engine is not None:
                self._engine.dispose()

    async def aclose(self) -> None:
        """Close without blocking the event loop."""
        await asyncio.to_thread(self.close)

    def __repr__(self) -> str:
        return f"<Database: {describe(self._url)}>"

    async def _run(self, work: Callable[[Transaction], T], *, read_only: bool) -> T:
        interrupt = Interrupt(self._timeout)
        return await self._workers.run(lambda: self._repeat(work, interrupt, read_only=read_only), interrupt)

    def _repeat(self, work: Callable[[Transaction], T], interrupt: Interrupt, *, read_only: bool) -> T:
        def unit() -> T:
            with self._transaction(interrupt, read_only=read_only) as tx:
                return work(tx)

        return repeat_conflicts(unit, timeout=self._timeout, check=interrupt.check)

    @contextmanager
    def _transaction(self, interrupt: Interrupt, *, read_only: bool) -> Iterator[Transaction]:
        waits = not read_only and self.dialect == "sqlite"
        turn = self._writer_turn.taken(interrupt.check) if waits else nullcontext()
        with turn, self.get_connection() as connection:
            _begin(connection, read_only=read_only)
            tx = Transaction(connection, interrupt)
            with interrupt.covering(connection):
                yield tx
            interrupt.check()
            if tx.failed:
                raise DatabaseError(
                    "a statement failed, so the transaction was rolled back", hint=SAVEPOINT_HINT
                )
            with translated_errors("the transaction could not be committed"):
                connection.commit()

    def _connect(self) -> "Connection":
        with translated_connection_errors(self._url, self._timeout):
            return self.engine.connect()

    def _apply_schema(self) -> None:
        from iacs import sql
        from iacs.core._database import schema as schema_versions

        if self._is_current:
            return
        if self._must_exist and self._file:
            self._file.refuse_missing()
        versions = sql.versions(self.dialect)
        with self._connect() as connection:
            current = schema_versions.is_current(connection, versions)
        if not current:
            schema_versions.apply(self._begin_alone, versions, schema=self._schema)
        self._is_current = True

    @contextmanager
    def _begin_alone(self) -> Iterator[Transaction]:
        with self._connect() as connection:
            _begin(connection, read_only=False)
            yield Transaction(connection)
            with translated_errors("the schema could not be committed"):
                connection.commit()


def _begin(connection: "Connection", *, read_only: bool) -> None:
    if read_only:
        connection.execution_options(sqlite_query_only=True, postgresql_readonly=True)
    else:
        connection.execution_options(sqlite_begin="IMMEDIATE")
    with translated_errors("the transaction could not begin"):
        connection.begin()
