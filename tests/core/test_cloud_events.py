"""Records are CloudEvents 1.0, as the official package reads them from each backend."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from pydantic import BaseModel

from iacs.core._events.cloud_event import headers_read, headers_to_write, read_event
from iacs.core._kafka.connection import KafkaConnection
from iacs.core._kafka.driver import KafkaConsumer
from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.events import Event, NewEvent
from iacs.core.kafka_client import KafkaClient
from tests.fixtures.events import Streams, read

NOW = "2026-11-23T08:15:30.000000Z"


def records(stream: object, topic: str, count: int) -> list[KafkaMessage]:
    """Return what is stored, by other means than iacs's own readers."""
    if isinstance(stream, EventLog):
        return _rows(stream._database, topic)
    assert isinstance(stream, KafkaClient)
    servers = stream._connection.bootstrap_servers
    consumer = KafkaConnection(bootstrap_servers=servers, timeout=20).connect(
        KafkaConsumer, auto_offset_reset="earliest", consumer_timeout_ms=20_000
    )
    try:
        consumer.subscribe([topic])
        taken = [next(consumer) for _ in range(count)]
    finally:
        consumer.close()
    return [KafkaMessage(dict(record.headers), record.key, record.value) for record in taken]


def _rows(database: Database, topic: str) -> list[KafkaMessage]:
    with database.transaction() as tx:
        rows = tx.rows(
            'SELECT event_key, value, headers FROM iacs_event_log WHERE topic = :topic ORDER BY "offset"',
            {"topic": topic},
        )
    return [KafkaMessage(_encoded(row["headers"]), row["event_key"], row["value"].encode()) for row in rows]


def _encoded(headers: str) -> dict[str, bytes]:
    return {name: text.encode() for name, text in json.loads(headers).items()}


async def test_the_official_package_reads_every_record(streams: Streams, topic: str) -> None:
    stream = streams.open()
    before = datetime.now(UTC)
    await stream.publish(topic, {"type": "order.placed", "text": "grün 😀"}, key="schlüssel", event_id="1")
    headers = {
        "ce_source": "urn:example:shop",
        "ce_type": "order.paid",
        "ce_subject": "grün",
        "ce_time": "2026-11-25T10:00:00+01:00",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    await stream.publish(topic, ["text"], key="schlüssel", event_id="2", headers=headers)
    first, second = (from_binary_event(record) for record in records(stream, topic, 2))
    published_at = first.get_time()
    assert published_at is not None
    assert before - timedelta(seconds=1) < published_at < datetime.now(UTC) + timedelta(seconds=1)
    attributes = {name: text for name, text in first.get_attributes().items() if name != "time"}
    assert attributes == {
        "specversion": "1.0",
        "id": "1",
        "source": "urn:iacs",
        "type": "order.placed",
        "datacontenttype": "application/json",
        "partitionkey": "schlüssel",
    }
    assert first.get_data() == {"type": "order.placed", "text": "grün 😀"}
    assert (second.get_source(), second.get_type(), second.get_subject()) == (
        "urn:example:shop", "order.paid", "grün",
    )  # fmt: skip
    assert second.get_time() == datetime(2026, 11, 25, 9, tzinfo=UTC)
    data: Any = second.get_data()
    assert data == ["text"]


async def test_an_event_has_the_attributes_of_its_record(streams: Streams, topic: str) -> None:
    stream = streams.open()
    await stream.publish(topic, {"type": "order.placed"}, key="k")
    streams.write_raw(topic, b"1")
    by_key = {event.key: event for event in await read(stream, topic)}
    own, foreign = by_key["k"], by_key["raw"]
    assert (own.type, own.source, own.headers) == ("order.placed", "urn:iacs", {})
    assert own.time is not None
    assert timedelta(0) <= datetime.now(UTC) - own.time < timedelta(minutes=5)
    assert (foreign.id, foreign.type, foreign.source, foreign.time) == (None, None, None, None)
    assert foreign.headers == {}


class Kind(Enum):
    PLACED = "order.placed"


class Order(BaseModel):
    type: Kind = Kind.PLACED


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Order(), "order.placed"),
        ({"type": "order.placed"}, "order.placed"),
        ({"type": ""}, "orders"),
        ({"type": "line\nbreak"}, "orders"),
        ([1], "orders"),
        (None, "orders"),
    ],
)
def test_the_type_is_what_the_value_states_else_the_topic(value: object, kind: str) -> None:
    assert headers_to_write(NewEvent("orders", value), "urn:iacs", NOW)["ce_type"] == kind


def test_a_tombstone_has_no_content() -> None:
    assert "content-type" not in headers_to_write(NewEvent("orders", None, key="k"), "urn:iacs", NOW)
    assert "content-type" in headers_to_write(NewEvent("orders", None), "urn:iacs", NOW)


def _event(headers: Mapping[str, str]) -> Event:
    return read_event(headers, topic="t", value=1, key="k", partition=0, offset=0)


def test_what_cannot_be_read_as_an_attribute_stays_among_the_headers() -> None:
    headers = {
        "ce_time": "yesterday",
        "ce_specversion": "0.3",
        "content-type": "text/json",
        "ce_partitionkey": "x",
    }
    event = _event(headers)
    assert event.time is None
    assert event.headers == headers


def test_the_headers_of_a_record_can_be_had_back() -> None:
    written = headers_to_write(
        NewEvent("t", 1, key="k", id="1", headers={"ce_subject": "s"}), "urn:iacs", NOW
    )
    implied = {"ce_specversion", "content-type", "ce_partitionkey"}
    assert headers_read(_event(written)) == {
        name: text for name, text in written.items() if name not in implied
    }
