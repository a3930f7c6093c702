"""What `KafkaClient` and `EventLog` have in common."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from iacs.core._lifecycle.closing import AsyncClosing
from iacs.core.events import DeadLetterFailure, Event, NewEvent, PartitionLag, check_topic
from iacs.core.exceptions import EventError, KafkaError
from iacs.core.logger import Logger

if TYPE_CHECKING:
    from iacs.core._events.dead_letter_writer import DeadLetterWriter
    from iacs.core._events.event_buffer import EventBuffer, Record, UnreadableRecord


class EventReader(Protocol):
    """What fetches records for one consumer."""

    buffer: "EventBuffer"

    async def next(self) -> "Record | None":
        """Finish the record in flight and return the next one; None when the iteration is over."""
        ...

    async def stop(self) -> None:
        """Commit what is finished and leave the group; safe to call twice."""


SKIP = "set DEAD_LETTER_FAILURE=skip to go on without dead letters"

Reader = TypeVar("Reader", bound=EventReader)


class BaseEventStream(AsyncClosing, Generic[Reader]):
    """The part of an event stream that does not depend on where the events are kept."""

    def __init__(
        self, *, dead_letter_topic: str, dead_letter_failure: DeadLetterFailure, logger: Logger
    ) -> None:
        check_topic(dead_letter_topic)
        self._dead_letter_topic = dead_letter_topic
        self._dead_letter_failure: DeadLetterFailure = dead_letter_failure
        self._logger = logger
        self._readers = set[Reader]()

    @abstractmethod
    async def publish_many(self, events: Iterable[NewEvent]) -> int:
        """Publish events in their order; return how many."""

    @abstractmethod
    async def _open_reader(
        self, topics: Sequence[str], group: str | None, *, idle_timeout: float | None
    ) -> Reader:
        """Return a reader that has begun to fetch."""

    @abstractmethod
    async def _lag(self, topics: Sequence[str], group: str | None) -> Sequence[PartitionLag]:
        """Return how far one group is behind, or all."""

    async def _check_topics(self, topics: Sequence[str]) -> None:
        """Raise KafkaError for a topic that does not exist."""

    @cached_property
    def _dead_letters(self) -> "DeadLetterWriter":
        from iacs.core._events.dead_letter_writer import DeadLetterWriter

        return DeadLetterWriter(
            self.publish_many,
            self._dead_letter_topic,
            failure=self._dead_letter_failure,
            hint=SKIP,
            logger=self._logger,
        )

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
        names = _topic_names(topics, group)
        is_looking = group is None or not commit
        await self._check_topics(names)
        if not is_looking and self._dead_letter_topic not in names:
            await self._check_dead_letter_topic()
        reader = await self._open_reader(names, group, idle_timeout=idle_timeout)
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
                    await self._skip(record, is_looking=is_looking)
        finally:
            if ending is not None:
                ending.cancel()
            await reader.stop()
            self._readers.discard(reader)

    async def lag(self, topics: str | Iterable[str], group: str | None = None) -> Sequence[PartitionLag]:
        """Return how far groups are behind, as EventStream promises."""
        return await self._lag(_topic_names(topics, group), group)

    async def dead_letter(self, event: Event, reason: str) -> None:
        """Preserve an event that could not be handled, as EventStream promises."""
        from iacs.core._events.dead_letter import unhandled

        await self._dead_letters.write(unhandled(event, reason))

    async def _check_dead_letter_topic(self) -> None:
        try:
            await self._check_topics([self._dead_letter_topic])
        except KafkaError as error:
            message = f"dead letters cannot be written: {error}"
            if self._dead_letter_failure == "stop":
                hint = f"{error.hint}; or {SKIP}"
                raise KafkaError(message, servers=error.servers, hint=hint) from error
            self._dead_letters.report(message)

    async def _skip(self, record: "UnreadableRecord", *, is_looking: bool) -> None:
        fields = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        self._logger.warning("record skipped", reason=record.reason, **fields)
        if record.topic != self._dead_letter_topic:
            await self._dead_letters.write(record, is_looking=is_looking)


async def _end_after(stop: asyncio.Event, reader: EventReader) -> None:
    await stop.wait()
    reader.buffer.end()


def _topic_names(topics: str | Iterable[str], group: str | None) -> tuple[str, ...]:
    """Return the topics to read; raise EventError for an invalid name of a topic or group."""
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
