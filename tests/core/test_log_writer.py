"""Callers that publish to the event log at the same time share transactions, and nothing else."""

import asyncio
from typing import Any

from sqlalchemy import event

from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.events import NewEvent
from iacs.core.exceptions import DatabaseError, EventEncodingError
from tests.fixtures.events import LOGGER, read


async def test_calls_at_the_same_time_share_a_transaction(database: Database, topic: str) -> None:
    commits = list[Any]()
    async with EventLog(database, logger=LOGGER) as log:
        await log.publish(topic, "first")
        event.listen(database.engine, "commit", commits.append)
        await asyncio.gather(*(log.publish(topic, number, key="k") for number in range(200)))
        assert len(commits) <= 2
        events = await read(log, topic)
    assert [event.value for event in events if event.key == "k"] == list(range(200))


async def test_an_event_that_cannot_be_written_fails_its_own_call_alone(
    database: Database, topic: str
) -> None:
    async with EventLog(database, logger=LOGGER) as log:
        outcomes = await asyncio.gather(
            log.publish(topic, 1),
            log.publish_many([NewEvent(topic, 2), NewEvent(topic, b"")]),
            log.publish(None, 3),  # type: ignore[arg-type]
            log.publish(topic, 3),
            return_exceptions=True,
        )
        kinds = [type(outcome) for outcome in outcomes]
        assert kinds == [type(None), EventEncodingError, TypeError, type(None)]
        assert {event.value for event in await read(log, topic)} == {1, 3}


async def test_an_error_of_the_database_reaches_each_caller_and_the_next_call_begins_anew(
    database: Database, topic: str
) -> None:
    async with EventLog(database, logger=LOGGER) as log:
        await log.publish(topic, 1)
        database.run_script("ALTER TABLE iacs_event_log RENAME TO away")
        outcomes = await asyncio.gather(
            *(log.publish(topic, number) for number in range(3)), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [DatabaseError] * 3
        assert len({id(outcome) for outcome in outcomes}) == 3
        assert all(isinstance(outcome, DatabaseError) and outcome.__cause__ for outcome in outcomes)
        database.run_script("ALTER TABLE away RENAME TO iacs_event_log")
        await log.publish(topic, 2)
        assert {event.value for event in await read(log, topic)} == {1, 2}


async def test_a_call_that_is_cancelled_while_it_waits_publishes_nothing(
    database: Database, topic: str
) -> None:
    async with EventLog(database, logger=LOGGER) as log:
        calls = [asyncio.create_task(log.publish(topic, number, key="k")) for number in range(3)]
        await asyncio.sleep(0)
        calls[1].cancel()
        await asyncio.wait(calls, timeout=30)
        assert calls[1].cancelled()
        assert [event.value for event in await read(log, topic)] == [0, 2]


async def test_closing_waits_for_events_in_flight(database: Database, topic: str) -> None:
    log = EventLog(database, logger=LOGGER)
    call = asyncio.create_task(log.publish(topic, 1))
    await asyncio.sleep(0)
    await log.aclose()
    await log.aclose()
    await asyncio.wait_for(call, 30)
    assert [event.value for event in await read(EventLog(database, logger=LOGGER), topic)] == [1]


def test_a_log_that_was_used_in_a_loop_that_is_gone_works_in_the_next(database: Database, topic: str) -> None:
    log = EventLog(database, logger=LOGGER)

    async def publish_and_read() -> int:
        await log.publish(topic, 1)
        return len(await read(log, topic))

    assert [asyncio.run(publish_and_read()) for _ in range(2)] == [1, 2]


async def test_a_log_that_another_loop_has_used_can_be_closed(database: Database, topic: str) -> None:
    """The fixture `cloud` enrols accounts in a thread, which publishes events."""
    log = EventLog(database, logger=LOGGER)

    async def publish() -> None:
        await log.publish(topic, 1)

    await asyncio.to_thread(asyncio.run, publish())
    async with asyncio.timeout(10):
        await log.aclose()
