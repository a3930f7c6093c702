"""The database: SQLite by default, PostgreSQL by URL; its schema is applied on the first connection."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from contextvars import copy_context
from functools import cached_property
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

import sqlalchemy
from pydantic import SecretStr

from iacs import sql
from iacs.core import schema_versions
from iacs.core.database_errors import describe, translated_connection_errors, translated_errors
from iacs.core.engine import create_engine, parse_url
from iacs.core.exceptions import DatabaseError
from iacs.core.transaction import Transaction

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """Open connections lazily, for any number of threads; `timeout` is in seconds.

    A process that forks makes a new one in the child: connections cannot be shared with it.
    """

    def __init__(self, url: SecretStr | str, *, pool_size: int = 5, timeout: float = 30.0) -> None:
        self._url = parse_url(url.get_secret_value() if isinstance(url, SecretStr) else url)
        self._pool_size = pool_size
        self._timeout = timeout
        self._guard = threading.RLock()
        self._writer = threading.Lock()
        self._is_current = False
        self._closed = False

    @cached_property
    def engine(self) -> sqlalchemy.Engine:
        """SQLAlchemy's engine, for an ORM of your own; reading it applies no schema."""
        return create_engine(self._url, pool_size=self._pool_size, timeout=self._timeout)

    @cached_property
    def _workers(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._pool_size, thread_name_prefix="iacs-database")

    @property
    def dialect(self) -> str:
        """Return "sqlite" or "postgresql"."""
        return self._url.get_backend_name()

    def get_connection(self) -> sqlalchemy.Connection:
        """Open a connection, for use with `with`; the first one applies the schema.

        Raises DatabaseError when none can be had, and SchemaError.
        """
        with self._guard:
            if not self._is_current:
                self._apply_schema()
                self._is_current = True
        return self._connect()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commit at the end, roll back on any error."""
        with self._write_turn(), self.get_connection() as connection:
            connection.execution_options(sqlite_begin="IMMEDIATE")
            with translated_errors("the transaction could not begin"):
                connection.begin()
            tx = Transaction(connection)
            yield tx
            if tx.failed:
                raise DatabaseError("a statement failed, so the transaction was rolled back")
            with translated_errors("the transaction could not be committed"):
                connection.commit()

    async def run(
        self, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do `work` in one transaction, in a worker thread, and return what it returns."""

        def unit() -> T:
            with self.transaction() as tx:
                return work(tx, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._workers, copy_context().run, unit)

    def run_script(self, script: str) -> None:
        """Run every statement of a script in one transaction."""
        with self.transaction() as tx:
            schema_versions.run_script(tx.connection, script)

    def close(self) -> None:
        """Wait for running work and close every connection; safe to call twice."""
        self._closed = True
        if "_workers" in self.__dict__:
            self._workers.shutdown()
        if "engine" in self.__dict__:
            self.engine.dispose()

    async def aclose(self) -> None:
        """Close without blocking the event loop."""
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<Database: {describe(self._url)}>"

    def _connect(self) -> sqlalchemy.Connection:
        if self._closed:
            raise DatabaseError("the database is closed; make a new Database")
        with translated_connection_errors(self._url, self._timeout):
            return self.engine.connect()

    def _apply_schema(self) -> None:
        versions = sql.versions(self.dialect)
        with self._connect() as connection:
            current = schema_versions.is_current(connection, versions)
        if not current:
            schema_versions.apply(self._begin, versions)

    @contextmanager
    def _begin(self) -> Iterator[sqlalchemy.Connection]:
        with self._connect() as connection:
            connection.execution_options(sqlite_begin="IMMEDIATE")
            connection.begin()
            yield connection
            connection.commit()

    @contextmanager
    def _write_turn(self) -> Iterator[None]:
        """SQLite has one writer at a time: take turns here, without the polling that its own lock needs."""
        with nullcontext() if self.dialect == "postgresql" else self._writer:
            yield
