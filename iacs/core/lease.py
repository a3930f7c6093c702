"""Leases: exclusive rights to do something, among all processes that share a database."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from math import inf
from typing import NamedTuple
from uuid import uuid4

from iacs.core import clock
from iacs.core._lifecycle.process_identity import is_gone, process_identity
from iacs.core.database import Database
from iacs.core.transaction import Transaction

_FIRST_WAIT = 0.02
_LONGEST_WAIT = 0.25

_TAKE = """
    INSERT INTO iacs_leases (name, holder, expires_at) VALUES (:name, :holder, :expires_at)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
    WHERE iacs_leases.holder = excluded.holder OR iacs_leases.expires_at <= :now
"""
_SEIZE = """
    UPDATE iacs_leases SET holder = :holder, expires_at = :expires_at
    WHERE name = :name AND holder = :previous_holder AND expires_at = :previous_expires_at
"""
_READ = "SELECT holder, expires_at FROM iacs_leases WHERE name = :name"
_RENEW = "UPDATE iacs_leases SET expires_at = :expires_at WHERE name = :name AND holder = :holder"
_DROP = "DELETE FROM iacs_leases WHERE name = :name AND holder = :holder"


class Held(NamedTuple):
    """The holder of a lease, and when it expires, as the database has it."""

    holder: str
    expires_at: str

    @property
    def process(self) -> str:
        """The process that holds it, as `process_identity` names it."""
        return self.holder.partition("/")[0]

    @property
    def seconds(self) -> float:
        """Time for which its holder takes it at once."""
        parts = self.holder.split("/")
        return float(parts[1]) if len(parts) == 3 else inf  # 3: as Lease writes it


def take_lease(tx: Transaction, name: str, holder: str, seconds: float) -> bool:
    """Take a lease that is free, expired, or held by `holder` already; return whether it is held now."""
    now = clock.database_now(tx)
    expires_at = clock.to_text(now + timedelta(seconds=seconds))
    values = {"name": name, "holder": holder, "now": clock.to_text(now), "expires_at": expires_at}
    return tx.execute(_TAKE, values) == 1


def seize_lease(tx: Transaction, name: str, holder: str, seconds: float, previous: Held) -> bool:
    """Take a lease from a holder that has not renewed it since `previous` was read; return whether it is held now."""
    expires_at = clock.to_text(clock.database_now(tx) + timedelta(seconds=seconds))
    values = {"name": name, "holder": holder, "expires_at": expires_at}
    before = {"previous_holder": previous.holder, "previous_expires_at": previous.expires_at}
    return tx.execute(_SEIZE, values | before) == 1


def read_lease(tx: Transaction, name: str) -> Held | None:
    """Return the holder of the lease, None if it was never taken or was given back."""
    row = tx.row(_READ, {"name": name})
    return Held(row["holder"], row["expires_at"]) if row else None


def renew_lease(tx: Transaction, name: str, holder: str, seconds: float) -> bool:
    """Hold a lease for `seconds` from now; False when another took it after it had expired."""
    expires_at = clock.to_text(clock.database_now(tx) + timedelta(seconds=seconds))
    return tx.execute(_RENEW, {"name": name, "holder": holder, "expires_at": expires_at}) == 1


def drop_lease(tx: Transaction, name: str, holder: str) -> None:
    """Give a lease back, unless another holder has it."""
    tx.execute(_DROP, {"name": name, "holder": holder})


class Lease:
    """The lease `name`, held for `seconds` at a time; each instance is a holder of its own.

    When a holder dies, a process that waits on the same machine takes the lease at once (on Linux). Others take it
    when it has expired by the database's clock, or when it has not been renewed for its whole time by their own
    clock, since the database's may have been set back. A holder that works longer renews the lease in between, and
    stops when it no longer can: another process may have begun.
    """

    def __init__(self, database: Database, name: str, *, seconds: float = 30.0) -> None:
        self._database = database
        self._name = name
        self._seconds = seconds
        self._holder = f"{process_identity()}/{seconds}/{uuid4().hex}"

    async def acquire(self, *, timeout: float = 0.0) -> bool:
        """Wait up to `timeout` seconds for the lease; return whether it is held now."""
        deadline = time.monotonic() + timeout
        wait = _FIRST_WAIT
        seen: Held | None = None
        seen_at = 0.0
        while not await self._database.run(take_lease, self._name, self._holder, self._seconds):
            held = await self._database.read(read_lease, self._name)
            if held != seen:
                seen, seen_at = held, time.monotonic()
            if held and await self._succeeds(held, time.monotonic() - seen_at):
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            await asyncio.sleep(min(wait, left))
            wait = min(2 * wait, _LONGEST_WAIT)
        return True

    async def _succeeds(self, held: Held, unchanged_seconds: float) -> bool:
        """Take the lease from a holder that is known, or must be presumed, to be dead."""
        if unchanged_seconds <= held.seconds and not is_gone(held.process):
            return False
        return await self._database.run(seize_lease, self._name, self._holder, self._seconds, held)

    async def renew(self) -> bool:
        """Extend the lease by its full time; False when the lease is no longer held."""
        return await self._database.run(renew_lease, self._name, self._holder, self._seconds)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Renew the lease at intervals for as long as the block runs."""
        task = asyncio.create_task(self._keep(), name=f"iacs-lease-{self._name}")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def release(self) -> None:
        """Give the lease back; safe to call without holding it."""
        await self._database.run(drop_lease, self._name, self._holder)

    async def _keep(self) -> None:
        is_held = True
        while is_held:
            await asyncio.sleep(self._seconds / 3)
            is_held = await self.renew()
