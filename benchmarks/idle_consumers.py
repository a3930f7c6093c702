"""Measure what consumers of the event log cost while nothing happens, and when all of them hear of an event.

Run: python -m benchmarks.idle_consumers
     python -m tests.servers --postgresql .cache/benchmark -- python -m benchmarks.idle_consumers
DATABASE_URL chooses the database; without it, a new SQLite file. Other processes publish through a second EventLog.
"""

import asyncio
import os
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from uuid import uuid4

from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.logger import create_logger

COUNTS = (1, 20, 200)
SECONDS = 5.0
LOGGER = create_logger(level="ERROR")


async def main() -> None:
    """Print one line per number of consumers, each in a group of its own."""
    with tempfile.TemporaryDirectory() as folder:
        url = os.environ.get("DATABASE_URL") or f"sqlite:///{folder}/benchmark.db"
        for count in COUNTS:
            async with AsyncExitStack() as stack:
                database, others = [await stack.enter_async_context(Database(url)) for _ in range(2)]
                log = await stack.enter_async_context(EventLog(database, logger=LOGGER))
                other = await stack.enter_async_context(EventLog(others, logger=LOGGER))
                await measure(log, other, count, database.dialect)


async def measure(log: EventLog, other: EventLog, count: int, dialect: str) -> None:
    """Measure idle CPU time, and the time until the last consumer has an event of either process."""
    topic, heard = f"idle.{uuid4().hex}", asyncio.Queue[float]()

    async def consume(group: str) -> None:
        async for _ in log.consume(topic, group):
            heard.put_nowait(time.perf_counter())

    async def latency(publisher: EventLog) -> float:
        await publisher.publish(topic, {"number": 7})
        published = time.perf_counter()
        return max([await heard.get() for _ in range(count)]) - published

    await log.publish(topic, {"number": 0})
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(consume(f"{topic}.{number}")) for number in range(count)]
        for _ in range(count):
            await heard.get()
        await asyncio.sleep(2.0)
        cpu, started = time.process_time(), time.perf_counter()
        await asyncio.sleep(SECONDS)
        share = (time.process_time() - cpu) / (time.perf_counter() - started)
        same, another = await latency(log), await latency(other)
        sys.stdout.write(
            f"{dialect:10} {count:4} consumers: {share:6.2%} of a core idle; an event heard by all after "
            f"{same * 1000:4.0f} ms from the same process, {another * 1000:4.0f} ms from another\n"
        )
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main())
