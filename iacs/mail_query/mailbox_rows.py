"""The rows of `iacs_mailboxes`."""

from datetime import datetime

from iacs.core.clock import from_text, to_text
from iacs.core.transaction import Transaction


def lock_mailbox(tx: Transaction, account_id: str) -> None:
    """Allow one transaction at a time to write the mail of an account; SQLite has one writer anyway."""
    if tx.dialect == "postgresql":
        tx.value("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))", {"name": f"mail/{account_id}"})


def paused_until(tx: Transaction, account_id: str) -> datetime | None:
    """Return until when Graph asked the mailbox to wait."""
    text = tx.value(
        "SELECT paused_until FROM iacs_mailboxes WHERE account_id = :account_id", {"account_id": account_id}
    )
    return None if text is None else from_text(text)


def pause(tx: Transaction, account_id: str, until: datetime) -> None:
    """Store until when Graph asked the mailbox to wait, unless that is earlier than it asked before."""
    tx.execute(
        "INSERT INTO iacs_mailboxes (account_id, paused_until) VALUES (:account_id, :until)"
        " ON CONFLICT (account_id) DO UPDATE SET paused_until = excluded.paused_until"
        " WHERE COALESCE(iacs_mailboxes.paused_until, '') < excluded.paused_until",
        {"account_id": account_id, "until": to_text(until)},
    )


def first_sync(tx: Transaction, account_id: str, now: str) -> str:
    """Return when the first sync of the mailbox began, which is now if there was none."""
    tx.execute(
        "INSERT INTO iacs_mailboxes (account_id, first_sync_at) VALUES (:account_id, :now)"
        " ON CONFLICT (account_id) DO UPDATE SET first_sync_at = excluded.first_sync_at"
        " WHERE iacs_mailboxes.first_sync_at IS NULL",
        {"account_id": account_id, "now": now},
    )
    return str(
        tx.value(
            "SELECT first_sync_at FROM iacs_mailboxes WHERE account_id = :account_id",
            {"account_id": account_id},
        )
    )


def store_hidden(tx: Transaction, account_id: str, *, folders: int, messages: int, at: str) -> None:
    """Store how many folders and messages are hidden and not synced."""
    tx.execute(
        "INSERT INTO iacs_mailboxes (account_id, hidden_folders, hidden_messages, covered_at)"
        " VALUES (:account_id, :folders, :messages, :at) ON CONFLICT (account_id) DO UPDATE SET"
        " hidden_folders = excluded.hidden_folders, hidden_messages = excluded.hidden_messages,"
        " covered_at = excluded.covered_at",
        {"account_id": account_id, "folders": folders, "messages": messages, "at": at},
    )


def store_recoverable(tx: Transaction, account_id: str, messages: int | None) -> None:
    """Store how many deleted messages are in no folder."""
    tx.execute(
        "INSERT INTO iacs_mailboxes (account_id, recoverable_messages) VALUES (:account_id, :messages)"
        " ON CONFLICT (account_id) DO UPDATE SET recoverable_messages = excluded.recoverable_messages",
        {"account_id": account_id, "messages": messages},
    )


def uncovered(tx: Transaction) -> dict[str, int | str]:
    """Return the sums over all mailboxes whose hidden folders were counted, and when the first of them was.

    Without `recoverable_messages` if Graph gave that number for none of them.
    """
    row = tx.row(
        "SELECT count(*) AS mailboxes, COALESCE(sum(hidden_folders), 0) AS hidden_folders,"
        " COALESCE(sum(hidden_messages), 0) AS hidden_messages, sum(recoverable_messages) AS recoverable_messages,"
        " min(covered_at) AS counted_at FROM iacs_mailboxes WHERE covered_at IS NOT NULL"
    )
    return {
        name: value if isinstance(value, str) else int(value)
        for name, value in (row or {}).items()
        if value is not None
    }
