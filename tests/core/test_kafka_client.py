"""What only a client of Kafka does; the promises it shares with the event log are in test_events.py."""

import asyncio
import json
import logging
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from iacs.core._kafka import driver
from iacs.core._kafka.connection import KafkaConnection, quiet_kafka_python
from iacs.core._kafka.driver import (
    DriverError,
    KafkaAdminClient,
    KafkaConsumer,
    KafkaProducer,
    TopicPartition,
)
from iacs.core._kafka.hints import hint_of
from iacs.core.events import NewEvent
from iacs.core.exceptions import KafkaError, PublishError
from iacs.core.kafka_client import KafkaClient
from iacs.core.logger import create_logger
from tests.fixtures.events import LOGGER, read
from tests.fixtures.kafka import make_topic

NOBODY = "127.0.0.1:1"


@pytest_asyncio.fixture
async def client(kafka_servers: tuple[str, ...], topic: str) -> AsyncIterator[KafkaClient]:
    async with KafkaClient(
        kafka_servers, timeout=20, dead_letter_topic=f"{topic}.dead", logger=LOGGER
    ) as client:
        yield client


async def count_turns(stop: asyncio.Event) -> int:
    """Return how often the loop came back to a task that sleeps for 10 ms each time."""
    turns = 0
    while not stop.is_set():
        await asyncio.sleep(0.01)
        turns += 1
    return turns


def test_making_a_client_connects_to_nothing() -> None:
    KafkaClient([NOBODY], logger=LOGGER)


def test_servers_must_be_a_list() -> None:
    with pytest.raises(KafkaError, match="list"):
        KafkaClient("localhost:9092", logger=LOGGER)


async def test_a_client_without_servers_may_exist_but_says_what_is_missing() -> None:
    async with KafkaClient([], logger=LOGGER) as client:
        with pytest.raises(PublishError, match="KAFKA_BOOTSTRAP_SERVERS") as caught:
            await client.publish("a", 1)
        assert str(caught.value) == "Kafka is not configured"
        for use in (read(client, "a"), client.probe()):
            with pytest.raises(KafkaError, match="KAFKA_BOOTSTRAP_SERVERS") as refused:
                await use
            assert (str(refused.value), refused.value.hint) == (str(caught.value), caught.value.hint)


async def test_a_client_that_was_never_used_closes() -> None:
    async with KafkaClient([NOBODY], logger=LOGGER):
        pass


async def test_an_unreachable_broker_is_an_error_that_names_it_within_the_timeout() -> None:
    async with KafkaClient([NOBODY, "127.0.0.1:2"], timeout=1, logger=LOGGER) as client:
        with pytest.raises(PublishError, match=r"127\.0\.0\.1:1, 127\.0\.0\.1:2") as caught:
            await client.publish("a", 1)
        cause = caught.value.__cause__
        assert isinstance(cause, KafkaError)
        assert cause.servers == (NOBODY, "127.0.0.1:2")
        with pytest.raises(KafkaError, match=NOBODY):
            await read(client, "a", "group")


async def test_the_loop_runs_on_while_the_broker_is_unreachable() -> None:
    stop = asyncio.Event()
    counting = asyncio.create_task(count_turns(stop))
    async with KafkaClient([NOBODY], timeout=3, logger=LOGGER) as client:
        outcomes = await asyncio.gather(
            *(client.publish("a", number) for number in range(20)), read(client, "a"), return_exceptions=True
        )
    stop.set()
    assert await counting > 30  # of about 300 in 3 s, on a machine that is not busy
    assert all(isinstance(outcome, PublishError) for outcome in outcomes[:-1])
    assert isinstance(outcomes[-1], KafkaError)


async def test_a_record_is_json_in_utf8_with_its_id_in_a_header(
    client: KafkaClient, kafka_servers: tuple[str, ...], topic: str
) -> None:
    headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "ce_type": "grün"}
    await client.publish(topic, {"name": "Grüße"}, key="schlüssel", event_id="the id", headers=headers)
    await client.publish(topic, None, key="schlüssel", event_id="gone")
    consumer = KafkaConnection(bootstrap_servers=kafka_servers, timeout=20).connect(
        KafkaConsumer, auto_offset_reset="earliest", consumer_timeout_ms=20_000
    )
    try:
        consumer.subscribe([topic])
        record, tombstone = next(consumer), next(consumer)
    finally:
        consumer.close()
    assert record.value == '{"name":"Grüße"}'.encode()
    assert record.key == "schlüssel".encode()
    written = dict(record.headers)
    datetime.fromisoformat(written.pop("ce_time").decode())
    assert written == {
        "ce_specversion": b"1.0",
        "ce_id": b"the id",
        "ce_source": b"urn:iacs",
        "ce_partitionkey": "schlüssel".encode(),
        "content-type": b"application/json",
        **{name: text.encode() for name, text in headers.items()},
    }
    assert len(record.headers) == 8
    assert "content-type" not in dict(tombstone.headers)
    assert (tombstone.key, tombstone.value) == ("schlüssel".encode(), None)


