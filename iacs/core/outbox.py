"""Events written in the caller's own transaction, and published to Kafka or the event log afterwards.

The encoding of events is imported with the first one: every process that stores mail has an outbox.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from iacs.core import clock
from iacs.core._outbox import rows as outbox_rows
from iacs.core._outbox.positions import draw_positions
from iacs.core._outbox.relay import Relay
from iacs.core._outbox.rows import LIST_PARKED, ParkedEvent
from iacs.core.database import Database
from iacs.core.events import DEFAULT_SOURCE, EventStream, NewEvent
from iacs.core.exceptions import DatabaseError, DegradedError, EventError
from iacs.core.lease import Lease
from iacs.core.logger import Logger
from iacs.core.transaction import Transaction

__all__ = ["Outbox", "OutboxWriter", "ParkedEvent"]


class OutboxWriter:
    """The half of an outbox that needs no event stream: it stores events of a CloudEvents `source`."""

    def __init__(self, *, source: str = DEFAULT_SOURCE) -> None:
        self._source = source

    def add(self, tx: Transaction, events: Sequence[NewEvent]) -> None:
        """Write events in the caller's transaction, best as its last statement.

        On PostgreSQL, transactions that add events of one key wait here for each other to end: the order of a key is
        the order of the commits. Raises EventEncodingError.
        """
        from iacs.core._events.cloud_event import TYPE
        from iacs.core._events.encoded_event import encode_events

        encoded = encode_events(events, self._source)
        if not encoded:
            return
        now = clock.to_text(clock.now())
        positions = draw_positions(tx, [(item.event.topic, item.event.key) for item in encoded])
        outbox_rows.add(
            tx,
            [
                {
                    "position": position,
                    "id": item.event.id,
                    "aggregatetype": item.event.topic,
                    "aggregateid": item.event.key,
                    "type": item.headers[TYPE],
                    "payload": item.value,
                    "headers": item.headers_text,
                    "created_at": now,
                }
                for position, item in zip(positions, encoded, strict=True)
            ],
        )


class Outbox(OutboxWriter):
    """Events stored together with the data they are about, and published at least once, in the order of each key.

    An event is repeated, with the same id, when a process dies between publishing and deleting it; another
    process can relay `lease_seconds` after that. Published events are deleted as soon as the event stream has confirmed
    them; with `retention_days` they stay in the table, with the time, for so long.

    An event that the broker has rejected `max_attempts` times, for its size or its topic, is parked: later ones
    of its key wait behind it, all others are published, until somebody calls `retry` or `drop`. An outage
    does not count.
    """

    def __init__(
        self,
        database: Database,
        events: EventStream,
        *,
        source: str = DEFAULT_SOURCE,
        lease_seconds: float = 10.0,
        max_wait_seconds: float = 600.0,
        max_attempts: int = 3,
        retention_days: float = 0.0,
        logger: Logger,
    ) -> None:
        super().__init__(source=source)
        self._database = database
        self._events = events
        self._lease_seconds = lease_seconds
        self._max_wait_seconds = max_wait_seconds
        self._max_attempts = max_attempts
        self._retention_days = retention_days
        self._logger = logger

    async def relay(self) -> int:
        """Publish the waiting events and return how many.

        While another process relays it waits, and returns 0 when nothing is left; raises DatabaseError after
        `max_wait_seconds`. Raises what the event stream raises, once everything that it published is finished; the
        rest waits for the next call. For a rejected event it does so after everything else is published.
        """
        relay = Relay(
            self._database,
            self._events,
            max_attempts=self._max_attempts,
            retention_days=self._retention_days,
            logger=self._logger,
        )
        lease = Lease(self._database, "outbox", seconds=self._lease_seconds)
        if not await relay.has_work() or not await self._take_turn(lease):
            return 0
        try:
            async with lease.kept():
                return await relay.publish(lease)
        finally:
            await lease.release()

    async def pending(self) -> int:
        """Return how many events wait to be published, without those that are parked."""
        return (await self._database.read(outbox_rows.backlog)).pending

    async def parked(self) -> tuple[ParkedEvent, ...]:
        """Return the parked events, the oldest first."""
        return await self._database.read(outbox_rows.parked)

    async def retry(self, ids: Collection[str]) -> int:
        """Let the next relay send these parked events again; return how many.

        Raises EventError, and changes nothing, when an id is not that of a parked event.
        """
        return await self._database.run(_change_parked, outbox_rows.retry, ids)

    async def drop(self, ids: Collection[str]) -> int:
        """Delete these parked events, unpublished; return how many. Raises EventError as `retry` does."""
        return await self._database.run(_change_parked, outbox_rows.drop, ids)

    async def probe(self) -> Mapping[str, object]:
        """Return how many events wait, and the age of the oldest; raises DegradedError when one is parked."""
        backlog = await self._database.read(outbox_rows.backlog)
        age = 0.0 if backlog.oldest is None else (clock.now() - backlog.oldest).total_seconds()
        if backlog.parked:
            raise DegradedError(
                f"rejected by the broker and parked: {backlog.parked}; waiting: {backlog.pending},"
                f" the oldest for {age:.0f} s",
                hint=LIST_PARKED,
            )
        return {"pending": backlog.pending, "oldest_seconds": round(age)}

    async def _take_turn(self, lease: Lease) -> bool:
        deadline = time.monotonic() + self._max_wait_seconds
        while not await lease.acquire(timeout=min(1.0, self._max_wait_seconds)):
            if not await self._database.read(partial(outbox_rows.waiting, after=-1, limit=1)):
                return False
            if time.monotonic() > deadline:
                raise DatabaseError(
                    f"another process has relayed the outbox for {self._max_wait_seconds:g} s",
                    hint="try again later",
                )
        return True


def _change_parked(
    tx: Transaction, change: Callable[[Transaction, Collection[str]], int], ids: Collection[str]
) -> int:
    known = {event.id for event in outbox_rows.parked(tx)}
    if unknown := [id_ for id_ in ids if id_ not in known]:
        raise EventError(f"no parked event has the id {unknown[0]!r}", hint=LIST_PARKED)
    return change(tx, set(ids))
