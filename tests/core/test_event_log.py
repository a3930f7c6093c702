"""What only the event log in a database has to show; the promises it shares with Kafka are in test_events.py."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import event, make_url

from iacs.core import clock
from iacs.core._events.group_member import Assignment, GroupMember
from iacs.core._events.log_reader import EventLogReader
from iacs.core._events.log_records import PARTITIONS, end_offsets, partitions_of
from iacs.core._events.log_records import read as read_records
from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.events import NewEvent, Partition
from iacs.core.exceptions import DatabaseError
from iacs.testing.servers.postgresql import create_database, drop_database
from tests.fixtures.events import LOGGER, read


@pytest_asyncio.fixture
async def log(database: Database) -> AsyncIterator[EventLog]:
    async with EventLog(database, lease_seconds=2, logger=LOGGER) as log:
        yield log


def member(name: str, topic: str, seconds: float = 60) -> GroupMember:
    return GroupMember("group", [topic], name, seconds=seconds)


def heartbeat(
    database: Database,
    who: GroupMember,
    finished: dict[Partition, int] | None = None,
    in_flight: Partition | None = None,
) -> Assignment:
    with database.transaction() as tx:
        return who.heartbeat(tx, finished or {}, in_flight)


def offsets(database: Database, topic: str) -> dict[int, tuple[int, str | None]]:
    with database.transaction() as tx:
        rows = tx.rows("SELECT * FROM iacs_event_log_offsets WHERE topic = :topic", {"topic": topic})
    return {row["partition"]: (row["next_offset"], row["owner"]) for row in rows}


def expire(database: Database, name: str) -> None:
    past = clock.to_text(clock.now() - timedelta(hours=1))
    with database.transaction() as tx:
        tx.execute(
            "UPDATE iacs_event_log_members SET expires_at = :past WHERE member = :name",
            {"past": past, "name": name},
        )


async def test_events_survive_their_process(database_url: str, topic: str) -> None:
    async with Database(database_url) as database:
        await EventLog(database, logger=LOGGER).publish(topic, 1)
    async with Database(database_url) as database:
        assert [event.value for event in await read(EventLog(database, logger=LOGGER), topic, "group")] == [1]


async def test_offsets_are_dense_over_concurrent_publishers(
    log: EventLog, database: Database, topic: str
) -> None:
    batches = [[NewEvent(topic, n, key=str(n % 20)) for n in range(40)] for _ in range(10)]
    await asyncio.gather(*(log.publish_many(batch) for batch in batches))
    with database.transaction() as tx:
        ended = end_offsets(tx, partitions_of([topic]))
        for partition, end in ended.items():
            offsets = [record.offset for record, _ in read_records(tx, {partition: 0}, 1000)]
            assert offsets == list(range(end))
    assert sum(ended.values()) == 400


async def test_a_batch_with_one_bad_event_is_not_published_at_all(log: EventLog, topic: str) -> None:
    with pytest.raises(Exception, match="bytes"):
        await log.publish_many([NewEvent(topic, 1), NewEvent(topic, b"")])
    assert await read(log, topic) == []


def test_the_partition_of_a_key_never_changes(database: Database, topic: str) -> None:
    from iacs.core._events.encoded_event import encode_events
    from iacs.core._events.log_records import append

    with database.transaction() as tx:
        append(
            tx,
            encode_events(
                [NewEvent(topic, 1, key=key) for key in ("alice@contoso.example", "grün", "")], "urn:iacs"
            ),
        )
        partitions = {
            record.key: record.partition
            for record, _ in read_records(tx, dict.fromkeys(partitions_of([topic]), 0), 9)
        }
    assert partitions == {"alice@contoso.example": 4, "grün": 5, "": 0}


def test_members_share_the_partitions_evenly(database: Database, topic: str) -> None:
    one, two, three = (member(name, topic) for name in "abc")
    assert len(heartbeat(database, one).partitions) == PARTITIONS
    assert heartbeat(database, two).partitions == {}
    assert not heartbeat(database, two).is_final
    assert len(heartbeat(database, one).partitions) == 4
    assert len(heartbeat(database, two).partitions) == 4
    for who in (three, one, two, three):
        heartbeat(database, who)
    assignments = [heartbeat(database, member) for member in (one, two, three)]
    assert [len(assignment.partitions) for assignment in assignments] == [3, 3, 2]
    assert all(assignment.is_final for assignment in assignments)
    assert set().union(*(assignment.partitions for assignment in assignments)) == set(partitions_of([topic]))


def test_no_partition_has_two_owners_whatever_the_order_of_events(database: Database, topic: str) -> None:
    everyone = {name: member(name, topic) for name in "abcd"}
    for step in range(24):
        assignments = {}
        for name in sorted(everyone, key=lambda name: hash((name, step)))[: 1 + step % 4]:
            assignments[name] = heartbeat(database, everyone[name])
        owners = {number: owner for number, (_, owner) in offsets(database, topic).items()}
        for name, assignment in assignments.items():
            lost_since = {
                partition for partition in assignment.partitions if owners[partition[1]] not in (name, None)
            }
            assert not lost_since


def test_a_partition_is_kept_while_an_event_of_it_is_in_flight(database: Database, topic: str) -> None:
    one, two = member("a", topic), member("b", topic)
    heartbeat(database, one)
    heartbeat(database, two)
    assignment = heartbeat(database, one, in_flight=(topic, 1))
    assert (topic, 1) in assignment.partitions
    assert not assignment.is_final
    assert (topic, 1) not in heartbeat(database, two).partitions
    assert (topic, 1) not in heartbeat(database, one).partitions
    assert (topic, 1) in heartbeat(database, two).partitions


def test_the_partitions_of_a_dead_member_pass_on(database: Database, topic: str) -> None:
    one, two = member("a", topic), member("b", topic)
    for who in (one, two, one, two):
        heartbeat(database, who)
    heartbeat(database, one, {(topic, 0): 7})
    expire(database, "a")
    assignment = heartbeat(database, two)
    assert len(assignment.partitions) == PARTITIONS
    assert assignment.partitions[topic, 0] == 7


def test_a_member_that_slept_through_its_death_commits_nothing_over_its_successor(
    database: Database, topic: str
) -> None:
    sleeper, successor = member("a", topic), member("b", topic)
    heartbeat(database, sleeper)
    expire(database, "a")
    heartbeat(database, successor, {})
    heartbeat(database, successor, {(topic, 0): 9})
    assignment = heartbeat(database, sleeper, {(topic, 0): 3})
    assert offsets(database, topic)[0][0] == 9
    assert (topic, 0) not in assignment.partitions


def test_a_member_that_leaves_commits_and_frees_its_partitions_at_once(
    database: Database, topic: str
) -> None:
    one, two = member("a", topic), member("b", topic)
    heartbeat(database, one)
    with database.transaction() as tx:
        one.leave(tx, {(topic, 2): 5})
    assignment = heartbeat(database, two)
    assert assignment.is_final
    assert assignment.partitions[topic, 2] == 5
    assert len(assignment.partitions) == PARTITIONS


async def test_a_killed_consumer_is_succeeded_before_the_other_one_counts_as_idle(
    log: EventLog, database: Database, topic: str
) -> None:
    heartbeat(database, member("killed", topic, seconds=1.5))
    await log.publish_many(NewEvent(topic, n, key=str(n)) for n in range(20))
    assert len(await read(log, topic, "group", idle_timeout=0.1)) == 20


async def test_a_live_consumer_that_is_behind_keeps_nobody_waiting(
    log: EventLog, database: Database, topic: str
) -> None:
    other = EventLog(database, lease_seconds=2, logger=LOGGER)
    await log.publish_many(NewEvent(topic, n, key=str(n)) for n in range(100))
    async with aclosing(other.consume(topic, "group")) as stuck:
        await anext(stuck)
        async with asyncio.timeout(30):
            events = await read(log, topic, "group", idle_timeout=1)
        assert 0 < len(events) < 100
    await other.aclose()


async def test_a_consumer_whose_loop_was_held_up_hands_on_nothing_of_its_successors(
    log: EventLog, database: Database, topic: str
) -> None:
    await log.publish_many(NewEvent(topic, n, key="same") for n in range(10))
    async with aclosing(log.consume(topic, "group")) as held_up:
        assert (await anext(held_up)).value == 0
        time.sleep(2.5)  # noqa: ASYNC251 - the loop is held up for longer than the lease
        successor = member("successor", topic)
        assert len(heartbeat(database, successor).partitions) == PARTITIONS
        next_one = asyncio.create_task(anext(held_up))
        await asyncio.wait([next_one], timeout=1)
        assert not next_one.done()
        next_one.cancel()
        await asyncio.wait([next_one])


@asynccontextmanager
async def waiting_consumers(
    log: EventLog, topic: str, groups: list[str | None]
) -> AsyncIterator["asyncio.Queue[Any]"]:
    """Run consumers that have read everything and committed it; yield what they read from then on."""
    values = asyncio.Queue[Any]()

    async def follow(group: str | None) -> None:
        async with aclosing(log.consume(topic, group)) as events:
            async for new in events:
                values.put_nowait(new.value)

    await log.publish(topic, "first")
    tasks = [asyncio.create_task(follow(group)) for group in groups]
    try:
        async with asyncio.timeout(60):
            for _ in groups:
                assert await values.get() == "first"
            for reader in tuple(log._readers):
                await until_parked(reader)
        yield values
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until_parked(reader: EventLogReader) -> None:
    while True:
        await asyncio.sleep(0.02)
        if reader.is_parked and (reader.group is None or not reader.buffer.uncommitted()):
            return


async def get_all(values: "asyncio.Queue[Any]", count: int) -> list[Any]:
    async with asyncio.timeout(60):
        return [await values.get() for _ in range(count)]


@pytest.mark.parametrize("is_grouped", [False, True])
@pytest.mark.parametrize("count", [1, 50])
async def test_idle_consumers_cost_one_query_for_a_poll_however_many_they_are(
    database: Database, topic: str, count: int, is_grouped: bool
) -> None:
    """The renewals apart, which the long lease keeps out of the count."""
    statements = list[str]()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    groups = [f"group {n}" if is_grouped else None for n in range(count)]
    async with (
        EventLog(database, poll_seconds=0.05, lease_seconds=600, logger=LOGGER) as log,
        waiting_consumers(log, topic, groups) as values,
    ):
        await asyncio.sleep(0.2)  # the last one to wait made the poller look once more
        event.listen(database.engine, "before_cursor_execute", note)
        started = time.monotonic()
        await asyncio.sleep(1)
        seconds = time.monotonic() - started
        event.remove(database.engine, "before_cursor_execute", note)
        looks = [statement for statement in statements if "sum(value)" in statement]
        assert 1 <= len(looks) <= seconds / 0.05 + 1
        queries = [statement for statement in statements if statement.lstrip().startswith("SELECT")]
        assert len(queries) - len(looks) <= 4 * (seconds + 1)  # the members and the clock, each second
        await log.publish(topic, 2)
        assert await get_all(values, count) == [2] * count


async def test_an_event_of_the_same_process_is_delivered_without_a_poll(
    database: Database, topic: str
) -> None:
    async with (
        EventLog(database, poll_seconds=600, lease_seconds=600, logger=LOGGER) as log,
        waiting_consumers(log, topic, ["group", None]) as values,
    ):
        await log.publish(topic, 2)
        assert await get_all(values, 2) == [2, 2]


async def test_many_events_for_consumers_that_wait_arrive_in_order(log: EventLog, topic: str) -> None:
    async with waiting_consumers(log, topic, ["group", None]) as values:
        await log.publish_many(NewEvent(topic, n, key="k") for n in range(100))
        delivered = await get_all(values, 200)
    assert sorted(delivered) == sorted([*range(100)] * 2)
    assert await read(log, topic, "group") == []


async def test_members_that_wait_are_kept_in_their_group(database: Database, topic: str) -> None:
    async with (
        EventLog(database, lease_seconds=1, logger=LOGGER) as log,
        aclosing(log.consume(topic, "group")) as events,
    ):
        waiting = asyncio.create_task(anext(events))
        await asyncio.sleep(2.5)
        with database.transaction() as tx:
            members = GroupMember("group", [topic], "other", seconds=60).members(tx)
        assert len(members) == 1
        await log.publish(topic, 1)
        assert (await asyncio.wait_for(waiting, 30)).value == 1


async def test_a_member_that_was_taken_for_dead_joins_again(database: Database, topic: str) -> None:
    async with (
        EventLog(database, lease_seconds=2, logger=LOGGER) as log,
        aclosing(log.consume(topic, "group")) as events,
    ):
        [waiting] = [asyncio.create_task(anext(events))]
        await asyncio.sleep(1)
        with database.transaction() as tx:
            tx.execute("DELETE FROM iacs_event_log_members")
            tx.execute("UPDATE iacs_event_log_offsets SET owner = NULL")
        await asyncio.sleep(2)
        await log.publish(topic, 1)
        assert (await asyncio.wait_for(waiting, 30)).value == 1
        assert {owner for _, owner in offsets(database, topic).values()} != {None}


async def test_consumers_survive_dropped_connections(postgresql_url: str, topic: str) -> None:
    name = f"test_{uuid4().hex}"
    create_database(postgresql_url, name)
    url = make_url(postgresql_url).set(database=name).render_as_string(hide_password=False)
    try:
        async with (
            Database(url) as database,
            EventLog(database, poll_seconds=0.02, logger=LOGGER) as log,
            waiting_consumers(log, topic, [f"group {n}" for n in range(6)]) as values,
        ):
            for _ in range(10):
                drop_connections(postgresql_url, name)
                await asyncio.sleep(0.1)
            async with asyncio.timeout(60):
                await publish_at_last(log, topic)
            assert await get_all(values, 6) == ["last"] * 6
    finally:
        drop_database(postgresql_url, name)


async def publish_at_last(log: EventLog, topic: str) -> None:
    """Publish once the database accepts it; what fails has not been published."""
    is_published = False
    while not is_published:
        with suppress(DatabaseError):
            await log.publish(topic, "last")
            is_published = True


def drop_connections(server: str, database: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database]
        )


async def test_a_record_with_broken_headers_becomes_a_dead_letter(
    log: EventLog, database: Database, topic: str
) -> None:
    await log.publish(topic, 1, key="k", event_id="the id")
    with database.transaction() as tx:
        tx.execute("UPDATE iacs_event_log SET headers = '{' WHERE topic = :topic", {"topic": topic})
    assert await read(log, topic, "group") == []
    [letter] = await read(log, "iacs.dead-letter")
    assert letter.value["headers"] == {"ce_id": "the id"}


async def test_a_database_that_is_away_for_too_long_ends_the_iteration_with_its_error(
    database: Database, topic: str
) -> None:
    log = EventLog(database, lease_seconds=2, max_outage_seconds=0.5, logger=LOGGER)
    await log.publish(topic, 1)
    async with log, aclosing(log.consume(topic, "group")) as events:
        await anext(events)
        waiting = asyncio.create_task(anext(events))
        database.run_script("DROP TABLE iacs_event_log_members")
        with pytest.raises(DatabaseError):
            await asyncio.wait_for(waiting, 30)


async def test_a_database_that_is_away_from_the_start_is_an_error_at_once(tmp_path: Path, topic: str) -> None:
    database = Database(f"sqlite:///{tmp_path / 'missing.db'}", must_exist=True)
    async with EventLog(database, max_outage_seconds=60, logger=LOGGER) as log:
        with pytest.raises(DatabaseError, match="there is no database"):
            await asyncio.wait_for(read(log, topic), 20)


async def test_a_consumer_of_several_topics_shares_each_with_its_own_group(log: EventLog, topic: str) -> None:
    names = [f"{topic}.{number}" for number in range(3)]
    await log.publish_many(NewEvent(name, n) for name in names for n in range(20))
    one, two = await asyncio.gather(
        read(log, names, "group", idle_timeout=1), read(log, names[:1], "group", idle_timeout=1)
    )
    assert len({event.id for event in one + two}) == 60
    assert {event.topic for event in two} <= {names[0]}
