"""Keeps all readers of a process in their consumer groups, with one transaction for all of them."""

import time

from iacs.core._events.groups import commit, living_members, renew
from iacs.core._events.membership import Membership
from iacs.core._events.reader_task import ReaderTask, ServedReader
from iacs.core.database import Database

_COMMIT_SECONDS = 1.0
_MEMBERS_SECONDS = 1.0


class GroupKeeper(ReaderTask):
    """Renews memberships of `lease_seconds`, commits for parked readers, and wakes readers whose group has changed."""

    def __init__(self, database: Database, *, lease_seconds: float) -> None:
        super().__init__(interval_seconds=min(_MEMBERS_SECONDS, lease_seconds / 8))
        self._database = database
        self._lease_seconds = lease_seconds
        self._is_commit_due = False
        self._committed_at = self._renewed_at = self._compared_at = float("-inf")

    def commit_soon(self) -> None:
        """Commit now what parked readers have finished."""
        self._is_commit_due = True
        self.wake()

    async def _work(self) -> None:
        await self._renew()
        await self._commit()
        await self._compare_members()

    async def _renew(self) -> None:
        started = time.monotonic()
        if started - self._renewed_at < self._lease_seconds / 4:
            return
        self._renewed_at = started
        names = [member.name for _, member in self._joined()]
        if not names:
            return
        alive = await self._database.run(renew, names, seconds=self._lease_seconds)
        for reader, member in self._joined():
            if member.name in names and not member.note_renewal(started, is_alive=member.name in alive):
                reader.wake()

    async def _commit(self) -> None:
        started = time.monotonic()
        if not self._is_commit_due and started - self._committed_at < _COMMIT_SECONDS:
            return
        self._is_commit_due, self._committed_at = False, started
        finished = {
            member: offsets
            for reader, member in self._joined()
            if reader.is_parked and (offsets := member.finished())
        }
        if finished:
            offsets_by_member = {(member.group, member.name): offsets for member, offsets in finished.items()}
            await self._database.run(commit, offsets_by_member)
            for member, offsets in finished.items():
                member.note_committed(offsets)

    async def _compare_members(self) -> None:
        started = time.monotonic()
        if started - self._compared_at < _MEMBERS_SECONDS or not self._joined():
            return
        self._compared_at = started
        members = await self._database.read(living_members)
        for reader, member in self._joined():
            if member.note_members(members):
                reader.wake()

    def _joined(self) -> list[tuple[ServedReader, Membership]]:
        members = ((reader, reader.membership) for reader in self._readers)
        return [(reader, member) for reader, member in members if member is not None and member.has_joined]
