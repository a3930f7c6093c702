"""One page of a folder's delta, stored in one transaction: messages, events and where to go on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from iacs.core.clock import now, to_text
from iacs.core.events import NewEvent
from iacs.core.transaction import Transaction
from iacs.mail_query import repository
from iacs.mail_query.changes import Changes, changes, message_id, to_json
from iacs.mail_query.columns import columns
from iacs.mail_query.events import Place, received
from iacs.mail_query.pages import Page, read_message
from iacs.mail_query.repository import Cursor
from iacs.mail_query.schema import Message, UnreadableMessage


class Outbox(Protocol):
    """Whoever keeps events in the caller's transaction and publishes them afterwards."""

    def add(self, tx: Transaction, events: Sequence[NewEvent]) -> None:
        """Keep the events if the transaction commits."""

    async def relay(self) -> int:
        """Publish what is kept; return how many."""
        ...


@dataclass(frozen=True, slots=True)
class StoredPage:
    """What a page came to, and where the folder's sync goes on."""

    cursor: Cursor
    seen: int
    new: int
    updated: int
    removed: int
    unreadable: int


class PageStore:
    """Store pages; new messages are announced on `topic`."""

    def __init__(self, outbox: Outbox, *, topic: str) -> None:
        self._outbox = outbox
        self._topic = topic

    def store(
        self, tx: Transaction, place: Place, at: Cursor, page: Page[Any], link: str
    ) -> StoredPage | None:
        """Store a page that was fetched from `at`; return None when another sync has gone on from there.

        Nothing is written then: what that one stored may be newer.
        """
        stored_at = to_text(now())
        walked = page.next_link is None
        repository.lock_mailbox(tx, place.account_id)
        if not repository.advance(tx, place.account_id, at, link, synced_at=stored_at if walked else None):
            return None
        ids = {message_id(document) for document in page.items}
        found = changes(page.items, repository.states(tx, place.account_id, ids), place.folder_id)
        messages = {name: read_message(state.document) for name, state in found.written.items()}
        self._write(tx, place, at, found, messages, stored_at)
        unmet = repository.remove_unmet(tx, place.account_id, at, stored_at) if walked else 0
        return StoredPage(
            cursor=replace(at, link=link, walked=at.walked or walked),
            seen=found.seen,
            new=len(found.new),
            updated=found.updated,
            removed=found.removed + unmet,
            unreadable=sum(
                isinstance(messages[name], UnreadableMessage)
                for name, state in found.written.items()
                if not state.removed
            ),
        )

    def _write(
        self,
        tx: Transaction,
        place: Place,
        at: Cursor,
        found: Changes,
        messages: dict[str, Message | UnreadableMessage],
        stored_at: str,
    ) -> None:
        shared = {"account_id": place.account_id, "walk": at.walk, "stored_at": stored_at}
        repository.write(
            tx,
            [
                shared
                | {
                    "id": name,
                    "folder_id": state.folder_id,
                    "document": to_json(state.document),
                    "removed_at": stored_at if state.removed else None,
                }
                | columns(messages[name], dialect=tx.dialect)
                for name, state in found.written.items()
            ],
        )
        if found.unchanged:
            repository.meet(tx, place.account_id, found.unchanged, at.walk)
        self._outbox.add(tx, [received(self._topic, place, name, messages[name]) for name in found.new])
