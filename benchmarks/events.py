"""Measure events per second of CPU time: iacs beside bare kafka-python, and the event log.

Run: python -m tests.servers --kafka .cache/benchmark -- python -m benchmarks.events
Without KAFKA_BOOTSTRAP_SERVERS only the event log is measured; DATABASE_URL chooses its database.

Bare kafka-python has the settings of the client, json.dumps and json.loads, and does nothing else: no checks, no
CloudEvents headers, no event loop. It and iacs take turns, round after round; the ratio is that of the medians.
"""

import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from statistics import median
from typing import Any
from uuid import uuid4

from iacs.core._kafka.driver import KafkaConsumer, KafkaProducer
from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.events import EventStream, NewEvent
from iacs.core.kafka_client import KafkaClient
from iacs.core.logger import create_logger

COUNT = 20_000
ROUNDS = 5
CALLERS = 200
VALUE = {"subject": "x" * 100, "preview": "y" * 200, "sender": "someone@contoso.example", "read": False}
LOGGER = create_logger(level="ERROR")
Work = Callable[[str], Awaitable[object]]


async def cpu_seconds(work: Work, topic: str) -> float:
    """Return the CPU time of this process, without garbage collections, whose time depends on what else is alive."""
    gc.collect()
    gc.disable()
    started = time.process_time()
    await work(topic)
    seconds = time.process_time() - started
    gc.enable()
    return seconds


class Bare:
    """kafka-python alone, with the settings of KafkaClient."""

    def __init__(self, servers: list[str]) -> None:
        self._servers = servers
        self._producer: Any = KafkaProducer(
            bootstrap_servers=servers,
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            batch_size=262_144,
            metrics_enabled=False,
        )

    async def publish(self, topic: str) -> None:
        """Send every event, and wait until all are acknowledged."""
        for number in range(COUNT):
            self._producer.send(topic, json.dumps(VALUE).encode(), key=str(number % 100).encode())
        self._producer.flush()

    async def consume(self, topic: str) -> None:
        """Poll every event, in a group."""
        consumer: Any = KafkaConsumer(
            topic,
            bootstrap_servers=self._servers,
            group_id=f"bare.{uuid4().hex}",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
            fetch_max_bytes=8 * 2**20,
            metrics_enabled=False,
        )
        count = 0
        while count < COUNT:
            for records in consumer.poll(timeout_ms=100).values():
                for record in records:
                    json.loads(record.value)
                    count += 1
        consumer.close()

    def close(self) -> None:
        """Disconnect."""
        self._producer.close()


class Ours:
    """The same through an EventStream."""

    def __init__(self, stream: EventStream) -> None:
        self._stream = stream

    async def publish(self, topic: str) -> None:
        """Publish every event, and wait until all are durable."""
        await self._stream.publish_many(
            NewEvent(topic, VALUE, key=str(number % 100)) for number in range(COUNT)
        )

    async def publish_singly(self, topic: str) -> None:
        """Publish every event by a call of its own, many calls at the same time."""

        async def call(number: int) -> None:
            for _ in range(COUNT // CALLERS):
                await self._stream.publish(topic, VALUE, key=str(number))

        await asyncio.gather(*(call(number) for number in range(CALLERS)))

    async def consume(self, topic: str) -> None:
        """Read every event, in a group."""
        count = 0
        async with aclosing(self._stream.consume(topic, f"iacs.{uuid4().hex}")) as events:
            async for _ in events:
                count += 1
                if count == COUNT:
                    break


async def measure_kafka(servers: list[str]) -> None:
    """Print the medians and their ratios; the first round is a warm-up."""
    bare = Bare(servers)
    figures: dict[tuple[str, str], list[float]] = defaultdict(list)
    async with KafkaClient(servers, timeout=60, logger=LOGGER) as client:
        ours = Ours(client)
        for number in range(ROUNDS + 1):
            topic = f"benchmark.{uuid4().hex}"
            await client.publish(f"{topic}.bare", VALUE)  # creates the topics
            await client.publish(topic, VALUE)
            for what, who, work, name in (
                ("publish_many", "bare", bare.publish, f"{topic}.bare"),
                ("publish_many", "iacs", ours.publish, topic),
                ("consume", "bare", bare.consume, topic),  # both read what iacs wrote
                ("consume", "iacs", ours.consume, topic),
            ):
                seconds = await cpu_seconds(work, name)
                if number:
                    figures[what, who].append(seconds)
    bare.close()
    for what in ("publish_many", "consume"):
        alone, with_iacs = (COUNT / median(figures[what, who]) for who in ("bare", "iacs"))
        sys.stdout.write(
            f"Kafka {what:14} bare {alone:8,.0f}/s  iacs {with_iacs:8,.0f}/s  ratio {with_iacs / alone:.2f}\n"
        )


async def measure_event_log(database: Database) -> None:
    """Print events per second, by the clock and of CPU time."""
    async with EventLog(database, logger=LOGGER) as log:
        ours, topic = Ours(log), f"benchmark.{uuid4().hex}"
        await log.publish(f"{topic}.first", VALUE)
        for what, work, name in (
            (f"publish from {CALLERS} callers", ours.publish_singly, f"{topic}.singly"),
            ("publish_many", ours.publish, topic),
            ("consume", ours.consume, topic),
        ):
            started = time.perf_counter()
            cpu = await cpu_seconds(work, name)
            clock = time.perf_counter() - started
            sys.stdout.write(
                f"event log, {database.dialect:10} {what:26} {COUNT / clock:8,.0f}/s by the clock"
                f"  {COUNT / cpu:8,.0f}/s of CPU time\n"
            )


async def main() -> None:
    """Measure the event log, then Kafka."""
    with tempfile.TemporaryDirectory() as folder:
        url = os.environ.get("DATABASE_URL") or f"sqlite:///{folder}/benchmark.db"
        async with Database(url) as database:
            await measure_event_log(database)
    if servers := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        await measure_kafka(servers.split(","))


if __name__ == "__main__":
    asyncio.run(main())
