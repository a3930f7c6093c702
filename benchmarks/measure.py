"""Times in rounds, so that whatever else the machine does falls on all that is compared."""

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
    """Collect garbage before, and none within."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def once(action: Callable[[], object]) -> float:
    """Return what one call takes."""
    start = time.perf_counter_ns()
    action()
    return (time.perf_counter_ns() - start) / 1000


async def once_async(action: Callable[[], Awaitable[object]]) -> float:
    """Return what one call takes, awaited."""
    start = time.perf_counter_ns()
    await action()
    return (time.perf_counter_ns() - start) / 1000


def often(action: Callable[[], object], least: float = 1_000) -> float:
    """Return what a call takes, from as many in a row as last `least` microseconds; the quickest of three rows."""
    number = max(1, round(least / once(action)))
    return min(Timer(action).repeat(3, number)) / number * 1e6


def reading(read: Callable[..., Any], key: Any, number: int = 2_000) -> float:
    """Return what `read(key)` takes (`read()` when the key is None), with nothing around it but the loop."""
    statement = "read()" if key is None else "read(key)"
    return min(Timer(statement, globals={"read": read, "key": key}).repeat(5, number)) / number * 1e6


def ratio(ours: Sequence[float], reference: Sequence[float]) -> float:
    """Return the median of each round's ratio: what slowed a round down slowed both."""
    return median(our / other for our, other in zip(ours, reference, strict=True))
