"""The renewal of an account's tokens: in one process at a time, and never more often than Entra ID allows."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from pydantic import SecretStr

from iacs.core import clock
from iacs.core._oauth.errors import ends_grant
from iacs.core._tokens import data_keys, refusals
from iacs.core._tokens import store as token_store
from iacs.core._tokens.pauses import NotRenewedError, Pauses
from iacs.core._tokens.requests import TokenRequests
from iacs.core._tokens.store import StoredToken
from iacs.core.database import Database
from iacs.core.encryption import DataKey, Encryption
from iacs.core.exceptions import (
    APIConnectionError,
    AuthenticationError,
    ConfigurationError,
    DatabaseError,
    SignInRequiredError,
)
from iacs.core.lease import Lease
from iacs.core.logger import Logger
from iacs.core.oauth_client import OAuthClient
from iacs.core.transaction import Row

_RETRY = 30.0


class _TokensKeptError(Exception):
    """Entra ID did not renew the tokens, which are kept; never leaves this module."""

    def __init__(self, error: NotRenewedError) -> None:
        self.error = error
        super().__init__(str(error))


class TokenRenewal:
    """The stored tokens of the accounts, renewed when they are due.

    The process that renews holds the account's lease for `lease_seconds`; the others wait and read what it wrote.
    """

    def __init__(
        self,
        database: Database,
        oauth_client: OAuthClient,
        encryption: Encryption,
        *,
        logger: Logger,
        lease_seconds: float,
    ) -> None:
        self._database = database
        self._requests = TokenRequests(oauth_client)
        self._encryption = encryption
        self._logger = logger
        self._lease_seconds = lease_seconds
        # Shorter than the lease: nobody else may begin before this one has given up.
        self._renewal_seconds = lease_seconds * 0.8
        self._rejected: dict[str, SecretStr] = {}
        self._claims: dict[str, str] = {}
        self._pauses = Pauses()

    async def current(self, account_id: str, *, tenant_id: str | None = None) -> StoredToken:
        """Return tokens that may be used now; parameters and errors are those of TokenService.access_token."""
        stored = await self._read(account_id)
        if stored.fresh:
            return stored
        if stored.refresh_token is None and not stored.is_application and self._may_serve(stored):
            return replace(stored, refresh_at=stored.expires_at)
        return await self._renewed(stored, tenant_id)

    async def renew(self, account_id: str, *, tenant_id: str | None = None) -> StoredToken:
        """Renew tokens that may not be due; raises as `current` does, also while the access token is valid."""
        stored = await self._read(account_id)
        return await self._renewed(stored, tenant_id, forced=stored.version)

    def reject(self, account_id: str, access_token: SecretStr) -> None:
        """Never return this token again, even if another process stored it."""
        self._rejected[account_id] = access_token

    def challenge(self, account_id: str, claims: str) -> None:
        """Include a challenge of Microsoft Graph in the next renewal."""
        self._claims[account_id] = claims

    def end_pause(self, account_id: str) -> None:
        """Request the next renewal without waiting for the end of a pause."""
        self._pauses.forget(account_id)

    def forget(self, account_id: str) -> None:
        """Discard what is known about an account: its tokens were replaced or deleted."""
        self._pauses.forget(account_id)
        self._rejected.pop(account_id, None)
        self._claims.pop(account_id, None)

    async def _read(self, account_id: str) -> StoredToken:
        row = await self._database.run(token_store.read, account_id)
        if token_store.is_application(account_id):
            stored = await self._open_application(account_id, row)
        elif row is None:
            raise SignInRequiredError("there are no tokens for this account", error="login_required")
        else:
            stored = token_store.open_row(row, await data_keys.opened(row, self._encryption))
        if stored.suspended:
            raise AuthenticationError("the tokens of this account are suspended", hint="enable the account")
        if self._is_rejected(stored):
            past = clock.now() - timedelta(seconds=1)
            return replace(stored, expires_at=past, refresh_at=past)
        return stored

    async def _open_application(self, account_id: str, row: Row | None) -> StoredToken:
        """Return the tokens of an application; those that cannot be read are replaced, which costs nothing."""
        if row is None:
            return StoredToken.missing(account_id)
        try:
            return token_store.open_row(row, await data_keys.opened(row, self._encryption))
        except (DatabaseError, ConfigurationError, SignInRequiredError):
            return StoredToken.missing(account_id, version=row["version"])

    def _is_rejected(self, stored: StoredToken) -> bool:
        return stored.access_token == self._rejected.get(stored.account_id)

    def _may_serve(self, stored: StoredToken) -> bool:
        """Return whether a token due for renewal may still be used; it may have been rejected meanwhile."""
        return stored.usable and not self._is_rejected(stored)

    async def _renewed(
        self, stored: StoredToken, tenant_id: str | None, *, forced: int | None = None
    ) -> StoredToken:
        """Renew tokens once for all processes, also fresh ones of the version `forced`."""
        lease = Lease(self._database, f"token:{stored.account_id}", seconds=self._lease_seconds)
        if not await lease.acquire(timeout=0 if stored.usable else 2 * self._lease_seconds):
            return self._while_others_renew(stored)
        try:
            return await self._renew_alone(stored.account_id, tenant_id, forced)
        except _TokensKeptError as kept:
            if forced is not None or not self._may_serve(stored):
                raise kept.error from kept.error.__cause__
            self._logger.warning(
                "token renewal failed, token still valid", account_id=stored.account_id, reason=str(kept)
            )
            return _due_later(stored, self._pauses.seconds_left(stored) or _RETRY)
        finally:
            await lease.release()

    def _while_others_renew(self, stored: StoredToken) -> StoredToken:
        if not self._may_serve(stored):
            raise APIConnectionError(
                "another process has been renewing the tokens of this account for too long",
                hint="try again later",
            )
        return _due_later(stored, 1)

    async def _renew_alone(self, account_id: str, tenant_id: str | None, forced: int | None) -> StoredToken:
        """Renew what is stored, unless the previous holder of the lease has done so."""
        until = asyncio.get_running_loop().time() + self._renewal_seconds
        while True:
            stored = await self._read(account_id)
            if stored.fresh and stored.version != forced:
                return stored
            if error := self._pauses.error(stored):
                raise _TokensKeptError(error)
            if await self._refresh(stored, tenant_id, until=until):
                return await self._fresh(account_id)

    async def _fresh(self, account_id: str) -> StoredToken:
        stored = await self._read(account_id)
        if self._is_rejected(stored):
            raise AuthenticationError(
                "Entra ID answered with the very token that Microsoft Graph has refused",
                hint="try again later, or sign in again",
            )
        return stored

    async def _refresh(self, stored: StoredToken, tenant_id: str | None, *, until: float) -> bool:
        """Request new tokens and store them; return False if the row has changed meanwhile, which takes precedence."""
        try:
            async with asyncio.timeout_at(until):
                data_key = await self._data_key(stored)  # first: new tokens that cannot be stored are lost
                tokens = await self._requests.new_tokens(
                    stored, tenant_id=tenant_id, claims=self._claims.get(stored.account_id, "")
                )
        except TimeoutError:
            raise _TokensKeptError(
                APIConnectionError(
                    f"Entra ID did not renew the tokens within {self._renewal_seconds:g} seconds",
                    hint="try again later",
                )
            ) from None
        except SignInRequiredError as error:
            return await self._refused(stored, error)
        except (APIConnectionError, AuthenticationError) as error:
            self._pauses.add(stored, error)
            raise _TokensKeptError(error) from error
        row = token_store.new_row(
            stored.account_id,
            tokens,
            data_key,
            tenant_id=stored.tenant_id if tenant_id is None else tenant_id,
            person=stored.person,
            scopes=stored.scopes,
            replaces=stored.version,
        )
        new_key = data_key if stored.wrapped_key is None else None
        kept = await self._database.run(token_store.replace, row, new_key)
        if kept:
            self._claims.pop(stored.account_id, None)
        self._logger.info(
            "tokens renewed", account_id=stored.account_id, kept=kept, expires_at=row["expires_at"]
        )
        return kept

    async def _data_key(self, stored: StoredToken) -> DataKey:
        """Return the key that encrypts the tokens: a new one for an application's first tokens."""
        context = data_keys.context(stored.account_id)
        if stored.wrapped_key is None:
            return await self._encryption.new_data_key(context)
        return await self._encryption.open_data_key(stored.wrapped_key, context=context)

    async def _refused(self, stored: StoredToken, error: SignInRequiredError) -> bool:
        """Keep tokens that somebody may make renewable again; return False if they are not current."""
        ends = stored.refresh_token is None or ends_grant(error)
        claims = error.claims or self._claims.get(stored.account_id, "")
        if not await self._database.run(
            refusals.record, stored.account_id, stored.version, claims=claims, ends=ends
        ):
            return False
        if ends:
            self.forget(stored.account_id)
            raise error
        error.kept = True
        self._pauses.add(stored, error)
        raise _TokensKeptError(error) from error


def _due_later(stored: StoredToken, seconds: float) -> StoredToken:
    return replace(stored, refresh_at=min(stored.expires_at, clock.now() + timedelta(seconds=seconds)))
