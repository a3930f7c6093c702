"""The table `accounts`."""

from collections.abc import Sequence

from iacs.account.schema import Account, AccountStatus, Enrollment
from iacs.core.transaction import Transaction

_COLUMNS = "id, email, name, tenant_id, status, object_id, directory_id"
_HAS_TOKENS = "EXISTS (SELECT 1 FROM iacs_tokens WHERE iacs_tokens.account_id = iacs_accounts.id)"


def read_all(tx: Transaction, schema: type[Account] = Account) -> tuple[Account, ...]:
    """Return every account, by address."""
    rows = tx.rows(f"SELECT {_COLUMNS} FROM iacs_accounts ORDER BY email")  # noqa: S608 - a constant
    return tuple(schema.model_validate(dict(row)) for row in rows)


def read(tx: Transaction, email: str, schema: type[Account] = Account) -> Account | None:
    """Return the account of an address in lower case."""
    row = tx.row(f"SELECT {_COLUMNS} FROM iacs_accounts WHERE email = :email", {"email": email})  # noqa: S608
    return None if row is None else schema.model_validate(dict(row))


def add(tx: Transaction, account_id: str, enrollment: Enrollment, now: str) -> None:
    """Enrol an account, unless another process has just done so."""
    tx.execute(
        """INSERT INTO iacs_accounts (id, email, name, tenant_id, created_at, updated_at)
           VALUES (:id, :email, :name, :tenant_id, :now, :now) ON CONFLICT (email) DO NOTHING""",
        {"id": account_id, "email": enrollment.account, **_details(enrollment), "now": now},
    )


def update(tx: Transaction, account_id: str, enrollment: Enrollment, now: str) -> None:
    """Bring an account up to its file; one that was disabled is active again if its tokens are still there."""
    tx.execute(
        f"""UPDATE iacs_accounts SET name = :name, tenant_id = :tenant_id, updated_at = :now,
            status = CASE WHEN status <> 'disabled' THEN status
                          WHEN {_HAS_TOKENS} THEN 'active' ELSE 'enrolled' END
            WHERE id = :id""",  # noqa: S608 - constants
        {"id": account_id, **_details(enrollment), "now": now},
    )


def disable(tx: Transaction, account_ids: Sequence[str], now: str) -> None:
    """Disable accounts."""
    sql = "UPDATE iacs_accounts SET status = 'disabled', updated_at = :now WHERE id = :id"
    tx.execute(sql, [{"id": account_id, "now": now} for account_id in account_ids])


def set_identity(tx: Transaction, account_id: str, object_id: str, directory_id: str, now: str) -> int:
    """Record who signed in; return how many accounts have that id."""
    return tx.execute(
        """UPDATE iacs_accounts SET status = 'active', object_id = :object_id, directory_id = :directory_id,
           updated_at = :now WHERE id = :id""",
        {"id": account_id, "object_id": object_id, "directory_id": directory_id, "now": now},
    )


def set_status(tx: Transaction, account_id: str, status: AccountStatus, now: str) -> int:
    """Set the status, unless the account is disabled; return how many accounts were touched."""
    return tx.execute(
        "UPDATE iacs_accounts SET status = :status, updated_at = :now WHERE id = :id AND status <> 'disabled'",
        {"id": account_id, "status": status.value, "now": now},
    )


def _details(enrollment: Enrollment) -> dict[str, str]:
    return {"name": enrollment.name, "tenant_id": enrollment.tenant_id}
