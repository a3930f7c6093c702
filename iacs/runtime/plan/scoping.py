"""The values of a scope, in which scoped parts are made when they are first read."""

import asyncio
from collections.abc import Callable
from threading import RLock
from typing import Any, Protocol

from iacs.runtime.plan.expressions import UNSET

Exit = Callable[[Any, Any, Any], Any]


class Part(Protocol):
    """A part that is made once per scope."""

    index: int
    path: str

    def make(self, parts: "ScopedParts") -> Any:
        """Return the part, newly made."""

    async def make_async(self, parts: "ScopedParts") -> Any:
        """Return the part, newly made, and await what it needs."""


class Exits(Protocol):
    """The parts that are exited at the end of a scope."""

    def add(self, part: Part, exit: Exit | None, aexit: Exit | None = None) -> None:
        """Call one of them, with the type, the error and the traceback of the block, when the scope ends.

        `aexit` returns an awaitable; a scope that ends without an event loop takes `exit`.
        """
        ...

    def opens_here(self, part: Part) -> bool:
        """Return whether this task opens and closes what takes an event loop; raise ScopeError if none does."""
        ...

    async def enter(self, part: Part, manager: Any) -> Any:
        """Enter an asynchronous context manager, in the task that entered the scope or in one of its own."""
        ...


class ScopeValues(list[Any]):
    """The values of one scope, with the scoped parts that are made when a value is missing."""

    __slots__ = ("parts",)
    parts: "ScopedParts"


class ScopedParts:
    """The scoped parts that one scope owns: all of them, or those that depend on what was passed to it.

    What it does not own, the scope around it does. Threads make one after another; tasks wait for one another.
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
        self._pending: dict[int, asyncio.Future[None] | None] = {}

    def make(self, part: Part) -> Any:
        """Return a part that needs no event loop, made once."""
        owner = self if self.outer is None else self._owner(part)
        index = part.index
        with owner._guard:
            value = owner.values[index]
            if value is UNSET:
                value = owner.values[index] = part.make(owner)
        if owner is not self:
            self.values[index] = value
        return value

    async def make_async(self, part: Part) -> Any:
        """Return a part, made once by the first task that asks; the others wait for that one."""
        owner = self if self.outer is None else self._owner(part)
        index, pending = part.index, owner._pending
        while (value := owner.values[index]) is UNSET:
            if index in pending:
                await owner._wait_for(index)
                continue
            pending[index] = None
            try:
                value = owner.values[index] = await part.make_async(owner)
            finally:
                waiting = pending.pop(index)
                if waiting is not None:
                    waiting.set_result(None)
        if owner is not self:
            self.values[index] = value
        return value

    async def _wait_for(self, index: int) -> None:
        waiting = self._pending[index]
        if waiting is None:
            waiting = self._pending[index] = asyncio.get_running_loop().create_future()
        await asyncio.wait({waiting})

    def _owner(self, part: Part) -> "ScopedParts":
        owner = self
        while owner.outer is not None and part.index not in owner._own:
            owner = owner.outer
        return owner
