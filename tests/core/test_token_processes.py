"""One renewal over all processes that share a database, whatever becomes of the one that renews."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from iacs.core.exceptions import SignInRequiredError
from tests.fixtures.identity import until
from tests.fixtures.oauth import SCOPES
from tests.fixtures.sign_in import ALICE, Identity

pytestmark = pytest.mark.slow  # storms of processes, some of which are killed

ROOT = Path(__file__).parents[2]
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@asynccontextmanager
async def process(
    identity: Identity,
    database_url: str,
    *,
    tasks: int,
    lease_seconds: float = 30,
    application: bool = False,
    dies: bool = False,
    scopes: str = SCOPES,
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
        "dies": dies,
        "scopes": scopes,
        "key": KEY,
    }
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.core.token_process", json.dumps(order)),
        cwd=ROOT,
        stdin=PIPE,
        stdout=PIPE,
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


async def kill_before_storing(identity: Identity, database_url: str, *, application: bool = False) -> None:
    """Have a process request tokens, and kill it when they have come and are not stored."""
    async with process(identity, database_url, tasks=5, application=application, dies=True) as victim:
        assert victim.stdin
        victim.stdin.write(b"\n")
        assert await asyncio.wait_for(victim.wait(), 60) == -signal.SIGKILL


async def test_tokens_that_a_kill_loses_are_requested_again_with_the_stored_refresh_token(
    identity: Identity, database_url: str
) -> None:
    """As Entra ID does, the stand-in leaves a refresh token valid that was used."""
    alice = await identity.sign_in(ALICE)
    identity.expire()
    await kill_before_storing(identity, database_url)
    await identity.another_tokens().access_token(alice)
    assert identity.token_requests() == 2
    assert await identity.status(ALICE) == "active"
    assert await identity.published() == []


async def test_where_a_refresh_token_can_be_used_once_a_kill_costs_the_sign_in_and_is_announced_once(
    identity: Identity, database_url: str
) -> None:
    identity.cloud.behaviour.strict_rotation = True
    alice = await identity.sign_in(ALICE)
    identity.expire()
    await kill_before_storing(identity, database_url)
    tokens = [identity.another_tokens() for _ in range(4)]
    outcomes = await asyncio.gather(
        *(each.access_token(alice) for each in tokens * 10), return_exceptions=True
    )
    assert {type(outcome) for outcome in outcomes} == {SignInRequiredError}
    assert identity.token_requests() == 2
    assert [event.type for event in await identity.published()] == ["account.sign_in_required"]
    await identity.sign_in(ALICE)
    await tokens[0].access_token(alice)


async def test_a_kill_loses_nothing_of_the_application(identity: Identity, database_url: str) -> None:
    await kill_before_storing(identity, database_url, application=True)
    tenant_id = identity.cloud.tenant_id
    service = identity.another_process()
    await service.access_token(service.application_id(tenant_id), tenant_id=tenant_id)
    assert identity.token_requests("client_credentials") == 2


async def test_a_person_and_the_shared_mailboxes_of_that_person_need_one_renewal(
    identity: Identity, alice: str
) -> None:
    identity.cloud.behaviour.strict_rotation = True
    shared = [
        (await identity.accounts.add(f"box{number}@contoso.example", access="shared", via=ALICE)).id
        for number in range(3)
    ]
    identity.expire()
    processes = [identity.another_tokens() for _ in range(4)]
    accounts = [alice, *shared]
    tokens = await asyncio.gather(
        *(processes[number % 4].access_token(accounts[number // 4 % 4]) for number in range(80))
    )
    assert len(set(tokens)) == 1
    assert identity.token_requests() == 1
