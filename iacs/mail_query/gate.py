"""The requests of one mailbox in one event loop: at most so many at a time."""

import asyncio
from contextlib import suppress
from types import TracebackType


class Gate:
    """A limit of concurrent requests; a request that Graph rejected for its concurrency waits for one to finish."""

    def __init__(self, limit: int) -> None:
        self._semaphore = asyncio.Semaphore(limit)
        self._finished = asyncio.Event()
        self._running = 0

    async def __aenter__(self) -> None:
        await self._semaphore.acquire()
        self._running += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running -= 1
        self._semaphore.release()
        self._finished.set()
        self._finished = asyncio.Event()

    async def wait_for_finish(self, max_seconds: float) -> None:
        """Wait until a running request has finished; without one, or after `max_seconds`, for that long."""
        finished = self._finished.wait() if self._running else asyncio.sleep(max_seconds)
        with suppress(TimeoutError):
            await asyncio.wait_for(finished, max_seconds)
