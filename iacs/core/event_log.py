"""Events in the database, if Kafka is not configured: the same guarantees, for the programs that share one database.

Reading and writing are imported at the first use: a program that only wires an event log needs neither.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from iacs.core._events.stream import BaseEventStream
from iacs.core.database import Database
from iacs.core.events import DEFAULT_SOURCE, DeadLetterFailure, NewEvent, Partition, PartitionLag
from iacs.core.exceptions import EventError
from iacs.core.logger import Logger
from iacs.core.transaction import Transaction

if TYPE_CHECKING:
    from iacs.core._events.group_keeper import GroupKeeper
    from iacs.core._events.log_poller import LogPoller
    from iacs.core._events.log_reader import EventLogReader
    from iacs.core._events.log_writer import LogWriter


class EventLog(BaseEventStream["EventLogReader"]):
    """An event stream in `database`.

    A consumer receives events published through the same EventLog at once, and others within
    `poll_seconds`. The group takes over the partitions of a dead consumer after `lease_seconds`. Publishing
    is all or nothing. Errors of the database are DatabaseError; a consumer waits up to `max_outage_seconds` for a
    database that cannot be reached. Nothing is ever deleted.
    """

    def __init__(
        self,
        database: Database,
        *,
        dead_letter_topic: str = "iacs.dead-letter",
        dead_letter_failure: DeadLetterFailure = "stop",
        source: str = DEFAULT_SOURCE,
        poll_seconds: float = 0.25,
        lease_seconds: float = 10.0,
        max_outage_seconds: float = 30.0,
        logger: Logger,
    ) -> None:
        super().__init__(
            dead_letter_topic=dead_letter_topic, dead_letter_failure=dead_letter_failure, logger=logger
        )
        self._database = database
        self._source = source
        self._poll_seconds = poll_seconds
        self._lease_seconds = lease_seconds
        self._max_outage_seconds = max_outage_seconds
        self._closed = False

    async def publish_many(self, events: Iterable[NewEvent]) -> int:
        """Publish events in their order, all or none of them; return how many. Raises EventEncodingError."""
        self._check_open()
        batch = list(events)
        if batch:
            await self._writer.append(batch)
        return len(batch)

    async def probe(self) -> Mapping[str, int]:
        """Read from the log; return how many consumers of this object there are, and how many events they have left.

        Raises EventError when it is closed, DatabaseError when it cannot be read.
        """
        self._check_open()
        readers = tuple(self._readers)
        partitions = {partition for reader in readers for partition in reader.starts}
        ends = await self._database.read(_ends, sorted(partitions))
        return {"consumers": len(readers), "lag": sum(reader.lag(ends) for reader in readers)}

    async def aclose(self) -> None:
        """End every iteration, and wait for events in flight; the database stays open. Safe to call twice."""
        self._closed = True
        await asyncio.gather(*(reader.stop() for reader in self._readers))
        if "_writer" in vars(self):  # else nothing was published, and it need not be imported
            await self._writer.aclose()

    async def _open_reader(
        self, topics: Sequence[str], group: str | None, *, idle_timeout: float | None
    ) -> "EventLogReader":
        from iacs.core._events.log_reader import EventLogReader

        self._check_open()
        return EventLogReader(
            self._database,
            self._poller,
            self._keeper,
            topics,
            group,
            idle_timeout=idle_timeout,
            poll_seconds=self._poll_seconds,
            lease_seconds=self._lease_seconds,
            max_outage_seconds=self._max_outage_seconds,
            logger=self._logger,
        )

    async def _lag(self, topics: Sequence[str], group: str | None) -> Sequence[PartitionLag]:
        from iacs.core._events.groups import lag

        self._check_open()
        return await self._database.read(lag, topics, group)

    @cached_property
    def _poller(self) -> "LogPoller":
        from iacs.core._events.log_poller import LogPoller

        return LogPoller(self._database, poll_seconds=self._poll_seconds)

    @cached_property
    def _writer(self) -> "LogWriter":
        from iacs.core._events.log_writer import LogWriter

        return LogWriter(self._database, self._source, publish=self._poller.publish)

    @cached_property
    def _keeper(self) -> "GroupKeeper":
        from iacs.core._events.group_keeper import GroupKeeper

        return GroupKeeper(self._database, lease_seconds=self._lease_seconds)

    def _check_open(self) -> None:
        if self._closed:
            raise EventError("the event log is closed", hint="make a new EventLog")


def _ends(tx: Transaction, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
    from iacs.core._events.log_records import end_offsets

    tx.row("SELECT 1 FROM iacs_event_log LIMIT 1")
    return end_offsets(tx, partitions)
