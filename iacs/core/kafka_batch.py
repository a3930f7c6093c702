"""Events on their way to Kafka together, and what became of each."""

import asyncio
import threading
from collections.abc import Sequence

from iacs.core.events import NewEvent
from iacs.core.exceptions import KafkaError


class Batch:
    """Events to be acknowledged within `timeout` seconds; `done` is resolved, in the caller's loop, by the last."""

    def __init__(self, events: Sequence[NewEvent], *, timeout: float) -> None:
        self.events = events
        self._loop = asyncio.get_running_loop()
        self.deadline = self._loop.time() + timeout
        self.done: asyncio.Future[None] = self._loop.create_future()
        self._guard = threading.Lock()
        self._missing = set(range(len(events)))
        self._failed: dict[int, KafkaError] = {}

    @property
    def topics(self) -> str:
        """Name the topics for a message."""
        return ", ".join(sorted({event.topic for event in self.events}))

    def settle(self, index: int, error: KafkaError | None = None) -> None:
        """Note the outcome of one event, from whichever thread."""
        with self._guard:
            if error is not None and index in self._missing:
                self._failed[index] = error
            self._missing.discard(index)
            is_last = not self._missing
        if is_last and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._resolve)

    def fail_missing(self, error: KafkaError) -> None:
        """Count what has no outcome yet as failed."""
        for index in tuple(self._missing):
            self.settle(index, error)
        self._resolve()

    def failed(self) -> dict[str, KafkaError]:
        """Return the ids of the events that failed, with the reason of each."""
        return {self.events[index].id: error for index, error in sorted(self._failed.items())}

    def _resolve(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
