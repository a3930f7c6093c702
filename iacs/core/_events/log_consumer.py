"""Read the event log for one consumer: poll, keep the share of the group, commit what is finished."""

import asyncio
import time
from collections.abc import Sequence
from uuid import uuid4

from iacs.core._events.buffer import EventBuffer, Fetched, Record
from iacs.core._events.log_group import Member, Share
from iacs.core._events.log_records import places_of, read
from iacs.core.database import Database
from iacs.core.events import Place
from iacs.core.exceptions import IACSGraphError
from iacs.core.transaction import Transaction

_COMMIT_SECONDS = 1.0
_RECORDS_OF_A_PLACE = 500


class EventLogReader:
    """Fetch records of topics into `buffer` every `poll_seconds`, or when woken."""

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
            Member(group, topics, uuid4().hex, seconds=lease_seconds) if group is not None else None
        )
        self._woken = asyncio.Event()
        self._is_stopping = False
        self._beating = asyncio.Lock()
        self._beat_at = self._committed_at = float("-inf")
        self._share = Share({}, is_settled=False, members=())
        self._starts: dict[Place, int] = {} if group is not None else dict.fromkeys(places_of(topics), 0)
        self._others: dict[str, str] | None = None
        self.buffer = EventBuffer(asyncio.get_running_loop(), self.wake)
        self.buffer.own(self._starts)
        self._task = asyncio.create_task(self._run(), name="iacs-event-log-reader")

    def wake(self) -> None:
        """Look for events now."""
        self._woken.set()

    async def stop(self) -> None:
        """Commit what is finished and leave the group."""
        self.buffer.end()
        self._is_stopping = True
        self.wake()
        await asyncio.shield(self._task)

    async def is_still_ours(self, record: Record) -> bool:
        """Tell whether a record taken from the buffer may be handed on: its place is not another's by now."""
        if self._beating.locked():
            async with self._beating:  # it may be giving the place away just now
                pass
        elif self._member is not None and time.monotonic() - self._beat_at > self._lease_seconds / 2:
            await self._beat(self._member)  # the loop was held up for so long that the group may have gone on
        return record.place in self._starts

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
        if self._member is not None and await self._is_beat_due(self._member):
            await self._beat(self._member)
        if self.buffer.is_full:
            await self._rest()
            return
        fetched = await asyncio.to_thread(self._fetch, dict(self._starts))
        self._take(fetched)
        if not fetched and not await self._is_over():
            await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._poll_seconds):
                await self._woken.wait()
        except TimeoutError:
            pass

    def _fetch(self, starts: dict[Place, int]) -> list[Fetched]:
        with self._database.get_connection() as connection:
            return read(Transaction(connection), starts, _RECORDS_OF_A_PLACE)

    def _take(self, fetched: list[Fetched]) -> None:
        wanted = [(record, size) for record, size in fetched if record.place in self._starts]
        for record, _ in wanted:
            self._starts[record.place] = record.offset + 1
        self.buffer.put(wanted)

    async def _is_beat_due(self, member: Member) -> bool:
        now = time.monotonic()
        if not self._share.is_settled or now - self._beat_at >= self._lease_seconds / 4:
            return True
        if self.buffer.uncommitted() and (
            now - self._committed_at >= _COMMIT_SECONDS or self.buffer.waiting_since is not None
        ):
            return True
        return await asyncio.to_thread(self._members, member) != self._share.members

    def _members(self, member: Member) -> list[tuple[str, str]]:
        with self._database.get_connection() as connection:
            return member.members(Transaction(connection))

    async def _beat(self, member: Member) -> None:
        async with self._beating:
            finished = self.buffer.uncommitted()
            started = time.monotonic()
            share = await self._database.run(member.beat, finished, self.buffer.in_hand)
            self._beat_at = started
            if finished:
                self._committed_at = started
            self.buffer.committed(finished)
            self._follow(share)

    def _follow(self, share: Share) -> None:
        lost = self._starts.keys() - share.places.keys()
        won = share.places.keys() - self._starts.keys()
        self.buffer.disown(lost)
        self.buffer.own(won)
        for place in lost:
            del self._starts[place]
        self._starts |= {place: share.places[place] for place in won}
        self._share = share

    async def _is_over(self) -> bool:
        """Tell whether the caller has waited long enough, and nobody else's events are left behind."""
        since = self.buffer.waiting_since
        if self._idle_timeout is None or since is None:
            self._others = None
            return False
        if time.monotonic() - since < self._idle_timeout:
            return False
        if self._member is not None and not await self._are_others_alive(self._member):
            return False
        self._is_stopping = True
        return True

    async def _are_others_alive(self, member: Member) -> bool:
        """Tell whether each member that has events to read was seen to renew its life: none of them is dead."""
        others = await asyncio.to_thread(self._others_at_work, member)
        before, self._others = self._others, others if self._others is None else self._others
        return not others or (
            before is not None and all(before.get(name, "") != others[name] for name in others)
        )

    def _others_at_work(self, member: Member) -> dict[str, str]:
        with self._database.get_connection() as connection:
            return member.others_at_work(Transaction(connection))
