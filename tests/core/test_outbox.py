import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from iacs.core import clock
from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.events import Event, EventStream, NewEvent, PartitionLag
from iacs.core.exceptions import (
    DatabaseError,
    DegradedError,
    EventEncodingError,
    EventError,
    EventRejectedError,
    KafkaError,
    PublishError,
)
from iacs.core.kafka_client import KafkaClient
from iacs.core.lease import Lease
from iacs.core.outbox import Outbox
from iacs.core.transaction import Transaction
from tests.fixtures.events import LOGGER, read


def write(database: Database, outbox: Outbox, events: Sequence[NewEvent]) -> None:
    with database.transaction() as tx:  # unlike `run`, it repeats nothing
        outbox.add(tx, events)


@pytest_asyncio.fixture
async def log(database: Database) -> AsyncIterator[EventLog]:
    async with EventLog(database, logger=LOGGER) as log:
        yield log


@pytest.fixture
def outbox(database: Database, log: EventLog) -> Outbox:
    return Outbox(database, log, logger=LOGGER)


class Refusing:
    """Publishes into a log but for the events of some values, as a broker does that refuses them."""

    def __init__(self, log: EventLog, *values: object, rejects: bool = False) -> None:
        self._log = log
        self.values = set(values)
        self.rejects = rejects
        self.batches: list[int] = []

    async def publish(
        self,
        topic: str,
        value: object,
        *,
        key: str | None = None,
        event_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        raise NotImplementedError

    async def publish_many(self, events: Iterable[NewEvent]) -> int:
        batch = list(events)
        self.batches.append(len(batch))
        refused = [event for event in batch if event.value in self.values]
        await self._log.publish_many(event for event in batch if event not in refused)
        if refused:
            ids = [event.id for event in refused]
            raise PublishError(
                "refused", event_ids=ids, rejections=dict.fromkeys(ids, "too large") if self.rejects else {}
            )
        return len(batch)

    def consume(
        self,
        topics: str | Iterable[str],
        group: str | None = None,
        *,
        idle_timeout: float | None = None,
        commit: bool = True,
        stop: asyncio.Event | None = None,
    ) -> AsyncGenerator[Event, None]:
        raise NotImplementedError

    async def lag(self, topics: str | Iterable[str], group: str | None = None) -> list[PartitionLag]:
        raise NotImplementedError

    async def dead_letter(self, event: Event, reason: str) -> None:
        raise NotImplementedError

    async def aclose(self) -> None:
        raise NotImplementedError


def fill(
    database: Database, outbox: Outbox, topic: str, count: int, *, keys: int = 3, start: int = 0
) -> list[NewEvent]:
    events = [NewEvent(topic, number, key=f"key {number % keys}") for number in range(start, start + count)]
    with database.transaction() as tx:
        outbox.add(tx, events)
    return events


async def test_an_event_is_published_as_it_was_added(
    database: Database, outbox: Outbox, log: EventLog, topic: str
) -> None:
    added = NewEvent(topic, {"text": "grün 😀 \0"}, key="schlüssel", headers={"traceparent": "00-1-2-01"})
    keyless = NewEvent(topic, None)
    await database.run(outbox.add, [added, keyless])
    assert await outbox.pending() == 2
    assert await outbox.relay() == 2
    assert await outbox.pending() == 0
    events = {event.id: event for event in await read(log, topic)}
    assert (events[added.id].value, events[added.id].key) == (added.value, added.key)
    assert (events[added.id].headers, events[keyless.id].headers) == (added.headers, {})
    assert (events[keyless.id].value, events[keyless.id].key) == (None, None)


async def test_debeziums_outbox_event_router_finds_its_columns(
    database: Database, outbox: Outbox, topic: str
) -> None:
    """The names that the router expects by default (debezium.io, Outbox Event Router)."""
    events = [
        NewEvent(topic, {"type": "order.placed", "number": 7}, key="alice", id="1"),
        NewEvent(topic, {"type": 5}, id="2"),
        NewEvent(topic, {"type": "zero \0"}, id="3"),
        NewEvent(topic, "text", key="bob", id="4"),
    ]
    await database.run(outbox.add, events)
    with database.transaction() as tx:
        rows = tx.rows("SELECT id, aggregatetype, aggregateid, type, payload FROM iacs_outbox ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [
        ("1", topic, "alice", "order.placed", '{"type":"order.placed","number":7}'),
        ("2", topic, None, topic, '{"type":5}'),
        ("3", topic, None, topic, '{"type":"zero \\u0000"}'),
        ("4", topic, "bob", topic, '"text"'),
    ]


async def test_what_waits_is_a_cloud_event_of_the_instant_when_it_was_added(
    database: Database, log: EventLog, topic: str
) -> None:
    outbox = Outbox(database, log, source="urn:example:shop", logger=LOGGER)
    await database.run(outbox.add, [NewEvent(topic, {"type": "order.placed"}, key="alice", id="1")])
    with database.transaction() as tx:
        [row] = tx.rows("SELECT headers FROM iacs_outbox")
    waiting = json.loads(row["headers"])
    added_at = waiting.pop("ce_time")
    assert waiting == {
        "ce_specversion": "1.0",
        "ce_id": "1",
        "ce_source": "urn:example:shop",
        "ce_type": "order.placed",
        "ce_partitionkey": "alice",
        "content-type": "application/json",
    }
    await outbox.relay()
    [event] = await read(log, topic)
    assert (event.source, event.type, event.headers) == ("urn:example:shop", "order.placed", {})
    assert event.time == datetime.fromisoformat(added_at)


async def test_a_header_that_cannot_be_written_is_refused_when_it_is_added(
    database: Database, outbox: Outbox, topic: str
) -> None:
    with pytest.raises(EventEncodingError, match=r"headers\.ce_id is reserved") as caught:
        await database.run(outbox.add, [NewEvent(topic, 1, headers={"ce_id": "x"})])
    assert caught.value.field == "headers.ce_id"
    assert await outbox.pending() == 0


async def test_events_go_with_the_transaction_that_added_them(
    database: Database, outbox: Outbox, topic: str
) -> None:
    def fail(tx: object) -> None:
        outbox.add(tx, [NewEvent(topic, 1)])  # type: ignore[arg-type]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.run(fail)
    assert await outbox.pending() == 0
    assert await outbox.relay() == 0


async def test_adding_nothing_touches_nothing(database: Database, outbox: Outbox) -> None:
    await database.run(outbox.add, [])
    assert await outbox.pending() == 0
    with database.transaction() as tx:
        assert tx.value("SELECT count(*) FROM iacs_counters") == 0


async def test_an_event_that_cannot_be_written_is_refused_when_it_is_added(
    database: Database, outbox: Outbox, topic: str
) -> None:
    with pytest.raises(EventEncodingError, match="value: bytes"):
        await database.run(outbox.add, [NewEvent(topic, 1), NewEvent(topic, b"")])
    assert await outbox.pending() == 0


async def test_many_events_arrive_in_the_order_of_their_keys(
    database: Database, outbox: Outbox, log: EventLog, topic: str
) -> None:
    fill(database, outbox, topic, 1200)
    assert await outbox.relay() == 1200
    events = await read(log, topic)
    for key in range(3):
        assert [e.value for e in events if e.key == f"key {key}"] == list(range(key, 1200, 3))


async def test_nothing_is_published_twice(
    database: Database, outbox: Outbox, log: EventLog, topic: str
) -> None:
    fill(database, outbox, topic, 10)
    assert await outbox.relay() == 10
    assert await outbox.relay() == 0
    assert len(await read(log, topic)) == 10


async def test_relays_at_the_same_time_publish_each_event_once(
    database: Database, outbox: Outbox, log: EventLog, topic: str
) -> None:
    fill(database, outbox, topic, 50)
    others = [Outbox(database, log, logger=LOGGER) for _ in range(3)]
    assert sum(await asyncio.gather(*(relaying.relay() for relaying in [outbox, *others]))) == 50
    assert len(await read(log, topic)) == 50


async def test_what_the_broker_took_is_marked_and_what_follows_a_failure_of_its_key_is_not(
    database: Database, log: EventLog, topic: str
) -> None:
    refusing = Refusing(log, 1)
    stream: EventStream = refusing
    outbox = Outbox(database, stream, logger=LOGGER)
    fill(database, outbox, topic, 6)
    with pytest.raises(PublishError):
        await outbox.relay()
    assert await outbox.pending() == 2  # 1, and 4 of the same key
    refusing.values.clear()
    assert await outbox.relay() == 2
    events = await read(log, topic)
    assert [event.value for event in events if event.key == "key 1"] == [4, 1, 4]
    assert Counter(event.value for event in events if event.key != "key 1") == {0: 1, 2: 1, 3: 1, 5: 1}
    repeated = [event.id for event in events if event.value == 4]
    assert repeated[0] == repeated[1]


async def relay_until_parked(outbox: Outbox, *, attempts: int = 3) -> None:
    for _ in range(attempts):
        with pytest.raises(PublishError, match="refused"):
            await outbox.relay()


async def test_an_event_that_is_rejected_again_and_again_is_parked_and_only_its_key_waits(
    database: Database, log: EventLog, topic: str
) -> None:
    outbox = Outbox(database, Refusing(log, 1, 600, rejects=True), logger=LOGGER)
    added = fill(database, outbox, topic, 1200, keys=1200)
    follower = NewEvent(topic, "follower", key="key 1")
    await database.run(outbox.add, [follower])

    await relay_until_parked(outbox)

    parked = await outbox.parked()
    assert {(event.id, event.key, event.attempts, event.problem) for event in parked} == {
        (added[1].id, "key 1", 3, "too large"),
        (added[600].id, "key 600", 3, "too large"),
    }
    assert await outbox.pending() == 1
    assert await outbox.relay() == 0
    assert {event.value for event in await read(log, topic)} == set(range(1200)) - {1, 600}


async def test_what_follows_an_event_that_was_rejected_before_is_not_sent_ahead_of_it(
    database: Database, log: EventLog, topic: str
) -> None:
    refusing = Refusing(log, 0, rejects=True)
    outbox = Outbox(database, refusing, logger=LOGGER)
    fill(database, outbox, topic, 1, keys=1)
    with pytest.raises(PublishError):
        await outbox.relay()
    fill(database, outbox, topic, 2, keys=1, start=1)
    await relay_until_parked(outbox, attempts=1)
    assert await read(log, topic) == []

    refusing.values.clear()
    assert await outbox.relay() == 3
    assert [event.value for event in await read(log, topic)] == [0, 1, 2]


async def test_an_outage_parks_nothing_however_often_it_is_met(
    database: Database, log: EventLog, topic: str
) -> None:
    outbox = Outbox(database, Refusing(log, 0), logger=LOGGER)
    fill(database, outbox, topic, 1)
    await relay_until_parked(outbox, attempts=5)
    assert await outbox.parked() == ()
    assert await outbox.pending() == 1


async def test_a_parked_event_is_sent_again_on_request_before_those_that_wait_behind_it(
    database: Database, log: EventLog, topic: str
) -> None:
    refusing = Refusing(log, 0, rejects=True)
    outbox = Outbox(database, refusing, logger=LOGGER)
    [event] = fill(database, outbox, topic, 1, keys=1)
    await relay_until_parked(outbox)
    fill(database, outbox, topic, 1, keys=1, start=1)
    refusing.values.clear()

    assert await outbox.retry([event.id]) == 1
    assert await outbox.relay() == 2
    assert [event.value for event in await read(log, topic)] == [0, 1]
    assert await outbox.parked() == ()


async def test_dropping_a_parked_event_lets_those_behind_it_go(
    database: Database, log: EventLog, topic: str
) -> None:
    outbox = Outbox(database, Refusing(log, 0, rejects=True), logger=LOGGER)
    [event] = fill(database, outbox, topic, 1, keys=1)
    await relay_until_parked(outbox)
    [waiting] = fill(database, outbox, topic, 1, keys=1, start=1)

    with pytest.raises(EventError, match="no parked event has the id"):
        await outbox.drop([event.id, waiting.id])
    assert await outbox.drop([event.id]) == 1
    assert await outbox.relay() == 1
    assert [event.value for event in await read(log, topic)] == [1]


async def test_the_probe_has_the_backlog_and_is_degraded_while_an_event_is_parked(
    database: Database, log: EventLog, topic: str
) -> None:
    outbox = Outbox(database, Refusing(log, 0, rejects=True), logger=LOGGER)
    assert await outbox.probe() == {"pending": 0, "oldest_seconds": 0}
    [event] = fill(database, outbox, topic, 1)
    with database.transaction() as tx:
        long_ago = clock.to_text(clock.now() - timedelta(minutes=10))
        tx.execute("UPDATE iacs_outbox SET created_at = :at", {"at": long_ago})
    probed = await outbox.probe()
    assert probed["pending"] == 1
    assert probed["oldest_seconds"] in range(600, 660)
    await relay_until_parked(outbox)

    with pytest.raises(DegradedError, match=r"parked: 1; waiting: 0") as caught:
        await outbox.probe()
    assert "iacs outbox list" in caught.value.hint
    await outbox.drop([event.id])
    await outbox.probe()


async def test_kafka_rejects_an_event_that_is_too_large_and_the_others_are_published(
    database: Database, kafka_servers: tuple[str, ...], topic: str
) -> None:
    async with KafkaClient(kafka_servers, timeout=20, logger=LOGGER) as client:
        outbox = Outbox(database, client, logger=LOGGER)
        large = NewEvent(topic, "x" * 1_100_000, key="large")
        await database.run(outbox.add, [large, *(NewEvent(topic, n, key="k") for n in range(20))])
        for _ in range(3):
            with pytest.raises(PublishError) as caught:
                await outbox.relay()
            assert isinstance(caught.value.__cause__, EventRejectedError)
        [parked] = await outbox.parked()
        assert (parked.id, parked.attempts) == (large.id, 3)
        assert await outbox.relay() == 0
        assert [event.value for event in await read(client, topic)] == list(range(20))


async def test_an_event_without_a_key_holds_back_no_other(
    database: Database, log: EventLog, topic: str
) -> None:
    outbox = Outbox(database, Refusing(log, 0), logger=LOGGER)
    await database.run(outbox.add, [NewEvent(topic, number) for number in range(3)])
    with pytest.raises(PublishError):
        await outbox.relay()
    assert await outbox.pending() == 1


async def test_a_later_batch_is_not_sent_when_an_earlier_one_failed(
    database: Database, log: EventLog, topic: str
) -> None:
    refusing = Refusing(log, 499)
    outbox = Outbox(database, refusing, logger=LOGGER)
    fill(database, outbox, topic, 1200, keys=1)  # events of other keys have no order
    with pytest.raises(PublishError):
        await outbox.relay()
    assert refusing.batches == [500]
    assert await outbox.pending() == 701


async def test_an_unreachable_broker_marks_nothing_and_leaves_the_relay_to_others(
    database: Database, log: EventLog, topic: str
) -> None:
    async with KafkaClient(["127.0.0.1:1"], timeout=0.5, logger=LOGGER) as nobody:
        outbox = Outbox(database, nobody, logger=LOGGER)
        fill(database, outbox, topic, 3)
        with pytest.raises(PublishError, match=r"127\.0\.0\.1:1") as caught:
            await outbox.relay()
        assert isinstance(caught.value.__cause__, KafkaError)
    assert await outbox.pending() == 3
    assert await Outbox(database, log, logger=LOGGER).relay() == 3


async def test_a_relay_that_lost_its_lease_stops(database: Database, log: EventLog, topic: str) -> None:
    class Robbed(Refusing):
        async def publish_many(self, events: Iterable[NewEvent]) -> int:
            with database.transaction() as tx:  # as after a sleep of the whole machine
                tx.execute("UPDATE iacs_leases SET holder = 'another' WHERE name = 'outbox'")
            return await super().publish_many(events)

    robbed = Robbed(log)
    fill(database, outbox := Outbox(database, robbed, logger=LOGGER), topic, 600)
    assert await outbox.relay() == 500
    assert robbed.batches == [500]


async def test_a_relay_keeps_its_turn_while_publishing_takes_long(
    database: Database, log: EventLog, topic: str
) -> None:
    class Slow(Refusing):
        async def publish_many(self, events: Iterable[NewEvent]) -> int:
            assert not await Lease(database, "outbox").acquire(timeout=2.5)
            return await super().publish_many(events)

    fill(database, outbox := Outbox(database, Slow(log), logger=LOGGER, lease_seconds=1.5), topic, 1)
    assert await outbox.relay() == 1


async def test_a_relay_with_nothing_to_do_does_not_wait_for_another(
    database: Database, outbox: Outbox
) -> None:
    await Lease(database, "outbox", seconds=600).acquire()
    assert await outbox.relay() == 0


async def test_a_relay_does_not_wait_for_ever_for_another(
    database: Database, log: EventLog, topic: str
) -> None:
    await Lease(database, "outbox", seconds=600).acquire()
    fill(database, outbox := Outbox(database, log, logger=LOGGER, max_wait_seconds=0.1), topic, 1)
    with pytest.raises(DatabaseError, match="outbox"):
        await outbox.relay()
    assert await outbox.pending() == 1


async def test_the_events_of_a_key_are_published_in_the_order_of_the_commits(
    database: Database, outbox: Outbox, log: EventLog, topic: str
) -> None:
    committed: list[int] = []

    def add(tx: Transaction, number: int) -> None:
        outbox.add(tx, [NewEvent(topic, number, key="k")])
        committed.append(number)  # the next one is still waiting for this transaction to end

    await asyncio.gather(*(database.run(add, number) for number in range(30)))
    await outbox.relay()
    assert [event.value for event in await read(log, topic)] == committed


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_transactions_that_add_events_of_different_keys_do_not_wait_for_each_other(
    database: Database, outbox: Outbox, topic: str
) -> None:
    with database.transaction() as tx:
        outbox.add(tx, [NewEvent(topic, 1, key="one")])
        async with asyncio.timeout(30):
            await database.run(outbox.add, [NewEvent(topic, 2, key="two"), NewEvent(topic, 3, key="three")])
        assert await outbox.relay() == 2
    assert await outbox.relay() == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_transactions_that_add_many_keys_in_any_order_end_without_a_deadlock(
    database: Database, outbox: Outbox, topic: str
) -> None:
    events = [NewEvent(topic, number, key=f"key {number}") for number in range(100)]
    orders = [events, events[::-1], events[50:] + events[:50]]
    await asyncio.gather(*(asyncio.to_thread(write, database, outbox, order) for order in orders * 3))
    assert await outbox.pending() == 900


@pytest.mark.parametrize("backend", ["kafka", "event_log"])
async def test_a_relay_killed_before_it_marks_loses_nothing_and_repeats_the_same_ids(
    request: pytest.FixtureRequest, database_url: str, topic: str, backend: str
) -> None:
    servers = ",".join(request.getfixturevalue("kafka_servers")) if backend == "kafka" else ""
    async with Database(database_url) as database:
        log = EventLog(database, logger=LOGGER)
        stream: EventStream = KafkaClient([servers], timeout=30, logger=LOGGER) if servers else log
        outbox = Outbox(database, stream, logger=LOGGER)
        added = fill(database, outbox, topic, 700)
        child = await asyncio.create_subprocess_exec(
            sys.executable, str(Path(__file__).with_name("relaying.py")), database_url, servers
        )
        assert await asyncio.wait_for(child.wait(), 60) == -signal.SIGKILL
        assert await outbox.pending() == 700
        assert await outbox.relay() == 700
        events = await read(stream, topic)
        await stream.aclose()
    assert {event.id for event in events} == {event.id for event in added}
    assert len(events) == 1200  # the batch of 500 came twice
    assert {event.id: event.value for event in events} == {event.id: event.value for event in added}
    for key in range(3):
        values = [event.value for event in events if event.key == f"key {key}"]
        assert values[-1] == max(values)


def age(database: Database, days: float) -> None:
    """Make all that is published older by some days."""
    past = clock.to_text(clock.now() - timedelta(days=days))
    with database.transaction() as tx:
        tx.execute(
            "UPDATE iacs_outbox SET published_at = :past WHERE published_at IS NOT NULL", {"past": past}
        )


def values_in(database: Database) -> list[int]:
    with database.transaction() as tx:
        return [
            json.loads(row["payload"]) for row in tx.rows("SELECT payload FROM iacs_outbox ORDER BY position")
        ]


async def test_published_events_are_deleted_after_their_retention(
    database: Database, log: EventLog, topic: str
) -> None:
    outbox = Outbox(database, log, retention_days=7, logger=LOGGER)
    fill(database, outbox, topic, 2500)
    await outbox.relay()
    assert len(values_in(database)) == 2500
    age(database, 6.9)
    fill(database, outbox, topic, 1, start=2500)
    await outbox.relay()
    assert len(values_in(database)) == 2501
    age(database, 7.1)
    fill(database, outbox, topic, 1, start=2501)
    await outbox.relay()
    assert values_in(database) == [2501]


async def test_published_events_are_deleted_at_once_and_so_are_those_of_an_earlier_retention(
    database: Database, log: EventLog, topic: str
) -> None:
    fill(database, keeping := Outbox(database, log, retention_days=7, logger=LOGGER), topic, 2)
    await keeping.relay()
    fill(database, outbox := Outbox(database, log, logger=LOGGER), topic, 3, start=2)
    assert len(values_in(database)) == 5
    assert await outbox.relay() == 3
    assert values_in(database) == []
    assert sorted(event.value for event in await read(log, topic)) == [0, 1, 2, 3, 4]


async def test_only_confirmed_events_are_deleted(database: Database, log: EventLog, topic: str) -> None:
    outbox = Outbox(database, Refusing(log, 1), logger=LOGGER)
    fill(database, outbox, topic, 6, keys=2)
    with pytest.raises(PublishError):
        await outbox.relay()
    assert values_in(database) == [1, 3, 5]  # the one that failed, and those behind it


async def test_what_waits_or_is_parked_is_never_deleted(
    database: Database, log: EventLog, topic: str
) -> None:
    outbox = Outbox(database, Refusing(log, 1, rejects=True), max_attempts=1, retention_days=7, logger=LOGGER)
    fill(database, outbox, topic, 3, keys=3)
    with pytest.raises(PublishError):
        await outbox.relay()
    age(database, 1000)
    await outbox.relay()
    assert values_in(database) == [1]
