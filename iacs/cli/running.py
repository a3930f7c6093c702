"""How a command runs on the application that the container describes."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:  # heavy: `iacs --help` does without
    from iacs.containers import ApplicationContainer
    from iacs.runtime import Application

    App = Application[ApplicationContainer]

T = TypeVar("T")

TERMINATED = 128 + signal.SIGTERM


def run(work: "Callable[[App], Awaitable[T]]", *roots: type[Any] | str) -> T:
    """Start what the roots ask, do the work, close everything, and return what the work returned."""
    return run_async(_while_started(work, roots))


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine; Ctrl-C and SIGTERM cancel it, and it ends when all is closed."""
    return asyncio.run(_until_terminated(work))


async def _while_started(work: "Callable[[App], Awaitable[T]]", roots: tuple[type[Any] | str, ...]) -> T:
    from iacs.containers import ApplicationContainer
    from iacs.runtime import Application

    container = ApplicationContainer()
    quieten(container)
    async with Application(container, roots=roots) as app:
        return await work(app)


def quieten(container: "ApplicationContainer") -> None:
    """Log warnings and worse, unless LOG_LEVEL says otherwise: a command prints its own results.

    It has to be so before the first part starts; the application takes over both parts that this builds.
    """
    from iacs.core.logger import set_level

    core = container.core()
    core.logger()
    if core.config().sources()["log_level"] == "default":
        set_level("WARNING")


async def _until_terminated(work: Coroutine[Any, Any, T]) -> T:
    with _sigterm_cancels():
        return await work


@contextmanager
def _sigterm_cancels() -> Iterator[None]:
    """End with exit code 143 after SIGTERM, as the signal itself would, but only when all is closed."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    received = asyncio.Event()

    def cancel() -> None:
        received.set()
        if task is not None:
            task.cancel()

    with suppress(NotImplementedError, RuntimeError):  # Windows, or not the main thread
        loop.add_signal_handler(signal.SIGTERM, cancel)
    try:
        yield
    except asyncio.CancelledError:
        if received.is_set():
            raise SystemExit(TERMINATED) from None
        raise
