"""Dead letters of a topic, published again; held against each backend."""

from contextlib import aclosing
from typing import Any

import pytest

from iacs.core.dead_letters import DeadLetter, Replayed, replay
from iacs.core.events import Event, EventStream
from iacs.core.exceptions import EventError, PublishError
from tests.fixtures.events import Streams, read


async def replayed(streams: Streams, stream: EventStream, topic: str, **options: Any) -> list[Replayed]:
    letters = replay(stream, topic, dead_letter_topic=streams.dead_letter_topic, idle_timeout=0.3, **options)
    async with aclosing(letters) as outcomes:
        return [outcome async for outcome in outcomes]


async def buried(stream: EventStream, topic: str, count: int) -> list[Event]:
    """Publish events whose handler then gives up, and return them."""
    for number in range(count):
        await stream.publish(
            topic, {"type": "order.placed", "number": number}, key="k", headers={"trace": "x"}
        )
    events = await read(stream, topic)
    for event in events:
        await stream.dead_letter(event, "the card is declined")
    return events


async def test_a_dead_letter_is_published_again_as_the_event_that_it_was(
    streams: Streams, topic: str
) -> None:
    stream = streams.open()
    originals = await buried(stream, topic, 3)
    await buried(stream, f"{topic}.other", 1)
    outcomes = await replayed(streams, stream, topic)
    assert [(outcome.letter.reason, outcome.problem) for outcome in outcomes] == [
        ("the card is declined", None)
    ] * 3
    again = (await read(stream, topic))[3:]
    wanted = {
        event.id: (event.value, event.key, event.headers, event.type, event.time) for event in originals
    }
    assert {
        event.id: (event.value, event.key, event.headers, event.type, event.time) for event in again
    } == wanted
    assert await replayed(streams, stream, topic) == []


async def test_a_limit_leaves_the_others_for_the_next_time(streams: Streams, topic: str) -> None:
    stream = streams.open()
    await buried(stream, topic, 3)
    assert [len(await replayed(streams, stream, topic, limit=2)) for _ in range(3)] == [2, 1, 0]
    assert len(await read(stream, topic)) == 6


async def test_a_dry_run_publishes_and_remembers_nothing(streams: Streams, topic: str) -> None:
    stream = streams.open()
    await buried(stream, topic, 3)
    for _ in range(2):
        assert len(await replayed(streams, stream, topic, dry_run=True)) == 3
    assert len(await read(stream, topic)) == 3
    assert len(await replayed(streams, stream, topic)) == 3


async def test_a_dead_letter_that_cannot_be_published_is_kept(
    streams: Streams, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = streams.open()
    await buried(stream, topic, 1)

    async def fail(_events: Any) -> int:
        raise PublishError("the broker is away", event_ids=["1"])

    with monkeypatch.context() as patched:
        patched.setattr(stream, "publish_many", fail)
        with pytest.raises(EventError, match="away"):
            await replayed(streams, stream, topic)
    assert len(await replayed(streams, stream, topic)) == 1


async def test_a_record_that_is_not_json_is_passed_over_with_the_reason(streams: Streams, topic: str) -> None:
    stream = streams.open()
    streams.write_raw(topic, b"{")
    assert await read(stream, topic, "group") == []
    [outcome] = await replayed(streams, stream, topic)
    assert outcome.problem
    assert outcome.letter.reason.startswith("not JSON")
    assert await read(stream, topic) == []


def test_a_record_that_was_cut_is_not_published_again() -> None:
    letter = DeadLetter(topic="t", partition=0, offset=0, reason="r", value_base64="MQ==", is_truncated=True)
    with pytest.raises(ValueError, match="only a part"):
        letter.event()


async def test_events_can_be_looked_at_for_a_group_without_committing(streams: Streams, topic: str) -> None:
    stream = streams.open()
    for number in range(3):
        await stream.publish(topic, number, key="k")
    seen = [event.value async for event in stream.consume(topic, "group", idle_timeout=0.2, commit=False)]
    assert seen == [0, 1, 2]
    assert [event.value for event in await read(stream, topic, "group")] == [0, 1, 2]
