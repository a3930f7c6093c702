"""Events written in the caller's own transaction, and published to Kafka or the event log afterwards.

What encodes and decodes events is imported at the first one: whoever stores mail has an outbox.
"""

import json
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
    INSERT INTO iacs_outbox (position, id, aggregatetype, aggregateid, type, payload, headers, created_at)
    VALUES (:position, :id, :topic, :key, :type, :payload, :headers, :created_at)
"""
_WAITING = """
    SELECT position, id, aggregatetype, aggregateid, payload, headers FROM iacs_outbox
    WHERE published_at IS NULL ORDER BY position LIMIT :limit
"""
_MARK = "UPDATE iacs_outbox SET published_at = :now WHERE position = :position AND published_at IS NULL"
_PENDING = "SELECT count(*) FROM iacs_outbox WHERE published_at IS NULL"


class Outbox:
    """Keeps events with the data that they are about, and publishes them at least once, in the order of each key.

    An event is repeated, with the same id, when a process dies between publishing and marking it; another
    process can relay `lease_seconds` after that. Published events stay in the table, with the time, as history.
    """

    def __init__(
        self,
        database: Database,
        events: EventStream,
        *,
        lease_seconds: float = 10.0,
        max_wait_seconds: float = 600.0,
        logger: Logger,
    ) -> None:
        self._database = database
        self._events = events
        self._lease_seconds = lease_seconds
        self._max_wait_seconds = max_wait_seconds
        self._logger = logger

    def add(self, tx: Transaction, events: Sequence[NewEvent]) -> None:
        """Write events in the caller's transaction, best as its last statement.

        On PostgreSQL, transactions that add wait here for each other to end. Raises EventEncodingError.
        """
        from iacs.core._events.encoded_event import encode_event
        from iacs.core.counters import draw

        encoded = [encode_event(event) for event in events]
        if not encoded:
            return
        start = draw(tx, "outbox", len(encoded))
        now = clock.to_text(clock.now())
        rows = [
            {
                "position": start + index,
                "id": item.event.id,
                "topic": item.event.topic,
                "key": item.event.key,
                "type": _type(item.event),
                "payload": item.value,
                "headers": item.headers,
                "created_at": now,
            }
            for index, item in enumerate(encoded)
        ]
        tx.execute(_ADD, rows)

    async def relay(self) -> int:
        """Publish the waiting events and return how many.

        While another process relays it waits, and returns 0 when nothing is left; raises DatabaseError after
        `max_wait_seconds`. Raises what the event stream raises, once everything that it took is marked; the
        rest waits for the next call.
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
        deadline = time.monotonic() + self._max_wait_seconds
        while not await lease.acquire(timeout=min(1.0, self._max_wait_seconds)):
            if not await self.pending():
                return False
            if time.monotonic() > deadline:
                raise DatabaseError(
                    f"another process has relayed the outbox for {self._max_wait_seconds:g} s",
                    hint="try again later",
                )
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


def _type(event: NewEvent) -> str:
    """Return the type that the value itself states, as CloudEvents and iacs's own events do, else the topic."""
    kind = event.value.get("type") if isinstance(event.value, dict) else None
    return kind if isinstance(kind, str) and kind and kind.isprintable() else event.topic


def _waiting(tx: Transaction) -> "list[RowMapping]":
    return tx.rows(_WAITING, {"limit": _BATCH})


def _mark(tx: Transaction, rows: "Sequence[RowMapping]") -> None:
    now = clock.to_text(clock.now())
    tx.execute(_MARK, [{"now": now, "position": row["position"]} for row in rows])


def _event(row: "RowMapping") -> NewEvent:
    from iacs.core._events.encoding import decode

    return NewEvent(
        row["aggregatetype"],
        decode(row["payload"]),
        key=row["aggregateid"],
        id=row["id"],
        headers=json.loads(row["headers"]),
    )


def _published(rows: "Sequence[RowMapping]", failed: frozenset[str]) -> "list[RowMapping]":
    """Return the rows to mark: those that did not fail, nor come after one of their key that did.

    The latter are published again, after the one that failed, so that the last event of a key is the last.
    """
    published: list[RowMapping] = []
    held_back = set[tuple[str, str]]()
    for row in rows:
        key = (row["aggregatetype"], row["aggregateid"])
        if row["id"] in failed and row["aggregateid"] is not None:
            held_back.add(key)
        if row["id"] not in failed and key not in held_back:
            published.append(row)
    return published
