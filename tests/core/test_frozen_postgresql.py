"""A PostgreSQL whose processes are stopped: its connections stay open, and nothing answers, as when a machine hangs."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from iacs.core.database import Database
from iacs.core.exceptions import DatabaseError
from iacs.core.transaction import Transaction
from iacs.testing.servers import ServerMissingError
from iacs.testing.servers.postgresql import postgresql_server
from tests.fixtures.folders import public_folder

TIMEOUT = 2.0
"""Of every database here, in seconds; libpq gives a connection two at least."""
LIMIT = 60.0
"""In seconds: what is waited for without a limit fails here; a busy machine does not."""
SLEEPING = """
SELECT count(*) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND query LIKE :query AND state = 'active'
"""
CHILD = """
import asyncio, sys
from iacs.core.database import Database

async def main():
    database = Database(sys.argv[1], timeout=2)
    await database.run(lambda tx: tx.value("SELECT 1"))
    print("connected", flush=True)
    sys.stdin.readline()
    await database.run(lambda tx: tx.value("SELECT 1"))

asyncio.run(main())
"""
pytestmark = pytest.mark.slow


class Server:
    """A PostgreSQL of this module's own."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._pid = int((folder / "postmaster.pid").read_text().split()[0])

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the server's processes, those that serve a connection included."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for pid in (self._pid, *self._children()):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _children(self) -> Iterator[int]:
        for children in Path(f"/proc/{self._pid}/task").glob("*/children"):
            yield from map(int, children.read_text().split())


@pytest.fixture(scope="module")
def server(postgresql_url: str) -> Iterator[Server]:
    assert postgresql_url  # a server can run here
    with public_folder() as folder:
        try:
            with postgresql_server(folder / "postgresql", temporary=True) as url:
                yield Server(url, folder / "postgresql")
        except ServerMissingError as error:
            pytest.skip(str(error))


@pytest.fixture
async def database(server: Server) -> AsyncIterator[Database]:
    """Return a database whose two connections are open and idle."""
    database = Database(server.url, timeout=TIMEOUT, pool_size=2)
    async with database:
        await asyncio.gather(*(database.run(sleep, 0.2) for _ in range(2)))
        yield database


def sleep(tx: Transaction, seconds: float, mark: str = "") -> None:
    tx.value(f"SELECT pg_sleep(:seconds) -- {mark}", {"seconds": seconds})


def is_active(tx: Transaction, mark: str) -> bool:
    return bool(tx.value(SLEEPING, {"query": f"%{mark}%"}))


async def sleeping(database: Database, call: Callable[..., Awaitable[Any]]) -> asyncio.Task[None]:
    """Begin to sleep, and return when the server does: the sleeps of severed connections go on as well."""
    mark = uuid4().hex
    running = asyncio.ensure_future(call(sleep, LIMIT, mark))
    while not await database.run(is_active, mark):  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.05)
    return running


async def cancel(running: asyncio.Task[None] | asyncio.Task[int]) -> None:
    await asyncio.sleep(0.2)  # it has reached the server, or will find it frozen
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def one(tx: Transaction) -> int:
    return int(tx.value("SELECT 1"))


async def test_a_call_on_an_idle_connection_is_an_error_in_the_end(
    server: Server, database: Database
) -> None:
    async with asyncio.timeout(LIMIT):
        with server.frozen(), pytest.raises(DatabaseError, match="cannot connect"):
            await database.run(one)
        assert await database.run(one) == 1


async def test_a_statement_on_its_way_is_an_error_that_says_so(server: Server, database: Database) -> None:
    async with asyncio.timeout(LIMIT):
        running = await sleeping(database, database.run)
        with server.frozen(), pytest.raises(DatabaseError, match="does not answer"):
            await running
        assert await database.run(one) == 1


async def test_a_statement_of_a_calling_thread_is_an_error_too(server: Server, database: Database) -> None:
    async with asyncio.timeout(LIMIT):
        run_sync: Callable[..., Any] = database.run_sync
        running = await sleeping(database, partial(asyncio.to_thread, run_sync))
        with server.frozen(), pytest.raises(DatabaseError, match="does not answer"):
            await running


async def test_a_cancelled_call_on_an_idle_connection_comes_back(server: Server, database: Database) -> None:
    async with asyncio.timeout(LIMIT):
        with server.frozen():
            await cancel(asyncio.create_task(database.run(one)))
        assert await database.run(one) == 1


async def test_a_cancelled_statement_on_its_way_comes_back(server: Server, database: Database) -> None:
    async with asyncio.timeout(LIMIT):
        running = await sleeping(database, database.run)
        with server.frozen():
            await cancel(running)
        assert await database.run(one) == 1


async def test_the_probe_is_an_error(server: Server, database: Database) -> None:
    async with asyncio.timeout(LIMIT):
        with server.frozen(), pytest.raises(DatabaseError):
            await database.probe()


async def test_closing_comes_back_while_a_statement_is_on_its_way(server: Server, database: Database) -> None:
    async with asyncio.timeout(LIMIT):
        running = await sleeping(database, database.run)
        with server.frozen():
            await database.aclose()
            with pytest.raises(DatabaseError, match="does not answer"):
                await running


def test_a_process_ends_with_the_error(server: Server) -> None:
    command = [sys.executable, "-c", CHILD, server.url]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "connected\n"
            with server.frozen():
                _, errors = child.communicate("go on\n", timeout=LIMIT)
        finally:
            child.kill()
    assert child.returncode == 1
    assert "DatabaseError: cannot connect" in errors


async def test_a_statement_may_take_longer_than_the_timeout_where_the_server_answers(
    database: Database,
) -> None:
    await database.run(sleep, 3 * TIMEOUT)
