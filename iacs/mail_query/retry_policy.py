"""Retries of requests to Graph."""

import asyncio
import random
from dataclasses import dataclass

from iacs.core.exceptions import APIConnectionError
from iacs.core.logger import Logger


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The maximum number of attempts per request; `initial_delay` and `deadline`, for all attempts, are in seconds.

    Without a Retry-After header the first delay is at most `initial_delay`, and every later one doubles.
    """

    attempts: int = 5
    initial_delay: float = 1.0
    deadline: float = 180.0


class Retries:
    """The attempts of one request, counted from now."""

    def __init__(self, policy: RetryPolicy, *, logger: Logger) -> None:
        self._policy = policy
        self._logger = logger
        self._until = asyncio.get_running_loop().time() + policy.deadline
        self._attempts = 0

    async def wait(self, error: APIConnectionError) -> None:
        """Wait before the next attempt; raise the error after the last one, or if the wait would exceed the deadline."""
        self._attempts += 1
        delay = self._delay(error.retry_after)
        is_too_late = asyncio.get_running_loop().time() + delay > self._until
        if self._attempts >= self._policy.attempts or is_too_late:
            raise error
        self._logger.warning("graph request repeated", status=error.status, seconds=round(delay, 3))
        await asyncio.sleep(delay)

    def _delay(self, retry_after: float | None) -> float:
        spread = random.uniform(0.5, 1.0)  # noqa: S311  # so that throttled clients do not return all at once
        if retry_after is not None:
            return retry_after + 0.1 * spread * self._policy.initial_delay
        return spread * self._policy.initial_delay * 2.0 ** (self._attempts - 1)
