"""Scoped parts that a generator yields; the generator goes on when the scope ends.

Generators are driven here, not by contextlib, which costs as much as everything else of a scope.
"""

from collections.abc import AsyncGenerator, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from types import CoroutineType
from typing import Any

from iacs.runtime.plan.expressions import Expression
from iacs.runtime.plan.scoped_parts import NeedsAwaitError, ScopedPart
from iacs.runtime.plan.scoping import ScopedParts


class GeneratedPart(ScopedPart):
    """What a generator yields."""

    def __init__(self, index: int, path: str, build: Expression) -> None:
        super().__init__(index, path)
        self.asynchronous = build.asynchronous
        self._build = build.read

    def make(self, parts: ScopedParts) -> Any:
        """Return what the generator yields."""
        return self._started(parts, self._build(parts.values))

    async def make_async(self, parts: ScopedParts) -> Any:
        """Return what the generator yields, once its dependencies are there."""
        made = self._build(parts.values)
        return self._started(parts, await made if type(made) is CoroutineType else made)

    def _started(self, parts: ScopedParts, generator: Generator[Any, None, Any]) -> Any:
        try:
            value = next(generator)
        except StopIteration:
            raise RuntimeError("generator didn't yield") from None
        parts.exits.add(self, partial(_end, generator))
        return value


class AsyncGeneratedPart(ScopedPart):
    """What an asynchronous generator yields."""

    asynchronous = True

    def __init__(self, index: int, path: str, build: Expression) -> None:
        super().__init__(index, path)
        self._build = build.read

    def make(self, parts: ScopedParts) -> Any:
        """Raise NeedsAwaitError."""
        raise NeedsAwaitError(self, parts)

    async def make_async(self, parts: ScopedParts) -> Any:
        """Return what the generator yields."""
        generator = self._build(parts.values)
        if type(generator) is CoroutineType:
            generator = await generator
        if not parts.exits.opens_here(self):
            return await parts.exits.enter(self, asynccontextmanager(lambda: generator)())
        try:
            value = await anext(generator)
        except StopAsyncIteration:
            raise RuntimeError("generator didn't yield") from None
        parts.exits.add(self, None, partial(_end_async, generator))
        return value


def _end(generator: Generator[Any, None, Any], *error: Any) -> None:
    """Let a generator go on to its end, as `contextmanager` does."""
    if error[0] is not None:
        contextmanager(lambda: generator)().__exit__(*error)
        return
    try:
        next(generator)
    except StopIteration:
        return
    try:
        raise RuntimeError("generator didn't stop")
    finally:
        generator.close()


def _end_async(generator: AsyncGenerator[Any, None], *error: Any) -> Coroutine[Any, Any, None]:
    """Return a coroutine that lets a generator go on to its end, as `asynccontextmanager` does."""
    if error[0] is not None:
        return _throw(generator, error)
    return _finish(generator)


async def _throw(generator: AsyncGenerator[Any, None], error: tuple[Any, ...]) -> None:
    await asynccontextmanager(lambda: generator)().__aexit__(*error)


async def _finish(generator: AsyncGenerator[Any, None]) -> None:
    try:
        await anext(generator)
    except StopAsyncIteration:
        return
    try:
        raise RuntimeError("generator didn't stop")
    finally:
        await generator.aclose()
