import json
from collections import Counter
from typing import Any

import pytest

from iacs.core.exceptions import AccountDisabledError, AccountNotFoundError, GraphError
from iacs.mail_query import Message, SyncProgress
from iacs.mail_query.compression import decompressor
from iacs.sandbox import Sandbox
from tests.mail_query.whole import ALICE, Whole, letter

ON_REQUEST = ("internetMessageHeaders", "uniqueBody")
"""What Graph gives only to those who select it."""


def given(cloud: Sandbox) -> dict[str, dict[str, Any]]:
    """What Graph would give of each message, by id."""
    every = [message.as_graph(immutable=True) for message in cloud.mailbox(ALICE).messages]
    return {graph["id"]: {name: graph[name] for name in graph if name not in ON_REQUEST} for graph in every}


async def rows(alice: Whole, where: str = "TRUE") -> list[dict[str, Any]]:
    rows = await alice.database.run(lambda tx: tx.rows(f"SELECT * FROM iacs_messages WHERE {where}"))  # noqa: S608
    return [dict(row) for row in rows]


async def stored_documents(alice: Whole) -> dict[str, Any]:
    read = decompressor(alice.database.dialect)
    return {row["id"]: json.loads(read(row["document"])) for row in await rows(alice, "removed_at IS NULL")}


async def test_every_message_is_stored_whole_and_announced_once(alice: Whole, cloud: Sandbox) -> None:
    for number in range(25):
        cloud.mailbox(ALICE).add(letter(number), folder=["inbox", "archive", "inbox/Deep/Deeper"][number % 3])
    result = await alice.mail.sync(ALICE)
    assert (result.seen, result.new, result.published) == (25, 25, 25)
    assert (result.updated, result.removed, result.unreadable) == (0, 0, 0)
    assert await stored_documents(alice) == given(cloud)
    events = await alice.read_events()
    assert Counter(event.value["message_id"] for event in events) == Counter(list(given(cloud)))
    assert len({event.id for event in events}) == 25


async def test_a_second_sync_finds_nothing_new(alice: Whole, cloud: Sandbox) -> None:
    cloud.mailbox(ALICE).add(letter(1))
    await alice.mail.sync(ALICE)
    result = await alice.mail.sync(ALICE)
    assert (result.seen, result.new, result.updated, result.removed, result.published) == (0, 0, 0, 0, 0)


async def test_an_event_describes_its_message(alice: Whole, cloud: Sandbox) -> None:
    message = cloud.mailbox(ALICE).add(letter(1))
    await alice.mail.sync(ALICE)
    [event] = await alice.read_events()
    account = await alice.accounts.get(ALICE)
    assert event.key == account.id
    assert event.value == {
        "type": "mail.received",
        "account": ALICE,
        "account_id": account.id,
        "message_id": message.immutable_id,
        "folder_id": message.folder.id,
        "folder": "Inbox",
        "internet_message_id": "<1@fabrikam.example>",
        "subject": "Letter 1",
        "from": {"name": "Sender 1", "address": "sender1@fabrikam.example"},
        "sent_at": "2002-08-21T22:01:00Z",
        "received_at": event.value["received_at"],
        "is_draft": False,
        "has_attachments": False,
        "problem": None,
    }


async def test_changes_moves_and_removals_are_followed(alice: Whole, cloud: Sandbox) -> None:
    mailbox = cloud.mailbox(ALICE)
    kept, changed, moved, gone = (mailbox.add(letter(number)) for number in range(4))
    await alice.mail.sync(ALICE)
    mailbox.change(changed.immutable_id, isRead=True)
    mailbox.move(moved.immutable_id, "archive")
    mailbox.remove(gone.immutable_id)
    added = mailbox.add(letter(9))
    result = await alice.mail.sync(ALICE)
    assert (result.new, result.updated) == (1, 2)
    assert await stored_documents(alice) == given(cloud)
    [removed] = await rows(alice, "removed_at IS NOT NULL")
    assert removed["id"] == gone.immutable_id
    events = await alice.read_events()
    assert [event.value["message_id"] for event in events][-1] == added.immutable_id
    assert len(events) == 5
    assert kept.immutable_id in given(cloud)


@pytest.mark.parametrize("folders", [("inbox", "archive"), ("archive", "inbox")])
async def test_a_move_counts_neither_as_new_nor_as_gone_in_the_end(
    alice: Whole, cloud: Sandbox, folders: tuple[str, str]
) -> None:
    message = cloud.mailbox(ALICE).add(letter(1), folder=folders[0])
    await alice.mail.sync(ALICE)
    cloud.mailbox(ALICE).move(message.immutable_id, folders[1])
    await alice.mail.sync(ALICE)
    [row] = await rows(alice)
    assert (row["removed_at"], row["folder_id"]) == (None, message.folder.id)
    assert len(await alice.read_events()) == 1


