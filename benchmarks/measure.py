"""Timing in rounds, so that other load on the machine affects everything that is compared."""

import gc
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from timeit import Timer
from typing import Any

Figures = dict[str, dict[str, list[float]]]  # column: row: each round's microseconds


@contextmanager
def collected() -> Iterator[None]:
    """Collect garbage before the block and disable collection inside it."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def once(action: Callable[[], object]) -> float:
    """Return the microseconds that one call takes."""
    start = time.perf_counter_ns()
    action()
    return (time.perf_counter_ns() - start) / 1000


async def once_async(action: Callable[[], Awaitable[object]]) -> float:
    """Return the microseconds that one awaited call takes."""
    start = time.perf_counter_ns()
    await action()
    return (time.perf_counter_ns() - start) / 1000


def often(action: Callable[[], object], least: float = 1_000) -> float:
    """Return the microseconds of a call: the fastest of three runs of at least `least` microseconds."""
    number = max(1, round(least / once(action)))
    return min(Timer(action).repeat(3, number)) / number * 1e6


def reading(read: Callable[..., Any], key: Any, number: int = 2_000) -> float:
    """Return the microseconds of `read(key)`, or `read()` when the key is None, in a bare loop."""
    statement = "read()" if key is None else "read(key)"
    return min(Timer(statement, globals={"read": read, "key": key}).repeat(5, number)) / number * 1e6


def ratio(ours: Sequence[float], reference: Sequence[float]) -> float:
    """Return the median of the ratios per round: other load slows both sides of a round down."""
    return median(our / other for our, other in zip(ours, reference, strict=True))
