"""One page of a folder's delta, stored in one transaction: messages, events and the next link."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from iacs.core.clock import now, to_text
from iacs.core.events import NewEvent
from iacs.core.transaction import Transaction
from iacs.mail_query import repository
from iacs.mail_query.changes import Changes, State, changes, message_id
from iacs.mail_query.collaborators import Outbox
from iacs.mail_query.columns import columns
from iacs.mail_query.events import MailLocation, received
from iacs.mail_query.pages import Page, read_message, to_json
from iacs.mail_query.repository import Cursor
from iacs.mail_query.schema import Message, UnreadableMessage


@dataclass(frozen=True, slots=True)
class StoredPage:
    """The counts of a stored page, and the cursor after it."""

    cursor: Cursor
    seen: int
    new: int
    updated: int
    removed: int
    unreadable: int


@dataclass(frozen=True, slots=True)
class _WrittenMessage:
    """A message whose row is written: its JSON, which is stored, and its parsed form."""

    id: str
    state: State
    text: str
    message: Message | UnreadableMessage

    @classmethod
    def of(cls, name: str, state: State) -> "_WrittenMessage":
        text = to_json(state.document)
        return cls(name, state, text, read_message(text))

    @property
    def is_unreadable(self) -> bool:
        return isinstance(self.message, UnreadableMessage) and not self.state.removed

    def row(self, stored_at: str, dialect: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "folder_id": self.state.folder_id,
            "document": self.text,
            "removed_at": stored_at if self.state.removed else None,
        } | columns(self.message, dialect=dialect)


class PageStore:
    """The store of pages; for every new message an event on `topic` is added to the outbox."""

    def __init__(self, outbox: Outbox, *, topic: str) -> None:
        self._outbox = outbox
        self._topic = topic

    def store(
        self, tx: Transaction, location: MailLocation, cursor: Cursor, page: "Page[Any]", link: str
    ) -> StoredPage | None:
        """Store the page that was fetched at `cursor`, and `link` as the next request.

        Returns None, and writes nothing, if another sync has advanced the cursor: its page may be newer.
        """
        stored_at = to_text(now())
        account_id, is_end = location.account_id, page.next_link is None
        repository.lock_mailbox(tx, account_id)
        if not repository.advance(tx, account_id, cursor, link, synced_at=stored_at if is_end else None):
            return None
        ids = {message_id(document) for document in page.items}
        result = changes(page.items, repository.states(tx, account_id, ids), location.folder_id)
        written = [_WrittenMessage.of(name, state) for name, state in result.written.items()]
        shared = {"account_id": account_id, "generation": cursor.generation, "stored_at": stored_at}
        repository.write(tx, [shared | message.row(stored_at, tx.dialect) for message in written])
        repository.mark_seen(tx, account_id, result.unchanged, cursor.generation)
        unseen = repository.remove_unseen(tx, account_id, cursor, stored_at) if is_end else 0
        self._outbox.add(tx, self._events(location, result, written))
        return StoredPage(
            cursor=replace(cursor, link=link, complete=cursor.complete or is_end),
            seen=result.seen,
            new=len(result.new),
            updated=result.updated,
            removed=result.removed + unseen,
            unreadable=sum(message.is_unreadable for message in written),
        )

    def _events(
        self, location: MailLocation, result: Changes, written: Sequence[_WrittenMessage]
    ) -> list[NewEvent]:
        new = frozenset(result.new)
        return [
            received(self._topic, location, message.id, message.message)
            for message in written
            if message.id in new
        ]
