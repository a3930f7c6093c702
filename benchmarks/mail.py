"""The time of a message: read from Graph, and synced into a database with its event published.

Usage: python -m benchmarks.mail [MESSAGES [ROUNDS]]      (two minutes for the usual 5000 and 5)
       python -m benchmarks.mail --growth                 (minutes: a sync of 10,000 messages and one of 200,000)
With PostgreSQL and Kafka, whose own time is not counted:
  python -m tests.servers --kafka .cache/kafka-data --postgresql .cache/pg-data -- python -m benchmarks.mail

A server in another process answers pages of 1000 messages of 3.2 KB. The floor is aiohttp with orjson's dictionaries
and nothing else. O365 and msgraph-sdk read fewer messages of the same server. Every way has a process of its own and
its turn in every round. Figures are medians of the rounds, in microseconds per message: the CPU time of the process,
and the time that passes, also when the server waits 30 ms before each page. Ratios are medians of each round's, which
other load on the machine changes little. `sync` is the first one of a mailbox, until its events are published.
"""

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from json import dumps
from pathlib import Path
from statistics import median

if not __package__:  # run by its path: the parent folder is not on the search path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.graph_pages import message
from benchmarks.mail_ways import FLOOR, MESSAGES, MSGRAPH, O365, WAYS, Cost, process
from benchmarks.mailbox import EMAIL, LOGGER, server, service, sqlite
from benchmarks.measure import ratio
from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.mail_query import MailQuery

SMALL = 20
"""The messages of a small mailbox."""
SMALL_MAILBOXES = 30
DELAY = 0.03
GROWTH = (10_000, 200_000)

Costs = dict[str, list[Cost]]  # of each round, by way


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


def measure(count: int, rounds: int, delay: float) -> Costs:
    """Return the costs of every way and round."""
    costs: Costs = defaultdict(list)
    with ExitStack() as stack:
        counts = {name: max(1, int(count * way.share)) for name, way in WAYS.items()}
        urls = {number: stack.enter_context(server(number, delay)) for number in set(counts.values())}
        measured = {name: stack.enter_context(process()) for name in WAYS}
        for number in range(rounds + 1):
            for name, of_one in measured.items():
                cost = of_one(name, urls[counts[name]], counts[name])
                if number:  # the first round is a warm-up
                    costs[name].append(cost)
    return costs


def print_table(count: int, rounds: int) -> None:
    """Measure and print what a message costs."""
    quick, late = measure(count, rounds, 0.0), measure(count, min(rounds, 3), DELAY)
    cpu = {name: [cost.cpu_microseconds for cost in costs] for name, costs in quick.items()}
    wall = {name: [cost.wall_microseconds for cost in costs] for name, costs in quick.items()}
    wall_late = {name: [cost.wall_microseconds for cost in costs] for name, costs in late.items()}
    title = "  CPU µs  / the floor   wall µs  / the floor   30 ms a page  / the floor   peak MiB"
    print("per message".ljust(26), title)  # noqa: T201
    for name in WAYS:
        columns = [(times[name], ratio(times[name], times[FLOOR])) for times in (cpu, wall, wall_late)]
        figures = "  ".join(f"{median(times):8.1f}{factor:12.2f}" for times, factor in columns)
        print(name.ljust(26), figures, f"{quick[name][-1].peak_mib:16.0f}")  # noqa: T201
    for name in (O365, MSGRAPH):
        factors = "{:.1f} times the CPU and {:.1f} times the time".format(
            *(ratio(times[name], times[MESSAGES]) for times in (cpu, wall))
        )
        print(f"{name} takes {factors} of {MESSAGES}.")  # noqa: T201


def print_windows(count: int, rounds: int) -> None:
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


def print_small(rounds: int) -> None:
    """Measure and print what a small mailbox costs."""
    with server(SMALL, 0.0) as url:
        milliseconds = median(asyncio.run(sync_small(url)) for _ in range(rounds))
    print(f"\nA mailbox of {SMALL} messages takes {milliseconds:.1f} ms of CPU.")  # noqa: T201


def print_disk(count: int) -> None:
    """Measure and print how large the database of a mailbox is."""
    with server(count, 0.0) as url:
        sizes = asyncio.run(disk(url))
    raw = sum(len(dumps(message(number), separators=(",", ":"))) for number in range(count)) / count
    print(f"SQLite has {sum(sizes.values()) / count:.0f} bytes per message of {raw:.0f} bytes of JSON:")  # noqa: T201
    for name, size in sizes.items():
        if size > 10 * count:
            print(f"  {name:32}{size / count:8.0f}")  # noqa: T201


def print_growth() -> None:
    """Measure and print what a message costs in a small and in a large mailbox."""
    name, first = "sync(), SQLite", None
    print("messages    CPU µs  / the first   wall µs   peak MiB")  # noqa: T201
    for count in GROWTH:
        with server(count, 0.0) as url, process() as measured:
            cost = measured(name, url, count)
        first = first or cost
        factor = cost.cpu_microseconds / first.cpu_microseconds
        print(  # noqa: T201
            f"{count:8}{cost.cpu_microseconds:10.1f}{factor:13.2f}{cost.wall_microseconds:10.1f}{cost.peak_mib:11.0f}"
        )


def main(arguments: list[str]) -> None:
    """Print what is asked for."""
    if arguments == ["--growth"]:
        print_growth()
        return
    count, rounds = (int(argument) for argument in (*arguments, *("5000", "5")[len(arguments) :]))
    print_table(count, rounds)
    print_windows(count, min(rounds, 3))
    print_small(rounds)
    print_disk(count)


if __name__ == "__main__":
    main(sys.argv[1:])
