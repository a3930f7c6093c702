"""The parts of other modules that the auth module uses, as protocols."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


class Account(Protocol):
    """An account that somebody signs in to."""

    @property
    def id(self) -> str:
        """The id that its tokens are stored under."""
        ...

    @property
    def email(self) -> str:
        """Its address in lower case."""
        ...

    @property
    def name(self) -> str:
        """The name to display; may be empty."""
        ...

    @property
    def status(self) -> str:
        """One of enrolled, active, sign_in_required, disabled."""
        ...

    @property
    def tenant_id(self) -> str:
        """Its tenant; empty for the configured one."""
        ...

    @property
    def username(self) -> str:
        """The sign-in name that it is enrolled with, in lower case; empty for its address."""
        ...

    @property
    def access(self) -> str:
        """One of delegated, shared, application; people sign in to the first kind only."""
        ...

    @property
    def via(self) -> str:
        """The address of the account that opens a shared mailbox; else empty."""
        ...

    @property
    def object_id(self) -> str | None:
        """The person who signed in before, an id within `directory_id`."""
        ...

    @property
    def directory_id(self) -> str | None:
        """The directory of the person who signed in before."""
        ...


@runtime_checkable
class Accounts(Protocol):
    """The enrolled accounts, which keep their own statuses."""

    async def list(self) -> Sequence[Account]:
        """Return every account, sorted by address."""
        ...

    async def get_by_id(self, account_id: str) -> Account:
        """Return the account of an id; raise AccountNotFoundError."""
        ...

    async def get(self, email: str) -> Account:
        """Return an account; raise AccountNotFoundError."""
        ...

    async def get_enabled(self, email: str) -> Account:
        """Return an enabled account; raise AccountNotFoundError or AccountDisabledError."""
        ...

    async def follow(self, account_id: str, *, object_id: str, directory_id: str) -> Account:
        """Return the account of the person who signed in: this one, or an earlier one whose address changed."""
        ...

    async def signed_in(self, account_id: str, *, object_id: str, directory_id: str) -> None:
        """Record the person who signed in; raise AccountDisabledError if the account is disabled now."""

    async def sign_in_refused(
        self, account_id: str, *, reason: str, object_id: str = "", directory_id: str = ""
    ) -> None:
        """Record a sign-in that was not accepted, and the person if one is known."""

    async def sign_in_link_created(self, account_id: str) -> None:
        """Record a link with which somebody may sign in."""

    async def signed_out(self, account_id: str) -> None:
        """Record that nobody is signed in."""
