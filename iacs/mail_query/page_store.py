"""One page of a folder's delta, stored in one transaction: messages, events and the next link."""

from dataclasses import dataclass, field, replace
from typing import Any

from iacs.core.clock import now, to_text
from iacs.core.events import NewEvent
from iacs.core.transaction import Transaction
from iacs.mail_query import folder_rows, mailbox_rows, message_rows, moves
from iacs.mail_query.changes import Changes, changes, message_id
from iacs.mail_query.collaborators import Outbox
from iacs.mail_query.columns import columns
from iacs.mail_query.document import Document
from iacs.mail_query.events import MailLocation, received
from iacs.mail_query.folder_rows import Cursor
from iacs.mail_query.pages import Page


@dataclass(frozen=True, slots=True)
class StoredPage:
    """The counts of a stored page, and the cursor after it."""

    cursor: Cursor
    seen: int
    new: int
    updated: int
    removed: int
    unreadable: int


@dataclass(slots=True)
class _Written:
    """The rows to write and the events to publish, in the order of the page.

    No parsed message is kept: thousands of models that live at the same time cost a quarter of a sync, which garbage
    collections spend on them.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    unreadable: int = 0


class PageStore:
    """The store of pages; for every new message an event on `topic` is added to the outbox.

    A draft is announced when it is sent; with `announce_drafts` also before that, as a draft.
    """

    def __init__(self, outbox: Outbox, *, topic: str, announce_drafts: bool = False) -> None:
        self._outbox = outbox
        self._topic = topic
        self._announce_drafts = announce_drafts

    def store(
        self, tx: Transaction, location: MailLocation, cursor: Cursor, page: Page[Document], link: str
    ) -> StoredPage | None:
        """Store the page that was fetched at `cursor`, and `link` as the next request.

        Returns None, and writes nothing, if another sync has advanced the cursor: its page may be newer.
        """
        stored_at = to_text(now())
        account_id, is_end = location.account_id, page.next_link is None
        mailbox_rows.lock_mailbox(tx, account_id)
        if not folder_rows.advance(tx, account_id, cursor, link, synced_at=stored_at if is_end else None):
            return None
        ids = {message_id(document) for document in page.items}
        result = changes(page.items, message_rows.states(tx, account_id, ids), location.folder_id)
        written = self._written(location, result, cursor.generation, stored_at, tx.dialect)
        moves.begin(tx, account_id, result.moved)
        moves.end(tx, account_id, location.folder_id, (*result.moved, *result.left))
        message_rows.write(tx, written.rows)
        message_rows.mark_seen(tx, account_id, result.unchanged, cursor.generation)
        removed = result.removed + (_remove_unseen(tx, account_id, cursor, stored_at) if is_end else 0)
        self._outbox.add(tx, written.events)
        return StoredPage(
            cursor=replace(cursor, link=link, complete=cursor.complete or is_end),
            seen=result.seen,
            new=len(result.new),
            updated=result.updated,
            removed=removed - (moves.return_removed(tx, account_id) if removed else 0),
            unreadable=written.unreadable,
        )

    def _written(
        self, location: MailLocation, result: Changes, generation: int, stored_at: str, dialect: str
    ) -> _Written:
        arrived, drafts, written = frozenset(result.arrived), frozenset(result.drafts), _Written()
        announced = arrived | drafts if self._announce_drafts else arrived
        shared = {"account_id": location.account_id, "generation": generation, "stored_at": stored_at}
        for name, state in result.written.items():
            text, reading = state.document.text, state.document.reading
            removed_at = stored_at if state.removed else None
            row = {"id": name, "folder_id": state.folder_id, "document": text, "removed_at": removed_at}
            row |= columns(reading, dialect=dialect)
            written.rows.append(shared | row)
            is_old = location.announced_from is not None and (
                (row["received_at"] or location.announced_from) < location.announced_from
            )
            if name in announced and not is_old:
                is_draft = name in drafts
                written.events.append(received(self._topic, location, name, reading, is_draft=is_draft))
            written.unreadable += reading.problem is not None and not state.removed
        return written


def drop_folder(tx: Transaction, account_id: str, folder_id: str, removed_at: str) -> int:
    """Delete a folder, and mark the messages still in it as removed; return their number."""
    mailbox_rows.lock_mailbox(tx, account_id)
    moves.end_folder(tx, account_id, folder_id)
    removed = folder_rows.drop_folder(tx, account_id, folder_id, removed_at)
    return removed - moves.return_removed(tx, account_id)


def _remove_unseen(tx: Transaction, account_id: str, cursor: Cursor, removed_at: str) -> int:
    if cursor.generation == 0:  # nothing was stored before
        return 0
    moves.end_unseen(tx, account_id, cursor)
    return message_rows.remove_unseen(tx, account_id, cursor, removed_at)
