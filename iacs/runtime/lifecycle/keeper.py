"""Enters and exits an asynchronous context manager in one task, as anyio's task groups and cancel scopes require."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any

from iacs.runtime.lifecycle.stepping import Stepping
from iacs.runtime.lifecycle.throwing import details
from iacs.runtime.lifecycle.waiting import GRACE, Holding, cancel_and_wait


class Keeper:
    """A task that enters `manager`, waits, and exits it.

    `entered` is done when the manager is entered, or could not be. When the task ends without having been asked
    to, as by a task group of the manager's own whose child failed, `lost` is called with the error, if there is one.
    """

    task: asyncio.Task[Any]

    def __init__(
        self, manager: Any, name: str, *, lost: Callable[[BaseException | None], None] | None = None
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.manager = manager
        self.entered: asyncio.Future[None] = self._loop.create_future()
        self.is_open = False
        self.is_asked = False
        self._asked: asyncio.Future[bool] = self._loop.create_future()
        self._error: BaseException | None = None
        self._value: Any = None
        self._name = name
        self._lost = lost
        self._is_overdue = False

    def begin(self, context: Context | None = None, *, seconds: float | None = None) -> None:
        """Begin to enter, and get as far as that goes without waiting; after so many `seconds` that is cancelled."""
        self._stepping = Stepping(self._keep(), self._name, context)
        self.task = self._stepping.task
        self.task.add_done_callback(self._note_end)
        if seconds is not None and not self.is_open:
            timer = self._loop.call_later(seconds, self._overrun)
            self.entered.add_done_callback(lambda _: timer.cancel())

    def _overrun(self) -> None:
        self._is_overdue = True
        self.task.cancel()

    async def enter(self) -> Any:
        """Return what entering returned, or raise what it raised."""
        self.begin()
        if not self.is_open:
            try:
                await asyncio.wait({self.entered})
            except asyncio.CancelledError as error:
                self.end(error)
                if self.is_open:  # it rolls back, and is not cut short in that
                    await Holding().wait((self.task,), GRACE)
                await cancel_and_wait((self.task,))
                raise
        return self.result()

    async def exit(self, *error: Any) -> Any:
        """Exit with the type, the error and the traceback of a block, or three times None."""
        task = self.end(error[1])
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            await cancel_and_wait((task,))
            raise
        return task.result()

    def result(self) -> Any:
        """Return what entering returned, or raise what it raised; `entered` must be done."""
        return self._value if self.is_open else self.task.result()

    @property
    def is_lost(self) -> bool:
        """Return whether the task has ended, or is about to, without having been asked to."""
        return not self.is_asked and (self._asked.cancelled() or self.task.done())

    def end(self, error: BaseException | None) -> asyncio.Task[Any]:
        """Have the manager exited, at once when it is entered; return the task to wait for."""
        self._ask(error, is_exited=True)
        return self.task

    def release(self) -> None:
        """End the task without exiting."""
        self._ask(None, is_exited=False)

    def _ask(self, error: BaseException | None, *, is_exited: bool) -> None:
        if not self._asked.done():
            self.is_asked = True
            self._error = error
            self._asked.set_result(is_exited)
            if self.is_open:
                self._stepping.step()

    async def _keep(self) -> Any:
        try:
            self._value = await self.manager.__aenter__()
        except asyncio.CancelledError as error:
            if self._is_overdue and self.task.uncancel() <= 0:
                raise TimeoutError from error
            raise
        self.is_open = True
        if not self.entered.done():
            self.entered.set_result(None)
        try:
            is_exited = await self._asked
        except asyncio.CancelledError as error:
            is_exited, self._error = True, error
        return await self.manager.__aexit__(*details(self._error)) if is_exited else None

    def _note_end(self, task: asyncio.Task[Any]) -> None:
        error = None if task.cancelled() else task.exception()
        if not self.entered.done():
            self.entered.set_result(None)
        elif not self.is_asked and self._lost is not None:
            self._lost(error)
