"""How a unit of work that runs in another thread is made to end."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from iacs.core.exceptions import DatabaseError

if TYPE_CHECKING:
    from sqlalchemy import Connection


class Interrupt:
    """Lets another thread end a unit of work: its running statement, its next one, or its commit."""

    def __init__(self) -> None:
        self.requested = False
        self._connection: Connection | None = None
        self._lock = threading.Lock()

    def request(self) -> None:
        """Let nothing of the unit of work begin from now on, its commit included."""
        self.requested = True

    def deliver(self) -> None:
        """Interrupt the statement that runs; PostgreSQL's server is asked to, for five seconds at most."""
        with self._lock:  # the connection must not serve somebody else by now
            if self._connection is not None:
                driver: Any = self._connection.connection.dbapi_connection
                driver.interrupt() if hasattr(driver, "interrupt") else driver.cancel_safe(timeout=5.0)

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
