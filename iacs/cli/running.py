"""Running a command on the application that the container describes."""

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from iacs.cli.lean_imports import OWN_PROCESS, import_lean, load_authorities_lean

if TYPE_CHECKING:
    from iacs.containers import ApplicationContainer
    from iacs.runtime import Application

    App = Application[ApplicationContainer]

T = TypeVar("T")

TERMINATED = 128 + signal.SIGTERM


def run(work: "Callable[[App], Awaitable[T]]", *roots: type[Any] | str, creates: bool = False) -> T:
    """Start the roots and their dependencies, do the work, close everything, and return the work's result.

    Only a command that `creates` may create the database: in the wrong folder a new one looks like lost data.
    """
    return run_async(_while_started(work, roots, creates=creates))


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine; Ctrl-C and SIGTERM cancel it, and it ends when everything is closed."""

    async def until_terminated() -> T:
        with _sigterm_cancels():
            return await work

    return asyncio.run(until_terminated())


async def _while_started(
    work: "Callable[[App], Awaitable[T]]", roots: tuple[type[Any] | str, ...], *, creates: bool
) -> T:
    import_lean()
    load_authorities_lean()
    from iacs.account import acting_as
    from iacs.containers import ApplicationContainer
    from iacs.runtime import Application

    container = ApplicationContainer()
    quieten(container)
    if not creates:
        require_database(container)
    async with Application(container, roots=roots) as app:
        _collect_from_here()
        with acting_as(operator()):
            return await work(app)


def _collect_from_here() -> None:
    """Collect garbage more often, in a process of our own, but not among what was imported and built until now."""
    if OWN_PROCESS.get():
        gc.freeze()
        gc.set_threshold(50_000)


def operator() -> str:
    """Return who runs the command, as the operating system knows them; variables such as USER can be set to anything."""
    try:
        import pwd

        return f"os:{pwd.getpwuid(os.getuid()).pw_name}"
    except ImportError:  # Windows
        return f"os:{os.getlogin()}"
    except KeyError:  # a container may run as a number that has no name
        return f"os:{os.getuid()}"


def quieten(container: "ApplicationContainer") -> None:
    """Log only warnings and errors unless LOG_LEVEL is set: a command prints its own results.

    This has to happen before the first part starts; the application takes over both parts that this builds.
    """
    from iacs.core.logger import set_level

    core = container.core()
    core.logger()
    if core.config().sources()["log_level"] == "default":
        set_level("WARNING")


def require_database(container: "ApplicationContainer") -> None:
    """Make the container's own Database refuse a missing file instead of creating it."""
    from iacs.core.database import Database

    provider = container.core().database
    if getattr(provider, "provides", None) is Database:
        provider.add_kwargs(must_exist=True)


@contextmanager
def _sigterm_cancels() -> Iterator[None]:
    """End with exit code 143 after SIGTERM, as the signal itself would, but only when everything is closed."""
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
