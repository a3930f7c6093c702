"""Access tokens of enabled accounts, and errors that name the address."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar
from zlib import crc32

from pydantic import SecretStr

from iacs.account.publisher import AccountPublisher
from iacs.account.schema import Access, Account
from iacs.account.service import AccountService, require_enabled
from iacs.core import clock
from iacs.core.exceptions import (
    AccountError,
    APIConnectionError,
    AuthenticationError,
    IACSGraphError,
    SignInRequiredError,
)
from iacs.core.logger import Logger
from iacs.core.token_service import KeyRotation, TokenService

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Grant:
    """What opens a mailbox: the id that its tokens are stored under, and the account whose person signs in."""

    id: str
    holder: Account


class AccountTokens:
    """The access tokens of enabled accounts; an account whose grant is lost is marked.

    A shared mailbox is opened with the grant of another account, and one with access by the application with the
    application's own. The token service knows ids only; addresses and statuses come from the account service.
    """

    def __init__(
        self,
        accounts: AccountService,
        token_service: TokenService,
        *,
        publisher: AccountPublisher | None = None,
        logger: Logger,
    ) -> None:
        self._accounts = accounts
        self._token_service = token_service
        self._publisher = publisher
        self._logger = logger

    async def access_token(self, account_id: str) -> SecretStr:
        """Return a token that is valid now.

        Raises AccountDisabledError, SignInRequiredError that names the address, AccountError if the account that opens
        a shared mailbox cannot, and the other errors of TokenService.access_token.
        """
        account = require_enabled(await self._accounts.get_by_id(account_id))
        return await self._token(account, self._token_service.access_token)

    async def retry(self, email: str) -> None:
        """Renew the tokens of an account without the pause after a refusal; raises the errors of `access_token`."""
        await self._token(await self._accounts.get_enabled(email), self._token_service.retry)

    async def keep_alive(self, *, idle_days: float = 30.0) -> Mapping[str, IACSGraphError | None]:
        """Renew grants that nobody used; return the error of each that was due, or None, by address.

        An account is due after between half of `idle_days` and all of them, always the same for one account: those
        that were enrolled together are renewed on different days. Events that could not be published before are
        published at the end.
        """
        last = await self._token_service.last_renewals()
        outcomes: dict[str, IACSGraphError | None] = {}
        for account in await self._accounts.list():
            idle = timedelta(days=idle_days * _share(account.id))
            if (
                account.id not in last
                or account.status == "disabled"
                or clock.now() - last[account.id] < idle
            ):
                continue
            try:
                await self._token(account, self._token_service.renew)
            except (AuthenticationError, APIConnectionError) as error:
                outcomes[account.email] = error
            else:
                outcomes[account.email] = None
        if self._publisher is not None:
            await self._publisher.publish()
        return outcomes

    async def rotate_key(self) -> KeyRotation:
        """Encrypt the data keys of all accounts as TokenService.rotate_key does; audit events record begin and end."""
        operation_id = await self._accounts.key_rotation_started()
        try:
            done = await self._token_service.rotate_key()
        except IACSGraphError as error:
            await self._accounts.key_rotation_ended(operation_id, reason=error.code)
            raise
        await self._accounts.key_rotation_ended(operation_id, rotated=done.rotated, failed=len(done.problems))
        return done

    async def reject(self, account_id: str, access_token: SecretStr, *, claims: str = "") -> None:
        """Never return this token again; raises the errors of TokenService.reject."""
        grant = await self._grant(await self._accounts.get_by_id(account_id))
        await self._token_service.reject(grant.id, access_token, claims=claims)

    async def _grant(self, account: Account) -> _Grant:
        match account.access:
            case Access.APPLICATION:
                return _Grant(self._token_service.application_id(account.tenant_id), account)
            case Access.SHARED:
                holder = await self._holder(account)
                return _Grant(holder.id, holder)
        return _Grant(account.id, account)

    async def _holder(self, account: Account) -> Account:
        """Return the enabled account that opens a shared mailbox; raise AccountError."""
        try:
            holder = await self._accounts.get_enabled(account.via)
        except AccountError as error:
            raise AccountError(f"{account.email} cannot be opened: {error}", hint=error.hint) from error
        if holder.access is not Access.DELEGATED:
            raise AccountError(
                f"{account.email} is opened by {holder.email}, for which nobody signs in",
                hint="set via in the enrolment to an account with access: delegated",
            )
        return holder

    async def _token(self, account: Account, request: Callable[..., Awaitable[T]]) -> T:
        grant = await self._grant(account)
        try:
            result = await request(grant.id, tenant_id=grant.holder.tenant_id)
        except SignInRequiredError as error:
            await self._sign_in_required(grant.holder, error)
            raise _with_address(grant.holder.email, error) from error
        # The token may be one in the memory of this process that another one knows to be rejected.
        if grant.holder.status == "sign_in_required" and await self._token_service.serves(grant.id):
            await self._recovered(grant.holder)
        if account.access is not Access.DELEGATED and account.status == "enrolled":
            await self._accounts.opened(account.id)
        return result

    async def _sign_in_required(self, account: Account, error: SignInRequiredError) -> None:
        if await self._token_service.holds(account.id):
            return  # somebody signed in in the meantime
        if not await self._accounts.sign_in_required(account.id, error):
            return
        self._logger.warning("sign-in required", account=account.email, error=error.error, codes=error.codes)
        if await self._token_service.holds(account.id):  # somebody signed in just now
            await self._recovered(account)

    async def _recovered(self, account: Account) -> None:
        if await self._accounts.sign_in_restored(account.id):
            self._logger.info("account recovered", account=account.email)


def _share(account_id: str) -> float:
    """Return a number from 0.5 to 1 that depends on the account alone."""
    return 0.5 + crc32(account_id.encode()) / 2**33


def _with_address(email: str, error: SignInRequiredError) -> SignInRequiredError:
    problem = "has no access for now" if error.kept else "is not signed in"
    remedy = f"sign in with: iacs auth login {email}"
    if error.kept:
        remedy = f"when that is done: iacs auth retry {email}; or {remedy}"
    named = SignInRequiredError(
        f"{email} {problem}: {error}",
        hint="; ".join(filter(None, (error.hint, remedy))),
        **error.details(),
    )
    named.kept = error.kept
    return named
