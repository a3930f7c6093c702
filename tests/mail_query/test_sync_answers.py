"""Syncs over answers that the stand-in has no reason to give."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from iacs.core.events import NewEvent
from iacs.core.exceptions import EventError, GraphError, MalformedResponseError
from iacs.mail_query import MailReceived, Message, UnreadableMessage
from iacs.mail_query.compression import decompressor
from iacs.mail_query.events import event_id
from tests.mail_query.conftest import Parts
from tests.mail_query.scripted_graph import Reply, page, refusal

DELTA = "/me/mailFolders/f/messages/delta"
FOLDER = {"id": "f", "displayName": "Fo\0lder", "childFolderCount": 0, "totalItemCount": 1}
END = {"delta_link": "{url}/later"}


def message(name: str = "1", key: str = "k1", **fields: Any) -> dict[str, Any]:
    return {"id": name, "changeKey": key, "subject": "s"} | fields


@pytest.fixture
def mailbox(parts: Parts) -> str:
    """A mailbox of one folder."""
    parts.graph.on("/me/mailFolders", page(FOLDER))
    parts.graph.on(DELTA, page(**END))
    parts.graph.on("/later", page(**END))
    return parts.enrol()


async def documents(parts: Parts) -> dict[str, Any]:
    rows = await parts.database.run(lambda tx: tx.rows("SELECT * FROM iacs_messages"))
    read = decompressor(parts.database.dialect)
    return {row["id"]: json.loads(read(row["document"])) for row in rows}


async def values(parts: Parts) -> list[MailReceived]:
    events = [event async for event in parts.events.consume("mail", idle_timeout=0.0)]
    return [MailReceived.model_validate(event.value) for event in events]


async def test_folders_are_asked_for_changes_by_the_page(parts: Parts, mailbox: str) -> None:
    await parts.mail.sync(mailbox)
    [asked] = [asked for asked in parts.graph.asked if asked.target == DELTA]
    assert asked.headers["Prefer"] == 'IdType="ImmutableId", odata.maxpagesize=100'


async def test_a_partial_update_keeps_what_it_does_not_say(parts: Parts, mailbox: str) -> None:
    parts.graph.on(DELTA, page(message(isRead=False, toRecipients=[]), **END))
    parts.graph.on("/later", page({"id": "1", "isRead": True}, **END))
    await parts.mail.sync(mailbox)
    result = await parts.mail.sync(mailbox)
    assert (result.new, result.updated) == (0, 1)
    assert await documents(parts) == {"1": message(isRead=True, toRecipients=[])}


async def test_what_fits_no_schema_is_stored_counted_and_announced(parts: Parts, mailbox: str) -> None:
    broken = message("2", isRead="perhaps", receivedDateTime="20020822")
    nameless = {"subject": "no id"}
    half = {"id": "3", "subject": "\ud800", "changeKey": "k"}
    items = [message(), broken, nameless, half]
    parts.graph.on(DELTA, page(*items, **END))
    result = await parts.mail.sync(mailbox)
    assert (result.seen, result.new, result.unreadable, result.published) == (4, 4, 3, 4)
    stored = await documents(parts)
    assert len(stored) == 4
    assert all(item in stored.values() for item in items)
    published = {value.message_id: value for value in await values(parts)}
    assert set(published) == set(stored)
    assert published["1"].problem is None
    assert "isRead" in (published["2"].problem or "")
    assert "perhaps" not in (published["2"].problem or "")
    read = [message async for message in parts.mail.stored(mailbox)]
    assert sum(isinstance(message, UnreadableMessage) for message in read) == 3
    again = await parts.mail.sync(mailbox)
    assert (again.new, again.published) == (0, 0)


async def test_a_message_that_becomes_readable_is_an_update_without_an_event(
    parts: Parts, mailbox: str
) -> None:
    parts.graph.on(DELTA, page(message(isRead="perhaps"), **END))
    parts.graph.on("/later", page(message(key="k2", isRead=True), **END))
    assert (await parts.mail.sync(mailbox)).unreadable == 1
    result = await parts.mail.sync(mailbox)
    assert (result.updated, result.unreadable, result.published) == (1, 0, 0)
    [read] = [message async for message in parts.mail.stored(mailbox)]
    assert isinstance(read, Message)


async def test_nul_and_odd_dates_are_stored(parts: Parts, mailbox: str) -> None:
    odd = message(
        subject="a\0b", receivedDateTime="0001-01-01T00:00:00Z", sentDateTime="9999-12-31T23:59:59Z"
    )
    parts.graph.on(DELTA, page(odd, message("2", sentDateTime="1969-07-20T20:17:40Z"), **END))
    await parts.mail.sync(mailbox)
    assert (await documents(parts))["1"] == odd
    row = await parts.database.run(
        lambda tx: tx.row("SELECT subject, received_at, sent_at FROM iacs_messages WHERE id = '1'")
    )
    assert row is not None
    assert row["subject"] == ("a\ufffdb" if parts.database.dialect == "postgresql" else "a\0b")
    assert row["received_at"] is None  # Exchange writes that day for no date
    assert row["sent_at"] == "9999-12-31T23:59:59.000000Z"
    assert {value.subject for value in await values(parts)} == {"a\0b", "s"}


@pytest.mark.parametrize(
    "refused",
    [
        refusal(410, "Gone", Location="{url}/me/elsewhere"),
        refusal(410, "resyncRequired"),
        refusal(400, "SyncStateNotFound"),
        refusal(404, "syncStateNotFound"),
        refusal(400, "BadRequest"),
    ],
)
async def test_a_forgotten_state_in_the_middle_of_a_walk_begins_it_again(
    parts: Parts, mailbox: str, refused: Reply
) -> None:
    first = page(message("1"), message("2"), next_link="{url}/more")
    parts.graph.on(DELTA, first, page(message("2"), message("3"), next_link="{url}/rest"))
    parts.graph.on("/more", refused)
    parts.graph.on("/rest", page(message("4"), **END))
    result = await parts.mail.sync(mailbox)
    assert (result.new, result.updated, result.removed, result.published) == (4, 0, 1, 4)
    assert {message.id async for message in parts.mail.stored(mailbox)} == {"2", "3", "4"}


async def test_a_state_that_is_forgotten_every_time_ends_in_the_error(parts: Parts, mailbox: str) -> None:
    parts.graph.on(DELTA, page(next_link="{url}/more"))
    parts.graph.on("/more", refusal(410, "resyncRequired"))
    with pytest.raises(GraphError, match="no longer has the state"):
        await parts.mail.sync(mailbox)


@pytest.mark.parametrize("link", ["https://evil.example/more", "{url}/mo re"])
async def test_a_page_that_goes_on_elsewhere_is_an_error_and_not_stored(
    parts: Parts, mailbox: str, link: str
) -> None:
    parts.graph.on(DELTA, page(message(), next_link=link))
    with pytest.raises(MalformedResponseError, match="does not lead to GRAPH_URL"):
        await parts.mail.sync(mailbox)
    assert await parts.mail.count(mailbox) == 0


@pytest.mark.parametrize("reply", [page(message()), Reply(body=b"<html>"), Reply(body=b'{"value":{}}')])
async def test_a_page_that_stays_malformed_is_an_error_and_the_next_sync_recovers(
    parts: Parts, mailbox: str, reply: Reply
) -> None:
    parts.graph.on(DELTA, reply)
    with pytest.raises(MalformedResponseError):
        await parts.mail.sync(mailbox)
    parts.graph.on(DELTA, page(message(), **END))
    assert (await parts.mail.sync(mailbox)).new == 1


async def test_a_folder_that_is_gone_takes_its_messages_along(parts: Parts, mailbox: str) -> None:
    other = FOLDER | {"id": "g", "displayName": "G"}
    parts.graph.on("/me/mailFolders", page(FOLDER, other), page(FOLDER))
    parts.graph.on("/me/mailFolders/g/messages/delta", page(message("1"), message("2"), **END))
    await parts.mail.sync(mailbox)
    parts.graph.on("/later", page(message("1", key="k2"), **END))
    result = await parts.mail.sync(mailbox)
    assert (result.updated, result.removed) == (1, 1)
    assert {message.id async for message in parts.mail.stored(mailbox)} == {"1"}


async def test_a_folder_that_vanishes_meanwhile_does_not_stop_the_others(parts: Parts, mailbox: str) -> None:
    parts.graph.on("/me/mailFolders", page(FOLDER | {"id": "vanished"}, FOLDER))
    parts.graph.on(DELTA, page(message(), **END))
    assert (await parts.mail.sync(mailbox)).new == 1


async def test_a_link_that_is_missing_begins_its_folder_again(parts: Parts, mailbox: str) -> None:
    parts.graph.on(DELTA, page(message("1"), **END), page(message("1"), message("2"), **END))
    await parts.mail.sync(mailbox)
    parts.graph.on("/later", refusal(404, "ErrorItemNotFound"))
    result = await parts.mail.sync(mailbox)
    assert (result.new, result.updated, result.removed) == (1, 0, 0)


async def test_folders_of_every_depth_are_listed_without_search_folders(parts: Parts, mailbox: str) -> None:
    search = {"@odata.type": "#microsoft.graph.mailSearchFolder", "id": "s", "childFolderCount": 0}
    parts.graph.on("/me/mailFolders", page({"id": "a/b="}, next_link="{url}/folders2"))
    parts.graph.on("/folders2", page(search, FOLDER))
    parts.graph.on("/me/mailFolders/a%2Fb%3D/childFolders", page({"id": "c", "childFolderCount": 1}))
    parts.graph.on("/me/mailFolders/c/childFolders", page({"id": "d", "childFolderCount": 0}))
    assert [folder.id for folder in await parts.mail.folders(mailbox)] == ["a/b=", "f", "c", "d"]


async def test_a_folder_that_cannot_be_read_stops_no_other_and_removes_none(
    parts: Parts, mailbox: str
) -> None:
    parts.graph.on(DELTA, page(message(), **END))
    await parts.mail.sync(mailbox)
    other = FOLDER | {"id": "g", "displayName": "half \ud83d"}
    parts.graph.on("/me/mailFolders", page({"displayName": "no id"}, other))
    parts.graph.on("/me/mailFolders/g/messages/delta", page(message("2"), **END))
    result = await parts.mail.sync(mailbox)
    assert [(folder.name, folder.state) for folder in result.folder_results] == [
        ("half \ufffd", "synced"),
        ("no id", "failed"),
    ]
    assert {message.id async for message in parts.mail.stored(mailbox)} == {"1", "2"}


async def test_subfolders_that_cannot_be_listed_stop_no_other_and_remove_none(
    parts: Parts, mailbox: str
) -> None:
    parent, child = FOLDER | {"childFolderCount": 1}, FOLDER | {"id": "c", "displayName": "C"}
    children = "/me/mailFolders/f/childFolders"
    parts.graph.on("/me/mailFolders", page(parent))
    parts.graph.on(children, page(child))
    parts.graph.on("/me/mailFolders/c/messages/delta", page(message("2"), **END))
    await parts.mail.sync(mailbox)
    parts.graph.on(children, refusal(500, "x"))
    parts.graph.on("/later", page(message("1"), **END))
    result = await parts.mail.sync(mailbox)
    assert [(folder.id, folder.state) for folder in result.folder_results] == [
        ("f", "synced"),
        ("f", "failed"),
    ]
    assert {message.id async for message in parts.mail.stored(mailbox)} == {"1", "2"}


async def test_folders_within_folders_without_end_are_an_error(parts: Parts, mailbox: str) -> None:
    def deeper(request: web.Request) -> Reply | None:
        name = f"{request.path.count('/')}-{len(parts.graph.asked)}"
        return page({"id": name, "childFolderCount": 1}) if "older" in request.path else None

    parts.graph.handler = deeper
    with pytest.raises(MalformedResponseError, match="without end"):
        await parts.mail.folders(mailbox)


async def test_a_bad_field_does_not_blank_the_good_ones(parts: Parts, mailbox: str) -> None:
    sender = {"emailAddress": {"name": "Bob", "address": "bob@x.example"}}
    broken = message(isRead="perhaps", toRecipients=7, receivedDateTime="2026-11-20T08:00:00Z") | {
        "from": sender
    }
    parts.graph.on(DELTA, page(broken, **END))
    assert (await parts.mail.sync(mailbox)).unreadable == 1
    row = await parts.database.run(lambda tx: tx.row("SELECT * FROM iacs_messages"))
    assert row is not None
    assert (row["subject"], row["sender_address"], row["is_read"]) == ("s", "bob@x.example", None)
    assert row["received_at"] == "2026-11-20T08:00:00.000000Z"
    assert "isRead" in row["problem"]
    [value] = await values(parts)
    assert (value.subject, value.from_ and value.from_.name) == ("s", "Bob")
    assert "isRead" in (value.problem or "")


@pytest.mark.parametrize("sent_first", [True, False])
async def test_a_draft_is_announced_when_it_is_sent(parts: Parts, mailbox: str, *, sent_first: bool) -> None:
    drafts, sent = FOLDER | {"displayName": "Drafts"}, FOLDER | {"id": "s", "displayName": "Sent"}
    parts.graph.on("/me/mailFolders", page(drafts))
    parts.graph.on(DELTA, page(message(isDraft=True, subject="unfinished"), **END))
    await parts.mail.sync(mailbox)
    assert await values(parts) == []
    gone = page({"id": "1", "@removed": {"reason": "deleted"}}, **END)
    arrived = page(message(isDraft=False, subject="finished", key="k2"), delta_link="{url}/sent")
    parts.graph.on("/me/mailFolders", page(drafts, sent))
    parts.graph.on("/sent", page(delta_link="{url}/sent"))
    parts.graph.on("/later", page(**END) if sent_first else gone, gone)
    parts.graph.on("/me/mailFolders/s/messages/delta", arrived)
    for _ in range(3):
        await parts.mail.sync(mailbox)
    [value] = await values(parts)
    assert (value.subject, value.is_draft, value.folder) == ("finished", False, "Sent")


async def test_two_syncs_at_once_store_and_announce_everything_once(parts: Parts, mailbox: str) -> None:
    names = [str(number) for number in range(6)]
    parts.graph.on(DELTA, page(message(names[0]), next_link="{url}/p1"))
    for number in range(1, 5):
        parts.graph.on(f"/p{number}", page(message(names[number]), next_link=f"{{url}}/p{number + 1}"))
    parts.graph.on("/p5", page(message(names[5]), **END))
    results = await asyncio.gather(*(parts.mail.sync(mailbox) for _ in range(3)))
    assert sum(result.new for result in results) == 6
    assert sum(result.published for result in results) == 6
    assert {message.id async for message in parts.mail.stored(mailbox)} == set(names)
    assert sorted(value.message_id for value in await values(parts)) == names


async def test_a_sync_that_was_overtaken_goes_on_from_where_the_other_ended(
    parts: Parts, mailbox: str
) -> None:
    asked, overtaken = asyncio.Event(), asyncio.Event()
    first = page({"id": "1", "subject": "old"}, message("2"), **END)
    new = message(key="k2", subject="new")
    parts.graph.on(DELTA, replace(first, asked=asked, until=overtaken), page(new, **END))
    slow = asyncio.create_task(parts.mail.sync(mailbox))
    await asyncio.wait_for(asked.wait(), 10)
    assert (await parts.mail.sync(mailbox)).new == 1
    overtaken.set()
    assert (await slow).seen == 0
    assert await documents(parts) == {"1": new}
    assert parts.graph.targets[-1] == "/later"


async def test_events_are_published_while_the_next_page_is_read(parts: Parts, mailbox: str) -> None:
    go_on = asyncio.Event()
    parts.graph.on(DELTA, page(message("1"), next_link="{url}/more"))
    parts.graph.on("/more", replace(page(message("2"), **END), until=go_on))
    sync = asyncio.create_task(parts.mail.sync(mailbox))
    async with asyncio.timeout(10):
        first = await anext(aiter(parts.events.consume("mail", idle_timeout=9.0)))
    assert (first.value["message_id"], sync.done()) == ("1", False)
    go_on.set()
    result = await sync
    assert (result.new, result.published) == (2, 2)


async def test_the_id_of_an_event_is_that_of_its_message(parts: Parts, mailbox: str) -> None:
    parts.graph.on(DELTA, page(message(), **END))
    await parts.mail.sync(mailbox)
    account = await parts.people.get(mailbox)
    [event] = [event async for event in parts.events.consume("mail", idle_timeout=0.0)]
    assert event.id == event_id(account.id, "1")
    assert event_id("a", "1") == "c8196c3c-4ea6-55af-8ef5-beec1058352c"


async def test_mail_is_stored_while_events_cannot_be_published(
    parts: Parts, mailbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(self: object, events: Iterable[NewEvent]) -> int:
        raise EventError("no broker")

    parts.graph.on(DELTA, page(message("1"), **END))
    parts.graph.on("/later", page(message("2"), **END))
    with monkeypatch.context() as patch:
        patch.setattr(type(parts.events), "publish_many", unreachable)
        for _ in range(2):
            with pytest.raises(EventError):
                await parts.mail.sync(mailbox)
    assert await parts.mail.count(mailbox) == 2
    assert (await parts.mail.sync(mailbox)).published == 2
    assert {value.message_id for value in await values(parts)} == {"1", "2"}
