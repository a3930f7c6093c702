"""Deadlocks and serialization failures, which PostgreSQL asks the client to do again."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from iacs.core._events import counters
from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.exceptions import DatabaseError
from iacs.core.transaction import Transaction
from iacs.testing.servers.postgresql import temporary_database
from tests.fixtures.events import LOGGER, read

ADD = "UPDATE iacs_counters SET value = value + 1 WHERE name = :name"


@pytest.fixture
def empty_url(postgresql_url: str) -> Iterator[str]:
    """URL of an empty PostgreSQL database."""
    with temporary_database(postgresql_url) as url:
        yield url


def serializable(url: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}options=-c default_transaction_isolation=serializable"


async def test_work_that_meets_a_conflict_is_done_again_until_all_of_it_is_stored(
    empty_url: str,
) -> None:
    async with Database(serializable(empty_url), pool_size=8) as database:
        await asyncio.gather(*(database.run(counters.draw, "n", 1) for _ in range(40)))
        assert await database.read(counters.values, ["n"]) == {"n": 40}


async def test_events_are_published_to_the_log_whatever_the_isolation(empty_url: str, topic: str) -> None:
    async with Database(serializable(empty_url), pool_size=8) as database:
        log = EventLog(database, logger=LOGGER)
        await asyncio.gather(*(log.publish(topic, n, key="k") for n in range(20)))
        assert {event.value for event in await read(log, topic)} == set(range(20))


async def test_of_two_units_of_work_in_a_deadlock_both_are_done(empty_url: str) -> None:
    both_hold_one = threading.Barrier(2)
    attempts = []

    def work(tx: Transaction, first: str, second: str) -> None:
        tx.execute(ADD, {"name": first})
        attempts.append(first)
        if len(attempts) <= both_hold_one.parties:
            both_hold_one.wait(30)
        tx.execute(ADD, {"name": second})

    async with Database(empty_url) as database:
        await database.run(counters.draw, "a", 1)
        await database.run(counters.draw, "b", 1)
        await asyncio.gather(database.run(work, "a", "b"), database.run(work, "b", "a"))
        assert await database.read(counters.values, ["a", "b"]) == {"a": 3, "b": 3}
    assert len(attempts) == 3


def test_a_conflict_in_a_transaction_of_the_callers_own_says_that_it_may_be_repeated(
    empty_url: str,
) -> None:
    with Database(serializable(empty_url)) as database:
        database.run_sync(counters.draw, "n", 1)
        with database.transaction() as tx:
            tx.value("SELECT value FROM iacs_counters")
            with database.transaction() as other:
                other.execute(ADD, {"name": "n"})
            with pytest.raises(DatabaseError, match="do the transaction again") as caught, tx.savepoint():
                tx.execute(ADD, {"name": "n"})
        assert caught.value.retryable


def test_a_statement_that_is_wrong_is_not_retryable(database: Database) -> None:
    calls = []

    def work(tx: Transaction) -> None:
        calls.append(tx)
        tx.execute("SELECT nothing FROM nowhere")

    with pytest.raises(DatabaseError) as caught:
        database.run_sync(work)
    assert not caught.value.retryable
    assert len(calls) == 1
