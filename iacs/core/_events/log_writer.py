"""The writer of an event log: callers that publish at the same time share one transaction."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from copy import copy
from dataclasses import dataclass

from iacs.core._events.encoded_event import EncodedEvent, encode_events
from iacs.core._events.log_records import append
from iacs.core.database import Database
from iacs.core.events import NewEvent, Partition
from iacs.core.transaction import Row

_MAX_EVENTS = 1000
"""In one transaction, unless a single call publishes more."""


@dataclass(eq=False)
class _Call:
    """The events of one caller, which are appended all or not at all."""

    events: Sequence[NewEvent]
    done: asyncio.Future[None]

    def end(self, error: Exception | None = None) -> None:
        """Set the outcome, unless there is one, or the caller was cancelled."""
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class LogWriter:
    """Appends events in the order of the calls: while one transaction commits, further calls gather for the next.

    A commit waits for the disk, and costs the same for one event as for a thousand. `publish` is called with what
    was appended.
    """

    def __init__(
        self,
        database: Database,
        source: str,
        *,
        publish: Callable[[Mapping[Partition, Sequence[Row]]], object],
    ) -> None:
        self._database = database
        self._source = source
        self._publish = publish
        self._calls = deque[_Call]()
        self._task: asyncio.Task[None] | None = None

    async def append(self, events: Sequence[NewEvent]) -> None:
        """Return when the events are committed; raise EventError for one that cannot be written, DatabaseError."""
        call = _Call(events, asyncio.get_running_loop().create_future())
        self._calls.append(call)
        if self._task is None or self._task.done():
            # In a context of its own, since it outlives the call that starts it.
            self._task = asyncio.create_task(self._run(), name="iacs-event-log-writer", context=Context())
        await call.done

    async def aclose(self) -> None:
        """Wait until everything is committed."""
        # A task that ended in another loop would never call back in this one.
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while self._calls:
            calls = self._take()
            try:
                await self._append(calls)
            except Exception as error:  # noqa: BLE001 - raised to the callers
                for call in calls:
                    call.end(_copy(error))
            finally:
                for call in calls:  # those that have no outcome: the loop is closing
                    call.done.cancel()

    def _take(self) -> list[_Call]:
        calls = [self._calls.popleft()]
        count = len(calls[0].events)
        while self._calls and count + len(self._calls[0].events) <= _MAX_EVENTS:
            calls.append(self._calls.popleft())
            count += len(calls[-1].events)
        return [call for call in calls if not call.done.cancelled()]

    async def _append(self, calls: Sequence[_Call]) -> None:
        outcomes = await asyncio.to_thread(self._encode, calls)
        encoded = list[EncodedEvent]()
        for call, outcome in zip(calls, outcomes, strict=True):
            if isinstance(outcome, Exception):
                call.end(outcome)
            else:
                encoded += outcome
        if encoded:
            self._publish(await self._database.run(append, encoded))
        for call in calls:
            call.end()

    def _encode(self, calls: Sequence[_Call]) -> list[list[EncodedEvent] | Exception]:
        outcomes = list[list[EncodedEvent] | Exception]()
        for call in calls:
            try:
                outcomes.append(encode_events(call.events, self._source))
            except Exception as error:  # noqa: BLE001 - raised to the caller that published the event
                outcomes.append(error)
        return outcomes


def _copy(error: Exception) -> Exception:
    """Return an error of its own for one caller: each raise adds to the traceback."""
    copied = copy(error)
    copied.__cause__ = error.__cause__
    return copied
