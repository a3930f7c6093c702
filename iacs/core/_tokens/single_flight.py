"""One execution of work for all concurrent callers."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Work that runs once per key, with its outcome for every caller that waits meanwhile.

    Cancelling one caller does not cancel the work of the others. Event loops do not share: a task belongs to one.
    """

    def __init__(self) -> None:
        self._tasks: dict[tuple[asyncio.AbstractEventLoop, Hashable], asyncio.Task[T]] = {}

    async def run(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what `work` returns, or raise what it raises; join the one under way, if any."""
        flight = (asyncio.get_running_loop(), key)
        task = self._tasks.get(flight)
        if task is None:
            task = self._tasks[flight] = asyncio.create_task(work())
            task.add_done_callback(lambda done: self._finish(flight, done))
        return await asyncio.shield(task)

    def _finish(self, flight: tuple[asyncio.AbstractEventLoop, Hashable], task: asyncio.Task[T]) -> None:
        del self._tasks[flight]
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not report it when every caller was cancelled
