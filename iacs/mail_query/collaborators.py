"""What mail needs of the rest of the application."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

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


class Outbox(Protocol):
    """Whoever keeps events in the caller's transaction and publishes them afterwards."""

    def add(self, tx: Transaction, events: Sequence[NewEvent]) -> None:
        """Keep the events if the transaction commits."""

    async def relay(self) -> int:
        """Publish what is kept; return how many."""
        ...
