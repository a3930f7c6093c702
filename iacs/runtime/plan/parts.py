"""A part: how it is built or entered, and how it is closed or left again.

What is built here is closed here: by `aclose()`, else by `close()`. A resource is entered, and left. Nothing
else is entered, so that a lock stays free; and what a factory merely hands on is not closed on its behalf.
"""

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from iacs.core.exceptions import StartError
from iacs.runtime.graph.kinds import Kind, Provider
from iacs.runtime.plan.closers import Close, Closers, is_kept_open
from iacs.runtime.plan.expressions import Read, Values


@dataclass(frozen=True, slots=True)
class Part:
    """What is built once and kept at `index` among the values.

    `build` evaluates to the part, or to an awaitable of it if `awaits`; `waits` are the parts that have to be
    there before. A `native` one is built by its provider and only read here; a `local` one is its context's own.
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
    local: bool = False
    wrap: Callable[[Any], Any] | None = field(default=None)

    def open(self, values: Values) -> "Opened":
        """Build or enter the part; raise StartError, naming it, if that takes an event loop."""
        made = self.build(values)
        if _is_awaited(made):
            _forget(made)
            raise self.needs_a_loop("is built asynchronously")
        return self._entered(made) if self._is_entered(made) else self._built(made, values)

    async def open_async(self, values: Values) -> "Opened":
        """Build or enter the part, awaiting whatever there is to await."""
        made = self.build(values)
        awaited = self.awaits or _is_awaited(made)
        if awaited:
            made = await made
        if self._is_entered_asynchronously(made, awaited):
            value = await made.__aenter__()
            return Opened(self, value, None, partial(made.__aexit__, None, None, None), is_entered=True)
        return self._entered(made) if self._is_entered(made) else self._built(made, values)

    def _is_entered_asynchronously(self, made: Any, awaited: bool) -> bool:
        """Prefer one of an object's two ways in as dependency_injector does."""
        if self.kind is not Kind.RESOURCE or not hasattr(type(made), "__aenter__"):
            return False
        return awaited or not hasattr(type(made), "__enter__")

    def _is_entered(self, made: Any) -> bool:
        return self.kind is Kind.RESOURCE and hasattr(type(made), "__enter__")

    def _entered(self, made: Any) -> "Opened":
        value = made.__enter__()
        return Opened(self, value, partial(made.__exit__, None, None, None), is_entered=True)

    def _built(self, made: Any, values: Values) -> "Opened":
        is_resource = self.kind is Kind.RESOURCE  # closed by its own context, or by what was given for it
        ways = self.closers.given_ways if is_resource else self.closers.ways
        close, aclose = ways(self.index, made) or (None, None)
        is_not_ours = self.kind is Kind.GIVEN or self.is_kept_open
        if not (close or aclose) or is_not_ours or any(read(values) is made for read in self.sources):
            return Opened(self, made)
        return Opened(self, made, close, aclose)

    @property
    def is_kept_open(self) -> bool:
        """Return whether the part is marked with `keep_open`."""
        return is_kept_open(self.provider.provides)  # type: ignore[attr-defined]

    @property
    def closes_asynchronously(self) -> bool:
        """Return whether it is known before the part is built that closing it takes an event loop."""
        if (
            self.kind is not Kind.SINGLETON or self.is_kept_open
        ):  # others may turn out to be entered, or another's
            return False
        return self.closers.need_a_loop(self.index, self.provider.provides)  # type: ignore[attr-defined]

    def needs_a_loop(self, why: str) -> StartError:
        """Return the error of a synchronous start."""
        return StartError(f"{self.path} {why}", path=self.path, hint="start it with 'async with'")


@dataclass(slots=True)
class Opened:
    """A part with its value, and the ways to close it, if that is ours to do."""

    part: Part
    value: Any
    close: Close | None = None
    aclose: Close | None = None
    is_entered: bool = False

    @property
    def is_ours(self) -> bool:
        """Return whether anything closes the part here."""
        return self.close is not None or self.aclose is not None

    @property
    def needs_a_loop(self) -> bool:
        """Return whether the part cannot be closed without an event loop."""
        return self.close is None and self.aclose is not None

    def begin_closing(self) -> Any:
        """Close the part, whichever way it closes; return what is to be awaited for that, if anything."""
        close = self.aclose or self.close
        return close() if close is not None else None

    async def close_async(self) -> None:
        """Close the part to the end."""
        closing = self.begin_closing()
        if inspect.isawaitable(closing):
            await closing


def _is_awaited(made: Any) -> bool:
    """Return whether dependency_injector awaits it too; another awaitable object is a value."""
    return hasattr(type(made), "__await__") and (asyncio.isfuture(made) or asyncio.iscoroutine(made))


def _forget(made: Any) -> None:
    if asyncio.isfuture(made):
        made.cancel()
    else:
        made.close()
