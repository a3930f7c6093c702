import json
from dataclasses import replace
from typing import Any

import pytest

from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.logger import Logger
from iacs.core.outbox import Outbox
from iacs.mail_query import folder_rows, message_rows
from iacs.mail_query.document import Document
from iacs.mail_query.events import MailLocation, event_id
from iacs.mail_query.page_store import PageStore, drop_folder
from iacs.mail_query.pages import Page, read_changes
from iacs.mail_query.schema import MailFolder

INBOX = MailLocation("alice@contoso.example", "a", "Inbox", "f")


def page(*items: dict[str, Any], more: bool = True) -> Page[Document]:
    link = {"@odata.nextLink" if more else "@odata.deltaLink": "next"}
    return read_changes(json.dumps({"value": items} | link, separators=(",", ":")).encode())


def store_in(database: Database, logger: Logger) -> PageStore:
    return PageStore(Outbox(database, EventLog(database, logger=logger), logger=logger), topic="mail")


async def test_a_page_fetched_from_where_another_sync_has_gone_on_is_not_stored(
    database: Database, logger: Logger
) -> None:
    store = store_in(database, logger)
    start = (await database.run(folder_rows.upsert_folders, "a", [MailFolder(id="f")]))["f"]
    newer = await database.run(store.store, INBOX, start, page({"id": "1", "subject": "newer"}), "link-1")
    older = page({"id": "1", "subject": "older"}, {"id": "2"})
    assert await database.run(store.store, INBOX, start, older, "link-0") is None
    assert newer is not None
    assert await database.run(folder_rows.read_cursor, "a", "f") == newer.cursor
    [(_, document, _)] = await database.run(
        message_rows.documents, "a", folder_id=None, removed=True, after="", limit=9
    )
    assert document == '{"id":"1","subject":"newer"}'
    assert await database.run(lambda tx: tx.value("SELECT count(*) FROM iacs_outbox")) == 1


async def test_a_draft_is_announced_as_one_too_if_that_is_set(database: Database, logger: Logger) -> None:
    outbox = Outbox(database, EventLog(database, logger=logger), logger=logger)
    store = PageStore(outbox, topic="mail", announce_drafts=True)
    at = (await database.run(folder_rows.upsert_folders, "a", [MailFolder(id="f")]))["f"]
    for is_draft in (True, True, False, False):
        item = {"id": "1", "isDraft": is_draft, "changeKey": str(at.link)}
        stored = await database.run(store.store, INBOX, at, page(item), f"after {at.link}")
        assert stored is not None
        at = stored.cursor
    rows = await database.run(lambda tx: tx.rows("SELECT id, payload FROM iacs_outbox ORDER BY position"))
    assert [json.loads(row["payload"])["is_draft"] for row in rows] == [True, False]
    assert [row["id"] for row in rows] == [event_id("a", "1", is_draft=True), event_id("a", "1")]


async def test_a_page_of_an_earlier_walk_is_not_stored(database: Database, logger: Logger) -> None:
    store = store_in(database, logger)
    start = (await database.run(folder_rows.upsert_folders, "a", [MailFolder(id="f")]))["f"]
    again = await database.run(folder_rows.restart_folder, "a", "f")
    assert (again.generation, again.link) == (start.generation + 1, None)
    assert await database.run(store.store, INBOX, start, page({"id": "1"}), "link") is None


async def test_a_folder_counts_as_walked_when_its_end_is_reached(database: Database, logger: Logger) -> None:
    store = store_in(database, logger)
    at = (await database.run(folder_rows.upsert_folders, "a", [MailFolder(id="f")]))["f"]
    for more in (True, False, True):
        stored = await database.run(store.store, INBOX, at, page(more=more), f"link-{more}-{at.link}")
        assert stored is not None
        at = await database.run(folder_rows.read_cursor, "a", "f")
        assert stored.cursor == at
        assert at.complete is (more is False or at.link == "link-True-link-False-link-True-None")


async def test_a_message_keeps_the_time_at_which_it_was_first_stored(
    database: Database, logger: Logger
) -> None:
    store = store_in(database, logger)
    at = (await database.run(folder_rows.upsert_folders, "a", [MailFolder(id="f")]))["f"]
    times = []
    for subject in "ab":
        stored = await database.run(store.store, INBOX, at, page({"id": "1", "subject": subject}), subject)
        assert stored is not None
        at = stored.cursor
        times.append(await database.run(lambda tx: tx.row("SELECT stored_at, subject FROM iacs_messages")))
    assert [row["subject"] for row in times if row] == ["a", "b"]
    assert len({row["stored_at"] for row in times if row}) == 1


