import asyncio
import json
import signal
import sys
from itertools import product
from pathlib import Path
from random import Random, getrandbits
from uuid import uuid4

import pytest

from iacs.core.database import Database
from iacs.sandbox import Sandbox
from tests.mail_query.killed_sync import ANY, MOMENTS
from tests.mail_query.test_sync import given, rows, stored_documents
from tests.mail_query.whole import ALICE, letter, whole

pytestmark = pytest.mark.slow  # every case kills a process and syncs again
ROOT = Path(__file__).parents[2]
KILLS = 6
STEPS = 25
"""A sync of a few messages has about as many moments."""


@pytest.fixture
def servers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Kafka's, or none: events then go to the database."""
    return request.getfixturevalue("kafka_servers") if request.param == "kafka" else ()


async def killed_sync(url: str, cloud: Sandbox, *arguments: str) -> int | None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.mail_query.killed_sync"),
        *(url, json.dumps(cloud.settings), *arguments),
        cwd=ROOT,
    )
    try:
        return await asyncio.wait_for(process.wait(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize(
    ("moment", "servers"),
    [*product(MOMENTS, ["event_log", "kafka"])],
    indirect=["servers"],
)
async def test_a_killed_sync_loses_nothing_and_stores_nothing_twice(
    database: Database,
    cloud: Sandbox,
    database_url: str,
    tmp_path: Path,
    moment: str,
    servers: tuple[str, ...],
) -> None:
    for number in range(9):
        cloud.mailbox(ALICE).add(letter(number), folder=["inbox", "archive"][number % 2])
    topic = f"mail-{uuid4().hex}"
    async with whole(database, cloud.settings, servers=servers, topic=topic) as alice:
        await alice.sign_in(tmp_path)
        nth = str(MOMENTS[moment])
        assert await killed_sync(database_url, cloud, moment, nth, topic, *servers) == -signal.SIGKILL

        await alice.mail.sync(ALICE)
        assert await stored_documents(alice) == given(cloud)
        assert await alice.mail.count(ALICE) == 9
        events = await alice.read_events()
        ids = {(event.value["message_id"], event.id) for event in events}
        assert {name for name, _ in ids} == set(given(cloud))
        assert len(ids) == 9
        assert len(events) > 9 or moment != "published", "killed too late to repeat an event"
        assert await alice.outbox.pending() == 0


@pytest.mark.parametrize("servers", ["event_log", "kafka"], indirect=True)
async def test_syncs_that_are_killed_at_any_step_lose_nothing_and_store_nothing_twice(
    database: Database, cloud: Sandbox, database_url: str, tmp_path: Path, servers: tuple[str, ...]
) -> None:
    seed, topic = getrandbits(32), f"mail-{uuid4().hex}"
    random, mailbox = Random(seed), cloud.mailbox(ALICE)  # noqa: S311
    async with whole(database, cloud.settings, servers=servers, topic=topic) as alice:
        await alice.sign_in(tmp_path)
        codes = []
        for number in range(KILLS):
            for copy in range(5):
                mailbox.add(letter(number * 5 + copy), folder=random.choice(["inbox", "archive"]))
            mailbox.move(random.choice(mailbox.messages).immutable_id, "deleteditems")
            mailbox.remove(random.choice(mailbox.messages).immutable_id)
            nth = str(random.randint(1, STEPS))
            codes.append(await killed_sync(database_url, cloud, ANY, nth, topic, *servers))
        assert set(codes) <= {0, -signal.SIGKILL}
        assert -signal.SIGKILL in codes

        for _ in range(2):  # what the first one returns to another folder is read again by the second
            await alice.mail.sync(ALICE)
        assert await stored_documents(alice) == given(cloud), f"seed {seed}"
        ids = [row["id"] for row in await rows(alice)]
        events = {(event.value["message_id"], event.id) for event in await alice.read_events()}
        assert sorted(name for name, _ in events) == sorted(ids), f"seed {seed}"
        assert await alice.outbox.pending() == 0
