"""Waits that end: within a deadline, or before a cancellation takes effect."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

from iacs.core.exceptions import ApplicationStateError

T = TypeVar("T")

GRACE: Final = 1.0
"""Seconds that something cancelled has to end."""


class Holding:
    """The waits of one task during which its cancellation is held back; `cancelled` is that cancellation."""

    def __init__(self) -> None:
        self.cancelled: asyncio.CancelledError | None = None

    async def wait(self, futures: Iterable["asyncio.Future[Any]"], seconds: float | None = None) -> None:
        """Wait until all futures are done, or for so long."""
        loop, awaited = asyncio.get_running_loop(), set(futures)
        deadline = None if seconds is None else loop.time() + seconds
        while waiting := {future for future in awaited if not future.done()}:
            left = None if deadline is None else deadline - loop.time()
            if left is not None and left <= 0:
                return
            try:
                await asyncio.wait(waiting, timeout=left)
            except asyncio.CancelledError as error:
                self.cancelled = error

    async def within(self, seconds: float, awaitable: Awaitable[Any]) -> bool:
        """Await something for so long; then cancel it, and raise TimeoutError whether or not it ends then.

        Return False when it was cancelled by itself.
        """
        task = asyncio.ensure_future(awaitable)
        await self.wait((task,), seconds)
        if not task.done():
            await cancel_and_wait((task,), self)
            raise TimeoutError(f"no end within {seconds:g} s")
        if task.cancelled():  # nobody else has asked it to end
            return False
        task.result()
        return True


async def uninterrupted(work: Awaitable[T]) -> T:
    """Await work to its end in a task of its own, and only then raise a cancellation of this one."""
    task, holding = asyncio.ensure_future(work), Holding()
    await holding.wait((task,))
    if holding.cancelled is not None:
        _retrieve(task)
        raise holding.cancelled
    return task.result()


async def cancel_and_wait(tasks: Iterable["asyncio.Future[Any]"], holding: Holding | None = None) -> None:
    """Cancel tasks, and wait until they have ended or have been given their grace."""
    running = set(tasks)
    for task in running:
        task.cancel()
        task.add_done_callback(_retrieve)
    await (holding or Holding()).wait(running, GRACE)


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
