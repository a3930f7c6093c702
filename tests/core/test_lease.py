import asyncio
import signal
import sys
import time
from pathlib import Path

import pytest

from iacs.core.database import Database
from iacs.core.lease import Lease, read_lease, seize_lease, take_lease


async def test_a_lease_is_had_by_one_holder_at_a_time(database: Database) -> None:
    one, two = Lease(database, "refresh"), Lease(database, "refresh")
    assert await one.acquire()
    assert not await two.acquire()
    await one.release()
    assert await two.acquire()


async def test_leases_of_other_names_do_not_meet(database: Database) -> None:
    assert await Lease(database, "refresh/alice").acquire()
    assert await Lease(database, "refresh/bob").acquire()


async def test_who_waits_gets_the_lease_when_it_is_given_back(database: Database) -> None:
    one, two = Lease(database, "refresh"), Lease(database, "refresh")
    await one.acquire()
    waiting = asyncio.create_task(two.acquire(timeout=10))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await one.release()
    assert await waiting


async def test_waiting_ends_at_its_deadline(database: Database) -> None:
    await Lease(database, "refresh").acquire()
    started = time.monotonic()
    assert not await Lease(database, "refresh").acquire(timeout=0.2)
    assert time.monotonic() - started >= 0.2


async def test_a_dead_holder_is_succeeded_when_its_time_is_over(database: Database) -> None:
    dead = Lease(database, "refresh", seconds=0.2)
    assert await dead.acquire()
    assert await Lease(database, "refresh").acquire(timeout=10)
    assert not await dead.renew()


async def test_who_renews_keeps_the_lease_beyond_its_time(database: Database) -> None:
    one, two = Lease(database, "refresh", seconds=3), Lease(database, "refresh")
    await one.acquire()
    waiting = asyncio.create_task(two.acquire(timeout=4))
    while not waiting.done():
        assert await one.renew()
        await asyncio.wait([waiting], timeout=0.1)
    assert not await waiting


async def test_releasing_does_not_touch_the_lease_of_another(database: Database) -> None:
    one, two = Lease(database, "refresh"), Lease(database, "refresh")
    await one.acquire()
    await two.release()
    assert not await two.acquire()


async def test_only_one_of_many_concurrent_holders_has_the_lease(database: Database) -> None:
    inside = 0

    async def work() -> None:
        nonlocal inside
        lease = Lease(database, "refresh")
        assert await lease.acquire(timeout=60)
        inside += 1
        assert inside == 1
        await asyncio.sleep(0.01)
        inside -= 1
        await lease.release()

    await asyncio.gather(*(work() for _ in range(10)))


async def test_a_lease_is_kept_through_a_long_block(database: Database) -> None:
    lease = Lease(database, "refresh", seconds=1.5)
    assert await lease.acquire()
    async with lease.kept():
        assert not await Lease(database, "refresh").acquire(timeout=2.5)
    await lease.release()
    assert await Lease(database, "refresh").acquire()


async def test_keeping_a_lease_that_another_took_ends_quietly(database: Database) -> None:
    lease = Lease(database, "refresh", seconds=0.1)
    async with lease.kept():
        await asyncio.sleep(0.1)
        assert await Lease(database, "refresh").acquire()


ANOTHER_MACHINE = "boot-id:4026531836:1-1"
KILLED = """
import asyncio, os, signal, sys
from iacs.core.database import Database
from iacs.core.lease import Lease, read_lease, seize_lease, take_lease

async def main():
    await Lease(Database(sys.argv[1]), "refresh", seconds=3600).acquire()
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux says which processes run")
async def test_a_killed_holder_of_this_machine_is_succeeded_at_once(
    database: Database, database_url: str
) -> None:
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, database_url)
    assert await killed.wait() == -signal.SIGKILL
    assert await Lease(database, "refresh", seconds=3600).acquire()


async def test_a_holder_of_another_machine_is_left_its_time(database: Database) -> None:
    await database.run(take_lease, "refresh", f"{ANOTHER_MACHINE}/3600/holder", 3600)
    assert not await Lease(database, "refresh", seconds=0.1).acquire(timeout=0.5)


async def test_a_dead_holder_is_succeeded_although_the_clock_was_set_back(database: Database) -> None:
    # As a lease of one second, and a clock set back by an hour, leave it.
    await database.run(take_lease, "refresh", f"{ANOTHER_MACHINE}/1/holder", 3600)
    assert await Lease(database, "refresh", seconds=3600).acquire(timeout=30)


async def test_a_living_holder_keeps_its_lease_although_the_clock_was_set_back(database: Database) -> None:
    living = Lease(database, "refresh", seconds=5)
    await living.acquire()
    waiting = asyncio.create_task(Lease(database, "refresh").acquire(timeout=7))
    while not waiting.done():
        assert await living.renew()
        await asyncio.wait([waiting], timeout=0.1)
    assert not await waiting


async def test_one_that_waits_with_a_shorter_lease_leaves_the_holder_its_own_time(database: Database) -> None:
    holder = Lease(database, "refresh", seconds=3600)
    assert await holder.acquire()
    assert not await Lease(database, "refresh", seconds=0.1).acquire(timeout=0.5)
    assert await holder.renew()


async def test_of_many_who_seize_the_lease_of_a_dead_holder_one_succeeds(database: Database) -> None:
    await database.run(take_lease, "refresh", f"{ANOTHER_MACHINE}/3600/holder", 3600)
    held = await database.read(read_lease, "refresh")
    assert held is not None
    seized = (database.run(seize_lease, "refresh", f"waiter {number}", 3600, held) for number in range(5))
    assert sorted(await asyncio.gather(*seized)) == [False, False, False, False, True]
