"""One page of a folder's delta, stored in one transaction: messages, events and the next link."""

from dataclasses import dataclass, field, replace
from typing import Any

from iacs.core.clock import now, to_text
from iacs.core.events import NewEvent
from iacs.core.transaction import Transaction
from iacs.mail_query import folder_rows, mailbox_rows, message_rows
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
        message_rows.write(tx, written.rows)
        message_rows.mark_seen(tx, account_id, result.unchanged, cursor.generation)
        unseen = message_rows.remove_unseen(tx, account_id, cursor, stored_at) if is_end else 0
        self._outbox.add(tx, written.events)
        return StoredPage(
            cursor=replace(cursor, link=link, complete=cursor.complete or is_end),
            seen=result.seen,
            new=len(result.new),
            updated=result.updated,
            removed=result.removed + unseen,
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
