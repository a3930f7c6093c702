"""Events written in the caller's own transaction, and carried to Kafka or the event log afterwards.

What writes and reads events is imported at the first one: an outbox is wired by all who store mail.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from iacs.core import clock
from iacs.core.database import Database
from iacs.core.events import EventStream, NewEvent
from iacs.core.exceptions import DatabaseError, PublishError
from iacs.core.lease import Lease
from iacs.core.logger import Logger
from iacs.core.transaction import Transaction

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

_BATCH = 500

_ADD = """
    INSERT INTO iacs_outbox (position, event_id, topic, event_key, value, created_at)
    VALUES (:position, :event_id, :topic, :event_key, :value, :created_at)
"""
_WAITING = """
    SELECT position, event_id, topic, event_key, value FROM iacs_outbox
    WHERE published_at IS NULL ORDER BY position LIMIT :limit
"""
_MARK = "UPDATE iacs_outbox SET published_at = :now WHERE position = :position AND published_at IS NULL"
_PENDING = "SELECT count(*) FROM iacs_outbox WHERE published_at IS NULL"


class Outbox:
    """Keep events with the data that they tell of, and publish each at least once, in the order of its key.

    An event is repeated, with the same id, when a process dies between publishing and marking it; another one
    can relay `lease_seconds` after that. Published events stay in the table, with the time, as history.
    """

    def __init__(
        self,
        database: Database,
        events: EventStream,
        *,
        lease_seconds: float = 10.0,
        patience: float = 600.0,
        logger: Logger,
    ) -> None:
        self._database = database
        self._events = events
        self._lease_seconds = lease_seconds
        self._patience = patience
        self._logger = logger

    def add(self, tx: Transaction, events: Sequence[NewEvent]) -> None:
        """Write events in the caller's transaction, best as its last statement.

        On PostgreSQL, transactions that add wait here for each other's end. Raises EventEncodingError.
        """
        from iacs.core._events.encoding import encode_event
        from iacs.core.counters import draw

        values = [encode_event(event).decode() for event in events]
        if not values:
            return
        start = draw(tx, "outbox", len(values))
        now = clock.to_text(clock.now())
        rows = [
            {
                "position": start + index,
                "event_id": event.id,
                "topic": event.topic,
                "event_key": event.key,
                "value": value,
                "created_at": now,
            }
            for index, (event, value) in enumerate(zip(events, values, strict=True))
        ]
        tx.execute(_ADD, rows)

    async def relay(self) -> int:
        """Publish what waits and return how many.

        While another process relays it waits, and returns 0 when nothing is left; raises DatabaseError after
        `patience` seconds. Raises what the event stream raises, when all that it took is marked; the rest
        waits for the next call.
        """
        lease = Lease(self._database, "outbox", seconds=self._lease_seconds)
        if not await self._take_turn(lease):
            return 0
        try:
            async with lease.kept():
                return await self._publish_waiting(lease)
        finally:
            await lease.release()

    async def pending(self) -> int:
        """Return how many events wait to be published."""
        return int(await self._database.run(lambda tx: tx.value(_PENDING)))

    async def _take_turn(self, lease: Lease) -> bool:
        deadline = time.monotonic() + self._patience
        while not await lease.acquire(timeout=min(1.0, self._patience)):
            if not await self.pending():
                return False
            if time.monotonic() > deadline:
                raise DatabaseError("another process has relayed the outbox for too long; try again later")
        return True

    async def _publish_waiting(self, lease: Lease) -> int:
        count = 0
        while await lease.renew() and (rows := await self._database.run(_waiting)):
            count += await self._publish(rows)
        return count

    async def _publish(self, rows: "Sequence[RowMapping]") -> int:
        try:
            await self._events.publish_many(_event(row) for row in rows)
        except PublishError as error:
            published = _published(rows, error.event_ids)
            await self._database.run(_mark, published)
            self._logger.warning("events not published", count=len(rows) - len(published), reason=str(error))
            raise
        await self._database.run(_mark, rows)
        return len(rows)


def _waiting(tx: Transaction) -> "list[RowMapping]":
    return tx.rows(_WAITING, {"limit": _BATCH})


def _mark(tx: Transaction, rows: "Sequence[RowMapping]") -> None:
    now = clock.to_text(clock.now())
    tx.execute(_MARK, [{"now": now, "position": row["position"]} for row in rows])


def _event(row: "RowMapping") -> NewEvent:
    from iacs.core._events.encoding import decode

    return NewEvent(row["topic"], decode(row["value"]), row["event_key"], row["event_id"])


def _published(rows: "Sequence[RowMapping]", failed: frozenset[str]) -> "list[RowMapping]":
    """Return the rows to mark: those that did not fail, nor come after one of their key that did.

    The latter are published again, after the one that failed, so that the last event of a key is the last.
    """
    published: list[RowMapping] = []
    held_back = set[tuple[str, str]]()
    for row in rows:
        key = (row["topic"], row["event_key"])
        if row["event_id"] in failed and row["event_key"] is not None:
            held_back.add(key)
        if row["event_id"] not in failed and key not in held_back:
            published.append(row)
    return published
