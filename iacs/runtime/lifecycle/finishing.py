"""Awaits work to its end in the calling task, even if that task is cancelled meanwhile."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from iacs.runtime.lifecycle.waiting import GRACE


class Finishing:
    """Await `work`, which has begun and waits for `waited`; a cancellation is held back until its end or deadline.

    It cannot run in a task of its own, since anyio's cancel scopes have to be exited by the task that entered
    them. `cancelled` is the cancellation that was held back; `overran` says that the deadline cut the work off.
    """

    def __init__(
        self,
        work: Coroutine[Any, Any, Any],
        waited: Any,
        seconds: float,
        belongs_to_work: Callable[[asyncio.CancelledError], bool],
    ) -> None:
        self._work = work
        self._waited = waited
        self._belongs_to_work = belongs_to_work
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + seconds
        self.cancelled: asyncio.CancelledError | None = None
        self.overran = False

    def __await__(self) -> Generator[Any, Any, Any]:
        waited = self._waited
        while True:
            error = yield from self._pause() if waited is None else self._wait(waited)
            try:
                waited = self._work.send(None) if error is None else self._work.throw(error)
            except StopIteration as end:
                return end.value

    def _pause(self) -> Generator[Any, Any, BaseException | None]:
        try:
            yield None
        except asyncio.CancelledError as error:
            return self._held(error)
        return None

    def _wait(self, waited: "asyncio.Future[Any]") -> Generator[Any, Any, BaseException | None]:
        """Wait until a future is done; return the error to raise instead of its own."""
        waited._asyncio_future_blocking = False  # ours to wait for, as a task would
        while not waited.done():
            error = yield from self._wait_once(waited)
            if error is not None:
                waited.cancel()
                return error
        return None

    def _wait_once(self, waited: "asyncio.Future[Any]") -> Generator[Any, Any, BaseException | None]:
        awake = self._loop.create_future()

        def wake(*_: object) -> None:
            if not awake.done():
                awake.set_result(None)

        waited.add_done_callback(wake)
        timer = self._loop.call_at(self._deadline, wake)
        try:
            yield from awake
        except asyncio.CancelledError as error:
            return self._held(error)
        finally:
            timer.cancel()
            waited.remove_done_callback(wake)
        return self._overdue() if not waited.done() and self._loop.time() >= self._deadline else None

    def _held(self, error: asyncio.CancelledError) -> BaseException | None:
        """Keep a cancellation for later; one by a cancel scope inside of the work is the work's own."""
        if self._belongs_to_work(error):
            return error
        self.cancelled = error
        return None

    def _overdue(self) -> BaseException:
        self.overran = True
        self._deadline = self._loop.time() + GRACE
        return asyncio.CancelledError()
