"""Turns among the writers of one process.

SQLite's own lock is polled, with pauses of up to a tenth of a second, so it is not fair. It remains the lock between
processes.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from iacs.core.exceptions import DatabaseError

_CHECK_INTERVAL = 0.05  # seconds between two checks whether a waiting writer was cancelled


class WriterTurn:
    """A lock for one writer at a time; `timeout` is in seconds."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()
        self._holder: int | None = None

    @contextmanager
    def taken(self, check: Callable[[], None]) -> Iterator[None]:
        """Hold the turn; `check` raises when the wait should stop. Raises DatabaseError after the timeout."""
        if self._holder == threading.get_ident():
            raise DatabaseError(
                "this thread has a transaction open already", hint="pass the open transaction along instead"
            )
        self._wait(check)
        self._holder = threading.get_ident()
        try:
            yield
        finally:
            self._holder = None
            self._lock.release()

    def _wait(self, check: Callable[[], None]) -> None:
        deadline = time.monotonic() + self._timeout
        while not self._lock.acquire(timeout=min(_CHECK_INTERVAL, self._timeout)):
            check()
            if time.monotonic() >= deadline:
                raise DatabaseError(
                    f"another transaction of this process was not over within {self._timeout:g} s",
                    hint="do less in one transaction, or raise DATABASE_TIMEOUT",
                )
