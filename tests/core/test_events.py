"""What every event stream promises, held against each backend."""

import asyncio
import json
from base64 import b64decode
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from iacs.core.event_log import EventLog
from iacs.core.events import Event, EventStream, NewEvent
from iacs.core.exceptions import DatabaseError, EventEncodingError, EventError, KafkaError
from iacs.core.kafka_client import KafkaClient
from tests.fixtures.events import Streams, read

VALUES: list[Any] = [
    {"nested": [1, 2.5, True, None, {"deep": "ü€😀 \u0000 \u2028"}]},
    "text",
    0,
    -(10**40),
    [],
    {},
    None,
    "x" * 300_000,
]


def numbers(topic: str, count: int, *, keys: int = 5) -> list[NewEvent]:
    return [NewEvent(topic, number, key=f"key {number % keys}") for number in range(count)]


def by_key(events: list[Event]) -> dict[str | None, list[Any]]:
    values = defaultdict(list)
    for event in events:
        values[event.key].append(event.value)
    return dict(values)


async def take(events: AsyncGenerator[Event, None], count: int) -> list[Event]:
    """Read so many events; the last one stays in flight."""
    return [await asyncio.wait_for(anext(events), 30) for _ in range(count)]


async def test_a_value_comes_back_as_it_was_published(stream: EventStream, topic: str) -> None:
    for value in VALUES:
        await stream.publish(topic, value, key="same")
    assert [event.value for event in await read(stream, topic)] == VALUES


async def test_an_event_says_where_it_stands(stream: EventStream, topic: str) -> None:
    await stream.publish(topic, 1, key="grün", event_id="first")
    await stream.publish(topic, 2, key="grün")
    first, second = await read(stream, topic)
    assert (first.topic, first.key, first.id, first.offset, first.headers) == (topic, "grün", "first", 0, {})
    assert (second.partition, second.offset) == (first.partition, 1)
    assert second.id
    assert second.id != first.id


async def test_headers_go_with_the_event(stream: EventStream, topic: str) -> None:
    headers = {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "ce_subject": "grün/😀",
    }
    await stream.publish(topic, 1, key="k", headers=headers)
    await stream.publish_many(
        [NewEvent(topic, 2, key="k", headers={"empty": ""}), NewEvent(topic, 3, key="k")]
    )
    assert [event.headers for event in await read(stream, topic)] == [headers, {"empty": ""}, {}]


async def test_a_header_that_cannot_be_written_is_refused_by_its_field(
    stream: EventStream, topic: str
) -> None:
    refused: list[tuple[Any, str]] = [
        ({"trace": 1}, "headers.trace"),
        ({"trace": None}, "headers.trace"),
        ({"trace": b"x"}, "headers.trace"),
        ({"trace": "half \ud800"}, "headers.trace"),
        ({"trace": "zero \0"}, "headers.trace"),
        ({"ce_id": "x"}, "headers.ce_id"),
        ({"content-type": "text/plain"}, "headers.content-type"),
        ({"ce_time": "yesterday"}, "headers.ce_time"),
        ({"ce_source": ""}, "headers.ce_source"),
        ({"ce_Trace-Id": "x"}, "headers.ce_Trace-Id"),
        ({1: "x"}, "headers"),
        ({"": "x"}, "headers"),
        ([("trace", "x")], "headers"),
    ]
    for headers, field in refused:
        with pytest.raises(EventEncodingError) as caught:
            await stream.publish(topic, 1, headers=headers)
        assert caught.value.field == field
        assert field in str(caught.value)
    assert await read(stream, topic) == []


async def test_an_event_without_a_key_arrives_too(stream: EventStream, topic: str) -> None:
    await stream.publish(topic, None)
    await stream.publish(topic, 1)
    assert {(event.key, event.value) for event in await read(stream, topic)} == {(None, None), (None, 1)}


async def test_many_events_keep_the_order_of_each_key(stream: EventStream, topic: str) -> None:
    assert await stream.publish_many(iter(numbers(topic, 3000))) == 3000
    values = by_key(await read(stream, topic))
    assert values == {f"key {key}": list(range(key, 3000, 5)) for key in range(5)}


async def test_nothing_to_publish_is_published_at_once(stream: EventStream) -> None:
    assert await stream.publish_many([]) == 0


async def test_concurrent_publishers_lose_nothing(stream: EventStream, topic: str) -> None:
    await asyncio.gather(*(stream.publish(topic, number, key="same") for number in range(50)))
    events = await read(stream, topic)
    assert sorted(event.value for event in events) == list(range(50))
    assert [event.offset for event in events] == list(range(50))


