"""The rows of the table `tokens`: each replaces only what its writer has read, counted by `version`."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import SecretStr

from iacs.core import clock
from iacs.core._oauth.tokens import TokenSet
from iacs.core.encryption import Encryption
from iacs.core.transaction import Transaction

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

_NEVER = "0001-01-01T00:00:00.000000Z"

_READ = """
    SELECT t.*, a.email, a.status FROM iacs_tokens t LEFT JOIN iacs_accounts a ON a.id = t.account_id
    WHERE t.account_id = :account_id
"""
# A first version is drawn from the clock, so that a row deleted and written anew repeats none.
_WRITE = """
    INSERT INTO iacs_tokens (account_id, secret, scope, expires_at, refresh_at, version, updated_at)
    VALUES (:account_id, :secret, :scope, :expires_at, :refresh_at, :version, :updated_at)
    ON CONFLICT (account_id) DO UPDATE SET secret = excluded.secret, scope = excluded.scope,
        expires_at = excluded.expires_at, refresh_at = excluded.refresh_at,
        version = iacs_tokens.version + 1, updated_at = excluded.updated_at
"""
_REPLACE = """
    UPDATE iacs_tokens SET secret = :secret, scope = :scope, expires_at = :expires_at, refresh_at = :refresh_at,
        version = version + 1, updated_at = :updated_at
    WHERE account_id = :account_id AND version = :version
"""
_EXPIRE = """
    UPDATE iacs_tokens SET expires_at = :never, refresh_at = :never
    WHERE account_id = :account_id AND version = :version
"""
_SET_STATUS = """
    UPDATE iacs_accounts SET status = :status, updated_at = :now WHERE id = :account_id AND status IN ({})
"""
_SIGNED_IN = _SET_STATUS.format("'sign_in_required'")
_SIGN_IN_REQUIRED = _SET_STATUS.format("'enrolled', 'active'")


@dataclass(frozen=True, slots=True)
class StoredToken:
    """One account's tokens; to be renewed from `refresh_at` on, useless from `expires_at` on."""

    account_id: str
    account: str  # its address, or the id where the address is not known
    disabled: bool
    tenant_id: str
    access_token: SecretStr
    refresh_token: SecretStr | None
    expires_at: datetime
    refresh_at: datetime
    version: int

    @property
    def fresh(self) -> bool:
        """Tell whether it need not be renewed yet."""
        return clock.now() < self.refresh_at

    @property
    def usable(self) -> bool:
        """Tell whether it has not expired."""
        return clock.now() < self.expires_at


def context(account_id: str) -> str:
    """Return what an account's secret is bound to."""
    return f"tokens:{account_id}"


def open_row(row: "RowMapping", encryption: Encryption) -> StoredToken:
    """Decrypt a row that `read` returned."""
    secret = json.loads(encryption.decrypt(row["secret"], context=context(row["account_id"])))
    refresh_token = secret["refresh_token"]
    return StoredToken(
        account_id=row["account_id"],
        account=row["email"] or row["account_id"],
        disabled=row["status"] == "disabled",
        tenant_id=secret["tenant_id"],
        access_token=SecretStr(secret["access_token"]),
        refresh_token=SecretStr(refresh_token) if refresh_token else None,
        expires_at=clock.from_text(row["expires_at"]),
        refresh_at=clock.from_text(row["refresh_at"]),
        version=row["version"],
    )


def new_row(
    account_id: str, tokens: TokenSet, encryption: Encryption, *, tenant_id: str, version: int | None = None
) -> dict[str, object]:
    """Return the parameters of `write` and `replace`.

    Without Entra's word on it, the last tenth of the lifetime, five minutes at most, is for renewing.
    """
    now = clock.now()
    early = tokens.refresh_in or tokens.expires_in - min(300, tokens.expires_in / 10)
    secret = {
        "access_token": tokens.access_token.get_secret_value(),
        "refresh_token": tokens.refresh_token.get_secret_value() if tokens.refresh_token else None,
        "tenant_id": tenant_id,
    }
    return {
        "account_id": account_id,
        "secret": encryption.encrypt(json.dumps(secret), context=context(account_id)),
        "scope": tokens.scope,
        "expires_at": clock.to_text(now + timedelta(seconds=tokens.expires_in)),
        "refresh_at": clock.to_text(now + timedelta(seconds=min(early, tokens.expires_in))),
        "version": version if version is not None else int(now.timestamp() * 1_000_000),
        "updated_at": clock.to_text(now),
    }


def read(tx: Transaction, account_id: str) -> "RowMapping | None":
    """Return an account's row, with the account's address and status."""
    return tx.row(_READ, {"account_id": account_id})


def read_address(tx: Transaction, account_id: str) -> str:
    """Return an account's address; its id where the address is not known."""
    email = tx.value("SELECT email FROM iacs_accounts WHERE id = :account_id", {"account_id": account_id})
    return str(email or account_id)


def standing(tx: Transaction) -> dict[str, int]:
    """Return how many accounts have each status."""
    rows = tx.rows("SELECT status, count(*) AS number FROM iacs_accounts GROUP BY status ORDER BY status")
    return {row["status"]: row["number"] for row in rows}


def write(tx: Transaction, row: dict[str, object]) -> None:
    """Keep the tokens of a sign-in, whatever was there before."""
    tx.execute(_WRITE, row)
    now = row["updated_at"]
    tx.execute(_SIGNED_IN, {"account_id": row["account_id"], "status": "active", "now": now})


def replace(tx: Transaction, row: dict[str, object]) -> bool:
    """Keep renewed tokens; False when the row is not any more what was renewed."""
    return tx.execute(_REPLACE, row) == 1


def expire(tx: Transaction, account_id: str, version: int) -> None:
    """Let nobody use the access token again; a renewal under way still finds its version."""
    tx.execute(_EXPIRE, {"account_id": account_id, "version": version, "never": _NEVER})


def end(tx: Transaction, account_id: str, version: int) -> bool:
    """Drop tokens that only a sign-in can follow, and say so on the account; False when they are not current."""
    if not tx.execute(
        "DELETE FROM iacs_tokens WHERE account_id = :account_id AND version = :version",
        {"account_id": account_id, "version": version},
    ):
        return False
    now = clock.to_text(clock.now())
    tx.execute(_SIGN_IN_REQUIRED, {"account_id": account_id, "status": "sign_in_required", "now": now})
    return True


def delete(tx: Transaction, account_id: str) -> None:
    """Forget an account's tokens."""
    tx.execute("DELETE FROM iacs_tokens WHERE account_id = :account_id", {"account_id": account_id})
