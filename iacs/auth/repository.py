"""The table `auth_sessions`: sign-ins that have begun, each to be taken once."""

from iacs.core.transaction import Row, Transaction


def add(tx: Transaction, row: dict[str, str]) -> None:
    """Keep a sign-in that has begun, and forget those that nobody completed in time."""
    tx.execute(
        "DELETE FROM iacs_auth_sessions WHERE expires_at <= :created_at", {"created_at": row["created_at"]}
    )
    tx.execute(
        """INSERT INTO iacs_auth_sessions (state_hash, account_id, secret, redirect_uri, created_at, expires_at)
           VALUES (:state_hash, :account_id, :secret, :redirect_uri, :created_at, :expires_at)""",
        row,
    )


def take(tx: Transaction, state_hash: str) -> Row | None:
    """Remove a sign-in and return it; of two who ask, one gets it."""
    return tx.row("DELETE FROM iacs_auth_sessions WHERE state_hash = :hash RETURNING *", {"hash": state_hash})


def forget(tx: Transaction, account_id: str) -> None:
    """Drop every sign-in that an account has begun."""
    tx.execute("DELETE FROM iacs_auth_sessions WHERE account_id = :account_id", {"account_id": account_id})
