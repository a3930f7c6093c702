"""An overlay: a view in which some parts are replaced, and their dependents built again."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from contextvars import Token
from types import TracebackType
from typing import Any, Self

from iacs.core.exceptions import ApplicationStateError, NotStartedError, StartError
from iacs.runtime.graph.kinds import SCOPED
from iacs.runtime.lifecycle.lifetime import Lifetime
from iacs.runtime.plan.expressions import UNSET, Values
from iacs.runtime.plan.parts import Part
from iacs.runtime.plan.plan import Plan
from iacs.runtime.plan.scoping import ScopedParts, ScopeValues
from iacs.runtime.views import forking, registry
from iacs.runtime.views.derived import derived_from, refuse_cycles, values_beside
from iacs.runtime.views.exits import Exits
from iacs.runtime.views.lookup import Lookup
from iacs.runtime.views.loop_context import LoopContext
from iacs.runtime.views.replacements import Replacements, Wrap
from iacs.runtime.views.reporting import ReportingView
from iacs.runtime.views.view import View


class OverlayView(ReportingView):
    """The view of an overlay, and the lifetime of the parts that it builds."""

    def __init__(self, parent: View, replaced: Replacements) -> None:
        super().__init__(parent.loop_context)
        self.lookup, self.plan, self.values = parent.lookup, parent.plan, parent.values
        self._parent = self.outer_view = parent
        self._replaced = replaced
        self.is_in_scope = parent.is_in_scope
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
        """Return the parts that this overlay and those around it replace."""
        given = (*self._replaced.values, *self._replaced.providers, *self._replaced.wraps)
        return self.plan.replaced.union(given) if self.is_started else ()

    def fits(self, values: Mapping[int, Any]) -> None:
        """Raise CheckError when an object does not fit its part."""
        self._parent.fits(values)

    def new_loop_context(self) -> LoopContext:
        """Return a loop context of its own."""
        return self._parent.new_loop_context()

    def __enter__(self) -> Self:
        lifetime, parts = self._prepared()
        lifetime.start(parts)
        return self._entered(lifetime)

    async def __aenter__(self) -> Self:
        if self.is_in_scope:
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
                lifetime.stop(error)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        lifetime, is_taken_back = self._left(), False
        try:
            is_taken_back = await self._exits.close_async(error)
        finally:
            if lifetime is not None and await lifetime.stop_async(None if is_taken_back else error):
                is_taken_back = True
        return is_taken_back

    def _prepared(self) -> tuple[Lifetime, tuple[Part, ...] | None]:
        if self._lifetime is not None:
            raise ApplicationStateError(
                "this overlay is entered already", hint="make another one with overlay()"
            )
        if not self._parent.is_started:
            return self._whole(), None
        self.run_in(self._parent.loop_context)  # the application may have started since
        derived, given = derived_from(self._parent, self._with_originals_wrapped())
        return self._beside(derived.plan, derived.resets, given), derived.parts

    def _with_originals_wrapped(self) -> Replacements:
        """Return the replacements; originals that are started already are wrapped now, and become plain values."""
        parent, replaced = self._parent, self._replaced
        there = {index: wrap for index, wrap in replaced.wraps.items() if parent.has(index)}
        made = {index: self._wrapped(index, wrap) for index, wrap in there.items()}
        wraps = {index: wrap for index, wrap in replaced.wraps.items() if index not in there}
        return Replacements({**replaced.values, **made}, replaced.providers, wraps)

    def _wrapped(self, index: int, wrap: Wrap) -> Any:
        try:
            return wrap(self._parent.value(index))
        except Exception as error:  # the wrapping function is the caller's and may raise anything
            path = self._parent.plan.graph.nodes[index].path
            raise StartError(f"{path}: {type(error).__name__} in what wraps it", path=path) from error

    def _beside(self, plan: Plan, resets: Iterable[int], given: Mapping[int, Any]) -> Lifetime:
        """Return the lifetime of an overlay of a started application."""
        values = values_beside(self._parent, plan, resets)
        if isinstance(self._parent.values, ScopeValues):
            values = self._in_scope(plan, values, self._parent.values.parts)
        for index, value in given.items():
            values[index] = value
        self.roots = self._parent.roots
        return self.loop_context.lifetime(plan, values, self.roots)

    def _in_scope(self, plan: Plan, values: Values, outer: ScopedParts) -> ScopeValues:
        """Return values in which the scoped parts that depend on a replaced part are this overlay's own."""
        own = frozenset(index for index in plan.affected if plan.graph.nodes[index].kind in SCOPED)
        scoped = ScopeValues(values)
        scoped.parts = ScopedParts(scoped, self._exits, outer, own)
        return scoped

    def _whole(self) -> Lifetime:
        """Return the lifetime of an overlay of an application that is not started."""
        if isinstance(self._parent, OverlayView):
            raise NotStartedError("the overlay below is not entered", hint="enter it first")
        replaced = self._replaced
        graph = self._parent.plan.graph.replaced(replaced.providers)
        refuse_cycles(graph)
        plan = Plan(graph, replaced.values, bound=True, closers=self._parent.plan.closers)
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
        self.loop_context.overlays[self] = None
        if self.loop_context.reads.is_wired:
            self.loop_context.reads.install(self.plan.affected)
        if self._is_alone:
            self.loop_context.bind_parts(lifetime)

    def _left(self) -> Lifetime | None:
        lifetime = self._lifetime
        if self._entry is None:
            raise NotStartedError("this overlay is not entered")
        registry.leave(self._entry)
        self._lifetime = self._entry = None
        self._forget_entry()
        self._is_left_behind = False
        self.forget()
        return lifetime

    def _forget_entry(self) -> None:
        """Remove this overlay from the loop context, and its parts from the container's providers."""
        self.loop_context.overlays.pop(self, None)
        if self._is_alone:
            self.loop_context.reads.remove()

    def forked(self) -> None:
        """Abandon the parts of the parent process, which the child neither uses nor closes."""
        if self._lifetime is not None:
            self._inherited.append((self._lifetime, self.values))
            self._lifetime = None
            self._forget_entry()
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
