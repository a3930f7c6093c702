"""The rows of `iacs_auth_sessions`: sign-ins in progress, each of which can be taken once."""

from iacs.core.transaction import Row, Transaction


def add(tx: Transaction, row: dict[str, str]) -> None:
    """Store a new sign-in, and delete those that nobody completed in time."""
    tx.execute(
        "DELETE FROM iacs_auth_sessions WHERE expires_at <= :created_at", {"created_at": row["created_at"]}
    )
    tx.execute(
        """INSERT INTO iacs_auth_sessions (state_hash, account_id, secret, redirect_uri, created_at, expires_at)
           VALUES (:state_hash, :account_id, :secret, :redirect_uri, :created_at, :expires_at)""",
        row,
    )


def read(tx: Transaction, state_hash: str) -> Row | None:
    """Return a sign-in without taking it."""
    return tx.row("SELECT * FROM iacs_auth_sessions WHERE state_hash = :hash", {"hash": state_hash})


def take(tx: Transaction, state_hash: str) -> Row | None:
    """Delete a sign-in and return it; of two concurrent callers, one gets it."""
    return tx.row("DELETE FROM iacs_auth_sessions WHERE state_hash = :hash RETURNING *", {"hash": state_hash})


def forget(tx: Transaction, account_id: str) -> None:
    """Delete every sign-in in progress of an account."""
    tx.execute("DELETE FROM iacs_auth_sessions WHERE account_id = :account_id", {"account_id": account_id})
