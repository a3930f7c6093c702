"""Sign-ins: what is handed to the person, and what comes back."""

from datetime import datetime
from typing import Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, SecretStr

from iacs.core._oauth.tokens import DeviceCode


class AuthorizationRequest(BaseModel):
    """Where the person's browser goes; `url` holds the state and is for that browser alone."""

    model_config = ConfigDict(frozen=True)

    url: str
    state: SecretStr
    redirect_uri: str
    expires_at: datetime

    def __repr_args__(self) -> list[tuple[str | None, object]]:
        """Leave out the URL, whose query holds state and nonce."""
        return [("redirect_uri", self.redirect_uri), ("expires_at", self.expires_at)]

    def __str__(self) -> str:
        return repr(self)


class AuthorizationCallback(BaseModel):
    """The query of the redirect that ends a sign-in."""

    model_config = ConfigDict(frozen=True)

    state: SecretStr = SecretStr("")
    code: SecretStr | None = None
    error: str = ""
    error_description: str = ""


class DeviceSignIn(BaseModel):
    """A sign-in on another device: the person enters `user_code` at `verification_uri`."""

    model_config = ConfigDict(frozen=True)

    account: str
    user_code: str
    verification_uri: str
    message: str
    expires_in: int
    device: DeviceCode


class SignedIn(BaseModel):
    """Who signed in: the account's address, and the name that the directory has."""

    model_config = ConfigDict(frozen=True)

    account: str
    name: str = ""
    username: str = ""


class Account(Protocol):
    """What a sign-in needs to know of an account."""

    @property
    def id(self) -> str:
        """Name the account in the database."""
        ...

    @property
    def email(self) -> str:
        """Give its address in lower case."""
        ...

    @property
    def tenant_id(self) -> str:
        """Name its tenant; empty: the configured one."""
        ...

    @property
    def status(self) -> str:
        """Say `disabled` when nobody may sign in."""
        ...

    @property
    def object_id(self) -> str | None:
        """Name who signed in before, with `directory_id`."""
        ...

    @property
    def directory_id(self) -> str | None:
        """Name the directory of who signed in before."""
        ...


@runtime_checkable
class Accounts(Protocol):
    """What a sign-in needs of the accounts."""

    async def get(self, email: str) -> Account:
        """Return an account; raise AccountNotFoundError without one."""
        ...

    async def signed_in(self, account_id: str, *, object_id: str, directory_id: str) -> None:
        """Record who signed in."""

    async def signed_out(self, account_id: str) -> None:
        """Record that the tokens are gone."""
