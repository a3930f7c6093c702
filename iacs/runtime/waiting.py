"""Waits that end: within a deadline, or before a cancellation is heeded."""

import asyncio
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from typing import Any, Final, TypeVar

from iacs.core.exceptions import IACSGraphError

T = TypeVar("T")

GRACE: Final = 1.0
"""Seconds that something cancelled has to end."""


async def within(seconds: float, awaitable: Awaitable[Any]) -> None:
    """Await something for so long; then cancel it, and raise TimeoutError whether or not it heeds that."""
    task = asyncio.ensure_future(awaitable)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        await ended((task,))
        raise TimeoutError(f"no end within {seconds:g} s")
    if task.cancelled():  # by itself: nobody else has asked it to end
        raise IACSGraphError("it was cancelled before its end")
    task.result()


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
        _see(task)
        raise cancelled
    return task.result()


async def ended(tasks: Iterable["asyncio.Future[Any]"]) -> None:
    """Cancel tasks, and wait until they have ended or have been given their grace."""
    running = set(tasks)
    for task in running:
        task.cancel()
        task.add_done_callback(_see)
    if running:
        await asyncio.wait(running, timeout=GRACE)


def _see(task: "asyncio.Future[Any]") -> None:
    """Keep the event loop from reporting what was raised after the error that counts."""
    with suppress(asyncio.CancelledError):
        task.exception()
