"""Access tokens for the accounts that may have one, and errors that name the person."""

from pydantic import SecretStr

from iacs.account.service import AccountService, require_enabled
from iacs.core.exceptions import SignInRequiredError
from iacs.core.logger import Logger
from iacs.core.token_service import TokenService


class AccountTokens:
    """The access tokens of enabled accounts; an account whose tokens are lost has to sign in again.

    Only this class uses both accounts and tokens: the token service has neither addresses nor statuses.
    """

    def __init__(self, accounts: AccountService, token_service: TokenService, *, logger: Logger) -> None:
        self._accounts = accounts
        self._token_service = token_service
        self._logger = logger

    async def access_token(self, account_id: str) -> SecretStr:
        """Return a token that is valid now.

        Raises AccountDisabledError, SignInRequiredError with the address and the command that helps, and
        whatever else TokenService.access_token does.
        """
        account = require_enabled(await self._accounts.get_by_id(account_id))
        try:
            return await self._token_service.access_token(account_id)
        except SignInRequiredError as error:
            await self._sign_in_required(account_id, account.email, error)
            raise _for(account.email, error) from error

    async def reject(self, account_id: str, access_token: SecretStr, *, claims: str = "") -> None:
        """Never hand out this token again; raises as TokenService.reject does."""
        await self._token_service.reject(account_id, access_token, claims=claims)

    async def _sign_in_required(self, account_id: str, email: str, error: SignInRequiredError) -> None:
        if await self._accounts.sign_in_required(account_id):
            self._logger.warning("sign-in required", account=email, error=error.error, codes=error.codes)
            if await self._token_service.holds(account_id):  # the person has signed in meanwhile
                await self._accounts.sign_in_restored(account_id)


def _for(email: str, error: SignInRequiredError) -> SignInRequiredError:
    return SignInRequiredError(
        f"{email} is not signed in: {error}",
        hint="; ".join(filter(None, (error.hint, f"sign in with: iacs auth login {email}"))),
        error=error.error,
        suberror=error.suberror,
        codes=error.codes,
        claims=error.claims,
        trace_id=error.trace_id,
        correlation_id=error.correlation_id,
    )
