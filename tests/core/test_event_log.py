"""What only the event log in a database has to show; the promises it shares with Kafka are in test_events.py."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy

from iacs.core import clock
from iacs.core._events.log_group import Member, Share
from iacs.core._events.log_records import SHARDS, ends, places_of
from iacs.core._events.log_records import read as read_records
from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.events import NewEvent, Place
from iacs.core.exceptions import DatabaseError
from tests.fixtures.events import LOGGER, read


@pytest_asyncio.fixture
async def log(database: Database) -> AsyncIterator[EventLog]:
    async with EventLog(database, lease_seconds=2, logger=LOGGER) as log:
        yield log


def member(name: str, topic: str, seconds: float = 60) -> Member:
    return Member("group", [topic], name, seconds=seconds)


def beat(
    database: Database, who: Member, finished: dict[Place, int] | None = None, in_hand: Place | None = None
) -> Share:
    with database.transaction() as tx:
        return who.beat(tx, finished or {}, in_hand)


def offsets(database: Database, topic: str) -> dict[int, tuple[int, str | None]]:
    with database.transaction() as tx:
        rows = tx.rows("SELECT * FROM iacs_event_log_offsets WHERE topic = :topic", {"topic": topic})
    return {row["shard"]: (row["next_position"], row["owner"]) for row in rows}


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


async def test_positions_are_dense_over_concurrent_publishers(
    log: EventLog, database: Database, topic: str
) -> None:
    batches = [[NewEvent(topic, n, key=str(n % 20)) for n in range(40)] for _ in range(10)]
    await asyncio.gather(*(log.publish_many(batch) for batch in batches))
    with database.transaction() as tx:
        ended = ends(tx, places_of([topic]))
        for place, end in ended.items():
            found = [record.offset for record, _ in read_records(tx, {place: 0}, 1000)]
            assert found == list(range(end))
    assert sum(ended.values()) == 400


async def test_a_batch_with_one_bad_event_is_not_published_at_all(log: EventLog, topic: str) -> None:
    with pytest.raises(Exception, match="bytes"):
        await log.publish_many([NewEvent(topic, 1), NewEvent(topic, b"")])
    assert await read(log, topic) == []


def test_the_shard_of_a_key_never_changes(database: Database, topic: str) -> None:
    from iacs.core._events.log_records import append

    with database.transaction() as tx:
        append(tx, [(NewEvent(topic, 1, key=key), "1") for key in ("alice@contoso.example", "grün", "")])
        found = {
            record.key: record.partition
            for record, _ in read_records(tx, dict.fromkeys(places_of([topic]), 0), 9)
        }
    assert found == {"alice@contoso.example": 4, "grün": 5, "": 0}


def test_members_share_the_shards_evenly(database: Database, topic: str) -> None:
    one, two, three = (member(name, topic) for name in "abc")
    assert len(beat(database, one).places) == SHARDS
    assert beat(database, two).places == {}
    assert not beat(database, two).is_settled
    assert len(beat(database, one).places) == 4
    assert len(beat(database, two).places) == 4
    for who in (three, one, two, three):
        beat(database, who)
    shares = [beat(database, each) for each in (one, two, three)]
    assert [len(share.places) for share in shares] == [3, 3, 2]
    assert all(share.is_settled for share in shares)
    assert set().union(*(share.places for share in shares)) == set(places_of([topic]))


def test_no_shard_has_two_owners_whatever_the_order_of_events(database: Database, topic: str) -> None:
    everyone = {name: member(name, topic) for name in "abcd"}
    for step in range(24):
        shares = {}
        for name in sorted(everyone, key=lambda name: hash((name, step)))[: 1 + step % 4]:
            shares[name] = beat(database, everyone[name])
        owners = {shard: owner for shard, (_, owner) in offsets(database, topic).items()}
        for name, share in shares.items():
            lost_since = {place for place in share.places if owners[place[1]] not in (name, None)}
            assert not lost_since


def test_a_shard_is_kept_while_an_event_of_it_is_in_hand(database: Database, topic: str) -> None:
    one, two = member("a", topic), member("b", topic)
    beat(database, one)
    beat(database, two)
    share = beat(database, one, in_hand=(topic, 1))
    assert (topic, 1) in share.places
    assert not share.is_settled
    assert (topic, 1) not in beat(database, two).places
    assert (topic, 1) not in beat(database, one).places
    assert (topic, 1) in beat(database, two).places


def test_the_shards_of_a_dead_member_pass_on(database: Database, topic: str) -> None:
    one, two = member("a", topic), member("b", topic)
    for who in (one, two, one, two):
        beat(database, who)
    beat(database, one, {(topic, 0): 7})
    expire(database, "a")
    share = beat(database, two)
    assert len(share.places) == SHARDS
    assert share.places[topic, 0] == 7


def test_a_member_that_slept_through_its_death_commits_nothing_over_its_successor(
    database: Database, topic: str
) -> None:
    sleeper, successor = member("a", topic), member("b", topic)
    beat(database, sleeper)
    expire(database, "a")
    beat(database, successor, {})
    beat(database, successor, {(topic, 0): 9})
    share = beat(database, sleeper, {(topic, 0): 3})
    assert offsets(database, topic)[0][0] == 9
    assert (topic, 0) not in share.places


def test_who_leaves_commits_and_frees_its_shards_at_once(database: Database, topic: str) -> None:
    one, two = member("a", topic), member("b", topic)
    beat(database, one)
    with database.transaction() as tx:
        one.leave(tx, {(topic, 2): 5})
    share = beat(database, two)
    assert share.is_settled
    assert share.places[topic, 2] == 5
    assert len(share.places) == SHARDS


async def test_a_killed_consumer_is_succeeded_before_the_other_one_counts_as_idle(
    log: EventLog, database: Database, topic: str
) -> None:
    beat(database, member("killed", topic, seconds=1.5))
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
            found = await read(log, topic, "group", idle_timeout=0.1)
        assert 0 < len(found) < 100
    await other.aclose()


async def test_a_consumer_whose_loop_was_held_up_hands_on_nothing_of_its_successors(
    log: EventLog, database: Database, topic: str
) -> None:
    await log.publish_many(NewEvent(topic, n, key="same") for n in range(10))
    async with aclosing(log.consume(topic, "group")) as held_up:
        assert (await anext(held_up)).value == 0
        time.sleep(2.5)  # noqa: ASYNC251 - the loop is held up for longer than the lease
        successor = member("successor", topic)
        assert len(beat(database, successor).places) == SHARDS
        next_one = asyncio.create_task(anext(held_up))
        await asyncio.wait([next_one], timeout=1)
        assert not next_one.done()
        next_one.cancel()
        await asyncio.wait([next_one])


@pytest.mark.parametrize("group", [None, "group"])
async def test_an_idle_consumer_queries_once_for_each_poll(
    database: Database, topic: str, group: str | None
) -> None:
    """A heartbeat apart, which the long lease keeps out of the count, and the statements of its start."""
    statements = list[str]()

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    async with EventLog(database, poll_seconds=0.02, lease_seconds=600, logger=LOGGER) as log:
        await log.publish(topic, 1)
        async with aclosing(log.consume(topic, group)) as events:
            await anext(events)
            waiting = asyncio.create_task(anext(events))
            await asyncio.sleep(0.5)
            sqlalchemy.event.listen(database.engine, "before_cursor_execute", count)
            started = time.monotonic()
            await asyncio.sleep(1)
            polls = math.ceil((time.monotonic() - started) / 0.02) + 1
            sqlalchemy.event.remove(database.engine, "before_cursor_execute", count)
            reads = [statement for statement in statements if "iacs_counters" in statement]
            assert 1 <= len(reads) <= polls
            queries = [statement for statement in statements if statement.lstrip().startswith("SELECT")]
            assert len(queries) <= 3 * polls  # in a group also the clock and the members
            await log.publish(topic, 2)
            assert (await asyncio.wait_for(waiting, 30)).value == 2


async def test_a_record_with_broken_headers_becomes_a_dead_letter(
    log: EventLog, database: Database, topic: str
) -> None:
    await log.publish(topic, 1, key="k", event_id="the id")
    with database.transaction() as tx:
        tx.execute("UPDATE iacs_event_log SET headers = '{' WHERE topic = :topic", {"topic": topic})
    assert await read(log, topic, "group") == []
    [letter] = await read(log, "iacs.dead-letter")
    assert letter.value["headers"] == {"event-id": "the id"}


async def test_a_failing_database_ends_the_iteration_with_its_error(
    log: EventLog, database: Database, topic: str
) -> None:
    await log.publish(topic, 1)
    async with aclosing(log.consume(topic, "group")) as events:
        await anext(events)
        waiting = asyncio.create_task(anext(events))
        database.run_script("DROP TABLE iacs_event_log_members")
        with pytest.raises(DatabaseError):
            await asyncio.wait_for(waiting, 30)


async def test_a_consumer_of_several_topics_shares_each_with_its_own_group(log: EventLog, topic: str) -> None:
    names = [f"{topic}.{number}" for number in range(3)]
    await log.publish_many(NewEvent(name, n) for name in names for n in range(20))
    one, two = await asyncio.gather(
        read(log, names, "group", idle_timeout=1), read(log, names[:1], "group", idle_timeout=1)
    )
    assert len({event.id for event in one + two}) == 60
    assert {event.topic for event in two} <= {names[0]}
