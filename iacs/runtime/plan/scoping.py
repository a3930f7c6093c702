"""Scoped parts: built in the values of a scope when they are first read there.

A scope reads a list of values of its own, which knows the scope. The expression of a scoped part returns what the
list holds, or has the scope build it; in a list that belongs to no scope it raises ScopeError.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from threading import RLock
from types import CoroutineType
from typing import Any, Protocol

from iacs.core.exceptions import ScopeError
from iacs.runtime.graph.scoped import OPEN_A_SCOPE
from iacs.runtime.plan.closers import Closers
from iacs.runtime.plan.expressions import UNSET, Expression, Values

Exit = Callable[[Any, Any, Any], Any]


class ScopeValues(list[Any]):
    """The values of one scope, with the scope that builds what is missing."""

    __slots__ = ("parts",)
    parts: "ScopedParts"


@dataclass(frozen=True, slots=True)
class ScopedPart:
    """What is built once per scope; it is `entered` if it is a resource, `passed` if it comes from outside."""

    index: int
    path: str
    build: Expression
    closers: Closers
    asynchronous: bool = False
    entered: bool = False
    passed: bool = False
    kept_open: bool = False

    def expression(self) -> Expression:
        """Return the expression that reads the part, and builds it where it is missing."""
        index, parts_of = self.index, self._parts_of

        def read(values: Values) -> Any:
            value = values[index]
            return parts_of(values).make(self) if value is UNSET else value

        def read_async(values: Values) -> Awaitable[Any]:
            value = values[index]
            return parts_of(values).make_async(self) if value is UNSET else _as_awaitable(value)

        return Expression(read_async if self.asynchronous else read, self.asynchronous)

    def _parts_of(self, values: Values) -> "ScopedParts":
        if type(values) is not ScopeValues:
            raise ScopeError(
                f"{self.path} is scoped, and no scope is open", hint=OPEN_A_SCOPE, path=self.path
            )
        return values.parts

    def not_passed(self) -> ScopeError:
        """Return the error for a value that nobody passed in."""
        name = self.path.rpartition(".")[2]
        return ScopeError(
            f"{self.path} was not passed to this scope",
            hint=f"pass it when the scope is entered: app.scope({name}=…)",
            path=self.path,
        )

    def needs_await(self) -> ScopeError:
        """Return the error for a synchronous read of what takes an event loop to build."""
        return ScopeError(
            f"{self.path} is built asynchronously", hint="read it with: await scope.aget(…)", path=self.path
        )


class Exits(Protocol):
    """Where a scope notes what has to be exited with it."""

    def add(self, part: ScopedPart, exit: Exit | None, aexit: Exit | None = None) -> None:
        """Call one of them, with the type, the error and the traceback of the block, when the scope ends.

        `aexit` returns an awaitable; a scope that ends without an event loop takes `exit`.
        """
        ...

    async def enter(self, part: ScopedPart, manager: Any) -> Any:
        """Enter an asynchronous context manager, in the task that entered the scope."""
        ...


class ScopedParts:
    """The scoped parts that one scope owns: all of them, or those that depend on what was passed to it.

    What it does not own, the scope around it does. Threads build one after another; tasks wait for one another.
    """

    __slots__ = ("_guard", "_own", "_pending", "exits", "outer", "values")

    def __init__(
        self, values: ScopeValues, exits: Exits, outer: "ScopedParts | None", own: frozenset[int]
    ) -> None:
        self.values = values
        self.exits = exits
        self.outer = outer
        self._own = own
        self._guard = RLock()
        self._pending: dict[int, asyncio.Future[None]] = {}

    def make(self, part: ScopedPart) -> Any:
        """Return a part that takes no event loop, built once."""
        owner = self if self.outer is None else self._owner(part)
        with owner._guard:
            value = owner.values[part.index]
            if value is UNSET:
                value = owner.values[part.index] = owner._built(part)
        if owner is not self:
            self.values[part.index] = value
        return value

    async def make_async(self, part: ScopedPart) -> Any:
        """Return a part, built once by the first task that asks; the others wait for that one."""
        owner = self._owner(part)
        while (value := owner.values[part.index]) is UNSET:
            pending = owner._pending.get(part.index)
            if pending is not None:
                await asyncio.wait({pending})
            else:
                await owner._build(part)
        self.values[part.index] = value
        return value

    def _owner(self, part: ScopedPart) -> "ScopedParts":
        owner = self
        while owner.outer is not None and part.index not in owner._own:
            owner = owner.outer
        return owner

    def _built(self, part: ScopedPart) -> Any:
        if part.passed:
            raise part.not_passed()
        made = part.build.read(self.values)
        if type(made) is CoroutineType:
            made.close()
            raise part.needs_await()
        if not part.entered:
            return self._kept(part, made)
        if not hasattr(type(made), "__enter__"):
            raise part.needs_await() if hasattr(type(made), "__aenter__") else _no_manager(part, made)
        return self._entered(part, made)

    async def _build(self, part: ScopedPart) -> None:
        pending = self._pending[part.index] = asyncio.get_running_loop().create_future()
        try:
            self.values[part.index] = await self._built_async(part)
        finally:
            del self._pending[part.index]
            pending.set_result(None)

    async def _built_async(self, part: ScopedPart) -> Any:
        made = part.build.read(self.values)
        if part.build.asynchronous or type(made) is CoroutineType:
            made = await made
        if not part.entered:
            return self._kept(part, made)
        if hasattr(type(made), "__aenter__"):
            return await self.exits.enter(part, made)
        return self._entered(part, made)

    def _entered(self, part: ScopedPart, manager: Any) -> Any:
        if not hasattr(type(manager), "__enter__"):
            raise _no_manager(part, manager)
        value = manager.__enter__()
        self.exits.add(part, manager.__exit__)
        return value

    def _kept(self, part: ScopedPart, made: Any) -> Any:
        close, aclose = part.closers.ways(part.index, made)
        if (close or aclose) and not part.kept_open and not any(made is value for value in self.values):
            self.exits.add(part, _exit_of(close), _exit_of(aclose))
        return made


async def _as_awaitable(value: Any) -> Any:
    return value


def _exit_of(close: Callable[[], Any] | None) -> Exit | None:
    return None if close is None else lambda *_: close()


def _no_manager(part: ScopedPart, made: object) -> ScopeError:
    return ScopeError(
        f"{part.path} is a scoped resource, and its factory returned a {type(made).__qualname__}",
        hint="give a generator function or one that returns a context manager, or declare a scoped.singleton",
        path=part.path,
    )
