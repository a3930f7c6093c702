"""One renewal over all processes that share a database, whatever becomes of the one that renews."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.fixtures.identity import until
from tests.fixtures.sign_in import ALICE, Identity

PROGRAM = Path(__file__).with_name("token_process.py")
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@asynccontextmanager
async def process(
    identity: Identity, database_url: str, *, tasks: int, lease_seconds: float = 30, application: bool = False
) -> AsyncIterator[Process]:
    """Start a process and wait until it is ready to ask."""
    tenant_id = identity.cloud.tenant_id if application else ""
    application_id = identity.token_service.application_id(tenant_id)
    order = {
        "database_url": database_url,
        "settings": identity.cloud.settings,
        "account_id": application_id if application else identity.account_ids[ALICE],
        "tenant_id": tenant_id,
        "tasks": tasks,
        "lease_seconds": lease_seconds,
        "key": KEY,
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), json.dumps(order), stdin=PIPE, stdout=PIPE
    )
    try:
        assert child.stdout
        assert (await asyncio.wait_for(child.stdout.readline(), 60)).strip() == b"ready"
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def ask(child: Process) -> list[int]:
    assert child.stdin
    assert child.stdout
    child.stdin.write(b"\n")
    counts: list[int] = json.loads(await asyncio.wait_for(child.stdout.readline(), 60))
    return counts


async def test_many_tasks_of_many_processes_renew_once(identity: Identity, database_url: str) -> None:
    """The stand-in is strict here: a second use of the refresh token would end the whole sign-in."""
    identity.cloud.behaviour.strict_rotation = True
    await identity.sign_in(ALICE)
    identity.expire()
    identity.cloud.faults.slow(grant_type="refresh_token", seconds=1)  # so that all of them meet
    async with AsyncExitStack() as stack:
        started = (process(identity, database_url, tasks=200) for _ in range(4))
        children = await asyncio.gather(*(stack.enter_async_context(child) for child in started))
        assert await asyncio.gather(*map(ask, children)) == [[200, 1]] * 4
    assert identity.token_requests() == 1
    identity.expire()
    await identity.another_process().access_token(identity.account_ids[ALICE])
    assert identity.token_requests() == 2


async def test_many_tasks_of_many_processes_request_one_token_of_the_application(
    identity: Identity, database_url: str
) -> None:
    identity.cloud.faults.slow(grant_type="client_credentials", seconds=1)
    async with AsyncExitStack() as stack:
        started = (process(identity, database_url, tasks=200, application=True) for _ in range(4))
        children = await asyncio.gather(*(stack.enter_async_context(child) for child in started))
        assert await asyncio.gather(*map(ask, children)) == [[200, 1]] * 4
    assert identity.token_requests("client_credentials") == 1


async def test_when_the_renewing_process_is_killed_another_takes_over(
    identity: Identity, database_url: str
) -> None:
    await identity.sign_in(ALICE)
    identity.expire()
    identity.cloud.faults.slow(grant_type="refresh_token", seconds=5)
    async with (
        process(identity, database_url, tasks=1, lease_seconds=3) as victim,
        process(identity, database_url, tasks=5, lease_seconds=3) as heir,
    ):
        doomed = asyncio.create_task(ask(victim))
        await until(identity.token_requests)
        inheriting = asyncio.create_task(ask(heir))
        victim.kill()
        assert await inheriting == [5, 1]
        doomed.cancel()
        await asyncio.wait([doomed])
    assert identity.token_requests() == 2
