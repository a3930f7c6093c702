"""Retries of a unit of work that PostgreSQL rolled back because of another transaction."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from iacs.core.exceptions import DatabaseError

T = TypeVar("T")

_LONGEST_PAUSE = 0.1  # seconds


def repeat_conflicts(unit: Callable[[], T], *, timeout: float, check: Callable[[], None]) -> T:
    """Return the result of `unit`, which is retried after a conflict for up to `timeout` seconds.

    `check` raises when the work should stop. Pauses are random, so that two transactions do not collide again.
    """
    deadline, pause = time.monotonic() + timeout, 0.005
    while True:
        try:
            return unit()
        except DatabaseError as error:
            if not error.retryable or time.monotonic() > deadline:
                raise
        check()
        time.sleep(random.uniform(0, pause))  # noqa: S311 - no secret
        pause = min(2 * pause, _LONGEST_PAUSE)
