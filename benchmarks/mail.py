"""The time of a message: read from Graph, and synced into a database with its event published.

Usage: python -m benchmarks.mail [MESSAGES [ROUNDS]]      (a minute for the usual 5000 and 5)
With PostgreSQL and Kafka, whose own time is not counted:
  python -m tests.servers --kafka .cache/kafka-data --postgresql .cache/pg-data -- python -m benchmarks.mail

A server in another process answers pages of 1000 messages of 3.2 KB. The floor is aiohttp with orjson's dictionaries
and nothing else. Figures are medians of the rounds, in microseconds per message: the CPU time of this process, and
the time that passes, also when the server waits 30 ms before each page. Ratios are medians of each round's, which other
load on the machine changes little. `sync` is the first one of a mailbox, until its events are published.
"""

import asyncio
import os
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine
from json import dumps
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import orjson

if not __package__:  # run by its path: the parent folder is not on the search path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.graph_pages import message
from benchmarks.mailbox import EMAIL, LOGGER, PAGE_SIZE, server, servers, service, sqlite
from benchmarks.measure import ratio
from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.mail_query import MailQuery

FLOOR = "aiohttp and orjson"
SMALL = 20
"""The messages of a small mailbox."""
SMALL_MAILBOXES = 30
DELAY = 0.03

Work = Callable[[str], Coroutine[Any, Any, int]]
Times = defaultdict[str, list[float]]


async def floor(url: str) -> int:
    """Read every page as dictionaries; return the number of messages."""
    link, count = f"{url}/me/messages?$top={PAGE_SIZE}", 0
    async with aiohttp.ClientSession() as session:
        while link:
            async with session.get(link) as response:
                page = orjson.loads(await response.read())
            count += len(page["value"])
            link = page.get("@odata.nextLink")
    return count


async def messages(url: str) -> int:
    """Read every message as a model; return their number."""
    async with sqlite(url) as mail:
        return sum([1 async for _ in mail.messages(EMAIL)])


async def sync(url: str) -> int:
    """Sync the mailbox for the first time; return the number of published events."""
    async with sqlite(url) as mail:
        return (await mail.sync(EMAIL)).published


async def sync_with_servers(url: str) -> int:
    """Sync as `sync` does, into PostgreSQL and Kafka."""
    async with servers(url) as mail:
        return (await mail.sync(EMAIL)).published


async def sync_small(url: str) -> float:
    """Return the milliseconds of CPU that each of several small mailboxes takes, one after another."""
    async with sqlite(url) as mail:
        await mail.sync(EMAIL)
        start = time.process_time_ns()
        for number in range(SMALL_MAILBOXES):
            await mail.sync(f"person{number}@contoso.example")
        return (time.process_time_ns() - start) / SMALL_MAILBOXES / 1e6


async def disk(url: str) -> dict[str, int]:
    """Return the bytes of each table and index of a database with one mailbox."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            Database(f"sqlite:///{folder}/mail.db") as database,
            EventLog(database, logger=LOGGER) as events,
            service(url, database, events) as mail,
        ):
            await mail.sync(EMAIL)
        with sqlite3.connect(f"{folder}/mail.db") as connection:
            sizes = dict(
                connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC")
            )
            [(free,)] = connection.execute(
                "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size"
            )
        connection.close()
    return sizes | {"pages for later events": free}


async def small_pages(url: str, concurrency: int) -> int:
    """Read every message in pages of 100; return their number."""
    async with sqlite(url) as mail:
        pages = mail.messages(EMAIL, MailQuery(page_size=100), concurrency=concurrency)
        return sum([1 async for _ in pages])


def compare_windows(count: int, rounds: int) -> None:
    """Print what windows of `receivedDateTime` save, where requests are what takes long."""
    times = defaultdict(list)
    with server(count, DELAY) as url:
        for _ in range(rounds):
            for concurrency in (1, 4):
                started = time.perf_counter_ns()
                if asyncio.run(small_pages(url, concurrency)) != count:
                    raise SystemExit(f"messages() with concurrency={concurrency} lost messages")
                times[concurrency].append((time.perf_counter_ns() - started) / count / 1000)
    print(  # noqa: T201
        f"\nmessages() in pages of 100 at 30 ms: {median(times[1]):.0f} µs per message,"
        f" with concurrency=4 {median(times[4]):.0f} µs, {ratio(times[1], times[4]):.2f} times as fast"
    )


MEASURED: dict[str, Work] = {FLOOR: floor, "messages()": messages, "sync(), SQLite": sync}
if "KAFKA_BOOTSTRAP_SERVERS" in os.environ:
    MEASURED["sync(), PostgreSQL, Kafka"] = sync_with_servers


def measure(count: int, rounds: int, delay: float) -> tuple[Times, Times]:
    """Return the CPU time and the time that passes of every way and round, in microseconds per message."""
    cpu, wall = Times(list), Times(list)
    with server(count, delay) as url:
        for number in range(rounds + 1):
            for name, work in MEASURED.items():
                start, started = time.process_time_ns(), time.perf_counter_ns()
                done = asyncio.run(work(url))
                if done != count:
                    raise SystemExit(f"{name} had {done} messages of {count}")
                if number:  # the first round is a warm-up
                    cpu[name].append((time.process_time_ns() - start) / count / 1000)
                    wall[name].append((time.perf_counter_ns() - started) / count / 1000)
    return cpu, wall


def main(count: int, rounds: int) -> None:
    """Measure and print the table."""
    (cpu, wall), (_, late) = measure(count, rounds, 0.0), measure(count, min(rounds, 3), DELAY)
    print("per message".ljust(26), "  CPU µs  / the floor   wall µs  / the floor   30 ms a page  / the floor")  # noqa: T201
    for name in MEASURED:
        columns = [(times[name], ratio(times[name], times[FLOOR])) for times in (cpu, wall, late)]
        print(name.ljust(26), "  ".join(f"{median(times):8.1f}{factor:12.2f}" for times, factor in columns))  # noqa: T201
    compare_windows(count, min(rounds, 3))
    with server(SMALL, 0.0) as url:
        milliseconds = median(asyncio.run(sync_small(url)) for _ in range(rounds))
    print(f"\nA mailbox of {SMALL} messages takes {milliseconds:.1f} ms of CPU.")  # noqa: T201
    with server(count, 0.0) as url:
        sizes = asyncio.run(disk(url))
    raw = sum(len(dumps(message(number), separators=(",", ":"))) for number in range(count)) / count
    print(f"SQLite has {sum(sizes.values()) / count:.0f} bytes per message of {raw:.0f} bytes of JSON:")  # noqa: T201
    for name, size in sizes.items():
        if size > 10 * count:
            print(f"  {name:32}{size / count:8.0f}")  # noqa: T201


if __name__ == "__main__":
    main(*(int(argument) for argument in (*sys.argv[1:], *("5000", "5")[len(sys.argv) - 1 :])))
