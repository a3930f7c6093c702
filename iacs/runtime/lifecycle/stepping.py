"""Runs steps of a task ahead: one that waits for nothing then costs no turn of the event loop."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any, NoReturn


class Stepping(Coroutine[Any, Any, Any]):
    """The coroutine of a task, `work`, of which a step may be run by code outside of that task.

    The step runs as the task, in the task's context; when the task has its turn, it goes on from there.
    """

    def __init__(self, work: Coroutine[Any, Any, Any], name: str, context: Context | None) -> None:
        self._work = work
        self._context = copy_context() if context is None else context  # an empty one is false
        self._loop = asyncio.get_running_loop()
        self._ahead: Callable[[], Any] | None = None
        self._is_begun = False
        self.task = self._loop.create_task(self, name=name, context=self._context)
        if not self._is_begun:  # else an eager task factory has run the first step
            self.step()

    def step(self) -> None:
        """Run the next step now."""
        self._is_begun = True
        current = asyncio.current_task(self._loop)
        if current is not None:
            asyncio._leave_task(self._loop, current)
        asyncio._enter_task(self._loop, self.task)
        try:
            waited = self._context.run(self._work.send, None)
            self._ahead = lambda: waited
        except BaseException as error:  # noqa: BLE001 - the task raises it, and the end is an error too
            self._ahead = _Raising(error)
        finally:
            asyncio._leave_task(self._loop, self.task)
            if current is not None:
                asyncio._enter_task(self._loop, current)

    def send(self, value: Any) -> Any:
        """Return what the work waits for; that may be known already."""
        self._is_begun = True
        ahead, self._ahead = self._ahead, None
        return self._work.send(value) if ahead is None else ahead()

    def throw(self, *error: Any) -> Any:
        """Throw an error into the work, unless that has ended."""
        ahead, self._ahead = self._ahead, None
        if isinstance(ahead, _Raising):
            ahead()
        return self._work.throw(*error)

    def close(self) -> None:
        """Close the work."""
        self._work.close()

    def __await__(self) -> NoReturn:
        raise TypeError("it belongs to its task")

    def __getattr__(self, name: str) -> Any:
        """Return what the work has: `inspect` reads the state of a coroutine from its attributes."""
        return getattr(self._work, name)


class _Raising:
    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __call__(self) -> NoReturn:
        raise self._error
