"""The rows of `iacs_messages`."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from iacs.core.transaction import Row, Transaction
from iacs.mail_query.changes import State
from iacs.mail_query.compression import compressor, decompressor
from iacs.mail_query.document import Document
from iacs.mail_query.folder_rows import Cursor

_REPLACE = """
ON CONFLICT (account_id, id) DO UPDATE SET
    folder_id = excluded.folder_id, change_key = excluded.change_key,
    internet_message_id = excluded.internet_message_id, subject = excluded.subject,
    sender_name = excluded.sender_name, sender_address = excluded.sender_address,
    sent_at = excluded.sent_at, received_at = excluded.received_at, is_read = excluded.is_read,
    has_attachments = excluded.has_attachments, document = excluded.document, problem = excluded.problem,
    generation = excluded.generation, removed_at = excluded.removed_at
"""

_COUNTS = """
SELECT folder_id, count(*) AS number FROM iacs_messages
WHERE account_id = :account_id AND removed_at IS NULL GROUP BY folder_id
"""
# Apart from the others: with `problem`, the index of the folders would not be enough to count the readable ones.
_COUNTS_UNREADABLE = """
SELECT folder_id, count(*) AS number FROM iacs_messages
WHERE account_id = :account_id AND removed_at IS NULL AND problem IS NOT NULL GROUP BY folder_id
"""


def states(tx: Transaction, account_id: str, ids: Collection[str]) -> dict[str, State]:
    """Return the stored states of messages, by id."""
    if not ids:
        return {}
    rows = tx.rows(
        listed(
            tx,
            "SELECT id, folder_id, document, removed_at FROM iacs_messages"
            " WHERE account_id = :account_id AND id IN (:listed)",
        ),
        {"account_id": account_id, "ids": json.dumps(list(ids))},
    )
    read = decompressor(tx.dialect) if rows else str
    return {
        row["id"]: State(
            Document.stored(read(row["document"])), row["folder_id"], row["removed_at"] is not None
        )
        for row in rows
    }


def write(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or replace them except for the time at which they were first stored."""
    if rows:
        stored = compressor(tx.dialect)
        rows = [{**row, "document": stored(row["document"])} for row in rows]
        tx.insert("iacs_messages", rows, on_conflict=_REPLACE)


def mark_seen(tx: Transaction, account_id: str, ids: Sequence[str], generation: int) -> None:
    """Record that unchanged messages were seen in this generation."""
    if not ids:
        return
    tx.execute(
        listed(
            tx,
            "UPDATE iacs_messages SET generation = :generation"
            " WHERE account_id = :account_id AND id IN (:listed) AND generation <> :generation",
        ),
        {"account_id": account_id, "ids": json.dumps(list(ids)), "generation": generation},
    )


def remove_unseen(tx: Transaction, account_id: str, cursor: Cursor, removed_at: str) -> int:
    """Mark the folder's messages that were not seen in this generation as removed; return their number."""
    return tx.execute(
        "UPDATE iacs_messages SET removed_at = :removed_at WHERE account_id = :account_id AND folder_id = :id"
        " AND generation < :generation AND removed_at IS NULL",
        {
            "removed_at": removed_at,
            "account_id": account_id,
            "id": cursor.folder_id,
            "generation": cursor.generation,
        },
    )


def documents(
    tx: Transaction, account_id: str, *, folder_id: str | None, removed: bool, after: str, limit: int
) -> list[tuple[str, str, str | None]]:
    """Return ids, documents and problems, sorted by id, of the messages whose ids come after `after`."""
    rows = tx.rows(
        f"SELECT id, document, problem FROM iacs_messages WHERE {_where(folder_id, removed=removed)} AND id > :after"  # noqa: S608 - constants
        " ORDER BY id LIMIT :limit",
        {"account_id": account_id, "folder_id": folder_id, "after": after, "limit": limit},
    )
    read = decompressor(tx.dialect) if rows else str
    return [(row["id"], read(row["document"]), row["problem"]) for row in rows]


def count(tx: Transaction, account_id: str, *, folder_id: str | None, removed: bool) -> int:
    """Return the number of stored messages."""
    return int(
        tx.value(
            f"SELECT count(*) FROM iacs_messages WHERE {_where(folder_id, removed=removed)}",  # noqa: S608 - constants
            {"account_id": account_id, "folder_id": folder_id},
        )
    )


def stored_counts(tx: Transaction, account_id: str) -> dict[str, Row]:
    """Return the numbers of stored and of unreadable messages, the last sync and the problem of each folder, by id."""
    rows = tx.rows(
        "SELECT folder.id, folder.name, folder.synced_at, folder.problem, folder.since,"  # noqa: S608 - constants
        " COALESCE(counts.number, 0) AS stored, COALESCE(unreadable.number, 0) AS unreadable"
        f" FROM iacs_mail_folders folder LEFT JOIN ({_COUNTS}) counts ON counts.folder_id = folder.id"
        f" LEFT JOIN ({_COUNTS_UNREADABLE}) unreadable ON unreadable.folder_id = folder.id"
        " WHERE folder.account_id = :account_id",
        {"account_id": account_id},
    )
    return {row["id"]: row for row in rows}


def _where(folder_id: str | None, *, removed: bool) -> str:
    """Return the conditions as plain comparisons: an index serves `folder_id = …`, but not a COALESCE of it."""
    folder = " AND folder_id = :folder_id" if folder_id is not None else ""
    return f"account_id = :account_id{folder}{'' if removed else ' AND removed_at IS NULL'}"


def listed(tx: Transaction, sql: str) -> str:
    """Replace `:listed` by a subquery of the JSON array `:ids`: one parameter and one statement for any number of ids."""
    if tx.dialect == "postgresql":
        return sql.replace(":listed", "SELECT jsonb_array_elements_text(CAST(:ids AS jsonb))")
    return sql.replace(":listed", "SELECT value FROM json_each(:ids)")
