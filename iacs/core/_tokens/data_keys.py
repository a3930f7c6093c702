"""The rows of `iacs_data_keys`: the key that encrypts the tokens of an account, wrapped by the key provider."""

import base64

from iacs.core import clock
from iacs.core.encryption import DataKey, Encryption
from iacs.core.exceptions import DatabaseError, SignInRequiredError
from iacs.core.key_provider import WrappedKey
from iacs.core.transaction import Row, Transaction

_WRITE = """
    INSERT INTO iacs_data_keys (account_id, wrapped_key, wrapping_key_id, created_at)
    VALUES (:account_id, :wrapped_key, :wrapping_key_id, :now)
    ON CONFLICT (account_id) DO UPDATE SET wrapped_key = excluded.wrapped_key,
        wrapping_key_id = excluded.wrapping_key_id, created_at = excluded.created_at
"""
_REPLACE = """
    UPDATE iacs_data_keys SET wrapped_key = :wrapped_key, wrapping_key_id = :wrapping_key_id
    WHERE account_id = :account_id AND wrapped_key = :old
"""


def context(account_id: str) -> str:
    """Return the context to which the data key of an account, and what it encrypts, is bound."""
    return f"tokens:{account_id}"


async def opened(row: Row, encryption: Encryption) -> DataKey:
    """Return the data key of a row of tokens, or of a row that `read` returned.

    Raises SignInRequiredError if it was deleted, so that the tokens can never be read.
    """
    if row["wrapped_key"] is None:
        raise SignInRequiredError(
            "the key of the tokens of this account was deleted, so they cannot be read",
            error="login_required",
        )
    return await encryption.open_data_key(wrapped(row), context=context(row["account_id"]))


def wrapped(row: Row) -> WrappedKey:
    """Return the wrapped key of a row; raise DatabaseError when it is corrupt."""
    try:
        return WrappedKey(row["wrapping_key_id"], base64.b64decode(row["wrapped_key"], validate=True))
    except ValueError:
        raise DatabaseError(
            f"the data key of account {row['account_id']} is corrupt", hint="sign out and sign in again"
        ) from None


def account_ids(tx: Transaction) -> list[str]:
    """Return the accounts that have a data key."""
    return [row["account_id"] for row in tx.rows("SELECT account_id FROM iacs_data_keys ORDER BY account_id")]


def read(tx: Transaction, account_id: str) -> Row | None:
    """Return the row of an account."""
    return tx.row("SELECT * FROM iacs_data_keys WHERE account_id = :account_id", {"account_id": account_id})


def write(tx: Transaction, account_id: str, key: WrappedKey) -> None:
    """Store the data key of new tokens, in the transaction that stores them."""
    tx.execute(_WRITE, _columns(account_id, key) | {"now": clock.to_text(clock.now())})


def replace(tx: Transaction, account_id: str, *, old: WrappedKey, new: WrappedKey) -> None:
    """Store a data key that was wrapped again, unless a sign-in has replaced it meanwhile."""
    tx.execute(_REPLACE, _columns(account_id, new) | {"old": _text(old)})


def delete(tx: Transaction, account_id: str) -> None:
    """Delete the data key of an account: what it encrypts can never be read again."""
    tx.execute("DELETE FROM iacs_data_keys WHERE account_id = :account_id", {"account_id": account_id})


def _columns(account_id: str, key: WrappedKey) -> dict[str, str]:
    return {"account_id": account_id, "wrapped_key": _text(key), "wrapping_key_id": key.key_id}


def _text(key: WrappedKey) -> str:
    return base64.b64encode(key.ciphertext).decode()
