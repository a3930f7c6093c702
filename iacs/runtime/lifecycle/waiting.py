"""Waits that end: within a deadline, or before a cancellation is heeded."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

from iacs.core.exceptions import ApplicationStateError

T = TypeVar("T")

GRACE: Final = 1.0
"""Seconds that something cancelled has to end."""


async def within(seconds: float, awaitable: Awaitable[Any]) -> bool:
    """Await something for so long; then cancel it, and raise TimeoutError whether or not it heeds that.

    Return False when it was cancelled by itself.
    """
    task = asyncio.ensure_future(awaitable)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        await cancel_and_wait((task,))
        raise TimeoutError(f"no end within {seconds:g} s")
    if task.cancelled():  # nobody else has asked it to end
        return False
    task.result()
    return True


async def uninterrupted(work: Awaitable[T]) -> T:
    """Await work to its end, and only then heed a cancellation."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        _retrieve(task)
        raise cancelled
    return task.result()


async def cancel_and_wait(tasks: Iterable["asyncio.Future[Any]"]) -> None:
    """Cancel tasks, and wait until they have ended or have been given their grace."""
    running = set(tasks)
    for task in running:
        task.cancel()
        task.add_done_callback(_retrieve)
    if running:
        await asyncio.wait(running, timeout=GRACE)


def _retrieve(task: "asyncio.Future[Any]") -> None:
    """Keep the event loop from reporting what was raised after the error that counts."""
    with suppress(asyncio.CancelledError):
        task.exception()


class TransitionLock:
    """One start or stop at a time: those of one event loop queue, those from elsewhere are refused."""

    def __init__(self) -> None:
        self._under_way: asyncio.Future[None] | None = None

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[None]:
        """Wait until nothing is under way; raise ApplicationStateError if that is in another event loop."""
        loop = asyncio.get_running_loop()
        while self._under_way is not None and self._under_way.get_loop() is loop:
            await asyncio.wait({self._under_way})
        self.check_free()
        self._under_way = mine = loop.create_future()
        try:
            yield
        finally:
            self._under_way = None
            mine.set_result(None)

    def check_free(self) -> None:
        """Raise ApplicationStateError if a start or stop is under way."""
        if self._under_way is not None and not self._under_way.get_loop().is_closed():
            raise ApplicationStateError(
                "the application is being started or stopped in another thread or event loop"
            )
