"""The renewal of an account's tokens: in one process at a time, and never more often than Entra ID allows."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta

from pydantic import SecretStr

from iacs.core import clock
from iacs.core._tokens import store as token_store
from iacs.core._tokens.store import StoredToken
from iacs.core.database import Database
from iacs.core.encryption import Encryption
from iacs.core.exceptions import (
    APIConnectionError,
    AuthenticationError,
    SignInRequiredError,
)
from iacs.core.lease import Lease
from iacs.core.logger import Logger
from iacs.core.oauth_client import OAuthClient, TokenSet

_RETRY = 30.0
_LONGEST_PAUSE = 60.0


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
        self._oauth_client = oauth_client
        self._encryption = encryption
        self._logger = logger
        self._lease_seconds = lease_seconds
        # Shorter than the lease: nobody else may begin before this one has given up.
        self._renewal_seconds = lease_seconds * 0.8
        self._rejected: dict[str, SecretStr] = {}
        self._claims: dict[str, str] = {}
        self._pauses: dict[str, tuple[float, APIConnectionError]] = {}

    async def current(self, account_id: str) -> StoredToken:
        """Return tokens that may be used now; raises as TokenService.access_token does."""
        stored = await self._read(account_id)
        return stored if stored.fresh else await self._renewed(stored)

    def reject(self, account_id: str, access_token: SecretStr) -> None:
        """Never return this token again, even if another process stored it."""
        self._rejected[account_id] = access_token

    def challenge(self, account_id: str, claims: str) -> None:
        """Include a challenge of Microsoft Graph in the next renewal."""
        self._claims[account_id] = claims

    def forget(self, account_id: str) -> None:
        """Discard what is known about an account: its tokens were replaced or deleted."""
        for kept in (self._rejected, self._claims, self._pauses):
            kept.pop(account_id, None)

    async def _read(self, account_id: str) -> StoredToken:
        row = await self._database.run(token_store.read, account_id)
        if row is None:
            raise SignInRequiredError("there are no tokens for this account", error="login_required")
        stored = token_store.open_row(row, self._encryption)
        if stored.suspended:
            raise AuthenticationError("the tokens of this account are suspended", hint="enable the account")
        if self._is_rejected(stored):
            past = clock.now() - timedelta(seconds=1)
            return replace(stored, expires_at=past, refresh_at=past)
        return stored

    def _is_rejected(self, stored: StoredToken) -> bool:
        return stored.access_token == self._rejected.get(stored.account_id)

    def _may_serve(self, stored: StoredToken) -> bool:
        """Return whether a token due for renewal may still be used; it may have been rejected meanwhile."""
        return stored.usable and not self._is_rejected(stored)

    async def _renewed(self, stored: StoredToken) -> StoredToken:
        lease = Lease(self._database, f"token:{stored.account_id}", seconds=self._lease_seconds)
        if not await lease.acquire(timeout=0 if stored.usable else 2 * self._lease_seconds):
            return self._while_others_renew(stored)
        try:
            return await self._renew_alone(stored.account_id)
        except APIConnectionError as error:
            if not self._may_serve(stored):
                raise
            self._logger.warning("token renewal failed, token still valid", account_id=stored.account_id)
            return _due_later(stored, error.retry_after or _RETRY)
        finally:
            await lease.release()

    def _while_others_renew(self, stored: StoredToken) -> StoredToken:
        if not self._may_serve(stored):
            raise APIConnectionError(
                "another process has been renewing the tokens of this account for too long",
                hint="try again later",
            )
        return _due_later(stored, 1)

    async def _renew_alone(self, account_id: str) -> StoredToken:
        """Renew what is stored, unless the previous holder of the lease has done so."""
        while True:
            stored = await self._read(account_id)
            if stored.fresh:
                return stored
            self._check_pause(account_id)
            if await self._refresh(stored):
                return await self._fresh(account_id)

    async def _fresh(self, account_id: str) -> StoredToken:
        stored = await self._read(account_id)
        if self._is_rejected(stored):
            raise AuthenticationError(
                "Entra ID answered with the very token that Microsoft Graph has refused",
                hint="try again later, or sign in again",
            )
        return stored

    async def _refresh(self, stored: StoredToken) -> bool:
        """Request new tokens and store them; return False if the row has changed meanwhile, which takes precedence."""
        try:
            tokens = await self._request(stored)
        except SignInRequiredError:
            if not await self._database.run(token_store.end, stored.account_id, stored.version):
                return False
            self.forget(stored.account_id)
            raise
        if tokens.refresh_token is None:
            tokens = tokens.model_copy(update={"refresh_token": stored.refresh_token})
        row = token_store.new_row(
            stored.account_id,
            tokens,
            self._encryption,
            tenant_id=stored.tenant_id,
            replaces=stored.version,
        )
        kept = await self._database.run(token_store.replace, row)
        if kept:
            self._claims.pop(stored.account_id, None)
        self._logger.info(
            "tokens renewed", account_id=stored.account_id, kept=kept, expires_at=row["expires_at"]
        )
        return kept

    async def _request(self, stored: StoredToken) -> TokenSet:
        if stored.refresh_token is None:
            raise SignInRequiredError(
                "there is no refresh token", error="login_required", hint="add offline_access to AZURE_SCOPES"
            )
        claims = self._claims.get(stored.account_id, "")
        try:
            async with asyncio.timeout(self._renewal_seconds):
                return await self._oauth_client.refresh(
                    stored.refresh_token, tenant_id=stored.tenant_id, claims=claims
                )
        except TimeoutError:
            raise APIConnectionError(
                f"Entra ID did not renew the tokens within {self._renewal_seconds:g} seconds",
                hint="try again later",
            ) from None
        except APIConnectionError as error:
            if error.retry_after:
                pause = min(error.retry_after, _LONGEST_PAUSE)
                self._pauses[stored.account_id] = (time.monotonic() + pause, error)
            raise

    def _check_pause(self, account_id: str) -> None:
        """Raise APIConnectionError during the pause that Entra ID asked for: requests would extend it."""
        until, error = self._pauses.get(account_id, (0.0, None))
        left = until - time.monotonic()
        if error is not None and left > 0:
            raise APIConnectionError(str(error), status=error.status, retry_after=left, hint=error.hint)
        self._pauses.pop(account_id, None)


def _due_later(stored: StoredToken, seconds: float) -> StoredToken:
    return replace(stored, refresh_at=min(stored.expires_at, clock.now() + timedelta(seconds=seconds)))
