"""The rows of `iacs_tokens`: a renewal replaces only the `version` that it has read."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from pydantic import SecretStr

from iacs.core import clock
from iacs.core._oauth.tokens import Identity, TokenSet
from iacs.core._tokens import data_keys, refusals
from iacs.core.encryption import DataKey
from iacs.core.exceptions import DatabaseError
from iacs.core.key_provider import WrappedKey
from iacs.core.transaction import Row, Transaction

_NEVER = "0001-01-01T00:00:00.000000Z"

# The version of a sign-in is the time, so that a row that is deleted and written again repeats none.
_ROW = """
    INSERT INTO iacs_tokens (account_id, secret, scope, expires_at, refresh_at, version, updated_at)
    VALUES (:account_id, :secret, :scope, :expires_at, :refresh_at, :version, :updated_at)
    ON CONFLICT (account_id)
"""
_INSERT = f"{_ROW} DO NOTHING"
_WRITE = f"""
    {_ROW} DO UPDATE SET secret = excluded.secret, scope = excluded.scope,
        expires_at = excluded.expires_at, refresh_at = excluded.refresh_at,
        version = excluded.version, updated_at = excluded.updated_at, suspended = FALSE
"""
_REPLACE = """
    UPDATE iacs_tokens SET secret = :secret, scope = :scope, expires_at = :expires_at, refresh_at = :refresh_at,
        version = :version, updated_at = :updated_at
    WHERE account_id = :account_id AND version = :version - 1
"""
_EXPIRE = """
    UPDATE iacs_tokens SET expires_at = :never, refresh_at = :never
    WHERE account_id = :account_id AND version = :version
"""
_READ = """
    SELECT t.*, k.wrapped_key, k.wrapping_key_id
    FROM iacs_tokens t LEFT JOIN iacs_data_keys k ON k.account_id = t.account_id
    WHERE t.account_id = :account_id
"""
_SUSPEND = "UPDATE iacs_tokens SET suspended = :suspended WHERE account_id = :account_id"


@dataclass(frozen=True, slots=True)
class StoredToken:
    """One account's tokens; due for renewal at `refresh_at`, expired at `expires_at`.

    They are those of `person`, who signed in at the tenant `directory_id`; `tenant_id` is the account's at that time.
    `scopes` were requested besides those of the settings.
    """

    account_id: str
    wrapped_key: WrappedKey | None
    suspended: bool
    tenant_id: str
    person: Identity | None
    scopes: str
    access_token: SecretStr
    refresh_token: SecretStr | None
    expires_at: datetime
    refresh_at: datetime
    version: int

    @classmethod
    def missing(cls, account_id: str, *, version: int = 0) -> Self:
        """Return what an application has that requested no token yet, or none that can be read."""
        past = datetime.min.replace(tzinfo=UTC)
        return cls(account_id, None, False, "", None, "", SecretStr(""), None, past, past, version)

    @property
    def is_application(self) -> bool:
        """Whether they are those of the application itself, which has no refresh token."""
        return is_application(self.account_id)

    @property
    def fresh(self) -> bool:
        """Whether it is not due for renewal."""
        return clock.now() < self.refresh_at

    @property
    def usable(self) -> bool:
        """Whether it has not expired."""
        return clock.now() < self.expires_at


def application_id(client_id: str, tenant_id: str) -> str:
    """Return the id under which the tokens of an application in a tenant are stored."""
    return f"application:{client_id}:{tenant_id}"


def is_application(account_id: str) -> bool:
    """Return whether an id is that of an application."""
    return account_id.startswith("application:")


def open_row(row: Row, data_key: DataKey) -> StoredToken:
    """Decrypt a row that `read` returned; raise DatabaseError when it is not as it was written."""
    secret = json.loads(data_key.decrypt(row["secret"]))
    times = (row["expires_at"], row["refresh_at"])
    if row["version"] != secret["version"] or times not in ((_NEVER, _NEVER), tuple(secret["times"])):
        raise DatabaseError(
            f"the tokens of account {row['account_id']} were altered outside iacs: "
            "their secret is that of another version, or their expiry was changed",
            hint="sign out and sign in again",
        )
    refresh_token = secret["refresh_token"]
    return StoredToken(
        account_id=row["account_id"],
        wrapped_key=data_key.wrapped,
        suspended=bool(row["suspended"]),
        tenant_id=secret["tenant_id"],
        person=Identity(**secret["person"]) if secret["person"] else None,
        scopes=secret["scopes"],
        access_token=SecretStr(secret["access_token"]),
        refresh_token=SecretStr(refresh_token) if refresh_token else None,
        expires_at=clock.from_text(row["expires_at"]),
        refresh_at=clock.from_text(row["refresh_at"]),
        version=row["version"],
    )


def new_row(
    account_id: str,
    tokens: TokenSet,
    data_key: DataKey,
    *,
    tenant_id: str,
    person: Identity | None = None,
    scopes: str = "",
    replaces: int | None = None,
) -> dict[str, object]:
    """Return the parameters of `write`, and of `replace` for the version that is replaced.

    The secret holds version and times too, so that they cannot be changed without the key.
    Without a `refresh_in` from Entra ID, the tokens are due for the last tenth of their lifetime, at most five minutes.
    """
    now = clock.now()
    early = tokens.refresh_in or tokens.expires_in - min(300, tokens.expires_in / 10)
    expires_at = clock.to_text(now + timedelta(seconds=tokens.expires_in))
    refresh_at = clock.to_text(now + timedelta(seconds=min(early, tokens.expires_in)))
    version = int(now.timestamp() * 1_000_000) if replaces is None else replaces + 1
    secret = {
        "access_token": tokens.access_token.get_secret_value(),
        "refresh_token": tokens.refresh_token.get_secret_value() if tokens.refresh_token else None,
        "tenant_id": tenant_id,
        "person": person.model_dump(include={"object_id", "directory_id", "subject"}) if person else None,
        "scopes": scopes,
        "version": version,
        "times": (expires_at, refresh_at),
    }
    return {
        "account_id": account_id,
        "secret": data_key.encrypt(json.dumps(secret)),
        "scope": tokens.scope,
        "expires_at": expires_at,
        "refresh_at": refresh_at,
        "version": version,
        "updated_at": clock.to_text(now),
    }


def read(tx: Transaction, account_id: str) -> Row | None:
    """Return an account's row, with its wrapped data key."""
    return tx.row(_READ, {"account_id": account_id})


