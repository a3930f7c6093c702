"""How long Graph asked mailboxes to wait, remembered for every task and process that shares the database."""

import time
from datetime import datetime, timedelta

from iacs.core.clock import now
from iacs.core.database import Database
from iacs.core.exceptions import DatabaseError
from iacs.core.logger import Logger
from iacs.mail_query import mailbox_rows

_FRESH_SECONDS = 1.0
"""The time after which another process may have written something that is worth a query."""

_MAX_SECONDS = 86_400.0


class Pauses:
    """The pauses of mailboxes, by account; without a database they are those of this process."""

    def __init__(self, database: Database | None, *, logger: Logger) -> None:
        self._database = database
        self._logger = logger
        self._until: dict[str, datetime] = {}
        self._read_at: dict[str, float] = {}

    def remaining(self, account_id: str) -> float:
        """Return the seconds that are left of a known pause, 0 without one."""
        until = self._until.get(account_id)
        return max(0.0, (until - now()).total_seconds()) if until else 0.0

    async def refresh(self, account_id: str) -> None:
        """Learn of a pause that another process was asked for; at most one query per second and mailbox."""
        read_at = self._read_at.get(account_id)
        if self._database is None or (read_at is not None and time.monotonic() - read_at < _FRESH_SECONDS):
            return
        self._read_at[account_id] = time.monotonic()
        try:
            until = await self._database.read(mailbox_rows.paused_until, account_id)
        except DatabaseError as error:  # Graph itself repeats its request to wait
            self._logger.warning("pauses not read", reason=str(error))
        else:
            if until is not None:
                self._extend(account_id, until)

    async def record(self, account_id: str, seconds: float) -> None:
        """Remember that Graph asked for a pause from now on; one of many days is remembered for a day."""
        until = now() + timedelta(seconds=min(seconds, _MAX_SECONDS))
        if not self._extend(account_id, until) or self._database is None:
            return
        try:
            await self._database.run(mailbox_rows.pause, account_id, until)
        except DatabaseError as error:  # this process waits anyway, and Graph asks the others to wait too
            self._logger.warning("pause not stored", reason=str(error))

    def _extend(self, account_id: str, until: datetime) -> bool:
        known = self._until.get(account_id)
        if known is not None and until <= known:
            return False
        self._until[account_id] = until
        return True