async def test_records_of_other_programs_are_read_with_their_headers(
    client: KafkaClient, kafka_servers: tuple[str, ...], topic: str
) -> None:
    producer = KafkaConnection(bootstrap_servers=kafka_servers, timeout=20).connect(KafkaProducer)
    headers = [("trace", "grün".encode()), ("odd", b"\xff"), ("none", b"")]
    producer.send(topic, value=b"1", key=b"k", headers=headers).get(20)
    producer.send(topic, value=None, key=b"k").get(20)
    producer.close(timeout=20)
    event, tombstone = await read(client, topic)
    assert event.id is None
    assert event.headers == {"trace": "grün", "odd": "\\xff", "none": ""}
    assert tombstone.value is None


@pytest.mark.parametrize(
    ("key", "value"), [(b"\xff", b"1"), (b"k", b"\xff\xfe"), (b"k", "1".encode("utf-16"))]
)
async def test_a_record_that_is_not_utf8_becomes_a_dead_letter(
    client: KafkaClient, kafka_servers: tuple[str, ...], topic: str, key: bytes, value: bytes
) -> None:
    producer = KafkaConnection(bootstrap_servers=kafka_servers, timeout=20).connect(KafkaProducer)
    producer.send(topic, value=value, key=key).get(20)
    producer.close(timeout=20)
    assert await read(client, topic, "group") == []
    [letter] = await read(client, f"{topic}.dead")
    assert b64decode(letter.value["key_base64"]) == key
    assert b64decode(letter.value["value_base64"]) == value
    assert letter.value["reason"].startswith("not JSON: ")


async def test_a_topic_that_ends_with_an_aborted_transaction_counts_as_read(
    client: KafkaClient, kafka_servers: tuple[str, ...], topic: str
) -> None:
    producer = KafkaConnection(bootstrap_servers=kafka_servers, timeout=20).connect(
        KafkaProducer, transactional_id=topic
    )
    await asyncio.to_thread(producer.init_transactions)
    producer.begin_transaction()
    producer.send(topic, value=b"1", key=b"k").get(20)
    await asyncio.to_thread(producer.commit_transaction)
    producer.close(timeout=20)
    async with asyncio.timeout(30):
        assert [event.value for event in await read(client, topic, "group")] == [1]


async def test_what_a_transaction_has_not_committed_is_not_read(
    client: KafkaClient, kafka_servers: tuple[str, ...], topic: str
) -> None:
    make_topic(kafka_servers, topic)
    connection = KafkaConnection(bootstrap_servers=kafka_servers, timeout=20)
    one, two = (connection.connect(KafkaProducer, transactional_id=f"{topic}.{n}") for n in range(2))

    def write(producer: Any, value: str) -> None:
        producer.begin_transaction()
        producer.send(topic, value=json.dumps(value).encode(), key=b"k").get(20)

    def write_all() -> None:
        for producer in (one, two):
            producer.init_transactions()
        write(one, "aborted")
        one.abort_transaction()
        write(one, "committed")
        one.commit_transaction()
        write(two, "open")
        write(one, "committed behind the open one")
        one.commit_transaction()

    await asyncio.to_thread(write_all)
    assert [event.value for event in await read(client, topic)] == ["committed"]
    assert [event.value for event in await read(client, topic, "group")] == ["committed"]
    await asyncio.to_thread(two.commit_transaction)
    for producer in (one, two):
        await asyncio.to_thread(producer.close, 20)
    assert [event.value for event in await read(client, topic, "group")] == [
        "open",
        "committed behind the open one",
    ]


