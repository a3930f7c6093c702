"""The rows of `iacs_mailboxes`, `iacs_mail_folders` and `iacs_messages`."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from iacs.core.clock import from_text, to_text
from iacs.core.exceptions import DatabaseError
from iacs.core.transaction import Row, Transaction
from iacs.mail_query import columns
from iacs.mail_query.changes import State
from iacs.mail_query.schema import MailFolder

_WRITE = """
INSERT INTO iacs_messages (
    account_id, id, folder_id, change_key, internet_message_id, subject, sender_name, sender_address,
    sent_at, received_at, is_read, has_attachments, document, problem, generation, stored_at, removed_at
) VALUES (
    :account_id, :id, :folder_id, :change_key, :internet_message_id, :subject, :sender_name, :sender_address,
    :sent_at, :received_at, :is_read, :has_attachments, :document, :problem, :generation, :stored_at, :removed_at
) ON CONFLICT (account_id, id) DO UPDATE SET
    folder_id = excluded.folder_id, change_key = excluded.change_key,
    internet_message_id = excluded.internet_message_id, subject = excluded.subject,
    sender_name = excluded.sender_name, sender_address = excluded.sender_address,
    sent_at = excluded.sent_at, received_at = excluded.received_at, is_read = excluded.is_read,
    has_attachments = excluded.has_attachments, document = excluded.document, problem = excluded.problem,
    generation = excluded.generation, removed_at = excluded.removed_at
"""

_ADVANCE = """
UPDATE iacs_mail_folders SET delta_link = :link, synced_at = COALESCE(:synced_at, synced_at),
    problem = CASE WHEN :synced_at IS NULL THEN problem END,
    failed_at = CASE WHEN :synced_at IS NULL THEN failed_at END
WHERE account_id = :account_id AND id = :id AND generation = :generation AND COALESCE(delta_link, '') = :before
"""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The state of the sync of a folder.

    `link` is the next request, None for the first page of the folder. `generation` is the number of times that
    the folder was read from its start; `complete` is whether the current generation has reached the end. Messages
    received before `since` are not read.
    """

    folder_id: str
    link: str | None
    generation: int
    complete: bool
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Advance:
    """The next request of a folder after its cursor."""

    cursor: Cursor
    link: str


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


def stored_counts(tx: Transaction, account_id: str) -> dict[str, Row]:
    """Return the numbers of stored and of unreadable messages, the last sync and the problem of each folder, by id."""
    rows = tx.rows(
        "SELECT folder.id, folder.name, folder.synced_at, folder.problem, folder.since, COALESCE(counts.stored, 0)"
        " AS stored, COALESCE(counts.unreadable, 0) AS unreadable FROM iacs_mail_folders folder LEFT JOIN ("
        "SELECT folder_id, count(*) AS stored, count(problem) AS unreadable FROM iacs_messages"
        " WHERE account_id = :account_id AND removed_at IS NULL GROUP BY folder_id"
        ") counts ON counts.folder_id = folder.id WHERE folder.account_id = :account_id",
        {"account_id": account_id},
    )
    return {row["id"]: row for row in rows}


def upsert_folders(
    tx: Transaction, account_id: str, folders: Sequence[MailFolder], *, since: str | None = None
) -> dict[str, Cursor]:
    """Store the names of the folders; return the cursors of all stored folders, also of those not passed.

    `since` is stored for folders of which no page was read yet.
    """
    tx.execute(
        "INSERT INTO iacs_mail_folders (account_id, id, name, since) VALUES (:account_id, :id, :name, :since)"
        " ON CONFLICT (account_id, id) DO UPDATE SET name = excluded.name, since = CASE"
        " WHEN iacs_mail_folders.delta_link IS NULL AND iacs_mail_folders.generation = 0 THEN excluded.since"
        " ELSE iacs_mail_folders.since END",
        [
            {
                "account_id": account_id,
                "id": folder.id,
                "name": columns.without_nul(folder.display_name or ""),
                "since": since,
            }
            for folder in sorted(folders, key=lambda folder: folder.id)
        ],
    )
    rows = tx.rows(
        "SELECT id, delta_link, generation, synced_at, since FROM iacs_mail_folders WHERE account_id = :account_id",
        {"account_id": account_id},
    )
    return {row["id"]: _cursor(row) for row in rows}


def read_cursor(tx: Transaction, account_id: str, folder_id: str) -> Cursor:
    """Return the cursor of a folder."""
    row = tx.row(
        "SELECT id, delta_link, generation, synced_at, since FROM iacs_mail_folders WHERE account_id = :account_id AND id = :id",
        {"account_id": account_id, "id": folder_id},
    )
    if row is None:
        raise DatabaseError(
            "another sync dropped the mail folder at the same time", hint="sync the mailbox again"
        )
    return _cursor(row)


def advance(tx: Transaction, account_id: str, cursor: Cursor, link: str, *, synced_at: str | None) -> bool:
    """Advance a cursor; return False, and change nothing, if another sync has advanced it."""
    return bool(tx.execute(_ADVANCE, _advanced(account_id, Advance(cursor, link), synced_at)))


def advance_idle(tx: Transaction, account_id: str, advances: Sequence[Advance], *, synced_at: str) -> None:
    """Advance the cursors of folders without changes; those that another sync has advanced stay as they are."""
    tx.execute(_ADVANCE, [_advanced(account_id, advance, synced_at) for advance in advances])


