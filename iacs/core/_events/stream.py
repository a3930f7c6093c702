"""What `KafkaClient` and `EventLog` do alike."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from iacs.core._lifecycle.closing import AsyncClosing
from iacs.core.events import Event, NewEvent, check_topic
from iacs.core.exceptions import EventError
from iacs.core.logger import Logger

if TYPE_CHECKING:
    from iacs.core._events.event_buffer import EventBuffer, Record, UnreadableRecord


class EventReader(Protocol):
    """Fetches records for one consumer."""

    buffer: "EventBuffer"

    async def next(self) -> "Record | None":
        """Finish the record in flight and return the next one; None when the iteration is over."""
        ...

    async def stop(self) -> None:
        """Commit what is finished and leave the group; safe to call twice."""


Reader = TypeVar("Reader", bound=EventReader)


class BaseEventStream(AsyncClosing, Generic[Reader]):
    """The part of an event stream that does not depend on where the events are kept."""

    def __init__(self, *, dead_letter_topic: str, logger: Logger) -> None:
        self._dead_letter_topic = dead_letter_topic
        self._logger = logger
        self._readers = set[Reader]()

    @abstractmethod
    async def publish_many(self, events: Iterable[NewEvent]) -> int:
        """Publish events in their order; return how many."""

    @abstractmethod
    async def _open_reader(
        self, topics: Sequence[str], group: str | None, idle_timeout: float | None
    ) -> Reader:
        """Return a reader that has begun to fetch."""

    async def publish(
        self,
        topic: str,
        value: object,
        *,
        key: str | None = None,
        event_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Publish one event; return when it is durable, as EventStream promises."""
        event = NewEvent(topic, value, key, headers={} if headers is None else headers)
        await self.publish_many([event if event_id is None else replace(event, id=event_id)])

    async def consume(
        self,
        topics: str | Iterable[str],
        group: str | None = None,
        *,
        idle_timeout: float | None = None,
        commit: bool = True,
        stop: asyncio.Event | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Read events in the order of each key, as EventStream promises."""
        reader = await self._open_reader(_topic_names(topics, group), group, idle_timeout)
        reader.buffer.keeps_offsets = commit
        self._readers.add(reader)
        ending = asyncio.create_task(_end_after(stop, reader)) if stop is not None else None
        try:
            while (record := await reader.next()) is not None:
                if isinstance(record, Event):
                    yield record
                    if stop is not None and stop.is_set():
                        reader.buffer.end()
                else:
                    await self._dead_letter(record)
        finally:
            if ending is not None:
                ending.cancel()
            await reader.stop()
            self._readers.discard(reader)

    async def dead_letter(self, event: Event, reason: str) -> None:
        """Preserve an event that its handler could not deal with, as EventStream promises."""
        from iacs.core._events.dead_letter import dead_letter, unhandled

        await self.publish_many([dead_letter(unhandled(event, reason), self._dead_letter_topic)])

    async def _dead_letter(self, record: "UnreadableRecord") -> None:
        from iacs.core._events.dead_letter import dead_letter

        fields = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        self._logger.warning("record skipped", reason=record.reason, **fields)
        if record.topic != self._dead_letter_topic:
            await self.publish_many([dead_letter(record, self._dead_letter_topic)])


async def _end_after(stop: asyncio.Event, reader: EventReader) -> None:
    await stop.wait()
    reader.buffer.end()


def _topic_names(topics: str | Iterable[str], group: str | None) -> tuple[str, ...]:
    """Return what `consume` was asked to read; raise EventError when it cannot be read."""
    names = (topics,) if isinstance(topics, str) else tuple(dict.fromkeys(topics))
    if not names:
        raise EventError("there is no topic to read from", hint="name at least one")
    if group is not None and not (group and group.isprintable()):
        raise EventError(
            f"{group!r} is not the name of a consumer group",
            hint="use printable text, or None to read without a group",
        )
    for name in names:
        check_topic(name)
    return names
