"""The reader of the event log for one consumer: it fetches, and waits for the poller when it has read everything."""

import asyncio
import time
from collections.abc import Mapping, Sequence

from iacs.core._events.event_buffer import EventBuffer, Fetched, Record
from iacs.core._events.group_keeper import GroupKeeper
from iacs.core._events.log_poller import LogPoller
from iacs.core._events.log_records import fetched, partitions_of, read
from iacs.core._events.membership import Membership
from iacs.core.database import Database
from iacs.core.events import Partition
from iacs.core.exceptions import DatabaseError, SchemaError
from iacs.core.logger import Logger
from iacs.core.transaction import Row

_RECORDS_OF_A_PARTITION = 500
_MAX_RETRY_SECONDS = 2.0
_LEAVE_ATTEMPTS = 3


class EventLogReader:
    """A task that fetches records of topics into `buffer`; the poller delivers what is new after that.

    While the database is away it waits, for up to `max_outage_seconds`.
    """

    def __init__(
        self,
        database: Database,
        poller: LogPoller,
        keeper: GroupKeeper,
        topics: Sequence[str],
        group: str | None,
        *,
        idle_timeout: float | None,
        poll_seconds: float,
        lease_seconds: float,
        max_outage_seconds: float,
        logger: Logger,
    ) -> None:
        self.topics = tuple(topics)
        self.group = group
        self.is_parked = False
        self.buffer = EventBuffer(asyncio.get_running_loop(), self._caller_waits)
        self._database = database
        self._poller = poller
        self._keeper = keeper
        self._idle_timeout = idle_timeout
        self._poll_seconds = poll_seconds
        self._max_outage_seconds = max_outage_seconds
        self._logger = logger
        self._woken = asyncio.Event()
        self._is_stopping = False
        self._away_since: float | None = None
        self._has_read = False
        self.membership: Membership | None = None
        self.starts = dict.fromkeys(partitions_of(topics), 0)
        if group is None:
            self.buffer.assign(self.starts)
        else:
            self.membership = Membership(
                database, group, self.topics, self.buffer, lease_seconds=lease_seconds
            )
            self.starts = self.membership.starts
            keeper.add(self)
        poller.add(self)
        self._task = asyncio.create_task(self._run(), name="iacs-event-log-reader")

    def wake(self) -> None:
        """Read on now."""
        self._woken.set()

    def fail(self, error: Exception) -> None:
        """End the iteration with an error."""
        self.buffer.end(error)
        self._is_stopping = True
        self.wake()

    def deliver(self, rows: Sequence[Row]) -> None:
        """Take records that the poller has read."""
        self._take([fetched(row) for row in rows])

    def lag(self, ends: Mapping[Partition, int]) -> int:
        """Return how many events of its partitions, which end at `ends`, the caller has not finished."""
        unread = sum(max(0, ends.get(partition, 0) - start) for partition, start in self.starts.items())
        return self.buffer.unfinished + unread

    def _caller_waits(self) -> None:
        if not self.is_parked or self._idle_timeout is not None:
            self.wake()
        elif self.membership is not None:
            self._keeper.commit_soon()

    async def stop(self) -> None:
        """Commit what is finished and leave the group."""
        self.buffer.end()
        self._is_stopping = True
        self.wake()
        await asyncio.shield(self._task)

    async def next(self) -> Record | None:
        """Finish the record in flight and return the next one; None when the iteration is over."""
        while (record := await self.buffer.next()) is not None:
            if self.membership is None or await self._is_mine(record, self.membership):
                return record
        return None

    async def _is_mine(self, record: Record, membership: Membership) -> bool:
        """Return whether a record taken from the buffer may be handed on: no other member has its partition."""
        await membership.settled()
        while membership.is_lease_old and not self.buffer.has_ended:
            try:  # the loop or the database was held up: the group may have gone on without this member
                await membership.heartbeat()
            except DatabaseError:  # the reader's own task decides how long that may last
                await asyncio.sleep(self._poll_seconds)
        return record.topic_partition in self.starts

    async def _run(self) -> None:
        error: BaseException | None = None
        try:
            while not self._is_stopping:
                await self._step_through_outages()
        except Exception as problem:  # noqa: BLE001 - raised to the caller, who waits in the buffer
            error = problem
        finally:
            await self._poller.discard(self)
            await self._keeper.discard(self)
            if self.membership is not None:
                await self._leave(self.membership)
            self.buffer.end(error)

    async def _step_through_outages(self) -> None:
        """Read once; raise DatabaseError when the database was away for too long or from the start, or will not come back."""
        try:
            await self._step()
        except SchemaError:
            raise
        except DatabaseError as error:
            if not self._has_read:
                raise
            now = time.monotonic()
            self._away_since = self._away_since or now
            seconds = min(max(self._poll_seconds, now - self._away_since), _MAX_RETRY_SECONDS)
            if now + seconds - self._away_since > self._max_outage_seconds:
                raise
            self._logger.warning("event log not readable", group=self.group, reason=str(error))
            await self._pause(seconds)
        else:
            self._away_since, self._has_read = None, True

    async def _step(self) -> None:
        self._woken.clear()
        if self.membership is not None and self.membership.is_heartbeat_due():
            await self.membership.heartbeat()
        if self.buffer.is_full:
            await self._pause(self._poll_seconds)
            return
        records = await self._database.read(read, dict(self.starts), _RECORDS_OF_A_PARTITION)
        self._take(records)
        if not records and not await self._is_over():
            await self._park()

    def _take(self, records: Sequence[Fetched]) -> None:
        owned = [(record, size) for record, size in records if record.topic_partition in self.starts]
        for record, _ in owned:
            self.starts[record.topic_partition] = record.offset + 1
        self.buffer.put(owned)

    async def _park(self) -> None:
        """Wait until the poller delivers something, or there is something else to do."""
        self.is_parked = True
        self._poller.look_again()
        try:
            await self._pause(self._max_park_seconds())
        finally:
            self.is_parked = False

    def _max_park_seconds(self) -> float | None:
        if self.membership is not None and not self.membership.is_settled:
            return self._poll_seconds
        since = self.buffer.waiting_since
        if self._idle_timeout is None or since is None:
            return None
        return max(self._poll_seconds, since + self._idle_timeout - time.monotonic())

    async def _pause(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _is_over(self) -> bool:
        """Return whether the caller has waited long enough, and no dead member's events are left unread."""
        since = self.buffer.waiting_since
        if self._idle_timeout is None or since is None:
            if self.membership is not None:
                self.membership.forget_others()
            return False
        if time.monotonic() - since < self._idle_timeout:
            return False
        if self.membership is not None and not await self.membership.are_others_alive():
            return False
        self._is_stopping = True
        return True

    async def _leave(self, membership: Membership) -> None:
        """Leave the group; what cannot be committed is read again."""
        for attempt in range(1, _LEAVE_ATTEMPTS + 1):
            try:
                await membership.leave()
            except DatabaseError as error:
                if attempt == _LEAVE_ATTEMPTS:
                    self._logger.warning("offsets not committed", group=self.group, reason=str(error))
                else:
                    await asyncio.sleep(self._poll_seconds)
            else:
                return
