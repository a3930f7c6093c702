"""The rows of `iacs_token_refusals`: renewals that Entra ID refused since the last sign-in."""

from iacs.core import clock
from iacs.core.transaction import Transaction

_END = "DELETE FROM iacs_tokens WHERE account_id = :account_id AND version = :version"
# The row is locked, so that a sign-in that stores its tokens now comes before or after the refusal.
_KEEP = "UPDATE iacs_tokens SET version = version WHERE account_id = :account_id AND version = :version"
_REFUSE = """
    INSERT INTO iacs_token_refusals (account_id, version, claims, refused_at)
    VALUES (:account_id, :version, :claims, :now)
    ON CONFLICT (account_id) DO UPDATE SET version = excluded.version, refused_at = excluded.refused_at,
        claims = CASE excluded.claims WHEN '' THEN iacs_token_refusals.claims ELSE excluded.claims END
"""
_HOLDS = """
    SELECT count(*) FROM iacs_tokens t JOIN iacs_data_keys k ON k.account_id = t.account_id
        LEFT JOIN iacs_token_refusals r ON r.account_id = t.account_id AND r.version = t.version
    WHERE t.account_id = :account_id AND (r.account_id IS NULL OR t.expires_at > :valid_at)
"""
_NO_TIME = "9999"


def record(tx: Transaction, account_id: str, version: int, *, claims: str, ends: bool) -> bool:
    """Record that tokens were not renewed, and delete them if that `ends` the grant.

    Returns False if they are not current.
    """
    values = {"account_id": account_id, "version": version}
    if tx.execute(_END if ends else _KEEP, values) != 1:
        return False
    tx.execute(_REFUSE, values | {"claims": claims, "now": clock.to_text(clock.now())})
    return True


def holds(tx: Transaction, account_id: str) -> bool:
    """Return whether an account has tokens that can be read, and whose renewal was not refused."""
    return bool(tx.value(_HOLDS, {"account_id": account_id, "valid_at": _NO_TIME}))


def serves(tx: Transaction, account_id: str) -> bool:
    """Return whether an account has an access token that is valid, or tokens whose renewal was not refused."""
    now = clock.to_text(clock.now())
    return bool(tx.value(_HOLDS, {"account_id": account_id, "valid_at": now}))


def claims(tx: Transaction, account_id: str) -> str:
    """Return the claims that the next sign-in has to satisfy; empty for none in particular."""
    sql = "SELECT claims FROM iacs_token_refusals WHERE account_id = :account_id"
    row = tx.row(sql, {"account_id": account_id})
    return str(row["claims"]) if row else ""


def forget(tx: Transaction, account_id: object) -> None:
    """Delete the refusal of an account: it was renewed, or somebody signed in or out."""
    tx.execute("DELETE FROM iacs_token_refusals WHERE account_id = :account_id", {"account_id": account_id})
