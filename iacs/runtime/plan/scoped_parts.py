"""Scoped parts: how each kind is made in the values of a scope, and what is exited with the scope.

Their expressions return what the values of a scope hold, or have the scope make it; in values that belong to
no scope they raise ScopeError.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import CoroutineType
from typing import Any

from iacs.core.exceptions import ScopeError
from iacs.runtime.graph.scoped import no_scope
from iacs.runtime.plan.closers import Closers
from iacs.runtime.plan.expressions import UNSET, Expression, Values
from iacs.runtime.plan.scoping import Exit, ScopedParts, ScopeValues


class ScopedPart(ABC):
    """A part that exists once per scope, at `index` among the values of the scope."""

    asynchronous = False

    def __init__(self, index: int, path: str) -> None:
        self.index = index
        self.path = path

    def expression(self) -> Expression:
        """Return the expression that reads the part, and has it made where it is missing."""
        index, path = self.index, self.path
        make = ScopedParts.make_async if self.asynchronous else ScopedParts.make

        def read(values: Values) -> Any:
            value = values[index]
            if value is not UNSET:
                return value
            if type(values) is not ScopeValues:
                raise no_scope(path)
            return make(values.parts, self)

        return Expression(read, self.asynchronous)

    @abstractmethod
    def make(self, parts: ScopedParts) -> Any:
        """Return the part, newly made in a scope."""

    async def make_async(self, parts: ScopedParts) -> Any:
        """Return the part, newly made, and await what it needs."""
        return self.make(parts)


class AsynchronousPartError(ScopeError):
    """A part that is built asynchronously was read synchronously."""

    def __init__(self, path: str) -> None:
        hint = "read it with: await scope.aget(…)"
        super().__init__(f"{path} is built asynchronously", path=path, hint=hint)


class NeedsAwaitError(AsynchronousPartError):
    """A part was read synchronously, and turned out to need an event loop."""

    def __init__(self, part: ScopedPart, parts: ScopedParts) -> None:
        super().__init__(part.path)
        self._part, self._parts = part, parts

    async def make(self) -> None:
        """Make that part, so that reading what depends on it succeeds."""
        await self._parts.make_async(self._part)


class PassedPart(ScopedPart):
    """A value that is passed in when a scope is entered."""

    def make(self, parts: ScopedParts) -> Any:
        """Raise ScopeError: nobody has passed it."""
        name = self.path.rpartition(".")[2]
        raise ScopeError(
            f"{self.path} was not passed to this scope",
            hint=f"pass it when the scope is entered: app.scope({name}=…)",
            path=self.path,
        )


class BuiltPart(ScopedPart):
    """An object that is built by a call, and closed with the scope if it can be."""

    def __init__(
        self, index: int, path: str, build: Expression, closers: Closers, *, kept_open: bool = False
    ) -> None:
        super().__init__(index, path)
        self.asynchronous = build.asynchronous
        self._build = build.read
        self._closers = closers
        self._kept_open = kept_open
        self._unclosed: type | None = None  # the class of the last object that nothing closes

    def make(self, parts: ScopedParts) -> Any:
        """Return the part, newly built."""
        made = self._build(parts.values)
        if type(made) is not self._unclosed:
            if type(made) is CoroutineType:
                made.close()
                raise NeedsAwaitError(self, parts)
            self._note_closing(parts, made)
        return made

    async def make_async(self, parts: ScopedParts) -> Any:
        """Return the part, newly built; await its dependencies and its factory."""
        made = self._build(parts.values)
        if type(made) is CoroutineType:
            made = await made
        if type(made) is not self._unclosed:
            self._note_closing(parts, made)
        return made

    def _note_closing(self, parts: ScopedParts, made: Any) -> None:
        close, aclose = (None, None) if self._kept_open else self._closers.ways(self.index, made)
        if close is None and aclose is None:
            self._unclosed = type(made)
        elif not any(made is value for value in parts.values):
            parts.exits.add(self, _exit_of(close), _exit_of(aclose))


class EnteredPart(ScopedPart):
    """A context manager that is entered on first use and exited with the scope."""

    def __init__(
        self, index: int, path: str, build: Expression, closers: Closers, *, asynchronous: bool
    ) -> None:
        super().__init__(index, path)
        self.asynchronous = asynchronous or build.asynchronous
        self._build = build.read
        self._closers = closers

    def make(self, parts: ScopedParts) -> Any:
        """Return what entering returns."""
        manager = self._build(parts.values)
        if type(manager) is CoroutineType:
            manager.close()
            raise NeedsAwaitError(self, parts)
        if hasattr(type(manager), "__aenter__") and not hasattr(type(manager), "__enter__"):
            raise NeedsAwaitError(self, parts)
        return self._entered(parts, manager)

    async def make_async(self, parts: ScopedParts) -> Any:
        """Return what entering returns; what can be entered asynchronously is."""
        manager = self._build(parts.values)
        is_awaited = type(manager) is CoroutineType
        if is_awaited:
            manager = await manager
        if self.prefers_async(manager, is_awaited):
            return await parts.exits.enter(self, manager)
        return self._entered(parts, manager)

    def prefers_async(self, manager: Any, is_awaited: bool) -> bool:
        """Return whether a manager is entered asynchronously; `is_awaited` says whether its factory was."""
        return hasattr(type(manager), "__aenter__")

    def _entered(self, parts: ScopedParts, manager: Any) -> Any:
        if not hasattr(type(manager), "__enter__"):
            return self.not_entered(parts, manager)
        value = manager.__enter__()
        parts.exits.add(self, manager.__exit__)
        return value

    def not_entered(self, parts: ScopedParts, made: Any) -> Any:
        """Raise ScopeError for what is not a context manager."""
        raise ScopeError(
            f"{self.path} is a scoped resource, and its factory returned a {type(made).__qualname__}",
            hint="give a generator function or one that returns a context manager, or declare a scoped.singleton",
            path=self.path,
        )


class NativePart(EnteredPart):
    """A resource of dependency_injector, which also keeps what is not a context manager."""

    def prefers_async(self, manager: Any, is_awaited: bool) -> bool:
        """Return whether dependency_injector enters a manager asynchronously."""
        cls = type(manager)
        return hasattr(cls, "__aenter__") and (is_awaited or not hasattr(cls, "__enter__"))

    def not_entered(self, parts: ScopedParts, made: Any) -> Any:
        """Keep the object; close it only by what the application was given for it."""
        close, aclose = self._closers.given_ways(self.index, made) or (None, None)
        if close or aclose:
            parts.exits.add(self, _exit_of(close), _exit_of(aclose))
        return made


def _exit_of(close: Callable[[], Any] | None) -> Exit | None:
    return None if close is None else lambda *_: close()
