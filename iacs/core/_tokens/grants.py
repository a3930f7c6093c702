"""Grants: the permission that Entra ID gave to an account, stored as its tokens; it can be suspended and resumed."""

from collections.abc import Collection

from iacs.core._tokens import store
from iacs.core.database import Database


class Grants:
    """The grants of the accounts; the tokens of a suspended grant are kept, but not returned.

    Needs the database alone, so that an account can be disabled while Entra ID cannot be reached.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._suspended: set[str] = set()

    async def suspend(self, account_ids: Collection[str]) -> None:
        """Suspend the grants of these accounts: their tokens are not returned until `resume`."""
        self._suspended.update(account_ids)
        await self._database.run(store.set_suspended, account_ids, suspended=True)

    async def resume(self, account_ids: Collection[str]) -> None:
        """Resume the grants of these accounts."""
        await self._database.run(store.set_suspended, account_ids, suspended=False)
        self._suspended.difference_update(account_ids)

    async def delete(self, account_id: str) -> None:
        """Delete the tokens of an account; a process that has an access token in memory uses it until it is due."""
        await self._database.run(store.delete, account_id)

    def suspended_here(self, account_id: str) -> bool:
        """Return whether this process suspended a grant, so that it must not use a token in its memory."""
        return account_id in self._suspended