class Folders:
    """Two folders of one mailbox, whose pages are stored in the order of the calls."""

    def __init__(self, database: Database, logger: Logger) -> None:
        self._database = database
        self._store = store_in(database, logger)
        self._count = 0

    async def start(self) -> None:
        """Store the folders."""
        await self._database.run(folder_rows.upsert_folders, "a", [MailFolder(id="f"), MailFolder(id="g")])

    async def list(self, folder_id: str, *items: dict[str, Any], more: bool = False) -> int:
        """Store a page of a folder; return the number of removals that it counts."""
        self._count += 1
        location, cursor = replace(INBOX, folder_id=folder_id), await self.cursor(folder_id)
        content = page(*items, more=more)
        stored = await self._database.run(self._store.store, location, cursor, content, f"link-{self._count}")
        assert stored is not None
        return stored.removed

    async def restart(self, folder_id: str) -> None:
        """Begin to read a folder from its start."""
        await self._database.run(folder_rows.restart_folder, "a", folder_id)

    async def drop(self, folder_id: str) -> int:
        """Delete a folder; return the number of messages that were removed with it."""
        return await self._database.run(drop_folder, "a", folder_id, "2026-01-01")

    async def cursor(self, folder_id: str) -> folder_rows.Cursor:
        """Return where a folder is read next."""
        return await self._database.run(folder_rows.read_cursor, "a", folder_id)

    async def stored(self) -> dict[str, str]:
        """Return the folder of each message that was not removed."""
        rows = await self._database.run(
            lambda tx: tx.rows("SELECT id, folder_id FROM iacs_messages WHERE removed_at IS NULL")
        )
        return {row["id"]: row["folder_id"] for row in rows}

    async def moving(self) -> int:
        """Return how many other folders are recorded for messages."""
        return int(await self._database.run(lambda tx: tx.value("SELECT count(*) FROM iacs_moving_messages")))


@pytest.fixture
async def folders(database: Database, logger: Logger) -> Folders:
    folders = Folders(database, logger)
    await folders.start()
    return folders


MESSAGE = {"id": "1", "changeKey": "old"}
MOVED = {"id": "1", "changeKey": "new"}
REMOVAL: dict[str, Any] = {"id": "1", "@removed": {"reason": "deleted"}}


@pytest.mark.parametrize("is_removal_first", [True, False])
async def test_a_move_is_one_whichever_folder_comes_first(
    folders: Folders, *, is_removal_first: bool
) -> None:
    await folders.list("f", MESSAGE)
    pages: list[tuple[str, dict[str, Any]]] = [("f", REMOVAL), ("g", MOVED)]
    for folder_id, item in pages if is_removal_first else reversed(pages):
        await folders.list(folder_id, item)
    assert await folders.stored() == {"1": "g"}
    assert await folders.moving() == 0
    assert (await folders.cursor("g")).generation == 0


async def test_an_old_page_of_the_former_folder_costs_no_message(folders: Folders) -> None:
    await folders.list("g", MOVED)
    await folders.list("f", MESSAGE, more=True)
    assert await folders.list("f", REMOVAL) == 0
    assert await folders.stored() == {"1": "g"}
    cursor = await folders.cursor("g")
    assert (cursor.link, cursor.generation) == (None, 1), "its document may be the older one"
    assert await folders.list("g", MOVED) == 0
    assert (await folders.stored(), await folders.moving()) == ({"1": "g"}, 0)


async def test_a_returned_message_that_its_folder_no_longer_lists_is_removed(folders: Folders) -> None:
    await folders.list("g", MOVED)
    await folders.list("f", MESSAGE, REMOVAL)
    assert await folders.list("g") == 1
    assert (await folders.stored(), await folders.moving()) == ({}, 0)


async def test_an_old_page_and_a_folder_that_is_read_again_cost_no_message(folders: Folders) -> None:
    await folders.list("g", MOVED)
    await folders.list("f", MESSAGE, more=True)
    await folders.restart("f")
    assert await folders.list("f") == 0
    assert await folders.stored() == {"1": "g"}


async def test_an_old_page_of_a_folder_that_is_deleted_costs_no_message(folders: Folders) -> None:
    await folders.list("g", MOVED)
    await folders.list("f", MESSAGE, {"id": "2"})
    assert await folders.drop("f") == 1
    assert await folders.stored() == {"1": "g"}


async def test_a_message_does_not_return_to_a_folder_that_lost_it(folders: Folders) -> None:
    await folders.list("f", MESSAGE, {"id": "2"}, {"id": "3"})
    await folders.list("g", MOVED, {"id": "2"}, {"id": "3"})
    await folders.list("f", REMOVAL, more=True)
    await folders.restart("f")
    await folders.list("f", {"id": "3"})
    assert await folders.stored() == {"1": "g", "2": "g", "3": "f"}
    assert await folders.list("g", *({"id": name, "@removed": {}} for name in "12")) == 2
    assert await folders.stored() == {"3": "f"}
    assert await folders.drop("g") == 0
    assert await folders.moving() == 0