async def test_a_group_reads_each_event_once(stream: EventStream, topic: str) -> None:
    await stream.publish_many(numbers(topic, 20))
    assert len(await read(stream, topic, "group")) == 20
    assert await read(stream, topic, "group") == []
    await stream.publish(topic, "new")
    assert [event.value for event in await read(stream, topic, "group")] == ["new"]


async def test_each_group_starts_at_the_oldest_event(stream: EventStream, topic: str) -> None:
    await stream.publish_many(numbers(topic, 20))
    assert len(await read(stream, topic, "one")) == 20
    assert len(await read(stream, topic, "two")) == 20


async def test_without_a_group_everything_is_read_each_time(stream: EventStream, topic: str) -> None:
    await stream.publish_many(numbers(topic, 20))
    assert len(await read(stream, topic)) == 20
    assert len(await read(stream, topic)) == 20


async def test_the_event_in_flight_is_read_again_when_the_iteration_is_left(
    stream: EventStream, topic: str
) -> None:
    await stream.publish_many(numbers(topic, 10, keys=1))
    async with aclosing(stream.consume(topic, "group")) as events:
        assert [event.value for event in await take(events, 4)] == [0, 1, 2, 3]
    assert [event.value for event in await read(stream, topic, "group")] == [3, 4, 5, 6, 7, 8, 9]


async def test_leaving_by_break_commits_what_was_finished(stream: EventStream, topic: str) -> None:
    await stream.publish_many(numbers(topic, 10, keys=1))
    async for event in stream.consume(topic, "group"):
        if event.value == 3:
            break
    assert [event.value for event in await read(stream, topic, "group")] == [3, 4, 5, 6, 7, 8, 9]


async def test_stopping_finishes_the_event_before_and_begins_no_other(
    stream: EventStream, topic: str
) -> None:
    await stream.publish_many(numbers(topic, 5, keys=1))
    stop, seen = asyncio.Event(), []
    async for event in stream.consume(topic, "group", stop=stop):
        seen.append(event.value)
        stop.set()
    assert seen == [0]
    assert [event.value for event in await read(stream, topic, "group")] == [1, 2, 3, 4]


async def test_the_event_that_the_caller_failed_at_is_read_again(stream: EventStream, topic: str) -> None:
    await stream.publish_many(numbers(topic, 3, keys=1))

    async def divide() -> None:
        async with aclosing(stream.consume(topic, "group")) as events:
            async for event in events:
                _ = 1 / event.value

    with pytest.raises(ZeroDivisionError):
        await divide()
    assert [event.value for event in await read(stream, topic, "group")] == [0, 1, 2]


async def test_finished_events_are_committed_while_the_iteration_goes_on(
    streams: Streams, topic: str
) -> None:
    stream = streams.open()
    await stream.publish_many(numbers(topic, 5, keys=1))
    async with aclosing(stream.consume(topic, "group")) as events:
        await take(events, 5)
        waiting = asyncio.create_task(anext(events))
        other = streams.open()
        async with asyncio.timeout(30):
            while (batch := await read(other, topic, "group", idle_timeout=0.1)) != []:
                assert len(batch) <= 5
        await stream.publish(topic, "last", key="key 0")
        await stream.publish(topic, "last", key="key 0")
        done, _ = await asyncio.wait([waiting], timeout=30)
        assert done


async def test_a_waiting_consumer_hears_of_events_from_another_client(streams: Streams, topic: str) -> None:
    await streams.open().publish(topic, "first")
    async with aclosing(streams.open().consume(topic, "group")) as events:
        await take(events, 1)
        waiting = asyncio.create_task(anext(events))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await streams.open().publish(topic, "second")
        assert (await asyncio.wait_for(waiting, 30)).value == "second"


async def test_several_topics_are_read_together(stream: EventStream, topic: str) -> None:
    names = [f"{topic}.{number}" for number in range(3)]
    await stream.publish_many(NewEvent(name, name) for name in names)
    assert sorted(event.topic for event in await read(stream, names, "group")) == names


async def test_a_topic_that_nobody_wrote_to_is_empty(stream: EventStream, topic: str) -> None:
    assert await read(stream, topic, "group") == []
    assert await read(stream, topic) == []