async def test_a_forgotten_state_brings_only_real_differences(alice: Whole, cloud: Sandbox) -> None:
    mailbox = cloud.mailbox(ALICE)
    _, changed, gone = (mailbox.add(letter(number)) for number in range(3))
    await alice.mail.sync(ALICE)
    mailbox.change(changed.immutable_id, isRead=True)
    mailbox.remove(gone.immutable_id)
    mailbox.add(letter(8))
    await alice.database.run(
        lambda tx: tx.execute("UPDATE iacs_mail_folders SET delta_link = delta_link || 'x'")
    )
    result = await alice.mail.sync(ALICE)
    assert (result.new, result.updated, result.removed) == (1, 1, 1)
    assert await stored_documents(alice) == given(cloud)
    assert len(await alice.read_events()) == 4
    assert (await alice.mail.sync(ALICE)).seen == 0


async def test_a_stored_link_to_another_cloud_is_not_followed(alice: Whole, cloud: Sandbox) -> None:
    cloud.mailbox(ALICE).add(letter(1))
    await alice.mail.sync(ALICE)
    await alice.database.run(
        lambda tx: tx.execute("UPDATE iacs_mail_folders SET delta_link = 'https://evil.example/v1.0/me'")
    )
    result = await alice.mail.sync(ALICE)
    assert (result.seen, result.new, result.updated, result.removed) == (1, 0, 0, 0)


async def test_progress_ends_at_the_number_that_was_expected(alice: Whole, cloud: Sandbox) -> None:
    for number in range(25):
        cloud.mailbox(ALICE).add(letter(number), folder=["inbox", "archive"][number % 2])
    steps: list[SyncProgress] = []
    await alice.mail.sync(ALICE, on_progress=steps.append)
    assert (steps[-1].seen, steps[-1].expected) == (25, 25)
    inbox = [step for step in steps if step.folder == "Inbox"]
    assert [(step.done, step.total) for step in inbox] == [(10, 13), (13, 13)]
    steps.clear()
    await alice.mail.sync(ALICE, on_progress=steps.append)
    assert {(step.total, step.expected) for step in steps} == {(None, None)}


async def test_what_was_stored_is_read_back_as_messages(alice: Whole, cloud: Sandbox) -> None:
    mailbox = cloud.mailbox(ALICE)
    kept, gone = mailbox.add(letter(1)), mailbox.add(letter(2), folder="archive")
    await alice.mail.sync(ALICE)
    mailbox.remove(gone.immutable_id)
    await alice.mail.sync(ALICE)
    live = [message async for message in alice.mail.messages(ALICE)]
    assert [message async for message in alice.mail.stored(ALICE)] == live
    assert (await alice.mail.count(ALICE), await alice.mail.count(ALICE, removed=True)) == (1, 2)
    assert await alice.mail.count(ALICE, folder=kept.folder.id) == 1
    everything = [m async for m in alice.mail.stored(ALICE, removed=True) if isinstance(m, Message)]
    assert {message.subject for message in everything} == {"Letter 1", "Letter 2"}


async def test_more_messages_than_fit_in_one_batch_are_all_read_back_once(
    alice: Whole, cloud: Sandbox
) -> None:
    for number in range(205):
        cloud.mailbox(ALICE).add(letter(number))
    await alice.mail.sync(ALICE)
    names = [message.id async for message in alice.mail.stored(ALICE)]
    assert Counter(names) == Counter(list(given(cloud)))


async def test_a_disabled_account_is_not_read(alice: Whole) -> None:
    await alice.accounts.disable(ALICE)
    with pytest.raises(AccountDisabledError, match=f"iacs account enable {ALICE}"):
        await alice.mail.sync(ALICE)
    with pytest.raises(AccountDisabledError, match="disabled"):
        await anext(aiter(alice.mail.messages(ALICE)))


async def test_an_unknown_account_is_not_read(alice: Whole) -> None:
    with pytest.raises(AccountNotFoundError):
        await alice.mail.sync("nobody@contoso.example")


async def test_an_outage_leaves_what_was_stored_and_the_next_sync_goes_on(
    alice: Whole, cloud: Sandbox
) -> None:
    for number in range(30):
        cloud.mailbox(ALICE).add(letter(number))
    cloud.faults.unavailable("*/messages/delta", after=1, times=None)
    with pytest.raises(GraphError):
        await alice.mail.sync(ALICE, folders=["inbox"])  # of several, another could have the one response
    assert await alice.mail.count(ALICE) == 10
    assert len(await alice.read_events()) == 10
    cloud.faults.clear()
    result = await alice.mail.sync(ALICE)
    assert (result.seen, result.new, result.published) == (20, 20, 20)
    assert len(await alice.read_events()) == 30
    assert await stored_documents(alice) == given(cloud)


async def test_expired_and_challenged_tokens_are_renewed_on_the_way(alice: Whole, cloud: Sandbox) -> None:
    for number in range(15):
        cloud.mailbox(ALICE).add(letter(number))
    cloud.expire_access_tokens()
    cloud.faults.claims_challenge("*/messages/delta", after=1)
    assert (await alice.mail.sync(ALICE)).new == 15