async def test_events_deleted_before_they_were_read_are_logged_with_their_number(
    kafka_servers: tuple[str, ...], topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    make_topic(kafka_servers, topic)
    logger = create_logger("iacs.tests.gap", level="WARNING")
    async with KafkaClient(
        kafka_servers, timeout=20, dead_letter_topic=f"{topic}.dead", logger=logger
    ) as client:
        await client.publish_many(NewEvent(topic, n) for n in range(20))
        async with aclosing(client.consume(topic, "group")) as events:
            for _ in range(5):
                await asyncio.wait_for(anext(events), 30)
        await asyncio.to_thread(delete_before, kafka_servers, topic, 12)
        with caplog.at_level(logging.WARNING, "iacs.tests.gap"):
            assert [event.value for event in await read(client, topic, "group")] == list(range(12, 20))
            await asyncio.to_thread(delete_before, kafka_servers, topic, 20)
            assert len(await read(client, topic)) == 0
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith("events deleted before they were read")
    assert "next_offset=4" in line
    assert "count=8" in line


def delete_before(servers: tuple[str, ...], topic: str, offset: int) -> None:
    admin = KafkaConnection(bootstrap_servers=servers, timeout=20).connect(KafkaAdminClient)
    admin.delete_records({TopicPartition(topic, 0): offset})
    admin.close()


async def test_an_event_too_large_for_the_broker_is_named_and_the_others_arrive(
    client: KafkaClient, topic: str
) -> None:
    events = [NewEvent(topic, "x" * size, key=str(size)) for size in (1, 2_000_000, 2)]
    with pytest.raises(PublishError) as caught:
        await client.publish_many(events)
    assert caught.value.event_ids == {events[1].id}
    assert "max.message.bytes" in caught.value.hint
    assert sorted(len(event.value) for event in await read(client, topic)) == [1, 2]


async def test_events_that_the_broker_rejects_stop_no_others(
    client: KafkaClient, kafka_servers: tuple[str, ...], topic: str
) -> None:
    """The broker's own limit is below the producer's, so that it is the broker who rejects."""
    make_topic(kafka_servers, topic, max_bytes=2000)
    sizes = [5000 if n in (0, 33, 77) else 10 for n in range(100)]
    events = [NewEvent(topic, [n, "x" * size], key=f"{n % 3}") for n, size in enumerate(sizes)]
    rejected = {event.id for event in events if len(event.value[1]) > 2000}
    for _ in range(2):
        with pytest.raises(PublishError) as caught:
            await client.publish_many(events)
        assert caught.value.event_ids == caught.value.rejections.keys() == rejected
    await client.publish(topic, [100, ""], key="0")
    numbers = [event.value[0] for event in await read(client, topic) if event.key == "0"]
    assert numbers == [*range(3, 33, 3), *range(36, 100, 3)] * 2 + [100]


async def test_a_producer_that_has_failed_for_good_is_replaced(client: KafkaClient, topic: str) -> None:
    await client.publish(topic, 1)
    producer = client._publisher._producer
    producer._transaction_manager.transition_to_fatal_error(DriverError("not authorized"))
    await client.publish(topic, 2)
    assert client._publisher._producer is not producer
    assert sorted(event.value for event in await read(client, topic)) == [1, 2]


async def test_passwords_stay_out_of_errors_and_representations() -> None:
    secret = "hunter2"
    connection = KafkaConnection(
        bootstrap_servers=(NOBODY,),
        timeout=1,
        security_protocol="SASL_PLAINTEXT",
        sasl_username="user",
        sasl_password=SecretStr(secret),
    )
    assert connection.options()["sasl_plain_password"] == secret
    assert secret not in repr(connection)
    client = KafkaClient(
        [NOBODY],
        timeout=0.5,
        security_protocol="SASL_PLAINTEXT",
        sasl_username="user",
        sasl_password=SecretStr(secret),
        logger=LOGGER,
    )
    async with client:
        with pytest.raises(PublishError) as caught:
            await client.publish("a", 1)
    assert secret not in str(caught.value)


def test_a_missing_password_is_an_empty_one() -> None:
    options = KafkaConnection(bootstrap_servers=(NOBODY,), timeout=1, security_protocol="SASL_SSL").options()
    assert options["sasl_plain_password"] == ""


async def test_a_ca_file_that_is_missing_is_an_error_at_once(tmp_path: Path) -> None:
    async with KafkaClient(
        [NOBODY], security_protocol="SSL", ssl_cafile=tmp_path / "no.pem", logger=LOGGER
    ) as client:
        with pytest.raises(PublishError, match="KAFKA_SSL_CAFILE"):
            await client.publish("a", 1)


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        ("MessageSizeTooLargeError", "max.message.bytes"),
        ("TopicAuthorizationFailedError", "KAFKA_SASL_USERNAME"),
        ("GroupAuthorizationFailedError", "KAFKA_SASL_USERNAME"),
        ("InvalidTopicError", "249 letters"),
        ("NotEnoughReplicasError", "log of the brokers"),
    ],
)
def test_every_error_of_the_brokers_has_a_hint(error: str, hint: str) -> None:
    assert hint in hint_of(getattr(vars(driver)["_errors"], error)())


@pytest.mark.parametrize(
    ("before", "after"), [(logging.NOTSET, logging.CRITICAL), (logging.DEBUG, logging.DEBUG)]
)
def test_the_drivers_own_log_is_quiet_unless_the_application_wants_it(
    monkeypatch: pytest.MonkeyPatch, before: int, after: int
) -> None:
    logger = logging.getLogger("kafka")
    monkeypatch.setattr(logger, "level", before)
    quiet_kafka_python()
    assert logger.level == after
