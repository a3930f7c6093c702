"""The threads that do database work for the event loop.

They are the database's own: the loop's default ones also resolve host names, which must not wait behind a
lock. There are as many as there are connections.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from iacs.core.exceptions import DatabaseError

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from iacs.core._database.sqlalchemy_parts import Connection

T = TypeVar("T")

_INTERRUPT_INTERVAL = 0.2
"""Seconds from one interrupt to the next."""


class Interrupt:
    """A way for another thread to end a unit of work: its running statement, its next one, or its commit.

    For PostgreSQL it is a request to the server, which may take half of `timeout` (in seconds), and at most five.
    """

    def __init__(self, timeout: float = 10.0) -> None:
        self.requested = False
        self._limit = min(5.0, timeout / 2)
        self._connection: Connection | None = None
        self._lock = threading.Lock()

    def request(self) -> None:
        """Prevent the next statement of the unit of work, and its commit."""
        self.requested = True

    def deliver(self) -> None:
        """Interrupt the statement that runs."""
        with self._lock:  # the connection must not serve somebody else by now
            if self._connection is not None:
                driver: Any = self._connection.connection.dbapi_connection
                driver.interrupt() if hasattr(driver, "interrupt") else driver.cancel_safe(
                    timeout=self._limit
                )

    @contextmanager
    def covering(self, connection: "Connection") -> Iterator[None]:
        """Make `connection` the one to be interrupted."""
        with self._lock:
            self._connection = connection
        try:
            yield
        finally:
            with self._lock:
                self._connection = None
                if self.requested and connection.dialect.name == "postgresql":
                    connection.invalidate()  # the server may still be about to cancel what it does next

    def check(self) -> None:
        """Raise DatabaseError once the interrupt has been requested."""
        if self.requested:
            raise DatabaseError("the unit of work was cancelled")


class Workers:
    """At most `size` threads for units of work, started when needed; `timeout` is in seconds."""

    def __init__(self, size: int, timeout: float) -> None:
        self._size = size
        self._timeout = timeout
        self._executor: ThreadPoolExecutor | None = None
        self._closed = False
        self._guard = threading.Lock()

    async def run(self, unit: Callable[[], T], interrupt: Interrupt) -> T:
        """Return what `unit` returns; it sees the caller's context variables.

        Raises DatabaseError when no thread takes it in time. When the caller is cancelled, the unit is
        interrupted, and CancelledError is raised once it has ended.
        """
        future = self._threads().submit(copy_context().run, _without_stop_iteration, unit)
        waiter = asyncio.wrap_future(future)
        try:
            await asyncio.wait({waiter}, timeout=self._timeout)
            if not waiter.done():
                if future.cancel():
                    raise DatabaseError(
                        f"no database worker became free within {self._timeout:g} s",
                        hint="do less in one transaction, or raise DATABASE_POOL_SIZE",
                    )
                await asyncio.wait({waiter})
        except asyncio.CancelledError:
            if not future.cancel():
                await _end(waiter, interrupt)
            raise
        return waiter.result()

    def close(self) -> None:
        """Wait for what runs; safe to call twice."""
        with self._guard:
            self._closed = True
            executor = self._executor
        if executor is not None:
            executor.shutdown()

    def _threads(self) -> "ThreadPoolExecutor":
        from concurrent.futures import ThreadPoolExecutor  # it brings queues, and may never be needed

        with self._guard:
            if self._closed:
                raise DatabaseError("the database is closed", hint="make a new Database")
            if self._executor is None:
                self._executor = ThreadPoolExecutor(self._size, thread_name_prefix="iacs-database")
            return self._executor


async def _end(waiter: "asyncio.Future[Any]", interrupt: Interrupt) -> None:
    """Interrupt the unit until it ends, and wait for that, however often the caller is cancelled.

    Once is not enough: an interrupt that comes just before a statement begins does not touch it.
    """
    interrupt.request()
    pending: set[asyncio.Future[Any]] = {waiter}
    while pending:
        if pending == {waiter}:
            pending = {waiter, asyncio.ensure_future(asyncio.to_thread(interrupt.deliver))}
        with suppress(asyncio.CancelledError):
            done, pending = await asyncio.wait(pending, timeout=_INTERRUPT_INTERVAL)
            for waited in done:
                if not waited.cancelled():
                    waited.exception()  # retrieved: the caller gets the cancellation instead


def _without_stop_iteration(unit: Callable[[], T]) -> T:
    """Translate StopIteration, which a future cannot carry, into RuntimeError."""
    try:
        return unit()
    except StopIteration as error:
        raise RuntimeError("the unit of work raised StopIteration") from error
