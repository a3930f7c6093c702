"""Processes that work on the accounts of a test, started together."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.fixtures.sign_in import ALICE, OLD_KEY, Identity

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def processes(
    number: int, identity: Identity, database_url: str, *, tasks: int
) -> AsyncIterator[Callable[[], Awaitable[list[int]]]]:
    """Start processes; yield a function that has all of them request Alice's token, and counts the refusals."""
    order = {"account_id": identity.account_ids[ALICE], "tasks": tasks}
    children = await asyncio.gather(*(start(identity, database_url, **order) for _ in range(number)))
    try:
        await asyncio.gather(*map(_line, children))
        yield lambda: _ask(children)
    finally:
        for child in children:
            if child.returncode is None:
                child.kill()
            await child.communicate()


async def start(identity: Identity, database_url: str, **order: object) -> Process:
    order |= {"database_url": database_url, "settings": identity.cloud.settings, "key": OLD_KEY}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.account.account_process", json.dumps(order)),
        cwd=ROOT,
        stdin=PIPE,
        stdout=PIPE,
    )


async def _ask(children: list[Process]) -> list[int]:
    for child in children:
        assert child.stdin
        child.stdin.write(b"\n")
    return [int(line) for line in await asyncio.gather(*map(_line, children))]


async def _line(child: Process) -> bytes:
    assert child.stdout
    line = await asyncio.wait_for(child.stdout.readline(), 60)
    assert line, "the process ended early"
    return line
