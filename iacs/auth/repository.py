"""The rows of `iacs_auth_sessions`, sign-ins in progress that can be taken once, and of `iacs_auth_links`."""

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


def add_link(tx: Transaction, row: dict[str, str]) -> None:
    """Store a new reconnect link, and delete those that have expired."""
    tx.execute(
        "DELETE FROM iacs_auth_links WHERE expires_at <= :created_at", {"created_at": row["created_at"]}
    )
    tx.execute(
        """INSERT INTO iacs_auth_links (link_hash, account_id, created_at, expires_at)
           VALUES (:link_hash, :account_id, :created_at, :expires_at)""",
        row,
    )


def read_link(tx: Transaction, values: dict[str, str]) -> Row | None:
    """Return a link that has not expired and that no other browser has used."""
    return tx.row(
        """SELECT * FROM iacs_auth_links WHERE link_hash = :link_hash AND expires_at > :now
           AND (browser_hash IS NULL OR browser_hash = :browser_hash)""",
        values,
    )


def use_link(tx: Transaction, values: dict[str, str]) -> Row | None:
    """Reserve such a link for one browser, and return it; of two concurrent browsers, one gets it."""
    return tx.row(
        """UPDATE iacs_auth_links SET browser_hash = :browser_hash WHERE link_hash = :link_hash AND expires_at > :now
           AND (browser_hash IS NULL OR browser_hash = :browser_hash) RETURNING *""",
        values,
    )


def delete_link(tx: Transaction, link_hash: str) -> None:
    """Delete a link, which has served its purpose."""
    tx.execute("DELETE FROM iacs_auth_links WHERE link_hash = :link_hash", {"link_hash": link_hash})
