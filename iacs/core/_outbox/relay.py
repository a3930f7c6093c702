"""One relay of the outbox: the events to send together, and those that wait behind a rejected event."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from iacs.core import clock
from iacs.core._outbox import rows as outbox_rows
from iacs.core.database import Database
from iacs.core.events import EventStream, NewEvent
from iacs.core.exceptions import PublishError
from iacs.core.lease import Lease
from iacs.core.logger import Logger
from iacs.core.transaction import Row, Transaction

_BATCH = 500
_PRUNE_BATCH = 1000
_PRUNE_BATCHES = 10

Key = tuple[str, str]
"""A topic and a key: the order counts within these."""


class Relay:
    """One publication of the waiting events, in the order of their positions."""

    def __init__(
        self,
        database: Database,
        events: EventStream,
        *,
        max_attempts: int,
        retention_days: float,
        logger: Logger,
    ) -> None:
        self._database = database
        self._events = events
        self._max_attempts = max_attempts
        self._logger = logger
        self._kept_since = clock.now() - timedelta(days=retention_days)
        self._finish = partial(outbox_rows.finish, keep=retention_days > 0)
        self._has_old = False
        self._held_keys = set[Key]()
        self._rejection: PublishError | None = None

    async def has_work(self) -> bool:
        """Return whether events wait, or have been published long ago; most relays have nothing to do."""
        return await self._database.read(self._look)

    def _look(self, tx: Transaction) -> bool:
        self._has_old = outbox_rows.has_old(tx, self._kept_since)
        return self._has_old or bool(outbox_rows.waiting(tx, after=-1, limit=1))

    async def publish(self, lease: Lease) -> int:
        """Publish while the lease, which was just taken, is held; return how many. Raises PublishError as Outbox.relay does."""
        count, after, is_last, is_lease_new = 0, -1, False, True
        while not is_last:
            batch = await self._database.read(partial(outbox_rows.waiting, after=after, limit=_BATCH))
            is_last = len(batch) < _BATCH
            after = batch[-1]["position"] if batch else after
            while rows := [row for row in batch if _key(row) not in self._held_keys]:
                if not is_lease_new and not await lease.renew():
                    return count
                is_lease_new = False
                rows = _without_followers_of_suspects(rows)
                published, rejected = await self._publish(rows)
                count += len(published)
                done = {row["position"] for row in (*published, *rejected)}
                batch = [row for row in batch if row["position"] not in done]
        await self._prune(lease)
        if self._rejection is not None:
            raise self._rejection
        return count

    async def _prune(self, lease: Lease) -> None:
        """Delete what was published long ago; so much that it does not hold the next relay up."""
        if not self._has_old:
            return
        for _ in range(_PRUNE_BATCHES):
            pruned = await self._database.run(outbox_rows.prune, self._kept_since, limit=_PRUNE_BATCH)
            if pruned < _PRUNE_BATCH or not await lease.renew():
                return

    async def _publish(self, rows: Sequence[Row]) -> tuple[Sequence[Row], Sequence[Row]]:
        """Publish rows; return those published, and those that were rejected.

        Raises PublishError when none was rejected: then the broker cannot be reached.
        """
        try:
            await self._events.publish_many(_event(row) for row in rows)
        except PublishError as error:
            published = _published(rows, error.event_ids)
            await self._database.run(self._finish, published)
            self._logger.warning("events not published", count=len(rows) - len(published), reason=str(error))
            rejected = [row for row in rows if row["id"] in error.rejections]
            if not rejected:
                raise
            await self._note_rejections(rejected, error)
            return published, rejected
        await self._database.run(self._finish, rows)
        return rows, ()

    async def _note_rejections(self, rejected: Sequence[Row], error: PublishError) -> None:
        self._rejection = self._rejection or error
        self._held_keys |= {key for row in rejected if (key := _key(row))}
        problems = {row["position"]: error.rejections[row["id"]] for row in rejected}
        await self._database.run(outbox_rows.reject, problems, max_attempts=self._max_attempts)
        for row in rejected:
            if row["attempts"] + 1 >= self._max_attempts:
                self._logger.error(
                    "event parked",
                    event_id=row["id"],
                    topic=row["aggregatetype"],
                    attempts=row["attempts"] + 1,
                    reason=problems[row["position"]],
                    hint=outbox_rows.LIST_PARKED,
                )


def _key(row: Row) -> Key | None:
    return None if row["aggregateid"] is None else (row["aggregatetype"], row["aggregateid"])


def _event(row: Row) -> NewEvent:
    from iacs.core._events.stored_event import StoredEvent

    return StoredEvent.of(
        row["aggregatetype"],
        key=row["aggregateid"],
        id_=row["id"],
        value_text=row["payload"],
        headers_text=row["headers"],
    )


def _without_followers_of_suspects(rows: Sequence[Row]) -> list[Row]:
    """Leave out events behind one of their key that was rejected before: they must not overtake it."""
    sent: list[Row] = []
    suspects = set[Key]()
    for row in rows:
        key = _key(row)
        if key not in suspects:
            sent.append(row)
        if key is not None and row["attempts"]:
            suspects.add(key)
    return sent


def _published(rows: Sequence[Row], failed: frozenset[str]) -> list[Row]:
    """Return the rows that are finished: those that did not fail, nor come after one of their key that did.

    The latter are published again, after the one that failed, so that the last event of a key is the last.
    """
    published: list[Row] = []
    held_back = set[Key]()
    for row in rows:
        key = _key(row)
        if row["id"] in failed and key is not None:
            held_back.add(key)
        if row["id"] not in failed and key not in held_back:
            published.append(row)
    return published