def _advanced(account_id: str, advance: Advance, synced_at: str | None) -> dict[str, Any]:
    return {
        "link": advance.link,
        "synced_at": synced_at,
        "account_id": account_id,
        "id": advance.cursor.folder_id,
        "generation": advance.cursor.generation,
        "before": advance.cursor.link or "",
    }


def restart_folder(tx: Transaction, account_id: str, folder_id: str) -> Cursor:
    """Start a new generation of the folder: a message that is not seen in it has left the folder."""
    tx.execute(
        "UPDATE iacs_mail_folders SET delta_link = NULL, synced_at = NULL, generation = generation + 1"
        " WHERE account_id = :account_id AND id = :id",
        {"account_id": account_id, "id": folder_id},
    )
    return read_cursor(tx, account_id, folder_id)


def store_problem(tx: Transaction, account_id: str, folder_id: str, problem: str, *, failed_at: str) -> None:
    """Record why a folder could not be synced, until a sync reaches the end of its changes."""
    tx.execute(
        "UPDATE iacs_mail_folders SET problem = :problem, failed_at = :failed_at"
        " WHERE account_id = :account_id AND id = :id",
        {
            "account_id": account_id,
            "id": folder_id,
            "problem": columns.without_nul(problem),
            "failed_at": failed_at,
        },
    )


def failing_folders(tx: Transaction) -> list[Row]:
    """Return the accounts, names and problems of the folders that could not be synced, the latest first."""
    return tx.rows(
        "SELECT account_id, name, problem, failed_at FROM iacs_mail_folders WHERE problem IS NOT NULL"
        " ORDER BY failed_at DESC, account_id, id"
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


def drop_folder(tx: Transaction, account_id: str, folder_id: str, removed_at: str) -> int:
    """Delete a folder, and mark the messages still in it as removed; return their number."""
    names = {"account_id": account_id, "id": folder_id}
    tx.execute("DELETE FROM iacs_mail_folders WHERE account_id = :account_id AND id = :id", names)
    return tx.execute(
        "UPDATE iacs_messages SET removed_at = :removed_at"
        " WHERE account_id = :account_id AND folder_id = :id AND removed_at IS NULL",
        names | {"removed_at": removed_at},
    )


def states(tx: Transaction, account_id: str, ids: Collection[str]) -> dict[str, State]:
    """Return the stored states of messages, by id."""
    if not ids:
        return {}
    rows = tx.rows(
        _listed(
            tx,
            "SELECT id, folder_id, document, removed_at FROM iacs_messages"
            " WHERE account_id = :account_id AND id IN (:listed)",
        ),
        {"account_id": account_id, "ids": json.dumps(list(ids))},
    )
    return {
        row["id"]: State(json.loads(row["document"]), row["folder_id"], row["removed_at"] is not None)
        for row in rows
    }


def mark_seen(tx: Transaction, account_id: str, ids: Sequence[str], generation: int) -> None:
    """Record that unchanged messages were seen in this generation."""
    if not ids:
        return
    tx.execute(
        _listed(
            tx,
            "UPDATE iacs_messages SET generation = :generation"
            " WHERE account_id = :account_id AND id IN (:listed) AND generation <> :generation",
        ),
        {"account_id": account_id, "ids": json.dumps(list(ids)), "generation": generation},
    )


def write(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or replace them except for the time at which they were first stored."""
    tx.execute(_WRITE, rows)


def documents(
    tx: Transaction, account_id: str, *, folder_id: str | None, removed: bool, after: str, limit: int
) -> list[tuple[str, str]]:
    """Return ids and documents, sorted by id, of the messages whose ids come after `after`."""
    rows = tx.rows(
        f"SELECT id, document FROM iacs_messages WHERE {_where(folder_id, removed=removed)} AND id > :after"  # noqa: S608 - constants
        " ORDER BY id LIMIT :limit",
        {"account_id": account_id, "folder_id": folder_id, "after": after, "limit": limit},
    )
    return [(row["id"], row["document"]) for row in rows]


def count(tx: Transaction, account_id: str, *, folder_id: str | None, removed: bool) -> int:
    """Return the number of stored messages."""
    return int(
        tx.value(
            f"SELECT count(*) FROM iacs_messages WHERE {_where(folder_id, removed=removed)}",  # noqa: S608 - constants
            {"account_id": account_id, "folder_id": folder_id},
        )
    )


def _where(folder_id: str | None, *, removed: bool) -> str:
    """Return the conditions as plain comparisons: an index serves `folder_id = …`, but not a COALESCE of it."""
    folder = " AND folder_id = :folder_id" if folder_id is not None else ""
    return f"account_id = :account_id{folder}{'' if removed else ' AND removed_at IS NULL'}"


def _cursor(row: Row) -> Cursor:
    return Cursor(row["id"], row["delta_link"], row["generation"], row["synced_at"] is not None, row["since"])


def _listed(tx: Transaction, sql: str) -> str:
    """Insert a subquery of the JSON array `:ids`: one parameter and one statement for any number of ids."""
    if tx.dialect == "postgresql":
        return sql.replace(":listed", "SELECT jsonb_array_elements_text(CAST(:ids AS jsonb))")
    return sql.replace(":listed", "SELECT value FROM json_each(:ids)")
