"""One piece of work for all who ask for it at the same time."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Run work once per key and give its outcome to everyone who asked meanwhile.

    A caller that is cancelled leaves the others their work. Event loops do not share: a task belongs to one.
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
            task.exception()  # looked at, so that asyncio does not report it when every caller went away
