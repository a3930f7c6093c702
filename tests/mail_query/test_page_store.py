import json
from typing import Any

from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.logger import Logger
from iacs.core.outbox import Outbox
from iacs.mail_query import folder_rows, message_rows
from iacs.mail_query.document import Document
from iacs.mail_query.events import MailLocation, event_id
from iacs.mail_query.page_store import PageStore
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
    [(_, document)] = await database.run(
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
