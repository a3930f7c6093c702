"""Access tokens per account: encrypted at rest, renewed once for all tasks and processes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr

from iacs.core._oauth.claims import decode_challenge
from iacs.core._tokens import data_keys, refusals
from iacs.core._tokens import store as token_store
from iacs.core._tokens.grants import Grants
from iacs.core._tokens.renewal import TokenRenewal
from iacs.core._tokens.single_flight import SingleFlight
from iacs.core._tokens.store import StoredToken
from iacs.core.database import Database
from iacs.core.encryption import DataKey, Encryption
from iacs.core.exceptions import DatabaseError, KeyRefusedError, KeyServiceError
from iacs.core.logger import Logger
from iacs.core.oauth_client import Identity, OAuthClient, TokenSet
from iacs.core.transaction import Row

__all__ = ["Grants", "KeyRotation", "TokenService"]


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """How many accounts have their data key wrapped with the current key, and why others have not, by account id."""

    rotated: int
    problems: Mapping[str, str]


class TokenService:
    """The tokens of each account, and an access token that is valid now.

    A renewal is shared by the tasks that wait for it, and by the processes that share the database; the one
    that renews has `lease_seconds` for it. Another process notices a sign-out, or a suspended grant,
    when the token in its memory is due for renewal.

    Grants are identified by the accounts' ids: addresses and statuses belong to the account module.
    """

    def __init__(
        self,
        database: Database,
        oauth_client: OAuthClient,
        encryption: Encryption,
        *,
        logger: Logger,
        grants: Grants | None = None,
        lease_seconds: float = 30.0,
    ) -> None:
        self._database = database
        self._oauth_client = oauth_client
        self._grants = grants or Grants(database)
        self._encryption = encryption
        self._renewal = TokenRenewal(
            database, oauth_client, encryption, logger=logger, lease_seconds=lease_seconds
        )
        self._memory: dict[str, StoredToken] = {}
        self._flights: SingleFlight[StoredToken] = SingleFlight()

    async def store(
        self,
        account_id: str,
        tokens: TokenSet,
        *,
        tenant_id: str = "",
        person: Identity | None = None,
        data_key: DataKey | None = None,
        scopes: str = "",
    ) -> None:
        """Store the tokens of a sign-in at `tenant_id`, the account's, or at the configured tenant.

        They are renewed at the tenant that signed the `person` in, for that person alone, and with the `scopes` that
        the sign-in requested besides those of the settings. The `data_key` is that of
        `new_data_key` for this account; without it, tokens are lost if the key service cannot be reached now.
        """
        context = data_keys.context(account_id)
        if data_key is None or data_key.context != context:  # another one, if the account follows a person
            data_key = await self.new_data_key(account_id)
        row = token_store.new_row(
            account_id, tokens, data_key, tenant_id=tenant_id, person=person, scopes=scopes
        )
        await self._database.run(token_store.write, row, data_key)
        self._forget(account_id)

    async def new_data_key(self, account_id: str) -> DataKey:
        """Return a key to `store` tokens with, to have before they are requested: a code works once."""
        return await self._encryption.new_data_key(data_keys.context(account_id))

    def application_id(self, tenant_id: str = "") -> str:
        """Return the id that stands for an account where the application itself needs a token, in one tenant."""
        return token_store.application_id(self._oauth_client.client_id, tenant_id)

    async def access_token(self, account_id: str, *, tenant_id: str | None = None) -> SecretStr:
        """Return a valid access token: from memory, from the database, or from one renewal.

        A `tenant_id` that is not the one of the sign-in is where the tokens are renewed from now on.

        Raises SignInRequiredError when the person has to sign in again; if it is `kept`, somebody else may lift the
        refusal, and the renewal is tried again after a pause that grows. Raises AuthenticationError for a suspended
        grant; OperatorRequiredError; APIConnectionError, which changes nothing and may be tried again. While the key
        service cannot be reached, a token in memory is returned until it expires.
        """
        held = self._memory.get(account_id)
        if held is not None and held.fresh and not self._grants.suspended_here(account_id):
            return held.access_token
        try:
            current = await self._flights.run(account_id, lambda: self._current(account_id, tenant_id))
        except KeyServiceError:
            remaining = self._memory.get(account_id)  # read again: it may have been rejected, or signed out
            if remaining is None or not remaining.usable or self._grants.suspended_here(account_id):
                raise
            return remaining.access_token
        return current.access_token

    async def retry(self, account_id: str, *, tenant_id: str | None = None) -> SecretStr:
        """Return a valid access token, without a pause after a refused renewal; see `access_token`."""
        self._renewal.end_pause(account_id)
        return await self.access_token(account_id, tenant_id=tenant_id)

    async def renew(self, account_id: str, *, tenant_id: str | None = None) -> None:
        """Renew tokens that are not due yet, which keeps an idle refresh token alive; raises as `access_token` does."""
        await self._renewal.renew(account_id, tenant_id=tenant_id)
        self._memory.pop(account_id, None)

    async def last_renewals(self) -> Mapping[str, datetime]:
        """Return when the tokens of each account were last renewed, or stored by a sign-in, by account id."""
        return await self._database.read(token_store.last_renewals)

    async def claims(self, account_id: str) -> str:
        """Return the claims of refused renewals that the next sign-in has to satisfy; empty for none."""
        return await self._database.read(refusals.claims, account_id)

    async def reject(self, account_id: str, access_token: SecretStr, *, claims: str = "") -> None:
        """Never return this token again; the next renewal includes `claims`, Graph's challenge, if any.

        Raises MalformedResponseError for a challenge that cannot be read.
        """
        self._renewal.reject(account_id, access_token)
        self._memory.pop(account_id, None)
        row = await self._database.run(token_store.read, account_id)
        if row is None or not await self._is_current(row, access_token):
            return  # it was renewed, or deleted, in the meantime
        await self._database.run(token_store.expire, account_id, row["version"])
        if claims:
            decode_challenge(claims)
            self._renewal.challenge(account_id, claims)

    async def delete(self, account_id: str) -> None:
        """Delete an account's tokens."""
        await self._database.run(token_store.delete, account_id)
        self._forget(account_id)

    async def rotate_key(self) -> KeyRotation:
        """Wrap the data keys of all accounts with the current key of the key provider, beside a running service.

        The tokens stay as they are. A data key that is corrupt or was altered, or whose use is refused, is left as it
        is, and named. Raises ConfigurationError when no key unwraps one, and KeyServiceError: what was rotated stays so,
        and a repetition does the rest.
        """
        rotated, problems = 0, dict[str, str]()
        for account_id in await self._database.read(data_keys.account_ids):
            try:
                rotated += await self._rewrap(account_id)
            except (DatabaseError, KeyRefusedError) as error:
                problems[account_id] = str(error)
        return KeyRotation(rotated, problems)

    async def holds(self, account_id: str) -> bool:
        """Return whether an account has tokens that can be read, and whose renewal was not refused."""
        return await self._database.read(refusals.holds, account_id)

    async def serves(self, account_id: str) -> bool:
        """Return whether the database has a valid access token of an account, or tokens whose renewal was not refused.

        A process may have an access token in its memory that another one knows to be rejected.
        """
        return await self._database.read(refusals.serves, account_id)

    async def _is_current(self, row: Row, access_token: SecretStr) -> bool:
        data_key = await data_keys.opened(row, self._encryption)
        return token_store.open_row(row, data_key).access_token == access_token

    async def _rewrap(self, account_id: str) -> bool:
        """Wrap the data key of an account again; return False when it has been deleted."""
        row = await self._database.read(data_keys.read, account_id)
        if row is None:
            return False
        old = data_keys.wrapped(row)
        new = await self._encryption.rewrap(old, context=data_keys.context(account_id))
        await self._database.run(data_keys.replace, account_id, old=old, new=new)
        return True

    async def _current(self, account_id: str, tenant_id: str | None) -> StoredToken:
        """Remember the tokens as soon as they are read: after a later `delete`, a waiting task would keep them."""
        current = await self._renewal.current(account_id, tenant_id=tenant_id)
        self._memory[account_id] = current
        return current

    def _forget(self, account_id: str) -> None:
        self._memory.pop(account_id, None)
        self._renewal.forget(account_id)
