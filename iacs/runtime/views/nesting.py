"""The views inside of an application: overlays, in which parts are replaced, and scopes, in which scoped parts live.

They are in one file since each opens the other: a scope may have overlays, and an overlay scopes.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from contextvars import Token
from functools import cached_property
from types import CoroutineType, TracebackType
from typing import Any, Self, TypeVar, overload

from iacs.core.exceptions import (
    ApplicationStateError,
    CheckError,
    Finding,
    NotStartedError,
    ScopeError,
    StartError,
)
from iacs.runtime.graph.graph import Graph
from iacs.runtime.graph.kinds import SCOPED
from iacs.runtime.lifecycle.lifetime import Lifetime
from iacs.runtime.plan.expressions import UNSET, Expression, Values
from iacs.runtime.plan.parts import Part
from iacs.runtime.plan.plan import Plan
from iacs.runtime.plan.scoping import ScopedParts, ScopeValues
from iacs.runtime.views import forking, registry
from iacs.runtime.views.derived import derived_from, values_beside
from iacs.runtime.views.exits import Exits
from iacs.runtime.views.lookup import Lookup
from iacs.runtime.views.loop_context import LoopContext
from iacs.runtime.views.passing import NOTHING_PASSED, Passed, passed_to
from iacs.runtime.views.replacements import Replacements, Replacing, Wrap, read_replacements
from iacs.runtime.views.view import Key, View

T = TypeVar("T")


class NestingView(View):
    """A view that has overlays and scopes: an application, or one of its own overlays and scopes."""

    def overlay(self, mapping: Replacing | None = None, /, **parts: Any) -> "Overlay":
        """Return a second view in which some parts are others; enter it `with` or `async with`.

        A part is named by its path, by a bare name that leads to one, or by its provider, the container's or
        that of the container's class. A plain object is the part itself,
        a provider builds it, `wrapping(function)` makes it of the original. Raise CheckError when a name is
        unknown or an object plainly does not fit.
        """
        named = dict(mapping.items()) if mapping is not None else {}
        return Overlay(self, read_replacements(self, {**named, **parts}))

    def scope(self, mapping: Mapping[Any, Any] | None = None, /, **values: Any) -> "Scope":
        """Return a scope; enter it `with` or `async with`.

        What is passed stands for the `scoped.value` of that name, path or class. A name or class that the
        container does not have is a ScopeError when the scope is entered.
        """
        return Scope(self, {**(mapping or {}), **values})


class Overlay(NestingView):
    """A view, entered `with` or `async with`: what depends on a replaced part is built again, the rest is the same.

    What the overlay builds it closes when it ends. Of an application that is not started, it starts what the
    roots ask. Any number may be open at a time, in tasks and threads, and one inside another.
    """

    def __init__(self, parent: View, replaced: Replacements) -> None:
        super().__init__(parent.loop_context)
        self.lookup, self.plan, self.values = parent.lookup, parent.plan, parent.values
        self._parent = self.outer_view = parent
        self._replaced = replaced
        self._lifetime: Lifetime | None = None
        self._inherited: list[tuple[Lifetime, Values]] = []
        self._is_alone = False
        self._exits = Exits(None, parent.loop_context.stop_timeout)
        self._entry: Token[View | None] | None = None

    @property
    def is_started(self) -> bool:
        """Return whether parts can be read."""
        return self._lifetime is not None

    def _overlaid(self) -> Collection[int]:
        given = (*self._replaced.values, *self._replaced.providers, *self._replaced.wraps)
        return self.plan.replaced.union(given) if self.is_started else ()

    def fits(self, values: Mapping[int, Any]) -> None:
        """Raise CheckError when an object does not fit its part."""
        self._parent.fits(values)

    def new_loop_context(self) -> LoopContext:
        """Return a new place to run in."""
        return self._parent.new_loop_context()

    def __enter__(self) -> Self:
        lifetime, parts = self._prepared()
        lifetime.start(parts)
        return self._entered(lifetime)

    async def __aenter__(self) -> Self:
        self._exits = Exits(asyncio.current_task(), self._parent.loop_context.stop_timeout)
        lifetime, parts = self._prepared()
        await lifetime.start_async(parts)
        return self._entered(lifetime)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        lifetime = self._left()
        try:
            self._exits.close(error)
        finally:
            if lifetime is not None:
                lifetime.stop()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        lifetime = self._left()
        try:
            await self._exits.close_async(error)
        finally:
            if lifetime is not None:
                await lifetime.stop_async()

    def _prepared(self) -> tuple[Lifetime, tuple[Part, ...] | None]:
        if self._lifetime is not None:
            raise ApplicationStateError(
                "this overlay is entered already", hint="make another one with overlay()"
            )
        if not self._parent.is_started:
            return self._whole(), None
        self.run_in(self._parent.loop_context)  # the application may have started since
        if self._replaced.providers or self._replaced.wraps:
            return self._changed(), None
        derived = derived_from(self._parent, frozenset(self._replaced.values))
        return self._beside(derived.plan, derived.resets, self._replaced.values), derived.parts

    def _changed(self) -> Lifetime:
        """Derive a plan for parts that are built here, or made of the original."""
        parent, replaced = self._parent, self._replaced
        there = {index: wrap for index, wrap in replaced.wraps.items() if parent.has(index)}
        made = {index: self._wrapped(index, wrap) for index, wrap in there.items()}
        values = {**replaced.values, **made}
        changed = replaced.providers.keys() | replaced.wraps.keys() - there.keys()
        plan = Plan(
            self._graph(), values, changed=changed, base=parent.plan, bound=True, chosen=parent.values
        )
        plan.wrap({index: wrap for index, wrap in replaced.wraps.items() if index not in there})
        return self._beside(plan, plan.resets, values)

    def _wrapped(self, index: int, wrap: Wrap) -> Any:
        try:
            return wrap(self._parent.value(index))
        except Exception as error:  # the wrapping function is the caller's and may raise anything
            path = self._parent.plan.graph.nodes[index].path
            raise StartError(f"{path}: {type(error).__name__} in what wraps it", path=path) from error

    def _graph(self) -> Graph:
        graph = self._parent.plan.graph
        if not self._replaced.providers:
            return graph
        graph = graph.replaced(self._replaced.providers)
        if graph.cycles:
            path = graph.nodes[graph.cycles[0][0]].path
            message = "is replaced by a provider that asks for it; use wrapping(…) to receive the original"
            raise CheckError([Finding(path, "cycle", message)])
        return graph

    def _beside(self, plan: Plan, resets: Iterable[int], given: Mapping[int, Any]) -> Lifetime:
        """Return the lifetime of a view of a started application."""
        values = values_beside(self._parent, plan, resets)
        if isinstance(self._parent.values, ScopeValues):
            values = self._in_scope(plan, values, self._parent.values.parts)
        for index, value in given.items():
            values[index] = value
        self.roots = self._parent.roots
        return self.loop_context.lifetime(plan, values, self.roots)

    def _in_scope(self, plan: Plan, values: Values, outer: ScopedParts) -> ScopeValues:
        """Return values in which scoped parts that depend on what is replaced are this overlay's own."""
        own = frozenset(index for index in plan.affected if plan.graph.nodes[index].kind in SCOPED)
        scoped = ScopeValues(values)
        scoped.parts = ScopedParts(scoped, self._exits, outer, own)
        return scoped

    def _whole(self) -> Lifetime:
        """Return the lifetime of a view that starts by itself, of an application that is not started."""
        if isinstance(self._parent, Overlay):
            raise NotStartedError("the overlay below is not entered", hint="enter it first")
        replaced = self._replaced
        plan = Plan(self._graph(), replaced.values, bound=True, closers=self._parent.plan.closers)
        plan.wrap(replaced.wraps)
        values: Values = [UNSET] * len(plan.graph)
        for index, value in replaced.values.items():
            values[index] = value
        self.run_in(self._parent.new_loop_context())
        self.lookup = Lookup(plan, values)
        self.roots = self._parent.roots
        self._is_alone = True
        return self.loop_context.lifetime(plan, values, self.roots)

    def _entered(self, lifetime: Lifetime) -> Self:
        self._begin(lifetime)
        self._entry = registry.enter(self)
        forking.watch(self)
        return self

    def _begin(self, lifetime: Lifetime) -> None:
        self._lifetime, self.plan, self.values = lifetime, lifetime.plan, lifetime.values
        if self._is_alone:
            self.loop_context.bind_parts(lifetime)

    def _left(self) -> Lifetime | None:
        lifetime = self._lifetime
        if self._entry is None:
            raise NotStartedError("this overlay is not entered")
        registry.leave(self._entry)
        self._lifetime = self._entry = None
        self._is_left_behind = False
        self.forget()
        return lifetime

    def forked(self) -> None:
        """Let go of what was built in the parent process: it is neither used nor closed here."""
        if self._lifetime is not None:
            self._inherited.append((self._lifetime, self.values))
            self._lifetime = None
            self._is_left_behind = True
            self.forget()

    def open_here(self) -> None:
        """Replace the same parts in what a forked child builds."""
        if not self._parent.is_started and self._parent.is_open:
            self._parent.open_here()
        lifetime, parts = self._prepared()
        lifetime.start(parts)
        self._begin(lifetime)
        self._is_left_behind = False


