import asyncio
from collections import Counter
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iacs.core.exceptions import GraphError, MailQueryError
from iacs.mail_query import MailQuery, Message
from iacs.sandbox import Sandbox
from tests.mail_query.whole import ALICE, Whole, letter


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Reading straight from Graph leaves the database out of it, so one kind is enough."""
    return f"sqlite:///{tmp_path}/iacs.db"


async def read(alice: Whole, **query: Any) -> list[Message]:
    messages = [message async for message in alice.mail.messages(ALICE, MailQuery(**query))]
    return [message for message in messages if isinstance(message, Message)]


async def subjects(alice: Whole, **query: Any) -> list[str | None]:
    return [message.subject for message in await read(alice, **query)]


async def test_all_pages_are_read(alice: Whole, cloud: Sandbox) -> None:
    for number in range(25):
        cloud.mailbox(ALICE).add(letter(number), folder=["inbox", "archive"][number % 2])
    names = [message.id for message in await read(alice)]
    assert Counter(names) == Counter(message.immutable_id for message in cloud.mailbox(ALICE).messages)


async def test_only_the_next_page_is_fetched_before_it_is_wanted(alice: Whole, cloud: Sandbox) -> None:
    for number in range(25):
        cloud.mailbox(ALICE).add(letter(number))
    cloud.requests.clear()
    async with aclosing(alice.mail.messages(ALICE)) as messages:
        await anext(messages)
        await asyncio.sleep(0.1)
    assert len([asked for asked in cloud.requests if asked.path.endswith("/messages")]) <= 2


@pytest.mark.parametrize("limit", [1, 10, 11, 100])
async def test_the_limit_is_of_the_whole_query(alice: Whole, cloud: Sandbox, limit: int) -> None:
    for number in range(25):
        cloud.mailbox(ALICE).add(letter(number))
    assert len(await read(alice, limit=limit)) == min(limit, 25)


async def test_conditions_choose(alice: Whole, cloud: Sandbox) -> None:
    mailbox = cloud.mailbox(ALICE)
    for number in range(10):
        mailbox.add(letter(number), isRead=number < 5)
    mailbox.add(letter(20), folder="archive")
    since = datetime(2002, 8, 21, 22, 3, tzinfo=UTC)
    assert await subjects(alice, sender="sender3@fabrikam.example") == ["Letter 3"]
    assert set(await subjects(alice, subject_contains="letter 2")) == {"Letter 2", "Letter 20"}
    assert len(await read(alice, unread=True, folder="inbox")) == 5
    assert await subjects(alice, folder="archive") == ["Letter 20"]
    assert await read(alice, has_attachments=True) == []
    assert len(await read(alice, filter=f"sentDateTime lt {since.isoformat().replace('+00:00', 'Z')}")) == 3
    newest = await subjects(alice, unread=False, order_by=("received_at desc",), limit=2)
    assert len(newest) == 2
    assert await subjects(alice, search="subject:20") == ["Letter 20"]


async def test_received_after_includes_its_instant_and_before_does_not(alice: Whole, cloud: Sandbox) -> None:
    for number in range(3):
        cloud.mailbox(ALICE).add(letter(number))
    moments = sorted(message.received_at for message in await read(alice) if message.received_at)
    assert len(moments) == 3
    messages = await read(alice, received_after=moments[0], received_before=moments[2])
    assert sorted(message.received_at for message in messages if message.received_at) == moments[:2]


async def test_selected_fields_are_all_that_is_there(alice: Whole, cloud: Sandbox) -> None:
    message = cloud.mailbox(ALICE).add(letter(1))
    [selected] = await read(alice, select=("subject", "internet_message_headers"))
    assert selected.subject == "Letter 1"
    assert {header.name for header in selected.internet_message_headers} >= {"From", "Subject"}
    assert (selected.id, selected.body, selected.from_) == (message.immutable_id, None, None)


def test_an_impossible_query_is_refused_before_anything_is_asked(alice: Whole, cloud: Sandbox) -> None:
    cloud.requests.clear()
    with pytest.raises(MailQueryError):
        alice.mail.messages(ALICE, MailQuery(search="x", unread=True))
    assert cloud.requests == []


async def test_an_unknown_folder_is_an_error(alice: Whole) -> None:
    with pytest.raises(GraphError) as caught:
        await read(alice, folder="no/such folder?#%")
    assert caught.value.status == 404


async def test_folders_are_listed_with_their_children_and_many_of_them(alice: Whole, cloud: Sandbox) -> None:
    for number in range(120):
        cloud.mailbox(ALICE).folder_at("inbox", f"Größe/{number}", "deep")
    names = Counter(folder.display_name for folder in await alice.mail.folders(ALICE))
    assert (names["Inbox"], names["Größe/7"], names["Größe/119"], names["deep"]) == (1, 1, 1, 120)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(
        st.one_of(
            st.sampled_from("'\"\\&+%#=/ €😀"), st.characters(codec="utf-8", categories=["L", "N", "P", "S"])
        ),
        min_size=1,
        max_size=20,
    )
)
async def test_any_subject_can_be_asked_for(alice: Whole, cloud: Sandbox, text: str) -> None:
    mailbox = cloud.mailbox(ALICE)
    for message in mailbox.messages:
        mailbox.remove(message.immutable_id)
    wanted = mailbox.add(letter(1, subject="x"), subject=text)
    mailbox.add(letter(2, subject="y"), subject="another")
    messages = await read(alice, subject_contains=text)
    assert wanted.immutable_id in {message.id for message in messages}
    exact = await read(alice, filter="subject eq '{}'".format(text.replace("'", "''")))
    assert [message.subject for message in exact] == [text]
