"""Reconnect links: an operator sends one to a person, who signs in with it and sees no other account."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urljoin

from iacs.auth import repository
from iacs.auth.collaborators import Account, Accounts
from iacs.auth.person import require_person
from iacs.auth.session import hash_secret
from iacs.core import clock
from iacs.core.database import Database
from iacs.core.exceptions import SignInExpiredError
from iacs.core.logger import Logger
from iacs.core.transaction import Row


@dataclass(frozen=True, slots=True)
class ReconnectLink:
    """A link for the person of one account; whoever has `url` may try to sign in there."""

    account: str
    url: str = field(repr=False)
    expires_at: datetime


class ReconnectLinks:
    """The reconnect links, of which the database has hashes only; any process may answer one.

    A link belongs to the first browser that signs in with it, where it can be used until that succeeds. The pages are
    beside `redirect_uri`.
    """

    def __init__(self, database: Database, accounts: Accounts, *, redirect_uri: str, logger: Logger) -> None:
        self._database = database
        self._accounts = accounts
        self._base = urljoin(redirect_uri, ".")
        self._logger = logger

    async def create(self, email: str, *, hours: float = 24.0) -> ReconnectLink:
        """Return a new link for an enabled account to which people sign in; raise AccountError for any other."""
        account = require_person(await self._accounts.get_enabled(email))
        secret = secrets.token_urlsafe(32)
        now = clock.now()
        expires_at = now + timedelta(hours=hours)
        row = {
            "link_hash": hash_secret(secret),
            "account_id": account.id,
            "created_at": clock.to_text(now),
            "expires_at": clock.to_text(expires_at),
        }
        # The record comes first: a link without one would be worse than a record without a link.
        await self._accounts.sign_in_link_created(account.id)
        await self._database.run(repository.add_link, row)
        self._logger.info("reconnect link created", account=account.email, expires_at=row["expires_at"])
        return ReconnectLink(account.email, f"{self._base}reconnect?link={secret}", expires_at)

    async def account(self, secret: str, *, browser: str) -> Account:
        """Return the account of a link, without using it; raise SignInExpiredError."""
        row = await self._database.read(repository.read_link, _values(secret, browser))
        return await self._account(row)

    async def use(self, secret: str, *, browser: str) -> Account:
        """Reserve a link for a browser and return its account; raise SignInExpiredError."""
        row = await self._database.run(repository.use_link, _values(secret, browser))
        return await self._account(row)

    async def end(self, secret: str) -> None:
        """Delete a link that has led to a sign-in."""
        await self._database.run(repository.delete_link, hash_secret(secret))

    async def _account(self, row: Row | None) -> Account:
        if row is None:
            raise SignInExpiredError(
                "the reconnect link is not valid: it has expired, or was used already",
                hint="make another one with: iacs auth link EMAIL",
            )
        return await self._accounts.get_by_id(row["account_id"])


def _values(secret: str, browser: str) -> dict[str, str]:
    now = clock.to_text(clock.now())
    return {"link_hash": hash_secret(secret), "browser_hash": hash_secret(browser), "now": now}
