import asyncio
import json
import signal
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from iacs.core.database import Database
from iacs.sandbox import Sandbox
from tests.mail_query.killed_sync import MOMENTS
from tests.mail_query.test_sync import given, stored_documents
from tests.mail_query.whole import ALICE, letter, whole

pytestmark = pytest.mark.slow  # every case kills a process and syncs again
ROOT = Path(__file__).parents[2]


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
    [*((moment, "event_log") for moment in MOMENTS), ("committed", "kafka"), ("published", "kafka")],
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
        assert await killed_sync(database_url, cloud, moment, topic, *servers) == -signal.SIGKILL

        await alice.mail.sync(ALICE)
        assert await stored_documents(alice) == given(cloud)
        assert await alice.mail.count(ALICE) == 9
        events = await alice.read_events()
        ids = {(event.value["message_id"], event.id) for event in events}
        assert {name for name, _ in ids} == set(given(cloud))
        assert len(ids) == 9
        assert len(events) > 9 or moment != "published", "killed too late to repeat an event"
        assert await alice.outbox.pending() == 0
