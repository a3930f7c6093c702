"""The rows of `iacs_accounts`; a disabled account keeps the status that it returns to when it is enabled."""

from iacs.account.schema import Account, Enrollment
from iacs.core.transaction import Row, Transaction

_READ = """
    SELECT id, email, name, tenant_id, username, access, via, object_id, directory_id,
        CASE WHEN disabled_at IS NULL THEN status ELSE 'disabled' END AS status
    FROM iacs_accounts
"""
_SET_STATUS = "UPDATE iacs_accounts SET status = :status, updated_at = :now WHERE id = :id"


def read_all(tx: Transaction, schema: type[Account] = Account) -> tuple[Account, ...]:
    """Return every account, sorted by address."""
    return tuple(_account(row, schema) for row in tx.rows(f"{_READ} ORDER BY email"))


def read(tx: Transaction, email: str, schema: type[Account] = Account) -> Account | None:
    """Return the account of an address in lower case."""
    row = tx.row(f"{_READ} WHERE email = :email", {"email": email})
    return _account(row, schema) if row else None


def read_by_id(tx: Transaction, account_id: str, schema: type[Account] = Account) -> Account | None:
    """Return the account of an id."""
    row = tx.row(f"{_READ} WHERE id = :id", {"id": account_id})
    return _account(row, schema) if row else None


def count_by_status(tx: Transaction) -> dict[str, int]:
    """Return the number of accounts by status."""
    rows = tx.rows(f"SELECT status, count(*) AS number FROM ({_READ}) a GROUP BY status ORDER BY status")  # noqa: S608 - a constant
    return {row["status"]: row["number"] for row in rows}


def add(tx: Transaction, account_id: str, enrollment: Enrollment, now: str) -> bool:
    """Enrol an account; return False if its address is already enrolled, perhaps by another process just now."""
    return (
        tx.execute(
            """INSERT INTO iacs_accounts
                   (id, email, name, tenant_id, username, access, via, created_at, updated_at)
               VALUES (:id, :account, :name, :tenant_id, :username, :access, :via, :now, :now)
               ON CONFLICT (email) DO NOTHING""",
            {"id": account_id, "now": now, **enrollment.model_dump(mode="json")},
        )
        == 1
    )


def set_enrollment(tx: Transaction, account_id: str, enrollment: Enrollment, now: str) -> None:
    """Update what an account is enrolled with, other than its address."""
    tx.execute(
        """UPDATE iacs_accounts SET name = :name, tenant_id = :tenant_id, username = :username,
               access = :access, via = :via, updated_at = :now
           WHERE id = :id""",
        {"id": account_id, "now": now, **enrollment.model_dump(mode="json", exclude={"account"})},
    )


def lock(tx: Transaction, account_id: str) -> Account | None:
    """Return the account of an id, which nobody else changes before the end of the transaction."""
    tx.execute("UPDATE iacs_accounts SET id = id WHERE id = :id", {"id": account_id})
    return read_by_id(tx, account_id)


def disable(tx: Transaction, account_id: str, now: str) -> bool:
    """Disable an account; return False if it is disabled already."""
    sql = "UPDATE iacs_accounts SET disabled_at = :now, updated_at = :now WHERE id = :id AND disabled_at IS NULL"
    return tx.execute(sql, {"id": account_id, "now": now}) == 1


def enable(tx: Transaction, account_id: str, now: str) -> bool:
    """Enable an account, with the status that it had before; return False if it is enabled already."""
    sql = "UPDATE iacs_accounts SET disabled_at = NULL, updated_at = :now WHERE id = :id AND disabled_at IS NOT NULL"
    return tx.execute(sql, {"id": account_id, "now": now}) == 1


def set_identity(tx: Transaction, account_id: str, object_id: str, directory_id: str, now: str) -> None:
    """Record the person who signed in."""
    tx.execute(
        """UPDATE iacs_accounts SET status = 'active', object_id = :object_id,
               directory_id = :directory_id, updated_at = :now WHERE id = :id""",
        {"id": account_id, "object_id": object_id, "directory_id": directory_id, "now": now},
    )


def account_of(tx: Transaction, object_id: str, directory_id: str) -> str | None:
    """Return the id of the account that a person has signed in to."""
    sql = """SELECT id FROM iacs_accounts
             WHERE object_id = :object_id AND directory_id = :directory_id AND access = 'delegated'"""
    row = tx.row(sql, {"object_id": object_id, "directory_id": directory_id})
    return str(row["id"]) if row else None


def replace(tx: Transaction, account_id: str, earlier_id: str, email: str, now: str) -> None:
    """Delete an account, and give its address to an earlier one."""
    tx.execute("DELETE FROM iacs_accounts WHERE id = :id", {"id": account_id})
    params = {"id": earlier_id, "email": email, "now": now}
    tx.execute("UPDATE iacs_accounts SET email = :email, updated_at = :now WHERE id = :id", params)


def unlink(tx: Transaction, account_id: str, now: str) -> None:
    """Forget the person who signed in, so that the next sign-in decides as the first one did.

    The directory stays, which shows that the account has been in use.
    """
    tx.execute(
        """UPDATE iacs_accounts SET status = 'enrolled', object_id = NULL, updated_at = :now WHERE id = :id""",
        {"id": account_id, "now": now},
    )


def set_signed_out(tx: Transaction, account_id: str, now: str) -> bool:
    """Record that nobody is signed in; return False if nobody was."""
    params = {"id": account_id, "status": "enrolled", "now": now}
    return tx.execute(f"{_SET_STATUS} AND status <> 'enrolled'", params) == 1


def set_sign_in_required(tx: Transaction, account_id: str, now: str) -> bool:
    """Record that the person has to sign in again; return False if nobody was signed in."""
    params = {"id": account_id, "status": "sign_in_required", "now": now}
    return tx.execute(f"{_SET_STATUS} AND status = 'active'", params) == 1


def set_sign_in_restored(tx: Transaction, account_id: str, now: str) -> bool:
    """Undo `set_sign_in_required`; return False if it was undone already."""
    params = {"id": account_id, "status": "active", "now": now}
    return tx.execute(f"{_SET_STATUS} AND status = 'sign_in_required'", params) == 1


def set_opened(tx: Transaction, account_id: str, now: str) -> None:
    """Record that a mailbox for which nobody signs in has got a token."""
    params = {"id": account_id, "status": "active", "now": now}
    tx.execute(f"{_SET_STATUS} AND status = 'enrolled'", params)


def _account(row: Row, schema: type[Account]) -> Account:
    return schema.model_validate(dict(row))
