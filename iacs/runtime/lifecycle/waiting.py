"""Waits that end: within a deadline, or before a cancellation takes effect."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Self

from iacs.core.exceptions import ApplicationStateError

GRACE: Final = 1.0
"""Seconds that something cancelled has to end."""


class Holding:
    """The waits of one task during which its cancellation is held back; `cancelled` is that cancellation."""

    def __init__(self) -> None:
        self.cancelled: asyncio.CancelledError | None = None

    async def wait(self, futures: Iterable["asyncio.Future[Any]"], seconds: float | None = None) -> None:
        """Wait until all futures are done, or for so long."""
        waiting = [future for future in futures if not future.done()]
        if waiting:
            with _Ends(waiting, seconds) as ends:
                while not ends.reached:
                    try:
                        await ends.awake()
                    except asyncio.CancelledError as error:
                        self.cancelled = error

    async def _take_turn(self) -> None:
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError as error:
            self.cancelled = error

    async def within(self, seconds: float, awaitable: Awaitable[Any]) -> bool:
        """Await something for so long; then cancel it, and raise TimeoutError whether or not it ends then.

        Return False when it was cancelled by itself.
        """
        task = asyncio.ensure_future(awaitable)
        await self._take_turn()  # most have ended then
        await self.wait((task,), seconds)
        if not task.done():
            await cancel_and_wait((task,), self)
            raise TimeoutError(f"no end within {seconds:g} s")
        if task.cancelled():  # nobody else has asked it to end
            return False
        task.result()
        return True


class _Ends:
    """The ends of some futures, or of the time for them: quicker than `asyncio.wait`, of which most stops are made."""

    def __init__(self, futures: Sequence["asyncio.Future[Any]"], seconds: float | None) -> None:
        self._futures = futures
        self._left = len(futures)
        self._loop = asyncio.get_running_loop()
        self._awake: asyncio.Future[None] | None = None
        self._timer = None if seconds is None else self._loop.call_later(seconds, self._reach)
        self.reached = False

    def __enter__(self) -> Self:
        for future in self._futures:
            future.add_done_callback(self._note)
        return self

    def __exit__(self, *error: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self.reached:
            for future in self._futures:
                future.remove_done_callback(self._note)

    def awake(self) -> "asyncio.Future[None]":
        """Return what is done when all futures are, or the time is over."""
        self._awake = self._loop.create_future()
        return self._awake

    def _note(self, _future: "asyncio.Future[Any]") -> None:
        self._left -= 1
        if not self._left:
            self._reach()

    def _reach(self) -> None:
        self.reached = True
        if self._awake is not None and not self._awake.done():
            self._awake.set_result(None)


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
