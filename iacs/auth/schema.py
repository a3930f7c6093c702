"""Requests and results of sign-ins.

The models are built on first use: a container imports them to name the service.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, SecretStr

from iacs.core.oauth_client import DeviceCode


class AuthorizationRequest(BaseModel):
    """A sign-in in a browser; `url` contains the state and must reach only that browser."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    url: str
    state: SecretStr
    redirect_uri: str
    expires_at: datetime

    def __repr_args__(self) -> list[tuple[str | None, object]]:
        """Leave out the URL, which contains state and nonce."""
        return [("redirect_uri", self.redirect_uri), ("expires_at", self.expires_at)]

    def __str__(self) -> str:
        return repr(self)


class AuthorizationCallback(BaseModel):
    """The query of the redirect that ends a sign-in."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    state: SecretStr = SecretStr("")
    code: SecretStr | None = None
    error: str = ""
    error_description: str = ""


class DeviceSignIn(BaseModel):
    """A sign-in on another device: the person enters `user_code` at `verification_uri`."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    account: str
    user_code: str
    verification_uri: str
    message: str
    expires_in: int
    device: DeviceCode


class SignedIn(BaseModel):
    """The result of a sign-in: the account's address, and the person's names in the directory.

    `warning` says why the sign-in will not last; it is empty if it will.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    account: str
    name: str = ""
    username: str = ""
    warning: str = ""
