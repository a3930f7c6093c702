"""Events in the database, where no broker is configured: what Kafka promises, for one database's users.

What reads and what writes is imported at the first use: those who only wire an event log need neither.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from iacs.core._events.encoding import encode_event
from iacs.core.database import Database
from iacs.core.events import Event, NewEvent, topics_of
from iacs.core.exceptions import EventError
from iacs.core.logger import Logger

if TYPE_CHECKING:
    from iacs.core._events.buffer import Unreadable
    from iacs.core._events.log_consumer import EventLogReader


class EventLog:
    """Publish and consume events in `database`.

    Consumers look for events of other processes every `poll_seconds`. A consumer that died is succeeded in
    its group after `lease_seconds`. Database errors arrive as DatabaseError. Nothing is ever deleted.
    """

    def __init__(
        self,
        database: Database,
        *,
        dead_letter_topic: str = "iacs.dead-letter",
        poll_seconds: float = 0.25,
        lease_seconds: float = 10.0,
        logger: Logger,
    ) -> None:
        self._database = database
        self._dead_letter_topic = dead_letter_topic
        self._poll_seconds = poll_seconds
        self._lease_seconds = lease_seconds
        self._logger = logger
        self._readers: set[EventLogReader] = set()
        self._closed = False

    async def publish(
        self, topic: str, value: object, *, key: str | None = None, event_id: str | None = None
    ) -> None:
        """Publish one event; return when it is committed. Raises EventEncodingError."""
        event = NewEvent(topic, value, key) if event_id is None else NewEvent(topic, value, key, event_id)
        await self.publish_many([event])

    async def publish_many(self, events: Iterable[NewEvent]) -> int:
        """Publish events in their order, all or none of them; return how many. Raises EventEncodingError."""
        self._check_open()
        batch = list(events)
        if batch:
            await asyncio.to_thread(self._append, batch)
            for reader in self._readers:
                reader.wake()
        return len(batch)

    async def consume(
        self,
        topics: str | Iterable[str],
        group: str | None = None,
        *,
        idle_timeout: float | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Read events in the order of each key, as EventStream promises."""
        from iacs.core._events.log_consumer import EventLogReader

        names = topics_of(topics, group)
        self._check_open()
        reader = EventLogReader(
            self._database,
            names,
            group,
            idle_timeout=idle_timeout,
            poll_seconds=self._poll_seconds,
            lease_seconds=self._lease_seconds,
        )
        self._readers.add(reader)
        try:
            while (record := await reader.buffer.next()) is not None:
                if not await reader.is_still_ours(record):
                    continue
                if isinstance(record, Event):
                    yield record
                else:
                    await self._bury(record)
        finally:
            await reader.stop()
            self._readers.discard(reader)

    async def probe(self) -> None:
        """Look into the log; raises EventError when it is closed, DatabaseError when it cannot be read."""
        self._check_open()
        await self._database.read(lambda tx: tx.row("SELECT 1 FROM iacs_event_log LIMIT 1"))

    async def aclose(self) -> None:
        """End every iteration; the database stays open. Safe to call twice."""
        self._closed = True
        await asyncio.gather(*(reader.stop() for reader in self._readers))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def _check_open(self) -> None:
        if self._closed:
            raise EventError("the event log is closed; make a new one")

    def _append(self, events: Sequence[NewEvent]) -> None:
        from iacs.core._events.log_records import append

        encoded = [(event, encode_event(event).decode()) for event in events]
        with self._database.transaction() as tx:
            append(tx, encoded)

    async def _bury(self, record: "Unreadable") -> None:
        from iacs.core._events.dead_letter import dead_letter

        fields = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        self._logger.warning("record passed over", reason=record.reason, **fields)
        if record.topic != self._dead_letter_topic:
            await self.publish_many([dead_letter(record, self._dead_letter_topic)])
