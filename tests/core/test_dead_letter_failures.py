"""Dead letters that cannot be written: too large, to a topic that does not exist, or rejected whatever they are."""

import asyncio
import json
import logging
from base64 import b64decode
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from hashlib import sha256
from typing import Any

import pytest
import pytest_asyncio

from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.events import Event, NewEvent
from iacs.core.exceptions import EventError, KafkaError, PublishError
from iacs.core.kafka_client import KafkaClient
from iacs.core.logger import create_logger
from iacs.testing.servers.kafka import KafkaBroker
from tests.fixtures.events import LOGGER, read
from tests.fixtures.kafka import make_topic, send_raw

DEAD = "iacs.dead-letter"


class Rejecting(EventLog):
    """An event log whose dead letters are rejected, as a broker does whose user may not write them."""

    is_away = False

    async def publish_many(self, events: Iterable[NewEvent]) -> int:
        batch = list(events)
        for event in batch:
            if event.topic == DEAD:
                rejections = {} if self.is_away else {event.id: "not authorized"}
                raise PublishError("not authorized", event_ids=[event.id], rejections=rejections)
        return await super().publish_many(batch)


@pytest_asyncio.fixture
async def database() -> AsyncIterator[Database]:
    async with Database("sqlite:///:memory:") as database:
        yield database


async def broken_between_good(log: EventLog, database: Database, topic: str) -> None:
    for number in range(3):
        await log.publish(topic, number, key="k")
    with database.transaction() as tx:
        tx.execute(
            "UPDATE iacs_event_log SET value = '{' WHERE topic = :topic AND value = '1'", {"topic": topic}
        )


async def test_a_rejected_dead_letter_ends_the_consumer_with_the_way_out(
    database: Database, topic: str
) -> None:
    async with Rejecting(database, logger=LOGGER) as log:
        await broken_between_good(log, database, topic)
        with pytest.raises(PublishError, match=f"the dead letter of {topic}/.*not authorized") as caught:
            await read(log, topic, "group")
        assert "DEAD_LETTER_FAILURE=skip" in caught.value.hint


async def test_a_rejected_dead_letter_is_skipped_by_setting_and_the_reason_logged_once(
    database: Database, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    logger = create_logger("iacs.tests.skipping", level="WARNING")
    async with Rejecting(database, dead_letter_failure="skip", logger=logger) as log:
        await broken_between_good(log, database, topic)
        await broken_between_good(log, database, topic)
        with caplog.at_level(logging.WARNING, "iacs.tests.skipping"):
            assert [event.value for event in await read(log, topic, "group")] == [0, 2, 0, 2]
            await log.dead_letter(Event(topic, 1, "k", "id", 0, 0), "its handler gave up")
        assert await read(log, topic, "group") == []
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if line.startswith("record skipped")]) == 2
    [lost] = [line for line in lines if line.startswith("dead letters are lost")]
    assert "not authorized" in lost


async def test_looking_goes_on_without_dead_letters(database: Database, topic: str) -> None:
    async with Rejecting(database, logger=LOGGER) as log:
        await broken_between_good(log, database, topic)
        assert [event.value for event in await read(log, topic)] == [0, 2]
        looking = log.consume(topic, "group", idle_timeout=0.2, commit=False)
        assert [event.value async for event in looking] == [0, 2]


async def test_a_dead_letter_that_brokers_which_are_away_do_not_take_is_written_later(
    database: Database, topic: str
) -> None:
    async with Rejecting(database, dead_letter_failure="skip", logger=LOGGER) as log:
        log.is_away = True
        await broken_between_good(log, database, topic)
        with pytest.raises(PublishError):
            await read(log, topic, "group")
    async with EventLog(database, logger=LOGGER) as log:
        assert [event.value for event in await read(log, topic, "group")] == [2]
        assert len(await read(log, DEAD)) == 1


