"""A limit for waiting on a PostgreSQL server that no longer answers.

A server that hangs keeps its connections open, and the kernel of its machine goes on acknowledging what is sent, so
neither TCP's own limits nor a cancel request end the wait. Whether a statement takes long or the server hangs is decided
by a new connection: a server that does not answer one within half the timeout loses those that wait for it.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from typing import Any
from weakref import WeakKeyDictionary

import psycopg

from iacs.core._database.errors import describe
from iacs.core._database.sqlalchemy_parts import (
    ConnectionPoolEntry,
    Engine,
    ExceptionContext,
    InvalidatePoolError,
    event,
)
from iacs.core.exceptions import DatabaseError

_HINT = "check the server; DATABASE_TIMEOUT limits how long iacs waits for it"
_SEVERED = "iacs_severed"
_FRESH = "iacs_fresh"


@dataclass
class _Use:
    """A connection in use, and when it is checked next."""

    due: float
    is_ping: bool


class Watch:
    """Severs connections whose server has stopped answering; `timeout` is in seconds.

    Its thread runs while connections are in use; `answers` says whether the server answers a new connection.
    """

    def __init__(self, answers: Callable[[], bool], timeout: float) -> None:
        self._answers = answers
        self._timeout = timeout
        self._uses = WeakKeyDictionary[
            ConnectionPoolEntry, _Use
        ]()  # one that failed to open is never given back
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def begin(self, entry: ConnectionPoolEntry, *, is_ping: bool = False) -> None:
        """Watch a connection; a ping is answered at once by every server, so its delay needs no further proof."""
        with self._changed:
            self._uses[entry] = _Use(time.monotonic() + self._timeout / 2, is_ping)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="iacs-database-watch", daemon=True)
                self._thread.start()

    def end(self, entry: ConnectionPoolEntry) -> None:
        """Stop watching a connection."""
        with self._changed:
            self._uses.pop(entry, None)

    def close(self) -> None:
        """Stop the thread; safe to call twice."""
        with self._changed:
            self._uses.clear()
            thread = self._thread
            self._changed.notify_all()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait(self._timeout / 4)
                if not self._uses:
                    self._thread = None
                    return
                overdue = self._overdue()
            if overdue and not self._answers():
                self._sever(overdue)
            else:
                for use in overdue.values():
                    use.due = time.monotonic() + self._timeout / 2

    def _overdue(self) -> dict[ConnectionPoolEntry, _Use]:
        """Return the uses that have taken long, after severing the overdue pings among them."""
        now = time.monotonic()
        overdue = {entry: use for entry, use in self._uses.items() if use.due <= now}
        for entry in [entry for entry, use in overdue.items() if use.is_ping]:
            del overdue[entry]
            _sever(entry)
        return overdue

    def _sever(self, overdue: dict[ConnectionPoolEntry, _Use]) -> None:
        with self._changed:  # a connection must not serve somebody else by now
            for entry, use in overdue.items():
                if self._uses.get(entry) is use:
                    _sever(entry)


def _sever(entry: ConnectionPoolEntry) -> None:
    """End both directions of the socket, which wakes the thread that waits for it."""
    connection: Any = entry.dbapi_connection
    if connection is None:  # it was invalidated
        return
    entry.info[_SEVERED] = True
    with (
        suppress(OSError, psycopg.OperationalError),  # it is closed already
        socket.socket(fileno=os.dup(connection.fileno())) as duplicate,
    ):
        duplicate.shutdown(socket.SHUT_RDWR)


def watch(engine: Engine, timeout: float, arguments: Mapping[str, Any]) -> None:
    """Watch the connections of an engine until it is disposed; `arguments` are those that its URL does not hold."""
    watched = Watch(lambda: _answers(engine, timeout, arguments), timeout)

    def connect(_connection: object, entry: ConnectionPoolEntry) -> None:
        entry.info[_FRESH] = True
        watched.begin(entry)

    def check_out(connection: Any, entry: ConnectionPoolEntry, _proxy: object) -> None:
        if not entry.info.pop(_FRESH, False):
            watched.begin(entry, is_ping=True)
            try:
                engine.dialect.do_ping(connection)
            except psycopg.OperationalError as error:
                raise InvalidatePoolError from error
        watched.begin(entry)

    def explain(context: ExceptionContext) -> BaseException | None:
        if context.connection is None or not context.connection.info.get(_SEVERED):
            return None
        return DatabaseError(f"{describe(engine.url)} does not answer", hint=_HINT)

    event.listen(engine, "connect", connect, insert=True)
    event.listen(engine, "checkout", check_out)
    event.listen(engine, "checkin", lambda _connection, entry: watched.end(entry))
    event.listen(engine, "handle_error", explain, retval=True)
    event.listen(engine, "engine_disposed", lambda _engine: watched.close())


def _answers(engine: Engine, timeout: float, arguments: Mapping[str, Any]) -> bool:
    """Return whether the server answers a new connection, if only by refusing it."""
    positional, named = engine.dialect.create_connect_args(engine.url)
    limit = max(2, ceil(timeout / 2))  # libpq takes whole seconds, two at least
    try:
        engine.dialect.connect(*positional, **{**named, **arguments, "connect_timeout": limit}).close()
    except psycopg.errors.ConnectionTimeout:
        return False
    except psycopg.OperationalError:
        return True
    return True
