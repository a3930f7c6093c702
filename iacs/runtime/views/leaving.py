"""One end of a scope in an event loop: what its parts see and raise, and the cancellations that come meanwhile."""

import asyncio
from collections.abc import Awaitable, Coroutine
from functools import partial
from inspect import isawaitable
from types import CoroutineType
from typing import Any

from iacs.core.exceptions import IACSGraphError
from iacs.runtime.lifecycle.cancellation import cancelled_inside
from iacs.runtime.lifecycle.finishing import Finishing
from iacs.runtime.lifecycle.throwing import details
from iacs.runtime.plan.scoping import Exit


class Leaving:
    """The exits of one scope, one after the other; `error` is the block's, or one that takes its place.

    `seconds` is the deadline of an exit, `outer` are the cancel scopes that the task was in before.
    """

    def __init__(self, error: BaseException | None, seconds: float, outer: frozenset[str]) -> None:
        self.error = error
        self._seconds = seconds
        self._outer = outer
        self._task = asyncio.current_task()
        self._cancelling = self._task.cancelling() if self._task is not None else 0
        self._held: asyncio.CancelledError | None = None
        self._begun: tuple[Coroutine[Any, Any, Any], Any] | None = None

    def begin(self, leave: Exit | None, thrown: BaseException | None) -> bool:
        """Exit one part, which sees `thrown`; return whether that has to be finished. Raise an Exception if it fails.

        Most exits wait for nothing, and all that `finish` is prepared for would be in vain.
        """
        error: BaseException | None = None
        try:
            returned = leave(*details(thrown)) if leave is not None else None
            if isawaitable(returned) and self._waits(returned):
                return True
        except BaseException as raised:  # noqa: BLE001 - what is to be raised is sorted out
            error = raised
        self._sort_out(error, thrown)
        return False

    def _waits(self, exiting: Awaitable[Any]) -> bool:
        """Begin an exit; return whether it waits for something."""
        work = exiting if type(exiting) is CoroutineType else _awaited(exiting)
        try:
            self._begun = work, work.send(None)
        except StopIteration:
            return False
        return True

    async def finish(self, thrown: BaseException | None) -> None:
        """Await the exit that has begun, within its deadline; raise an Exception if it fails."""
        if self._begun is None:
            return
        finishing = Finishing(*self._begun, self._seconds, partial(cancelled_inside, outer=self._outer))
        raised: BaseException | None = None
        try:
            await finishing
        except BaseException as error:  # noqa: BLE001 - what is to be raised is sorted out
            raised = error
        self._held = finishing.cancelled or self._held
        if finishing.overran:
            raise TimeoutError(f"it did not end within {self._seconds:g} s") from raised
        self._sort_out(raised, thrown)

    def _sort_out(self, raised: BaseException | None, thrown: BaseException | None) -> None:
        """Raise what is a failure of the part; keep what is raised when all parts have been exited."""
        if isinstance(self.error, asyncio.CancelledError) and self._has_taken_back():
            self.error = raised
        elif isinstance(raised, asyncio.CancelledError) and raised is not thrown:
            if self._held is None and not self._is_cancelled():
                raise IACSGraphError("it was cancelled before its end") from raised
            self._held = self._held or raised  # anyio raises its own when the task is cancelled besides
        elif isinstance(raised, Exception):
            if raised is not thrown:
                raise raised
        elif raised is not None:
            self.error = raised  # Ctrl-C and the like: the other parts are closed, then it is raised

    def _has_taken_back(self) -> bool:
        """Return whether the last part took back the cancellation of the block, since it was its own."""
        before = self._cancelling
        self._cancelling = self._task.cancelling() if self._task is not None else 0
        return self._cancelling < before

    def _is_cancelled(self) -> bool:
        return self._task is not None and self._task.cancelling() > self._cancelling

    def resume(self) -> None:
        """Raise the cancellation that was held back."""
        if self._held is not None and self.error is None:
            raise self._held


async def _awaited(exiting: Awaitable[Any]) -> None:
    await exiting