@pytest.mark.parametrize("name", ["dead letters", "a/b", "x" * 250, ""])
def test_a_dead_letter_topic_that_kafka_would_refuse_is_refused_by_the_client(name: str) -> None:
    with pytest.raises(EventError, match="is not the name of a topic"):
        KafkaClient(["localhost:1"], dead_letter_topic=name, logger=LOGGER)
    with pytest.raises(EventError, match="is not the name of a topic"):
        EventLog(Database("sqlite:///:memory:"), dead_letter_topic=name, logger=LOGGER)


async def test_a_dead_letter_too_large_for_its_topic_keeps_hash_size_and_offset(
    kafka_servers: tuple[str, ...], topic: str
) -> None:
    large = b"\xff" * 900_000
    make_topic(kafka_servers, topic)
    make_topic(kafka_servers, f"{topic}.dead", max_bytes=2000)
    send_raw(kafka_servers, topic, b"1", large, b"2")
    async with KafkaClient(
        kafka_servers, timeout=20, dead_letter_topic=f"{topic}.dead", logger=LOGGER
    ) as kafka:
        assert [event.value for event in await read(kafka, topic, "group")] == [1, 2]
        [letter] = await read(kafka, f"{topic}.dead")
    value = letter.value
    assert (value["value_size"], value["value_sha256"]) == (900_000, sha256(large).hexdigest())
    assert (value["topic"], value["partition"], value["offset"]) == (topic, 0, 1)
    assert (value["is_truncated"], value["value_base64"]) == (True, "")


async def test_a_header_name_that_is_not_utf8_makes_a_dead_letter(
    kafka_servers: tuple[str, ...], topic: str
) -> None:
    class Latin(str):
        def encode(self, encoding: str = "", errors: str = "") -> bytes:
            return str.encode(self, "latin-1")

    make_topic(kafka_servers, topic)
    send_raw(kafka_servers, topic, b"1", headers=[("good", b"x")])
    send_raw(kafka_servers, topic, b'{"n": 2}', headers=[("good", b"x"), (Latin("grün"), b"\xff")])
    send_raw(kafka_servers, topic, b"3")
    async with KafkaClient(
        kafka_servers, timeout=20, dead_letter_topic=f"{topic}.dead", logger=LOGGER
    ) as kafka:
        assert [(event.value, event.headers) for event in await read(kafka, topic, "group")] == [
            (1, {"good": "x"}),
            (3, {}),
        ]
        [letter] = await read(kafka, f"{topic}.dead")
    assert letter.value["reason"] == "the name of a header is not UTF-8"
    assert letter.value["headers"] == {"good": "x", "gr\\xfcn": "\\xff"}
    assert json.loads(b64decode(letter.value["value_base64"])) == {"n": 2}
    assert letter.value["offset"] == 1


async def test_consuming_begins_only_when_dead_letters_can_be_written(
    own_broker: KafkaBroker, topic: str
) -> None:
    servers = (own_broker.bootstrap,)
    make_topic(servers, topic)
    send_raw(servers, topic, b"1", b"{", b"2")
    async with KafkaClient(servers, timeout=3, dead_letter_topic=f"{topic}.dead", logger=LOGGER) as kafka:
        with pytest.raises(KafkaError, match=rf"{topic}\.dead") as caught:
            await read(kafka, topic, "group")
        assert "create the topic" in caught.value.hint
        assert "DEAD_LETTER_FAILURE=skip" in caught.value.hint
        assert [event.value for event in await read(kafka, topic)] == [1, 2]


async def test_consuming_without_dead_letters_goes_on_by_setting(own_broker: KafkaBroker, topic: str) -> None:
    servers = (own_broker.bootstrap,)
    make_topic(servers, topic)
    send_raw(servers, topic, b"1", b"{", b"2")
    options: Any = {"dead_letter_failure": "skip", "dead_letter_topic": f"{topic}.dead"}
    async with KafkaClient(servers, timeout=3, logger=LOGGER, **options) as kafka:
        async with aclosing(kafka.consume(topic, "group")) as events:
            first, second = [await asyncio.wait_for(anext(events), 60) for _ in range(2)]
        assert (first.value, second.value) == (1, 2)
