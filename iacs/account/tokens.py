"""Access tokens of enabled accounts, and errors that name the address."""

from pydantic import SecretStr

from iacs.account.service import AccountService, require_enabled
from iacs.core.exceptions import SignInRequiredError
from iacs.core.logger import Logger
from iacs.core.token_service import TokenService


class AccountTokens:
    """The access tokens of enabled accounts; an account whose grant is lost is marked.

    The token service knows account ids only; addresses and statuses come from the account service.
    """

    def __init__(self, accounts: AccountService, token_service: TokenService, *, logger: Logger) -> None:
        self._accounts = accounts
        self._token_service = token_service
        self._logger = logger

    async def access_token(self, account_id: str) -> SecretStr:
        """Return a token that is valid now.

        Raises AccountDisabledError, SignInRequiredError that names the address, and the other errors of
        TokenService.access_token.
        """
        account = require_enabled(await self._accounts.get_by_id(account_id))
        try:
            return await self._token_service.access_token(account_id)
        except SignInRequiredError as error:
            await self._sign_in_required(account_id, account.email, error)
            raise _with_address(account.email, error) from error

    async def reject(self, account_id: str, access_token: SecretStr, *, claims: str = "") -> None:
        """Never return this token again; raises the errors of TokenService.reject."""
        await self._token_service.reject(account_id, access_token, claims=claims)

    async def _sign_in_required(self, account_id: str, email: str, error: SignInRequiredError) -> None:
        if await self._accounts.sign_in_required(account_id):
            self._logger.warning("sign-in required", account=email, error=error.error, codes=error.codes)
            if await self._token_service.holds(account_id):  # somebody signed in in the meantime
                await self._accounts.sign_in_restored(account_id)


def _with_address(email: str, error: SignInRequiredError) -> SignInRequiredError:
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
