"""One page of a folder's delta, stored in one transaction: messages, events and where to go on."""

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
from iacs.mail_query.events import Place, received
from iacs.mail_query.pages import Page, read_message, to_json
from iacs.mail_query.repository import Cursor
from iacs.mail_query.schema import Message, UnreadableMessage


@dataclass(frozen=True, slots=True)
class StoredPage:
    """What a page came to, and where the folder's sync goes on."""

    cursor: Cursor
    seen: int
    new: int
    updated: int
    removed: int
    unreadable: int


@dataclass(frozen=True, slots=True)
class _Written:
    """A message whose row is written: as text, which is stored, and as far as it can be read."""

    id: str
    state: State
    text: str
    message: Message | UnreadableMessage


class PageStore:
    """Store pages; new messages are announced on `topic`."""

    def __init__(self, outbox: Outbox, *, topic: str) -> None:
        self._outbox = outbox
        self._topic = topic

    def store(
        self, tx: Transaction, place: Place, at: Cursor, page: "Page[Any]", link: str
    ) -> StoredPage | None:
        """Store a page that was fetched from `at`; return None when another sync has gone on from there.

        Nothing is written then: what that one stored may be newer.
        """
        stored_at = to_text(now())
        is_end = page.next_link is None
        repository.lock_mailbox(tx, place.account_id)
        if not repository.advance(tx, place.account_id, at, link, synced_at=stored_at if is_end else None):
            return None
        ids = {message_id(document) for document in page.items}
        found = changes(page.items, repository.states(tx, place.account_id, ids), place.folder_id)
        written = [_written(name, state) for name, state in found.written.items()]
        shared = {"account_id": place.account_id, "walk": at.walk, "stored_at": stored_at}
        repository.write(tx, [shared | _row(item, stored_at, tx.dialect) for item in written])
        repository.meet(tx, place.account_id, found.unchanged, at.walk)
        unmet = repository.remove_unmet(tx, place.account_id, at, stored_at) if is_end else 0
        self._outbox.add(tx, self._events(place, found, written))
        return StoredPage(
            cursor=replace(at, link=link, walked=at.walked or is_end),
            seen=found.seen,
            new=len(found.new),
            updated=found.updated,
            removed=found.removed + unmet,
            unreadable=sum(_is_unreadable(item) for item in written),
        )

    def _events(self, place: Place, found: Changes, written: Sequence[_Written]) -> list[NewEvent]:
        new = frozenset(found.new)
        return [received(self._topic, place, item.id, item.message) for item in written if item.id in new]


def _written(name: str, state: State) -> _Written:
    text = to_json(state.document)
    return _Written(name, state, text, read_message(text))


def _row(item: _Written, stored_at: str, dialect: str) -> dict[str, Any]:
    return {
        "id": item.id,
        "folder_id": item.state.folder_id,
        "document": item.text,
        "removed_at": stored_at if item.state.removed else None,
    } | columns(item.message, dialect=dialect)


def _is_unreadable(item: _Written) -> bool:
    return isinstance(item.message, UnreadableMessage) and not item.state.removed
