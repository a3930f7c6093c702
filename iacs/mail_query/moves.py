"""The rows of `iacs_moving_messages`: folders that Graph has listed a message in, and that have not reported it gone.

Every folder has its own delta, and pages are stored in any order: after a move, an old page of the former folder may
be stored after the page of the new one, and be followed by the removal. The message then is in the new folder still,
whose delta does not list it again.
"""

import json
from collections.abc import Sequence

from iacs.core.transaction import Transaction
from iacs.mail_query import folder_rows, message_rows
from iacs.mail_query.folder_rows import Cursor


def begin(tx: Transaction, account_id: str, ids: Sequence[str]) -> None:
    """Record the folders of messages that another folder lists, before their rows are written."""
    if not ids:
        return
    tx.execute(
        message_rows.listed(
            tx,
            "INSERT INTO iacs_moving_messages (account_id, message_id, folder_id, generation)"
            " SELECT account_id, id, folder_id, generation FROM iacs_messages"
            " WHERE account_id = :account_id AND id IN (:listed)"
            " ON CONFLICT (account_id, message_id, folder_id) DO UPDATE SET generation = excluded.generation",
        ),
        {"account_id": account_id, "ids": json.dumps(list(ids))},
    )


def end(tx: Transaction, account_id: str, folder_id: str, ids: Sequence[str]) -> None:
    """Forget a folder of messages: it has reported their removal, or is that of their rows now."""
    if not ids:
        return
    tx.execute(
        message_rows.listed(
            tx,
            "DELETE FROM iacs_moving_messages WHERE account_id = :account_id AND folder_id = :folder_id"
            " AND message_id IN (:listed)",
        ),
        {"account_id": account_id, "folder_id": folder_id, "ids": json.dumps(list(ids))},
    )


def end_unseen(tx: Transaction, account_id: str, cursor: Cursor) -> None:
    """Forget a folder of the messages that it did not list in this generation."""
    tx.execute(
        "DELETE FROM iacs_moving_messages WHERE account_id = :account_id AND folder_id = :folder_id"
        " AND generation < :generation",
        {"account_id": account_id, "folder_id": cursor.folder_id, "generation": cursor.generation},
    )


def end_folder(tx: Transaction, account_id: str, folder_id: str) -> None:
    """Forget a folder that was deleted."""
    tx.execute(
        "DELETE FROM iacs_moving_messages WHERE account_id = :account_id AND folder_id = :folder_id",
        {"account_id": account_id, "folder_id": folder_id},
    )


def return_removed(tx: Transaction, account_id: str) -> int:
    """Return removed messages to the folders that still have them; return their number.

    These folders are read from their start again, since the stored document may be the older one.
    """
    rows = tx.rows(
        "SELECT moving.message_id, moving.folder_id FROM iacs_moving_messages moving"
        " JOIN iacs_messages message ON message.account_id = moving.account_id AND message.id = moving.message_id"
        " WHERE moving.account_id = :account_id AND message.removed_at IS NOT NULL ORDER BY moving.folder_id",
        {"account_id": account_id},
    )
    folders = {row["message_id"]: row["folder_id"] for row in rows}
    returned = [
        {"account_id": account_id, "message_id": message_id, "folder_id": folder_id}
        for message_id, folder_id in folders.items()
    ]
    tx.execute(
        "UPDATE iacs_messages SET folder_id = :folder_id, generation = 0, removed_at = NULL"
        " WHERE account_id = :account_id AND id = :message_id",
        returned,
    )
    tx.execute(
        "DELETE FROM iacs_moving_messages WHERE account_id = :account_id AND message_id = :message_id"
        " AND folder_id = :folder_id",
        returned,
    )
    for folder_id in sorted(set(folders.values())):
        folder_rows.restart_folder(tx, account_id, folder_id)
    return len(returned)
