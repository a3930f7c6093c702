"""How often a request to Graph is repeated, and how long that may take."""

import asyncio
import random
from dataclasses import dataclass

from iacs.core.exceptions import APIConnectionError
from iacs.core.logger import Logger


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Number of attempts of one request; `initial_delay` and `deadline`, of all of them, are in seconds.

    Without a Retry-After the first delay is up to `initial_delay`, and each later one up to twice the last.
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
        """Wait as long as the error asks for; raise it when that is too long, or it was the last attempt."""
        self._attempts += 1
        delay = self._delay(error.retry_after)
        is_too_late = asyncio.get_running_loop().time() + delay > self._until
        if self._attempts >= self._policy.attempts or is_too_late:
            raise error
        self._logger.warning("graph request repeated", status=error.status, seconds=round(delay, 3))
        await asyncio.sleep(delay)

    def _delay(self, retry_after: float | None) -> float:
        spread = random.uniform(0.5, 1.0)  # noqa: S311  # so that many that were refused do not return as one
        if retry_after is not None:
            return retry_after + 0.1 * spread * self._policy.initial_delay
        return spread * self._policy.initial_delay * 2.0 ** (self._attempts - 1)
