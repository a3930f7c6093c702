"""Whatever each page answers and however the mail changes meanwhile, nothing is lost, and nothing comes twice."""

import asyncio
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random, getrandbits

import pytest

from iacs.core.database import Database
from iacs.core.exceptions import APIConnectionError
from iacs.sandbox import Sandbox
from tests.mail_query.faulty_graph import FaultyGraph
from tests.mail_query.test_sync import given, rows, stored_documents
from tests.mail_query.whole import ALICE, Whole, whole

SYNCS = 2
"""The syncs through faults, at most, before everything is compared."""
CHANGES = 12
"""The changes of the mailbox during each of them, at most."""


async def sync_through_faults(graph: FaultyGraph, alice: Whole, at_a_time: int) -> None:
    """Sync, and let no error stop the test but those that faults of Graph may cause."""
    syncs = (alice.mail.sync(ALICE) for _ in range(at_a_time))
    for result in await asyncio.gather(*syncs, return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, APIConnectionError):
            raise result


async def read_through_faults(alice: Whole, concurrency: int) -> Counter[str | None]:
    """Query the mailbox until that succeeds; return the ids of the messages."""
    while True:
        with suppress(APIConnectionError):
            messages = alice.mail.messages(ALICE, concurrency=concurrency)
            return Counter([message.id async for message in messages])


async def check(alice: Whole, cloud: Sandbox) -> None:
    """Compare what is stored and announced with the mailbox."""
    ids = Counter(message.immutable_id for message in cloud.mailbox(ALICE).messages)
    assert Counter(row["id"] for row in await rows(alice, "removed_at IS NULL")) == ids
    assert await stored_documents(alice) == given(cloud)
    announced = Counter(event.value["message_id"] for event in await alice.read_events())
    assert announced == Counter(row["id"] for row in await rows(alice))
    assert await alice.outbox.pending() == 0
    for concurrency in (1, 4):
        assert await read_through_faults(alice, concurrency) == ids


async def storm(database: Database, cloud: Sandbox, folder: Path, seed: int) -> None:
    """Sync a mailbox through faults and changes, then without them, and compare; twice."""
    random = Random(seed)  # noqa: S311
    graph = FaultyGraph(cloud.graph_url, cloud.mailbox(ALICE), seed)
    for _ in range(random.randrange(30)):
        graph.add()
    settings, page_size = cloud.settings, random.randint(1, 7)
    try:
        async with (
            graph.served(),
            whole(database, settings | {"GRAPH_URL": graph.url}, page_size=page_size) as alice,
        ):
            await alice.sign_in(folder)
            for _ in range(2):
                await sync_through_storm(graph, alice, random)
                await check(alice, cloud)
    except BaseException as error:
        error.add_note(f"seed {seed}: {dict(graph.faults)}, {dict(graph.changes)}")
        raise


async def sync_through_storm(graph: FaultyGraph, alice: Whole, random: Random) -> None:
    """Sync some times through faults and changes, then without them: what they left open is read in two syncs."""
    failing, graph.changing = random.choice([0.2, 0.4, 0.6]), random.choice([0.2, 0.6])
    for _ in range(random.randint(1, SYNCS)):
        graph.failing, graph.changes_left = failing, CHANGES
        await sync_through_faults(graph, alice, random.choice([1, 1, 2]))
    graph.failing, graph.changes_left = 0.0, 0
    for _ in range(2):
        await alice.mail.sync(ALICE)
    graph.failing = 0.2


async def test_nothing_is_lost_or_doubled_when_pages_fail_and_mail_changes(
    database: Database, cloud: Sandbox, tmp_path: Path
) -> None:
    await storm(database, cloud, tmp_path, getrandbits(32))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(10))
async def test_nothing_is_lost_or_doubled_in_many_storms(
    database: Database, cloud: Sandbox, tmp_path: Path, number: int
) -> None:
    await storm(database, cloud, tmp_path, getrandbits(32) ^ number)