async def test_two_consumers_of_a_group_share_the_work(streams: Streams, topic: str) -> None:
    await streams.open().publish_many(numbers(topic, 400, keys=40))
    seen: list[tuple[int, Event]] = []
    both_work = asyncio.Event()

    async def work(name: int) -> None:
        async for event in streams.open().consume(topic, "group", idle_timeout=1.5):
            seen.append((name, event))
            if len({worker for worker, _ in seen}) == 2:
                both_work.set()
            elif len(seen) > 5:
                await asyncio.wait_for(both_work.wait(), 30)

    await asyncio.gather(work(1), work(2))
    assert {worker for worker, _ in seen} == {1, 2}
    for key, values in by_key([event for _, event in seen]).items():
        # At least once: an event that was in hand when the work was divided anew may come again.
        assert sorted(set(values)) == [n for n in range(400) if f"key {n % 40}" == key]
    assert len(seen) < 420


async def test_what_a_consumer_leaves_passes_on_to_the_others(streams: Streams, topic: str) -> None:
    publisher = streams.open()
    await publisher.publish_many(numbers(topic, 40, keys=40))
    async with aclosing(streams.open().consume(topic, "group")) as stays:
        first = await take(stays, 1)
        async with aclosing(streams.open().consume(topic, "group")) as leaves:
            waiting = asyncio.create_task(anext(leaves))
            await asyncio.wait([waiting], timeout=1)
            waiting.cancel()
            await asyncio.wait([waiting])
        values = {event.value for event in first}
        async with asyncio.timeout(30):
            while len(values) < 40:
                values.add((await anext(stays)).value)


async def test_a_record_that_is_not_json_becomes_a_dead_letter(streams: Streams, topic: str) -> None:
    stream = streams.open()
    await stream.publish(topic, "before")
    broken = [b"{", b"", b"nothing", b"[NaN]", b"1e999", b"\xef\xbb\xbf{}"]
    for raw in broken:
        streams.write_raw(topic, raw)
    await stream.publish(topic, "after")
    assert {event.value for event in await read(stream, topic, "group")} == {"before", "after"}
    letters = await read(stream, streams.dead_letter_topic)
    assert sorted(b64decode(letter.value["value_base64"]) for letter in letters) == sorted(broken)
    for letter in letters:
        assert letter.value["topic"] == topic
        assert letter.key == f"{topic}/{letter.value['partition']}/{letter.value['offset']}"
        assert letter.value["reason"].startswith("not JSON: ")
        assert b64decode(letter.value["key_base64"]) == b"raw"
    assert await read(stream, topic, "group") == []


async def test_a_dead_letter_keeps_its_id_when_it_is_repeated(streams: Streams, topic: str) -> None:
    stream = streams.open()
    streams.write_raw(topic, b"{")
    for group in ("one", "two"):
        assert await read(stream, topic, group) == []
    first, second = await read(stream, streams.dead_letter_topic)
    assert first.id == second.id
    assert first.value == second.value


async def test_a_bad_record_among_the_dead_letters_makes_no_further_one(streams: Streams) -> None:
    stream = streams.open()
    streams.write_raw(streams.dead_letter_topic, b"{")
    assert await read(stream, streams.dead_letter_topic) == []
    assert await read(stream, streams.dead_letter_topic) == []


async def test_closing_ends_every_iteration(stream: EventStream, topic: str) -> None:
    await stream.publish(topic, 1)
    all_have_read = asyncio.Barrier(4)

    async def read_on(group: str | None) -> int:
        count = 0
        async for _ in stream.consume(topic, group, idle_timeout=600):
            count += 1
            await all_have_read.wait()
        return count

    reading = [asyncio.create_task(read_on(group)) for group in (None, "a", "b")]
    await asyncio.wait_for(all_have_read.wait(), 60)
    await asyncio.wait_for(stream.aclose(), 30)
    assert await asyncio.gather(*reading) == [1, 1, 1]


async def test_a_closed_stream_says_so(stream: EventStream, topic: str) -> None:
    await stream.aclose()
    await stream.aclose()
    with pytest.raises(EventError, match="closed"):
        await stream.publish(topic, 1)
    with pytest.raises(EventError, match="closed"):
        await read(stream, topic)


async def test_a_value_that_is_not_json_is_refused_by_its_field(stream: EventStream, topic: str) -> None:
    with pytest.raises(EventEncodingError, match=r"value\.sender\.photo: bytes") as caught:
        await stream.publish(topic, {"sender": {"photo": b"\xff"}})
    assert caught.value.field == "value.sender.photo"
    assert await read(stream, topic) == []


async def test_a_key_that_is_not_text_is_refused(stream: EventStream, topic: str) -> None:
    keys: list[Any] = ["half \ud800", "zero \0", 5]
    for key in keys:
        with pytest.raises(EventEncodingError, match="key"):
            await stream.publish(topic, 1, key=key)


