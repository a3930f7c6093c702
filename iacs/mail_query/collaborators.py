"""The parts of other modules that mail uses, as protocols."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from pydantic import SecretStr

from iacs.core.events import NewEvent
from iacs.core.transaction import Transaction


class Account(Protocol):
    """An enrolled account."""

    @property
    def id(self) -> str:
        """The id that its tokens and its mail are stored under."""
        ...

    @property
    def email(self) -> str:
        """The address of the mailbox."""
        ...

    @property
    def access(self) -> str:
        """One of delegated, shared, application: whose grant opens the mailbox."""
        ...

    @property
    def via(self) -> str:
        """The address of the account that opens a shared mailbox; else empty."""
        ...

    @property
    def mailbox_path(self) -> str:
        """The path of the mailbox below GRAPH_URL: `me`, or `users/` with its address."""
        ...

    @property
    def status(self) -> str:
        """One of enrolled, active, sign_in_required, disabled."""
        ...


@runtime_checkable
class Accounts(Protocol):
    """The enrolled accounts."""

    async def get(self, email: str) -> Account:
        """Return the account of an address; raise AccountNotFoundError."""
        ...

    async def get_enabled(self, email: str) -> Account:
        """Return an enabled account; raise AccountNotFoundError or AccountDisabledError."""
        ...


class Outbox(Protocol):
    """An outbox, which stores events in the caller's transaction and publishes them afterwards."""

    def add(self, tx: Transaction, events: Sequence[NewEvent]) -> None:
        """Store the events in the transaction."""

    async def relay(self) -> int:
        """Publish the stored events; return their number."""
        ...


@runtime_checkable
class AccessTokens(Protocol):
    """A source of access tokens, which replaces those that Graph rejected."""

    async def access_token(self, account_id: str) -> SecretStr:
        """Return a token that is valid now."""
        ...

    async def reject(self, account_id: str, access_token: SecretStr, *, claims: str = "") -> None:
        """Never return this token again; the next one must satisfy `claims`."""