class Scope(NestingView):
    """Enter it, `with` or `async with`: what is scoped lives as long as the block.

    Nothing is built or opened before it is read. A resource is opened and closed in the task that entered the
    scope; at the end, the parts are closed in reverse order, each within the application's `stop_timeout`.
    An error of the block is thrown into the resources, so that transactions roll back.
    """

    is_scope = True

    def __init__(self, parent: View, passed: Mapping[Any, Any]) -> None:
        self._parent = self.outer_view = parent
        self._passed = passed
        self._entry: Token[View | None] | None = None
        self._values: ScopeValues | None = None
        self._is_over = False

    @property
    def is_started(self) -> bool:
        """Say whether parts can be read."""
        return self._entry is not None

    def __enter__(self) -> Self:
        self._enter(None)
        return self

    async def __aenter__(self) -> Self:
        self._enter(asyncio.current_task())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._leave():
            self._exits.close(error)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._exits.close_async(error) if self._leave() else False

    def _enter(self, task: "asyncio.Task[Any] | None") -> None:
        if self._entry is not None or self._is_over:
            raise ScopeError("this scope was entered before", hint="make another one with app.scope()")
        parent = self._parent
        parent.refuse_closed()
        self.loop_context, self.plan, self.lookup, self.roots = (
            parent.loop_context,
            parent.plan,
            parent.lookup,
            parent.roots,
        )
        self._known = self.knowing(parent)
        self._exits = Exits(task, self.loop_context.stop_timeout)
        self.scope_caches = self._expressions, self._fixed = parent.scope_caches
        self._entry = registry.enter(self)
        self.loop_context.scopes[self] = None

    def knowing(self, parent: View) -> Passed:
        """Return what is known of the values that are passed; raise ScopeError or CheckError when one does not fit."""
        return passed_to(parent, self._passed) if self._passed else NOTHING_PASSED

    def _leave(self) -> bool:
        """Leave the block; return whether there may be something to close."""
        if self._entry is None:
            if self._is_over:
                return False  # the application has stopped, and closed it
            raise ScopeError("this scope is not entered")
        registry.leave(self._entry)
        self._end()
        return self._values is not None

    def close(self) -> None:
        """Close the scope's parts now, since the application stops; leaving the block does nothing more."""
        self._end()
        self._exits.close(None)

    async def aclose(self) -> None:
        """Close as `close` does, in the event loop."""
        self._end()
        await self._exits.close_async(None)

    def _end(self) -> None:
        self._entry = None
        self._is_over = True
        self._expressions, self._fixed = {}, {}
        self.loop_context.scopes.pop(self, None)

    @property
    def values(self) -> Values:  # type: ignore[override] # made when they are needed
        """The values of the application's parts and of the scope's own."""
        return self._values if self._values is not None else self._begin()

    def _begin(self) -> ScopeValues:
        """Copy the parent's values, in which the scoped parts are unset that are not to be seen here."""
        values = ScopeValues(self._parent.values)
        outer: ScopedParts | None = getattr(self._parent.values, "parts", None)
        if outer is not None:
            for index in self._known.own:
                values[index] = UNSET
        for index, value in zip(self._known.indexes, self.passed_values(), strict=True):
            values[index] = value
        values.parts = ScopedParts(values, self._exits, outer, self._known.own)
        self._values = values
        return values

    def passed_values(self) -> Iterable[Any]:
        """Return what was passed, in the order of its names."""
        return self._passed.values()

    def get(self, cls: type[T]) -> T:
        """Return the part that is declared to be a `cls`; raise ScopeError if that has to be awaited first."""
        return self[cls]  # type: ignore[index,no-any-return]

    def __getitem__(self, key: str) -> Any:
        value = self.begin(key)
        return self._at_hand(key, value) if type(value) is CoroutineType else value

    @overload
    async def aget(self, key: type[T]) -> T: ...
    @overload
    async def aget(self, key: str) -> Any: ...
    async def aget(self, key: Key) -> Any:
        """Return a part by class or path, and await whatever it takes to build it."""
        value = self.begin(key)
        return await value if type(value) is CoroutineType else value

    def begin(self, key: Key) -> Any:
        """Return a part, or a coroutine that returns it."""
        value = self._fixed.get(key, UNSET)
        if value is not UNSET:
            return value
        expression = self._expressions.get(key) or self._expression(key)
        return expression.read(self._values if self._values is not None else self._begin())

    def _expression(self, key: Key) -> Expression:
        """Resolve a class or path for the first time in any scope of this view's parent."""
        if self._entry is None:
            raise ScopeError("this scope has ended" if self._is_over else "this scope is not entered")
        index = self.lookup.index_in(key, self.values)
        self._require(index)
        expression = self.plan.expressions[index]
        if index in self.loop_context.bound:
            self.loop_context.check_loop(lambda: self.plan.graph.nodes[index].path)
        elif self._stays(self.plan.graph.nodes[self.plan.graph.source(index)]):
            self._fixed[key] = expression.read(self.values)
        else:
            self._expressions[key] = expression
        return expression

    def _at_hand(self, key: Key, awaitable: Any) -> Any:
        """Return what was built before; refuse what would have to be awaited."""
        awaitable.close()
        value = self.values[self.plan.graph.source(self.lookup.index(key))]
        if value is UNSET:
            name = key if isinstance(key, str) else key.__qualname__
            raise ScopeError(f"{name} is built asynchronously", hint="read it with: await scope.aget(…)")
        return value

    def read(self, key: Key) -> Any:
        """Return a part."""
        return self[key]  # type: ignore[index]

    def refuse_closed(self) -> None:
        """Raise ScopeError when the scope is not open."""
        if self._entry is None:
            raise ScopeError("the outer scope is not open")

    def forget(self) -> None:
        """Remember nothing: a scope shares what it has looked up with its parent."""

    @cached_property
    def derived(self) -> dict[frozenset[int], Any]:  # type: ignore[override] # few scopes have overlays
        """What overlays of this scope have in common."""
        return {}

    @cached_property
    def passed(self) -> dict[Any, Any]:  # type: ignore[override] # nor scopes inside
        """What scopes inside of this one have in common."""
        return {}

    def fits(self, values: Mapping[int, Any]) -> None:
        """Raise CheckError when an object does not fit its part."""
        self._parent.fits(values)

    def new_loop_context(self) -> LoopContext:
        """Return a new place to run in."""
        return self._parent.new_loop_context()

    def open_here(self) -> None:
        """Refuse to go on in a forked child: the scope's parts belong to the parent process."""
        raise ScopeError("this scope was opened in the parent process", hint="open one in this process")

    def forked(self) -> None:
        """Let go of the parent process's parts."""
        self._end()
