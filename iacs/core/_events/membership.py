"""The membership of one reader in its consumer group: which partitions it reads, and what it has committed."""

import asyncio
import time
from collections.abc import Mapping
from uuid import uuid4

from iacs.core._events.event_buffer import EventBuffer
from iacs.core._events.group_member import Assignment, GroupMember
from iacs.core._events.groups import Members
from iacs.core.database import Database
from iacs.core.events import Partition

_COMMIT_SECONDS = 1.0


class Membership:
    """Keeps `starts`, the partitions of a reader and the offsets read next, in line with the group's division."""

    def __init__(
        self,
        database: Database,
        group: str,
        topics: tuple[str, ...],
        buffer: EventBuffer,
        *,
        lease_seconds: float,
    ) -> None:
        self.starts: dict[Partition, int] = {}
        self.group = group
        self.name = uuid4().hex
        self._database = database
        self._member = GroupMember(group, topics, self.name, seconds=lease_seconds)
        self._buffer = buffer
        self._lease_seconds = lease_seconds
        self._lock = asyncio.Lock()
        self._has_changed = True
        self._heartbeat_at = self._committed_at = float("-inf")
        self._assignment = Assignment({}, is_final=False, members=())
        self._owners_behind: dict[str, str] | None = None

    @property
    def has_joined(self) -> bool:
        """Whether the group knows this member."""
        return bool(self._assignment.members)

    @property
    def is_lease_old(self) -> bool:
        """Whether the group may go on without this member before long."""
        return time.monotonic() - self._heartbeat_at > self._lease_seconds / 2

    def is_heartbeat_due(self) -> bool:
        """Return whether the group was divided anew, or is to be, or there are offsets to commit."""
        if self._has_changed or not self._assignment.is_final or self.is_lease_old:
            return True
        is_commit_due = time.monotonic() - self._committed_at >= _COMMIT_SECONDS
        return (is_commit_due or self._buffer.waiting_since is not None) and bool(self._buffer.uncommitted())

    @property
    def is_settled(self) -> bool:
        """Whether it needs nothing but renewals and commits, which the poller does for all."""
        return self._assignment.is_final and not self._has_changed

    def finished(self) -> Mapping[Partition, int]:
        """Return the offsets to commit."""
        return self._buffer.uncommitted()

    def note_committed(self, offsets: Mapping[Partition, int]) -> None:
        """Note that offsets were committed."""
        self._committed_at = time.monotonic()
        self._buffer.mark_committed(offsets)

    def note_members(self, members: Members) -> bool:
        """Return whether the members of the group are others, so that a heartbeat is due."""
        self._has_changed |= self._member.members_in(members) != list(self._assignment.members)
        return self._has_changed

    def note_renewal(self, instant: float, *, is_alive: bool) -> bool:
        """Note that the membership was renewed at an instant of the monotonic clock, or was lost; return which."""
        if is_alive:
            self._heartbeat_at = max(self._heartbeat_at, instant)
        else:
            self._has_changed = True
        return is_alive

    async def settled(self) -> None:
        """Wait while a heartbeat is under way: it may give a partition away."""
        if self._lock.locked():
            async with self._lock:
                pass

    async def heartbeat(self) -> None:
        """Commit what is finished, stay in the group and read what it gives this member; raises DatabaseError."""
        async with self._lock:
            finished = self._buffer.uncommitted()
            started, self._has_changed = time.monotonic(), False
            assignment = await self._database.run(self._member.heartbeat, finished, self._buffer.in_flight)
            self._heartbeat_at = started
            if finished:
                self.note_committed(finished)
            self._apply(assignment)

    def _apply(self, assignment: Assignment) -> None:
        offsets = assignment.partitions
        revoked = self.starts.keys() - offsets.keys()
        new = offsets.keys() - self.starts.keys()
        self._buffer.revoke(revoked)
        self._buffer.assign(new)
        for partition in revoked:
            del self.starts[partition]
        self.starts |= {partition: offsets[partition] for partition in new}
        self._assignment = assignment

    async def leave(self) -> None:
        """Commit what is finished and give all partitions up; raises DatabaseError."""
        await self._database.run(self._member.leave, self._buffer.uncommitted())

    def forget_others(self) -> None:
        """Begin anew to watch whether the others are alive."""
        self._owners_behind = None

    async def are_others_alive(self) -> bool:
        """Return whether every other member with events to read was seen to renew its row: none is dead."""
        owners = await self._database.read(self._member.other_owners_behind)
        before = self._owners_behind
        self._owners_behind = owners if before is None else before
        return not owners or (
            before is not None and all(before.get(name, "") != owners[name] for name in owners)
        )
