"""Closes parts, the last opened first; an error of one does not keep the others open."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from time import perf_counter
from typing import Any

from iacs.core.exceptions import StopError
from iacs.runtime.lifecycle.opened import Opened
from iacs.runtime.lifecycle.provider_values import restore_provider
from iacs.runtime.lifecycle.timeline import Timeline
from iacs.runtime.lifecycle.waiting import Holding
from iacs.runtime.plan.expressions import UNSET, Values

CloseLater = Callable[[Callable[[], Coroutine[Any, Any, list[Exception]]]], list[Exception] | None]
"""Has the event loop close the rest, and returns what is known of that by now; None if the loop is gone."""


class Closing:
    """What is open, in the order in which it was opened.

    `error` is what ends the block that the parts were opened for; entered parts receive it. It becomes None when it
    was the cancellation of the block by a part's own cancel scope, which that part has taken back.
    """

    def __init__(
        self,
        values: Values,
        seconds: float,
        *,
        installs: bool,
        timeline: Timeline | None,
        close_later: CloseLater | None,
    ) -> None:
        self.opened: list[Opened] = []
        self.error: BaseException | None = None
        self._values = values
        self._seconds = seconds
        self._installs = installs
        self._timeline = timeline
        self._close_later = close_later

    def now(self) -> Iterator[Exception]:
        """Close everything; yield what failed. From the first that needs it on, the event loop closes."""
        while self.opened:
            if self.opened[-1].needs_a_loop and self._close_later is not None:
                errors = self._close_later(partial(self.in_loop, Holding()))
                if errors is not None:
                    yield from errors
                    return
            opened, began = self.opened.pop(), perf_counter()
            try:
                self._close(opened)
            except Exception as error:  # noqa: BLE001 - every part gets its turn, then all is raised
                yield from self._failed(opened, began, error)
            except BaseException as error:
                add_notes(error, list(self.now()))
                raise
            else:
                self._record(opened, began)

    async def in_loop(self, holding: Holding) -> list[Exception]:
        """Close everything, each part within its deadline; return what failed."""
        errors: list[Exception] = []
        while self.opened:
            opened, began, before = self.opened.pop(), perf_counter(), cancellations()
            try:
                await self._close_async(opened, holding)
            except Exception as error:  # noqa: BLE001 - every part gets its turn, then all is raised
                errors.extend(self._failed(opened, began, error))
            except BaseException as error:
                add_notes(error, errors + await self.in_loop(holding))
                raise
            else:
                self._record(opened, began)
            if isinstance(self.error, asyncio.CancelledError) and cancellations() < before:
                self.error = holding.cancelled = None
        return errors

    def _close(self, opened: Opened) -> None:
        try:
            self._release(opened)
        finally:
            closing = self._begin(opened, in_loop=False)
        if opened.needs_a_loop or inspect.iscoroutine(closing):
            if closing is not None:
                closing.close()
            path = opened.part.path
            hint = "start the application with 'async with'"
            raise StopError(f"{path} is closed asynchronously", path=path, hint=hint)

    async def _close_async(self, opened: Opened, holding: Holding) -> None:
        try:
            self._release(opened)
        finally:
            closing = self._begin(opened, in_loop=True)
            is_awaited = inspect.isawaitable(closing)
            is_closed = not is_awaited or await holding.within(self._seconds, closing)
            if not is_closed and not isinstance(self.error, asyncio.CancelledError):
                path = opened.part.path
                raise StopError(f"{path} was cancelled before it was closed", path=path)

    def _begin(self, opened: Opened, *, in_loop: bool) -> Any:
        """Begin to close a part; return what is to be awaited."""
        try:
            if opened.keeper is not None and in_loop:
                return opened.keeper.end(self.error)
            return opened.run(lambda: opened.begin_closing(self.error, in_loop=in_loop))
        finally:
            if opened.context is not None:
                opened.context.hide()

    def _release(self, opened: Opened) -> None:
        self._values[opened.part.index] = UNSET
        if self._installs:
            restore_provider(opened.part)

    def _failed(self, opened: Opened, began: float, error: Exception) -> list[Exception]:
        """Return the error of a part, noted; nothing when it is the one that was thrown into the part."""
        if self.error is not None and _is_only(error, self.error):
            self._record(opened, began)
            return []
        self._record(opened, began, error)
        if not (opened.keeper is not None and opened.keeper.is_lost):  # else it was noted then
            error.add_note(f"while {opened.part.path} was closed")
        return [error]

    def _record(self, opened: Opened, began: float, error: Exception | None = None) -> None:
        if self._timeline is not None:
            self._timeline.record(opened.part.path, "stop", began, error)


def _is_only(raised: BaseException, error: BaseException) -> bool:
    """Return whether an error is a certain other one, or a task group's error that contains only that one."""
    if isinstance(raised, BaseExceptionGroup):
        return raised is error or all(_is_only(inner, error) for inner in raised.exceptions)
    return raised is error


def cancellations() -> int:
    """Return how often the current task has been cancelled, and has not taken that back."""
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0


def add_notes(error: BaseException, others: list[Exception]) -> None:
    """Add to the error that is raised the errors of parts that could not be closed."""
    for other in others:
        error.add_note(f"and {other.__notes__[-1]}: {type(other).__name__}: {other}")
