"""Closes parts, the last opened first; every part gets its turn, whatever the others raise."""

import inspect
from collections.abc import Callable, Coroutine, Iterator
from time import perf_counter
from typing import Any

from iacs.core.exceptions import StopError
from iacs.runtime.lifecycle.provider_values import restore_provider
from iacs.runtime.lifecycle.timeline import Timeline
from iacs.runtime.lifecycle.waiting import within
from iacs.runtime.plan.expressions import UNSET, Values
from iacs.runtime.plan.parts import Opened

CloseLater = Callable[[Callable[[], Coroutine[Any, Any, list[Exception]]]], list[Exception] | None]
"""Has the event loop close the rest, and returns what is known of that by now; None if the loop is gone."""


class Closing:
    """What is open, in the order in which it was opened."""

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
        self._values = values
        self._seconds = seconds
        self._installs = installs
        self._timeline = timeline
        self._close_later = close_later

    def now(self) -> Iterator[Exception]:
        """Close everything; yield what failed. From the first that needs it on, the event loop closes."""
        while self.opened:
            if self.opened[-1].needs_a_loop and self._close_later is not None:
                errors = self._close_later(self.in_loop)
                if errors is not None:
                    yield from errors
                    return
            opened, began = self.opened.pop(), perf_counter()
            try:
                self._close(opened)
            except Exception as error:  # noqa: BLE001 - every part gets its turn, then all is raised
                yield self._placed(opened, began, error)
            except BaseException as error:
                add_notes(error, list(self.now()))
                raise
            else:
                self._record(opened, began)

    async def in_loop(self) -> list[Exception]:
        """Close everything, each part within its deadline; return what failed."""
        errors = []
        while self.opened:
            opened, began = self.opened.pop(), perf_counter()
            try:
                await self._close_async(opened)
            except Exception as error:  # noqa: BLE001 - every part gets its turn, then all is raised
                errors.append(self._placed(opened, began, error))
            else:
                self._record(opened, began)
        return errors

    def _close(self, opened: Opened) -> None:
        try:
            self._release(opened)
        finally:
            closing = opened.close() if opened.close is not None else None
        if inspect.iscoroutine(closing):
            closing.close()
            path = opened.part.path
            hint = "start the application with 'async with'"
            raise StopError(f"{path} is closed asynchronously", path=path, hint=hint)

    async def _close_async(self, opened: Opened) -> None:
        try:
            self._release(opened)
        finally:
            closing = opened.begin_closing()
            if inspect.isawaitable(closing) and not await within(self._seconds, closing):
                path = opened.part.path
                raise StopError(f"{path} was cancelled before it was closed", path=path)

    def _release(self, opened: Opened) -> None:
        self._values[opened.part.index] = UNSET
        if self._installs:
            restore_provider(opened)

    def _placed(self, opened: Opened, began: float, error: Exception) -> Exception:
        self._record(opened, began, error)
        error.add_note(f"while {opened.part.path} was closed")
        return error

    def _record(self, opened: Opened, began: float, error: Exception | None = None) -> None:
        if self._timeline is not None:
            self._timeline.record(opened.part.path, "stop", began, error)


def add_notes(error: BaseException, others: list[Exception]) -> None:
    """Add to the error that is raised what else went wrong while parts were closed."""
    for other in others:
        error.add_note(f"and {other.__notes__[-1]}: {type(other).__name__}: {other}")
