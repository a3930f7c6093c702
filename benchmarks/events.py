"""Measure how many events per second each backend publishes and reads back.

Run: python -m tests.servers --kafka .cache/benchmark -- python -m benchmarks.events
Without KAFKA_BOOTSTRAP_SERVERS only the event log is measured; DATABASE_URL chooses its database.
"""

import asyncio
import os
import sys
import tempfile
import time
from uuid import uuid4

from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.events import EventStream, NewEvent
from iacs.core.kafka_client import KafkaClient
from iacs.core.logger import create_logger

COUNT = 20_000
VALUE = {"subject": "x" * 100, "preview": "y" * 200, "sender": "someone@contoso.example", "read": False}
LOGGER = create_logger(level="ERROR")


async def measure(name: str, stream: EventStream) -> None:
    """Print events per second, both ways, and the time to publish a single event."""
    topic = f"benchmark.{uuid4().hex}"
    await stream.publish(topic, VALUE)
    started = time.perf_counter()
    for _ in range(20):
        await stream.publish(topic, VALUE)
    single = (time.perf_counter() - started) / 20
    started = time.perf_counter()
    await stream.publish_many(NewEvent(topic, VALUE, key=str(number % 100)) for number in range(COUNT))
    published = COUNT / (time.perf_counter() - started)
    started, count = time.perf_counter(), 0
    async for _ in stream.consume(topic, "benchmark"):
        count += 1
        if count == COUNT:
            break
    read = COUNT / (time.perf_counter() - started)
    sys.stdout.write(
        f"{name:44} publish_many {published:7,.0f}/s  consume {read:7,.0f}/s  publish {single * 1000:5.1f} ms\n"
    )
    await stream.aclose()


async def main() -> None:
    """Measure the event log, then Kafka with several settings."""
    with tempfile.TemporaryDirectory() as folder:
        url = os.environ.get("DATABASE_URL") or f"sqlite:///{folder}/benchmark.db"
        async with Database(url) as database:
            await measure(f"event log, {database.dialect}", EventLog(database, logger=LOGGER))
    servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "")
    for linger_ms, batch_size in [(0, 16_384), (5, 65_536), (20, 262_144), (50, 262_144), (5, 262_144)]:
        if servers:
            client = KafkaClient(
                servers.split(","), linger_ms=linger_ms, batch_size=batch_size, timeout=60, logger=LOGGER
            )
            await measure(f"Kafka, linger_ms={linger_ms} batch_size={batch_size}", client)


if __name__ == "__main__":
    asyncio.run(main())
