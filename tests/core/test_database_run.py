import asyncio
import threading
from contextvars import ContextVar

import pytest
from sqlalchemy import event

from iacs.core._database.workers import Interrupt
from iacs.core.database import Database
from iacs.core.exceptions import DatabaseError
from iacs.core.transaction import Transaction

ADD_LEASE = "INSERT INTO iacs_leases (name, holder, expires_at) VALUES (:name, 'h', '')"
ENDLESS = {
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(100)",
}
correlation = ContextVar("correlation", default="none")


def add(tx: Transaction, name: str, *, twice: bool = False) -> int:
    tx.execute(ADD_LEASE, {"name": name})
    if twice:
        tx.execute(ADD_LEASE, {"name": name})
    return int(tx.value("SELECT count(*) FROM iacs_leases"))


def count(tx: Transaction) -> int:
    return int(tx.value("SELECT count(*) FROM iacs_leases"))


async def until(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 30)


async def test_work_is_one_transaction_in_another_thread(database: Database) -> None:
    def work(tx: Transaction, name: str) -> str:
        add(tx, name)
        return threading.current_thread().name

    assert (await database.run(work, "a")).startswith("iacs-database")
    assert await database.read(count) == 1


async def test_work_that_fails_is_rolled_back_and_its_error_arrives(database: Database) -> None:
    with pytest.raises(DatabaseError):
        await database.run(add, "a", twice=True)

    assert await database.run(add, "a") == 1


async def test_a_missing_parameter_is_named_without_an_address_of_sqlalchemy(database: Database) -> None:
    with pytest.raises(DatabaseError, match=r"A value is required for bind parameter 'name'$"):
        await database.run(lambda tx: tx.execute("DELETE FROM iacs_leases WHERE name = :name"))


async def test_reading_work_cannot_write(database: Database) -> None:
    with pytest.raises(DatabaseError, match=r"(?i)read-?only"):
        await database.read(add, "a")


async def test_context_variables_reach_the_work(database: Database) -> None:
    correlation.set("abc")

    assert await database.run(lambda _tx: correlation.get()) == "abc"


async def test_stop_iteration_arrives_as_an_error(database: Database) -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await database.run(lambda _tx: next(iter(())))


async def test_the_loop_goes_on_while_work_waits(database: Database) -> None:
    started, go_on = threading.Event(), threading.Event()

    def work(_tx: Transaction) -> bool:
        started.set()
        return go_on.wait(30)

    working = asyncio.create_task(database.run(work))
    await until(started)
    go_on.set()

    assert await working


async def test_no_more_threads_work_than_there_are_connections(database_url: str) -> None:
    running, most, guard = 0, 0, threading.Lock()

    def work(tx: Transaction) -> None:
        nonlocal running, most
        with guard:
            running += 1
            most = max(most, running)
        count(tx)
        with guard:
            running -= 1

    async with Database(database_url, pool_size=2) as database:
        await asyncio.gather(*(database.read(work) for _ in range(20)))

    assert most <= 2


async def test_cancelled_work_is_stopped_and_rolled_back(database: Database) -> None:
    started = threading.Event()

    def work(tx: Transaction) -> None:
        add(tx, "half")
        started.set()
        tx.value(ENDLESS[tx.dialect])

    task = asyncio.create_task(database.run(work))
    await until(started)
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=10)

    assert done
    assert task.cancelled()
    assert await database.run(count) == 0


async def test_an_interrupt_that_comes_before_its_statement_begins_is_repeated(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    about_to_begin, interrupted = threading.Event(), threading.Event()
    deliver = Interrupt.deliver

    def deliver_and_tell(interrupt: Interrupt) -> None:
        deliver(interrupt)
        interrupted.set()

    def hold_back(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement == ENDLESS[database.dialect]:
            about_to_begin.set()
            interrupted.wait(10)

    monkeypatch.setattr(Interrupt, "deliver", deliver_and_tell)
    await database.run(count)
    event.listen(database.engine, "before_cursor_execute", hold_back)
    task = asyncio.create_task(database.run(lambda tx: tx.value(ENDLESS[tx.dialect])))
    await until(about_to_begin)
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=10)

    assert interrupted.is_set()
    assert done
    assert task.cancelled()


async def test_work_cancelled_between_two_statements_does_not_commit(database: Database) -> None:
    started, go_on = threading.Event(), threading.Event()

    def work(tx: Transaction) -> None:
        add(tx, "half")
        started.set()
        go_on.wait(10)

    task = asyncio.create_task(database.run(work))
    await until(started)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()  # whoever is impatient changes nothing
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await database.run(count) == 0


async def test_work_cancelled_while_it_waits_for_its_turn_ends_at_once(database_url: str) -> None:
    started, go_on = threading.Event(), threading.Event()

    def hold(tx: Transaction) -> None:
        tx.execute("INSERT INTO iacs_counters VALUES ('n', 1)")
        started.set()
        go_on.wait(30)

    def change(tx: Transaction) -> None:
        tx.execute("INSERT INTO iacs_counters VALUES ('n', 2)")

    async with Database(database_url) as database:
        holder = asyncio.create_task(database.run(hold))
        await until(started)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await database.run(change)
        go_on.set()
        await holder
        assert await database.run(lambda tx: tx.value("SELECT value FROM iacs_counters")) == 1


async def test_work_cancelled_before_a_thread_takes_it_never_runs(database_url: str) -> None:
    started, go_on = threading.Event(), threading.Event()

    def hold(_tx: Transaction) -> None:
        started.set()
        go_on.wait(30)

    async with Database(database_url, pool_size=1) as database:
        holder = asyncio.create_task(database.run(hold))
        await until(started)
        waiting = asyncio.create_task(database.run(add, "never"))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        go_on.set()
        await holder
        assert await database.run(count) == 0


async def test_a_wait_for_a_thread_has_an_end(database_url: str) -> None:
    started, go_on = threading.Event(), threading.Event()

    def hold(_tx: Transaction) -> None:
        started.set()
        go_on.wait(30)

    async with Database(database_url, pool_size=1, timeout=0.2) as database:
        holder = asyncio.create_task(database.run(hold))
        await until(started)
        with pytest.raises(DatabaseError, match=r"no database worker became free within 0\.2 s"):
            await database.run(count)
        go_on.set()
        await holder


async def test_a_thousand_cancellations_leak_no_connection(database_url: str) -> None:
    async with Database(database_url, pool_size=2, timeout=10) as database:
        tasks = [asyncio.create_task(database.run(add, str(number))) for number in range(1000)]
        await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

        stored = {
            row["name"] for row in await database.read(lambda tx: tx.rows("SELECT name FROM iacs_leases"))
        }
        finished = {str(number) for number, task in enumerate(tasks) if not task.cancelled()}
        assert finished <= stored
        assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_closing_waits_for_the_work(database_url: str) -> None:
    started, go_on = threading.Event(), threading.Event()

    def work(tx: Transaction) -> None:
        started.set()
        go_on.wait(10)
        add(tx, "a")

    database = Database(database_url)
    task = asyncio.create_task(database.run(work))
    await until(started)
    closing = asyncio.create_task(database.aclose())
    go_on.set()
    await asyncio.gather(task, closing)

    async with Database(database_url) as again:
        assert await again.run(count) == 1