async def test_a_name_that_kafka_would_refuse_is_refused(stream: EventStream) -> None:
    for name in ("", ".", "..", "a/b", "ü", "a b", "x" * 250, "a\n"):
        with pytest.raises(EventError, match="topic"):
            await stream.publish(name, 1)
        with pytest.raises(EventError, match="topic"):
            await read(stream, name)


async def test_a_group_without_a_printable_name_is_refused(stream: EventStream, topic: str) -> None:
    for group in ("", "a\0", "\ud800"):
        with pytest.raises(EventError, match="group"):
            await read(stream, topic, group)


async def test_reading_needs_a_topic(stream: EventStream) -> None:
    with pytest.raises(EventError, match="topic"):
        await read(stream, [])


async def test_a_large_backlog_is_read_whole_by_a_slow_start(stream: EventStream, topic: str) -> None:
    await stream.publish_many(NewEvent(topic, "x" * 1000, key=str(n)) for n in range(6000))
    count = 0
    async for event in stream.consume(topic, "group", idle_timeout=1):
        count += 1
        if count == 1:
            await asyncio.sleep(0.5)
        assert len(json.dumps(event.value)) == 1002
    assert count == 6000


@pytest.mark.parametrize("error", [DatabaseError("mine"), KafkaError("mine"), StopAsyncIteration("mine")])
async def test_an_error_raised_while_an_event_is_handled_reaches_the_caller_as_it_is(
    stream: EventStream, topic: str, error: Exception
) -> None:
    """Though it may look like an error of the stream, and the event counts as not handled."""
    await stream.publish(topic, 1)

    async def handle() -> None:
        async with aclosing(stream.consume(topic, "group")) as events:
            async for _ in events:
                raise error

    with pytest.raises(type(error)) as caught:
        await asyncio.wait_for(handle(), 60)
    assert caught.value is error
    assert [event.value for event in await read(stream, topic, "group")] == [1]


async def test_lag_is_what_a_group_has_not_finished(stream: EventStream, topic: str) -> None:
    await stream.publish_many([NewEvent(topic, number, key="k") for number in range(20)])
    async with aclosing(stream.consume(topic, "readers")) as events:
        await take(events, 6)  # the sixth is in flight
    [lag] = await stream.lag(topic, "readers")
    assert (lag.group, lag.topic, lag.next_offset, lag.end_offset, lag.lag) == ("readers", topic, 5, 20, 15)
    [whole] = await stream.lag([topic], f"{topic}.new")
    assert (whole.next_offset, whole.lag) == (0, 20)
    assert await stream.lag(topic) == [lag]


async def test_lag_of_what_does_not_exist_is_none_and_creates_nothing(
    stream: EventStream, topic: str
) -> None:
    for _ in range(2):
        assert await stream.lag(topic) == []
        assert await stream.lag(topic, "readers") == []
    with pytest.raises(EventError):
        await stream.lag("no topic")


async def test_lag_of_topics_is_by_topic_partition_and_group(stream: EventStream, topic: str) -> None:
    topics = [f"{topic}.a", f"{topic}.b"]
    for count, name in enumerate(topics, 1):
        await stream.publish_many([NewEvent(name, 1, key=f"key {n}") for n in range(10 * count)])
    assert len(await read(stream, topics[0], f"{topic}.one")) == 10
    assert len(await read(stream, topics, f"{topic}.two")) == 30
    await stream.publish(topics[1], 1, key="k")
    lags = [lag for lag in await stream.lag(topics) if lag.group.startswith(topic)]
    assert {(lag.group, lag.topic): 0 for lag in lags} == {
        (f"{topic}.one", topics[0]): 0,
        (f"{topic}.two", topics[0]): 0,
        (f"{topic}.two", topics[1]): 0,
    }
    assert sum(lag.lag for lag in lags) == 1


async def test_the_probe_counts_what_its_consumers_have_not_finished(
    stream: EventLog | KafkaClient, topic: str
) -> None:
    await stream.publish_many([NewEvent(topic, number, key="k") for number in range(20)])
    async with (
        aclosing(stream.consume(topic, "readers")) as grouped,
        aclosing(stream.consume(topic)) as other,
    ):
        await take(grouped, 6)
        await take(other, 20)
        detail = await stream.probe()
        assert (detail["consumers"], detail["lag"]) == (2, 15 + 1)
    detail = await stream.probe()
    assert (detail["consumers"], detail["lag"]) == (0, 0)