def last_renewals(tx: Transaction) -> dict[str, datetime]:
    """Return when the tokens of each person were written."""
    rows = tx.rows("SELECT account_id, updated_at FROM iacs_tokens ORDER BY updated_at")
    return {
        row["account_id"]: clock.from_text(row["updated_at"])
        for row in rows
        if not is_application(row["account_id"])
    }


def write(tx: Transaction, row: dict[str, object], data_key: DataKey) -> None:
    """Store the tokens of a sign-in with their data key, and replace any others."""
    tx.execute(_WRITE, row)
    data_keys.write(tx, str(row["account_id"]), data_key.wrapped)
    refusals.forget(tx, row["account_id"])


def replace(tx: Transaction, row: dict[str, object], new_key: DataKey | None) -> bool:
    """Store renewed tokens, or the first ones of an application; return False if the row has changed since.

    A data key that is not new is not written: it may have been wrapped again since it was read.
    """
    if tx.execute(_INSERT if row["version"] == 1 else _REPLACE, row) != 1:
        return False
    if new_key is not None:
        data_keys.write(tx, str(row["account_id"]), new_key.wrapped)
    refusals.forget(tx, row["account_id"])
    return True


def expire(tx: Transaction, account_id: str, version: int) -> None:
    """Expire the access token; the version stays, so that a renewal in progress can replace it."""
    tx.execute(_EXPIRE, {"account_id": account_id, "version": version, "never": _NEVER})


def set_suspended(tx: Transaction, account_ids: Collection[str], *, suspended: bool) -> None:
    """Suspend or resume the grants of accounts; an account without tokens has no grant."""
    tx.execute(_SUSPEND, [{"account_id": account_id, "suspended": suspended} for account_id in account_ids])


def delete(tx: Transaction, account_id: str) -> None:
    """Delete an account's tokens, and their data key: copies of the tokens cannot be read any more."""
    tx.execute("DELETE FROM iacs_tokens WHERE account_id = :account_id", {"account_id": account_id})
    data_keys.delete(tx, account_id)
    refusals.forget(tx, account_id)
