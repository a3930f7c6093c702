"""The reader of the event log for one consumer: it polls, keeps its share of the group and commits what is finished."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar
from uuid import uuid4

from iacs.core._events.event_buffer import EventBuffer, Fetched, Record
from iacs.core._events.group_member import Assignment, GroupMember
from iacs.core._events.log_records import partitions_of, read
from iacs.core.database import Database
from iacs.core.exceptions import IACSGraphError
from iacs.core.transaction import Transaction

T = TypeVar("T")

_COMMIT_SECONDS = 1.0
_RECORDS_OF_A_PARTITION = 500


class EventLogReader:
    """A task that fetches records of topics into `buffer` every `poll_seconds`, or when woken."""

    def __init__(
        self,
        database: Database,
        topics: Sequence[str],
        group: str | None,
        *,
        idle_timeout: float | None,
        poll_seconds: float,
        lease_seconds: float,
    ) -> None:
        self._database = database
        self._idle_timeout = idle_timeout
        self._poll_seconds = poll_seconds
        self._lease_seconds = lease_seconds
        self._member = (
            GroupMember(group, topics, uuid4().hex, seconds=lease_seconds) if group is not None else None
        )
        self._woken = asyncio.Event()
        self._is_stopping = False
        self._heartbeat_lock = asyncio.Lock()
        self._heartbeat_at = self._committed_at = float("-inf")
        self._assignment = Assignment({}, is_final=False, members=())
        self._starts = dict.fromkeys(partitions_of(topics) if group is None else (), 0)
        self._owners_behind: dict[str, str] | None = None
        self.buffer = EventBuffer(asyncio.get_running_loop(), self.wake)
        self.buffer.assign(self._starts)
        self._task = asyncio.create_task(self._run(), name="iacs-event-log-reader")

    def wake(self) -> None:
        """Poll now."""
        self._woken.set()

    async def stop(self) -> None:
        """Commit what is finished and leave the group."""
        self.buffer.end()
        self._is_stopping = True
        self.wake()
        await asyncio.shield(self._task)

    async def next(self) -> Record | None:
        """Finish the record in flight and return the next one; None when the iteration is over."""
        while (record := await self.buffer.next()) is not None:
            if await self._still_owns(record):
                return record
        return None

    async def _still_owns(self, record: Record) -> bool:
        """Return whether a record taken from the buffer may be returned: no other member has its partition."""
        if self._heartbeat_lock.locked():
            async with self._heartbeat_lock:  # it may be releasing the partition
                pass
        elif self._member is not None and time.monotonic() - self._heartbeat_at > self._lease_seconds / 2:
            await self._heartbeat(
                self._member
            )  # the loop was blocked: the group may have continued without this member
        return record.topic_partition in self._starts

    async def _run(self) -> None:
        error: IACSGraphError | None = None
        try:
            while not self._is_stopping:
                await self._step()
            if self._member is not None:
                await self._database.run(self._member.leave, self.buffer.uncommitted())
        except IACSGraphError as problem:
            error = problem
        finally:
            self.buffer.end(error)

    async def _step(self) -> None:
        self._woken.clear()
        if self._member is not None and await self._is_heartbeat_due(self._member):
            await self._heartbeat(self._member)
        if self.buffer.is_full:
            await self._wait()
            return
        fetch = partial(read, starts=dict(self._starts), limit=_RECORDS_OF_A_PARTITION)
        fetched = await self._query(fetch)
        self._take(fetched)
        if not fetched and not await self._is_over():
            await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._poll_seconds):
                await self._woken.wait()
        except TimeoutError:
            pass

    def _take(self, fetched: list[Fetched]) -> None:
        owned = [(record, size) for record, size in fetched if record.topic_partition in self._starts]
        for record, _ in owned:
            self._starts[record.topic_partition] = record.offset + 1
        self.buffer.put(owned)

    async def _is_heartbeat_due(self, member: GroupMember) -> bool:
        now = time.monotonic()
        if not self._assignment.is_final or now - self._heartbeat_at >= self._lease_seconds / 4:
            return True
        if self.buffer.uncommitted() and (
            now - self._committed_at >= _COMMIT_SECONDS or self.buffer.waiting_since is not None
        ):
            return True
        return await self._query(member.members) != self._assignment.members

    async def _query(self, work: Callable[[Transaction], T]) -> T:
        """Return what `work` reads; unlike Database.read it takes none of the threads that write."""

        def query() -> T:
            with self._database.get_connection() as connection:
                return work(Transaction(connection))

        return await asyncio.to_thread(query)

    async def _heartbeat(self, member: GroupMember) -> None:
        async with self._heartbeat_lock:
            finished = self.buffer.uncommitted()
            started = time.monotonic()
            assignment = await self._database.run(member.heartbeat, finished, self.buffer.in_flight)
            self._heartbeat_at = started
            if finished:
                self._committed_at = started
            self.buffer.mark_committed(finished)
            self._apply(assignment)

    def _apply(self, assignment: Assignment) -> None:
        offsets = assignment.partitions
        revoked = self._starts.keys() - offsets.keys()
        new = offsets.keys() - self._starts.keys()
        self.buffer.revoke(revoked)
        self.buffer.assign(new)
        for partition in revoked:
            del self._starts[partition]
        self._starts |= {partition: offsets[partition] for partition in new}
        self._assignment = assignment

    async def _is_over(self) -> bool:
        """Return whether the caller has waited long enough, and no dead member's events are left unread."""
        since = self.buffer.waiting_since
        if self._idle_timeout is None or since is None:
            self._owners_behind = None
            return False
        if time.monotonic() - since < self._idle_timeout:
            return False
        if self._member is not None and not await self._are_others_alive(self._member):
            return False
        self._is_stopping = True
        return True

    async def _are_others_alive(self, member: GroupMember) -> bool:
        """Return whether every other member with events to read was seen to renew its row: none is dead."""
        owners = await self._query(member.other_owners_behind)
        before = self._owners_behind
        self._owners_behind = owners if before is None else before
        return not owners or (
            before is not None and all(before.get(name, "") != owners[name] for name in owners)
        )
