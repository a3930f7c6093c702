"""A part: how it is built, what it waits for, and how it is closed again.

What is built here is closed here: by `aclose()`, else by `close()`; what a factory merely hands on is not closed on
its behalf.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from iacs.core.exceptions import StartError
from iacs.runtime.graph.kinds import Kind, Provider
from iacs.runtime.plan.closers import Closers, Ways, is_kept_open
from iacs.runtime.plan.expressions import Read, Values


@dataclass(frozen=True, slots=True)
class Part:
    """An object that is built once and kept at `index` among the values.

    `build` evaluates to the part, or to an awaitable of it if `awaits`; `waits` are the parts that have to be
    there before. A `native` one is built by its provider and only read here.
    `sources` are what it takes out of other parts.
    """

    index: int
    path: str
    provider: Provider
    build: Read
    kind: Kind
    awaits: bool
    asynchronous: bool
    closers: Closers
    native: bool
    waits: frozenset[int]
    sources: tuple[Read, ...]
    wrap: Callable[[Any], Any] | None = field(default=None)

    def is_awaited(self, made: Any) -> bool:
        """Return whether what `build` has returned is to be awaited, or entered asynchronously."""
        if self.awaits or is_awaitable(made):
            return True
        return self.kind is Kind.RESOURCE and _is_entered_asynchronously(made)

    def ways_to_close(self, value: Any, values: Values) -> Ways:
        """Return what closes the part, which is not entered, without an event loop, and in one."""
        # a resource that is not entered is closed by what the application was given for it, and not otherwise
        ways = self.closers.given_ways if self.kind is Kind.RESOURCE else self.closers.ways
        close, aclose = ways(self.index, value) or (None, None)
        return (close, aclose) if (close or aclose) and self._is_ours(value, values) else (None, None)

    def _is_ours(self, made: Any, values: Values) -> bool:
        if self.kind is Kind.GIVEN or self.is_kept_open:
            return False
        return not any(read(values) is made for read in self.sources)

    @property
    def is_kept_open(self) -> bool:
        """Return whether the part is marked with `keep_open`."""
        return is_kept_open(self.provider.provides)  # type: ignore[attr-defined]

    @property
    def closes_asynchronously(self) -> bool:
        """Return whether it is known, before the part is built, that closing it needs an event loop."""
        # a part of another kind may turn out to be entered, or to belong to somebody else
        if self.kind is not Kind.SINGLETON or self.is_kept_open:
            return False
        return self.closers.need_a_loop(self.index, self.provider.provides)  # type: ignore[attr-defined]

    def needs_a_loop(self, why: str) -> StartError:
        """Return the error of a synchronous start."""
        hint = "start it with 'async with'; where a framework is synchronous (WSGI, Celery), make the part synchronous"
        return StartError(f"{self.path} {why}", path=self.path, hint=hint)


def is_awaitable(made: Any) -> bool:
    """Return whether an object is to be awaited, as dependency_injector decides; other awaitables are values."""
    return hasattr(type(made), "__await__") and (asyncio.isfuture(made) or asyncio.iscoroutine(made))


def _is_entered_asynchronously(made: Any) -> bool:
    """Return whether an object can be entered only asynchronously, as dependency_injector decides."""
    return hasattr(type(made), "__aenter__") and not hasattr(type(made), "__enter__")
