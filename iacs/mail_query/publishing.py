"""The publishing of events by several syncs of one process, one at a time."""

import asyncio
from asyncio import AbstractEventLoop, Lock
from weakref import WeakKeyDictionary

from iacs.mail_query.collaborators import Outbox


class Publishing:
    """The turns of the syncs in one event loop at the outbox.

    The outbox lets one relay work at a time among all processes, and a waiting one polls the database: with a
    hundred mailboxes at a time that took more than half of the CPU time.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._locks: WeakKeyDictionary[AbstractEventLoop, Lock] = WeakKeyDictionary()

    @property
    def is_under_way(self) -> bool:
        """Whether another sync publishes the waiting events just now."""
        return self._lock.locked()

    async def relay(self) -> int:
        """Publish the waiting events in turn; return their number."""
        async with self._lock:
            return await self._outbox.relay()

    @property
    def _lock(self) -> Lock:
        return self._locks.setdefault(asyncio.get_running_loop(), Lock())
