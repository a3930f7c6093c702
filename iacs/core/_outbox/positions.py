"""The positions of events in the outbox: they rise within a key in the order in which transactions commit.

One counter for all would make every writer wait for the others to commit, which on PostgreSQL they need not. Keys are
therefore spread over counters, and a position says its counter: `number * COUNTERS + counter`. A writer locks the
counters of its keys until it commits. On SQLite one transaction writes at a time, so one counter is enough.
"""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from zlib import crc32

from iacs.core._events.counters import draw
from iacs.core.transaction import Transaction

COUNTERS = 256


def draw_positions(tx: Transaction, keys: Sequence[tuple[str, str | None]]) -> list[int]:
    """Return a position for each topic and key; the counters that they belong to stay locked until the commit."""
    any_counter = random.randrange(COUNTERS)  # noqa: S311 - it spreads writers, and keeps no secret
    counters = [any_counter if key is None else _counter(topic, key) for topic, key in keys]
    if tx.dialect == "sqlite":
        counters = [0] * len(keys)
    counts = Counter(counters)
    numbers = {
        counter: draw(tx, f"outbox/{counter}", counts[counter]) for counter in sorted(counts)
    }  # no deadlock
    positions = []
    for counter in counters:
        positions.append(numbers[counter] * COUNTERS + counter)
        numbers[counter] += 1
    return positions


def consecutive(positions: Iterable[int]) -> list[tuple[int, int]]:
    """Return the first and the last position of each run of consecutive numbers of one counter."""
    runs: dict[int, tuple[int, int]] = {}
    for position in sorted(positions):
        first, _ = runs.pop(position - COUNTERS, (position, position))
        runs[position] = first, position
    return list(runs.values())


def _counter(topic: str, key: str) -> int:
    return crc32(f"{topic}\0{key}".encode()) % COUNTERS
