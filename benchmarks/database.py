"""Rows per second through `Database.run`: row by row, many transactions at once, and one batch.

Usage: python benchmarks/database.py [DATABASE_URL]      (without one: a SQLite file in a temporary folder)
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable

from iacs.core.database import Database
from iacs.core.transaction import Transaction

INSERT = "INSERT INTO benchmark (id, document) VALUES (:id, :document)"
DOCUMENT = "x" * 2000


def add(tx: Transaction, number: int) -> None:
    """Insert one row."""
    tx.execute(INSERT, {"id": number, "document": DOCUMENT})


def add_many(tx: Transaction, count: int) -> None:
    """Insert rows as one batch."""
    tx.execute(INSERT, [{"id": number, "document": DOCUMENT} for number in range(count)])


async def one_by_one(database: Database, count: int) -> None:
    """Await each row's transaction before the next begins."""
    for number in range(count):
        await database.run(add, number)


async def all_at_once(database: Database, count: int) -> None:
    """Start every row's transaction at the same time."""
    await asyncio.gather(*(database.run(add, number) for number in range(count)))


async def one_batch(database: Database, count: int) -> None:
    """Insert all rows in one transaction."""
    await database.run(add_many, count)


async def measure(
    database: Database, strategy: Callable[[Database, int], Awaitable[None]], count: int
) -> None:
    """Print the rows per second of one function."""
    database.run_script("DROP TABLE IF EXISTS benchmark")
    database.run_script("CREATE TABLE benchmark (id INTEGER PRIMARY KEY, document TEXT NOT NULL)")
    start = time.perf_counter()
    await strategy(database, count)
    print(f"{strategy.__name__:12} {count / (time.perf_counter() - start):>9,.0f} rows/s")  # noqa: T201
    database.run_script("DROP TABLE benchmark")


async def main(url: str) -> None:
    """Measure every function on every database."""
    async with Database(url) as database:
        print(database)  # noqa: T201
        for strategy, count in ((one_by_one, 2_000), (all_at_once, 2_000), (one_batch, 50_000)):
            await measure(database, strategy, count)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/benchmark.db"))
