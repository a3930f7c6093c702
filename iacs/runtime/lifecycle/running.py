"""Runs an application until a signal, or one of its parts, asks it to end."""

import asyncio
from collections.abc import Awaitable, Callable

from iacs.runtime.lifecycle.closing import add_notes
from iacs.runtime.lifecycle.shutdown import Ending
from iacs.runtime.lifecycle.signals import at_ending_signals
from iacs.runtime.lifecycle.waiting import Holding

Step = Callable[[], Awaitable[None]]


class Run:
    """Starts, waits until a signal or what `watch` arranges asks to end, and stops, in one task.

    A signal while starting cancels the start, which rolls back. An error that was given with the request is raised.
    """

    def __init__(self, start: Step, stop: Step, watch: Callable[[Ending], None]) -> None:
        self._start = start
        self._stop = stop
        self._watch = watch
        self._is_started = False

    async def until_asked(self) -> None:
        """Run until asked to end, or cancelled."""
        ending = Ending()
        with at_ending_signals(ending.end):
            serving = asyncio.create_task(self._serve(ending))
            ending.asked.add_done_callback(lambda _: self._is_started or serving.cancel())
            try:
                await asyncio.wait({serving})
            except asyncio.CancelledError:
                serving.cancel()
                await Holding().wait((serving,))
                if not serving.cancelled():
                    serving.result()
                raise
            if not serving.cancelled():  # by a signal while starting
                serving.result()

    async def _serve(self, ending: Ending) -> None:
        await self._start()
        self._is_started = True
        error: BaseException | None = None
        try:
            self._watch(ending)
            error = await ending.asked
        finally:
            await self._end(error)

    async def _end(self, error: BaseException | None) -> None:
        try:
            await self._stop()
        except ExceptionGroup as group:
            if error is None:
                raise
            _, others = group.split(lambda raised: raised is error)
            add_notes(error, [*others.exceptions] if others is not None else [])
        if error is not None:
            raise error
