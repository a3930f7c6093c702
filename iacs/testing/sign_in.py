"""Sign-ins at the stand-in without a browser: the tokens are stored as a completed sign-in stores them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from iacs.account import Account, AccountService
from iacs.core.config import Config
from iacs.core.exceptions import (
    AccountNotFoundError,
    AmbiguousPartError,
    ConfigurationError,
    NotStartedError,
    UnknownPartError,
)
from iacs.core.oauth_client import TokenSet
from iacs.core.token_service import TokenService
from iacs.sandbox import Sandbox

if TYPE_CHECKING:
    from iacs.runtime import Application, Overlay, Scope

    View = Application[Any] | Overlay | Scope

_SCOPES = "openid profile offline_access User.Read Mail.Read"


async def sign_in(
    accounts: AccountService, token_service: TokenService, sandbox: Sandbox, addresses: Sequence[str]
) -> None:
    """Enrol addresses that are not enrolled, and sign their owners in."""
    for address in addresses:
        account = await _enrolled(accounts, address)
        answer = sandbox.sign_in(address, scopes=_SCOPES)
        await token_service.store(account.id, TokenSet.model_validate(answer))
        ids = {"object_id": sandbox.object_id(address), "directory_id": sandbox.tenant_id}
        await accounts.signed_in(account.id, **ids)


async def _enrolled(accounts: AccountService, address: str) -> Account:
    try:
        return await accounts.get(address)
    except AccountNotFoundError:
        return await accounts.add(address)


def refuse_another_cloud(application: "View", sandbox: Sandbox) -> None:
    """Raise ConfigurationError when the settings of the application name another cloud than the stand-in."""
    try:
        config = application.get(Config)
    except (UnknownPartError, AmbiguousPartError, NotStartedError):
        return  # nothing is known about its settings
    if config.graph_url != sandbox.graph_url:
        raise ConfigurationError(
            [f"the application does not use the stand-in: its graph_url is {config.graph_url}"],
            hint="start it after the fixture cloud, which sets the environment; with a prefix for settings, "
            "set the ini option iacs_env_prefix",
        )
