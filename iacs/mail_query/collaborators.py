"""What mail needs of the rest of the application."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from pydantic import SecretStr

from iacs.core.events import NewEvent
from iacs.core.transaction import Transaction


class Account(Protocol):
    """What mail needs to know of an account."""

    @property
    def id(self) -> str:
        """The key under which its tokens and its mail are kept."""
        ...

    @property
    def email(self) -> str:
        """The mailbox's address."""
        ...

    @property
    def status(self) -> str:
        """One of enrolled, active, sign_in_required, disabled."""
        ...


@runtime_checkable
class Accounts(Protocol):
    """Whoever knows the accounts."""

    async def get(self, email: str) -> Account:
        """Return the account of an address; raise AccountNotFoundError."""
        ...

    async def get_enabled(self, email: str) -> Account:
        """Return an account that may be read; raise AccountNotFoundError or AccountDisabledError."""
        ...


class Outbox(Protocol):
    """Whoever keeps events in the caller's transaction and publishes them afterwards."""

    def add(self, tx: Transaction, events: Sequence[NewEvent]) -> None:
        """Keep the events if the transaction commits."""

    async def relay(self) -> int:
        """Publish what is kept; return how many."""
        ...


@runtime_checkable
class AccessTokens(Protocol):
    """Whoever gives access tokens and takes back those that Graph refused."""

    async def access_token(self, account_id: str) -> SecretStr:
        """Return a token that is valid now."""
        ...

    async def reject(self, account_id: str, access_token: SecretStr, *, claims: str = "") -> None:
        """Never give this token again; the next one must carry these claims."""
