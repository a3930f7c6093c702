"""A task that one process runs for all its readers of an event log."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

from iacs.core._events.membership import Membership
from iacs.core.events import Partition
from iacs.core.exceptions import DatabaseError
from iacs.core.transaction import Row

_MAX_PAUSE_SECONDS = 2.0


class ServedReader(Protocol):
    """What the shared tasks need of a reader; while it is parked, they work for it."""

    is_parked: bool
    membership: Membership | None
    starts: dict[Partition, int]

    def deliver(self, rows: Sequence[Row]) -> None:
        """Take records that follow on `starts`."""

    def wake(self) -> None:
        """Look for work."""

    def fail(self, error: Exception) -> None:
        """End the iteration with an error."""


class ReaderTask(ABC):
    """Works for its readers every `interval_seconds`, and at once when woken; without readers it does not run."""

    def __init__(self, *, interval_seconds: float) -> None:
        self._interval_seconds = interval_seconds
        self._readers: dict[ServedReader, None] = {}
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    async def _work(self) -> None:
        """Do what is due for all readers."""

    def add(self, reader: ServedReader) -> None:
        """Work for a reader, too."""
        self._readers[reader] = None
        if self._task is None:
            self._woken = asyncio.Event()  # of the loop that runs now
            self._task = asyncio.create_task(self._run(), name=f"iacs-{type(self).__name__}")

    async def discard(self, reader: ServedReader) -> None:
        """Work for a reader no longer; after the last one, return when the task has ended."""
        self._readers.pop(reader, None)
        if not self._readers and self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            await asyncio.wait([task])

    def wake(self) -> None:
        """Work now."""
        self._woken.set()

    async def _run(self) -> None:
        seconds = self._interval_seconds
        while True:
            await self._pause(seconds)
            try:
                await self._work()
            except DatabaseError:
                seconds = min(2 * seconds, _MAX_PAUSE_SECONDS)
                for reader in tuple(self._readers):
                    reader.wake()  # it meets the error itself, and decides how long to wait for the database
            except Exception as error:  # noqa: BLE001 - raised to the callers, who would wait for ever
                for reader in tuple(self._readers):
                    reader.fail(error)
            else:
                seconds = self._interval_seconds

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()
