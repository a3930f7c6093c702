"""Retries of requests to Graph."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from iacs.core.exceptions import APIConnectionError
from iacs.core.logger import Logger
from iacs.mail_query.answers import TooLargeError, is_too_much


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
        self._is_repeated = False

    def may_shrink(self, error: APIConnectionError) -> bool:
        """Return whether to request fewer items: not after the first failure, which may be chance."""
        return isinstance(error, TooLargeError) or (self._is_repeated and is_too_much(error))

    def delay(self, error: APIConnectionError) -> float:
        """Return the seconds before the next attempt; raise the error after the last one."""
        self._attempts += 1
        self._is_repeated = self._is_repeated or is_too_much(error)
        if self._attempts >= self._policy.attempts:
            raise error
        return self.within_deadline(error, self._delay(error.retry_after))

    def within_deadline(self, error: APIConnectionError, seconds: float) -> float:
        """Return the seconds to wait; raise the error if they exceed the deadline."""
        if asyncio.get_running_loop().time() + seconds > self._until:
            raise error
        self._logger.warning(
            "graph request waits", status=error.status, seconds=round(seconds, 3), reason=str(error)
        )
        return seconds

    @contextmanager
    def extended_after(self, seconds: float) -> Iterator[None]:
        """Let only `seconds` of the block count towards the deadline."""
        loop = asyncio.get_running_loop()
        expected_end = loop.time() + seconds
        yield
        self._until += max(0.0, loop.time() - expected_end)

    def restart(self) -> None:
        """Count the attempts and the deadline anew, for a smaller page."""
        self._attempts = 0
        self._until = asyncio.get_running_loop().time() + self._policy.deadline

    def _delay(self, retry_after: float | None) -> float:
        spread = random.uniform(0.5, 1.0)  # noqa: S311  # so that throttled clients do not return all at once
        if retry_after is not None:
            return retry_after + 0.1 * spread * self._policy.initial_delay
        return spread * self._policy.initial_delay * 2.0 ** (self._attempts - 1)
