"""The rows of `iacs_mail_folders`, each with the cursor of the folder's sync."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from iacs.core.exceptions import DatabaseError
from iacs.core.transaction import Row, Transaction
from iacs.mail_query import columns, mailbox_rows
from iacs.mail_query.schema import MailFolder

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
    received before `since` are not stored: Graph leaves them out, unless the folder `reads_all`.
    """

    folder_id: str
    link: str | None
    generation: int
    complete: bool
    since: str | None = None
    reads_all: bool = False


@dataclass(frozen=True, slots=True)
class Advance:
    """The next request of a folder after its cursor."""

    cursor: Cursor
    link: str


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
        "SELECT id, delta_link, generation, synced_at, since, reads_all FROM iacs_mail_folders"
        " WHERE account_id = :account_id",
        {"account_id": account_id},
    )
    return {row["id"]: _cursor(row) for row in rows}


def read_cursor(tx: Transaction, account_id: str, folder_id: str) -> Cursor:
    """Return the cursor of a folder."""
    row = tx.row(
        "SELECT id, delta_link, generation, synced_at, since, reads_all FROM iacs_mail_folders"
        " WHERE account_id = :account_id AND id = :id",
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
    mailbox_rows.lock_mailbox(tx, account_id)  # storing a page may lock several folders too, in another order
    tx.execute(_ADVANCE, [_advanced(account_id, advance, synced_at) for advance in advances])


def restart_folder(tx: Transaction, account_id: str, folder_id: str) -> Cursor:
    """Start a new generation of the folder: a message that is not seen in it has left the folder."""
    tx.execute(
        "UPDATE iacs_mail_folders SET delta_link = NULL, synced_at = NULL, generation = generation + 1"
        " WHERE account_id = :account_id AND id = :id",
        {"account_id": account_id, "id": folder_id},
    )
    return read_cursor(tx, account_id, folder_id)


def read_all(tx: Transaction, account_id: str, folder_id: str) -> Cursor:
    """Start a new generation of the folder, which is read without a filter from now on."""
    tx.execute(
        "UPDATE iacs_mail_folders SET reads_all = TRUE WHERE account_id = :account_id AND id = :id",
        {"account_id": account_id, "id": folder_id},
    )
    return restart_folder(tx, account_id, folder_id)


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


def drop_folder(tx: Transaction, account_id: str, folder_id: str, removed_at: str) -> int:
    """Delete a folder, and mark the messages still in it as removed; return their number."""
    names = {"account_id": account_id, "id": folder_id}
    tx.execute("DELETE FROM iacs_mail_folders WHERE account_id = :account_id AND id = :id", names)
    return tx.execute(
        "UPDATE iacs_messages SET removed_at = :removed_at"
        " WHERE account_id = :account_id AND folder_id = :id AND removed_at IS NULL",
        names | {"removed_at": removed_at},
    )


def _advanced(account_id: str, advance: Advance, synced_at: str | None) -> dict[str, Any]:
    return {
        "link": advance.link,
        "synced_at": synced_at,
        "account_id": account_id,
        "id": advance.cursor.folder_id,
        "generation": advance.cursor.generation,
        "before": advance.cursor.link or "",
    }


def _cursor(row: Row) -> Cursor:
    return Cursor(
        row["id"],
        row["delta_link"],
        row["generation"],
        complete=row["synced_at"] is not None,
        since=row["since"],
        reads_all=bool(row["reads_all"]),
    )
