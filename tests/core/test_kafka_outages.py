"""A broker that dies, freezes and comes back."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from contextlib import aclosing
from pathlib import Path

import pytest

from iacs.core.events import NewEvent
from iacs.core.exceptions import KafkaError, PublishError
from iacs.core.kafka_client import KafkaClient
from iacs.testing.servers.kafka import KafkaBroker
from tests.fixtures.events import LOGGER, read
from tests.fixtures.kafka import DEAD_LETTER_TOPIC, make_topic

pytestmark = pytest.mark.slow  # every test starts a broker of its own, and stops it

ROOT = Path(__file__).parents[2]


def client(broker: KafkaBroker, timeout: float) -> KafkaClient:
    return KafkaClient([broker.bootstrap], timeout=timeout, logger=LOGGER)


async def test_a_topic_that_nobody_makes_is_a_clear_error(own_broker: KafkaBroker, topic: str) -> None:
    async with client(own_broker, 3) as kafka:
        with pytest.raises(PublishError, match=topic):
            await kafka.publish(topic, 1)
        with pytest.raises(KafkaError, match=topic) as caught:
            await read(kafka, topic, "group")
        assert "create the topic" in caught.value.hint


async def test_what_is_published_while_the_broker_restarts_arrives_once_and_in_order(
    own_broker: KafkaBroker, topic: str
) -> None:
    make_topic((own_broker.bootstrap,), topic, partitions=4)
    async with client(own_broker, 60) as kafka:
        await kafka.publish(topic, -1, key="k")
        await asyncio.to_thread(own_broker.kill)
        publishing = asyncio.create_task(kafka.publish_many(NewEvent(topic, n, key="k") for n in range(1200)))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(own_broker.restart)
        assert await publishing == 1200
        assert [event.value for event in await read(kafka, topic)] == list(range(-1, 1200))


async def test_a_consumer_goes_on_when_the_broker_is_back(own_broker: KafkaBroker, topic: str) -> None:
    make_topic((own_broker.bootstrap,), topic, partitions=4)
    async with client(own_broker, 60) as kafka, aclosing(kafka.consume(topic, "group")) as events:
        await kafka.publish(topic, 1, key="k")
        assert (await asyncio.wait_for(anext(events), 30)).value == 1
        waiting = asyncio.create_task(anext(events))
        await asyncio.to_thread(own_broker.kill)
        await asyncio.to_thread(own_broker.restart)
        await kafka.publish(topic, 2, key="k")
        event = await asyncio.wait_for(waiting, 60)
        while event.value == 1:  # its commit may have been lost with the broker
            event = await asyncio.wait_for(anext(events), 60)
        assert event.value == 2


async def test_a_frozen_broker_is_an_error_within_the_timeout_and_never_blocks_the_loop(
    own_broker: KafkaBroker, topic: str
) -> None:
    make_topic((own_broker.bootstrap,), topic, partitions=4)
    async with client(own_broker, 3) as kafka:
        await kafka.publish(topic, 1)
        reading = asyncio.create_task(read(kafka, topic, "group", idle_timeout=600))
        await asyncio.sleep(1)
        own_broker.pause()
        try:
            turns, publishing = 0, asyncio.create_task(kafka.publish(topic, 2))
            while not (publishing.done() and reading.done()):
                await asyncio.sleep(0.01)
                turns += 1
            with pytest.raises(PublishError, match=own_broker.bootstrap):
                await publishing
            with pytest.raises(KafkaError, match=own_broker.bootstrap):
                await reading
            assert turns > 30  # of about 300 in 3 s, on a machine that is not busy
        finally:
            own_broker.resume()


async def test_closing_is_bounded_while_the_broker_is_gone(own_broker: KafkaBroker, topic: str) -> None:
    make_topic((own_broker.bootstrap,), topic, partitions=4)
    kafka = client(own_broker, 2)
    await kafka.publish(topic, 1, key="k")
    await kafka.publish(topic, 2, key="k")
    async with aclosing(kafka.consume(topic, "group")) as events:
        await asyncio.wait_for(anext(events), 30)
        await asyncio.wait_for(anext(events), 30)
        own_broker.pause()
        try:
            publishing = asyncio.create_task(kafka.publish(topic, 3, key="k"))
            await asyncio.sleep(0.1)
            await asyncio.wait_for(kafka.aclose(), 30)
            with pytest.raises(PublishError):
                await publishing
        finally:
            own_broker.resume()


async def test_a_client_whose_broker_was_unavailable_at_first_works_once_it_is_up(
    own_broker: KafkaBroker, topic: str
) -> None:
    make_topic((own_broker.bootstrap,), topic, partitions=4)
    own_broker.kill()
    async with client(own_broker, 1) as kafka:
        with pytest.raises(PublishError):
            await kafka.publish(topic, 1)
    async with client(own_broker, 60) as kafka:
        publishing = asyncio.create_task(kafka.publish(topic, 2))
        await asyncio.to_thread(own_broker.restart)
        await publishing
        assert [event.value for event in await read(kafka, topic)] == [2]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("count", [1, 3])
async def test_a_broker_that_comes_back_empty_is_read_from_its_first_event(
    own_broker: KafkaBroker, topic: str, count: int
) -> None:
    servers = (own_broker.bootstrap,)
    make_topic(servers, topic)
    async with client(own_broker, 60) as kafka, aclosing(kafka.consume(topic, "group")) as events:
        await kafka.publish_many(NewEvent(topic, f"old {n}", key="k") for n in range(count))
        for _ in range(count):
            await asyncio.wait_for(anext(events), 30)
        waiting = asyncio.create_task(anext(events))
        await asyncio.sleep(1.5)  # until the offset is committed
        await asyncio.to_thread(own_broker.kill)
        await asyncio.to_thread(own_broker.restart, empty=True)
        make_topic(servers, DEAD_LETTER_TOPIC)
        make_topic(servers, topic)
        async with client(own_broker, 60) as publisher:
            await publisher.publish_many(NewEvent(topic, f"new {n}", key="k") for n in range(5))
        seen = {(await asyncio.wait_for(waiting, 90)).value}
        while len(seen) < 5:
            seen.add((await asyncio.wait_for(anext(events), 90)).value)
        assert seen == {f"new {n}" for n in range(5)}


async def test_a_broker_killed_during_a_relay_ends_in_the_publish_error_and_nothing_else(
    own_broker: KafkaBroker, topic: str, tmp_path: Path
) -> None:
    make_topic((own_broker.bootstrap,), topic)
    script = Path(__file__).with_name("relaying_through_a_kill.py")
    arguments = (f"sqlite:///{tmp_path}/iacs.db", own_broker.bootstrap, topic)
    relay = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", str(script), *arguments),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        cwd=ROOT,
    )
    assert relay.stdout is not None
    async with asyncio.timeout(60):
        assert await relay.stdout.readline() == b"relaying\n"
        await asyncio.to_thread(own_broker.kill)
        output, errors = await relay.communicate(b"\n")
    try:
        assert output.decode().startswith("PublishError ")
        assert len(output.splitlines()) == 1
        assert errors.decode() == ""
        assert relay.returncode == 0
    finally:
        await asyncio.to_thread(own_broker.restart)
