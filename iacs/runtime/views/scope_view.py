"""A scope: a view in which scoped parts live as long as a block."""

import asyncio
from collections.abc import Iterable, Mapping
from types import CoroutineType, TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from iacs.core.exceptions import ScopeError
from iacs.runtime.graph.kinds import SCOPED
from iacs.runtime.graph.nodes import Node
from iacs.runtime.plan.expressions import UNSET, Read, Values
from iacs.runtime.plan.scoped_parts import AsynchronousPartError
from iacs.runtime.plan.scoping import ScopedParts, ScopeValues
from iacs.runtime.views import registry
from iacs.runtime.views.exits import Exits
from iacs.runtime.views.loop_context import LoopContext
from iacs.runtime.views.passing import NOTHING_PASSED, Passed, passed_to
from iacs.runtime.views.reporting import ReportingView
from iacs.runtime.views.view import Key, NamedType, View

if TYPE_CHECKING:
    from typing_extensions import TypeAliasType

T = TypeVar("T")


class ScopeView(ReportingView):
    """The view of a scope: values that were passed in, and scoped parts, built on first use."""

    is_scope = is_in_scope = True
    is_current = True
    _is_open = False
    _is_over = False
    _values: ScopeValues | None = None

    def __init__(self, parent: View, passed: Mapping[Any, Any]) -> None:
        self._parent = self.outer_view = parent
        self._passed = passed

    @property
    def is_started(self) -> bool:
        """Return whether parts can be read."""
        return self._is_open

    @property
    def is_open(self) -> bool:
        """Return whether parts can be read."""
        return self._is_open

    def __enter__(self) -> Self:
        self._enter(None)
        return self

    async def __aenter__(self) -> Self:
        return self.enter_for(asyncio.current_task())

    def enter_for(self, task: "asyncio.Task[Any] | None") -> Self:
        """Enter on behalf of a task: what other tasks open is opened and closed in tasks of its own."""
        self._enter(task)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._leave() and self._values is not None:
            self._exits.close(error)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if self._leave() and self._values is not None:
            return await self._exits.close_async(error)
        return False

    def _enter(self, task: "asyncio.Task[Any] | None") -> None:
        if self._is_open or self._is_over:
            raise ScopeError("this scope was entered before", hint="make another one with app.scope()")
        parent = self._parent
        parent.refuse_closed()
        self.plan, self.lookup, self.roots = parent.plan, parent.lookup, parent.roots
        self.loop_context = parent.loop_context
        self._task = task
        self.scope_caches = parent.scope_caches
        self._known = self.knowing(parent)
        self._reads, self._fixed = self.scope_caches
        if self.is_current:
            self._entry = registry.enter(self)
        self._is_open = True
        self.loop_context.scopes[self] = None

    def knowing(self, parent: View) -> Passed:
        """Return what is known of the values that are passed; raise ScopeError or CheckError when one does not fit."""
        return passed_to(parent, self._passed) if self._passed else NOTHING_PASSED

    def _leave(self) -> bool:
        """Leave the block; return False when the application has stopped, and closed the scope."""
        if not self._is_open:
            if self._is_over:
                return False
            raise ScopeError("this scope is not entered")
        if self.is_current:
            registry.leave(self._entry)
        self._end()
        return True

    def close(self) -> None:
        """Close the scope's parts now, since the application stops; leaving the block does nothing more."""
        self._end()
        if self._values is not None:
            self._exits.close(None)

    async def aclose(self) -> None:
        """Close as `close` does, in the event loop."""
        self._end()
        if self._values is not None:
            await self._exits.close_async(None)

    def _end(self) -> None:
        self._is_open = False
        self._is_over = True
        self._reads, self._fixed = {}, {}
        self.loop_context.scopes.pop(self, None)

    @property
    def values(self) -> Values:  # type: ignore[override] # made when they are needed
        """The values of the application's parts and of the scope's own."""
        return self._values if self._values is not None else self._begin()

    def _begin(self) -> ScopeValues:
        """Copy the parent's values, and unset the scoped parts that this scope builds for itself."""
        self._exits = Exits(self._task, self.loop_context.stop_timeout)
        values = ScopeValues(self._parent.values)
        outer: ScopedParts | None = getattr(self._parent.values, "parts", None)
        for index in self._known.own:
            values[index] = UNSET
        for index in self.plan.context_local if outer is None else ():
            values[index] = UNSET
        for index, value in zip(self._known.indexes, self.passed_values(), strict=True):
            values[index] = value
        values.parts = ScopedParts(values, self._exits, outer, self._known.own)
        self._values = values
        return values

    def started_indexes(self) -> list[int]:
        """Return the indexes of the parts that are started, the scope's own included."""
        own = [node.index for node in self.plan.graph.nodes if node.kind in SCOPED]
        return super().started_indexes() + [index for index in own if self.values[index] is not UNSET]

    def passed_values(self) -> Iterable[Any]:
        """Return the values that were passed in, in the order of their names."""
        return self._passed.values()

    @overload
    def get(self, cls: type[T]) -> T: ...
    @overload
    def get(self, cls: NamedType[T]) -> T: ...
    @overload
    def get(self, cls: "TypeAliasType") -> Any: ...
    def get(self, cls: Any) -> Any:
        """Return the part of a class; raise ScopeError if it has to be awaited first."""
        return self[cls]

    @overload
    def __getitem__(self, key: str) -> Any: ...
    @overload
    def __getitem__(self, key: type[T]) -> T: ...
    @overload
    def __getitem__(self, key: NamedType[T]) -> T: ...
    @overload
    def __getitem__(self, key: "TypeAliasType") -> Any: ...
    def __getitem__(self, key: Any) -> Any:
        value = self.begin(key)
        if type(value) is CoroutineType:
            value.close()
            raise AsynchronousPartError(self.plan.graph.nodes[self.lookup.index_in(key, self.values)].path)
        return value

    def begin(self, key: Key) -> Any:
        """Return a part, or a coroutine that returns it."""
        value = self._fixed.get(key, UNSET)
        if value is not UNSET:
            return value
        read = self._reads.get(key) or self._read_of(key)
        return read(self._values if self._values is not None else self._begin())

    def _read_of(self, key: Key) -> Read:
        """Return how a class or path is read; remember it for all scopes of this view's parent."""
        if not self._is_open:
            raise ScopeError("this scope has ended" if self._is_over else "this scope is not entered")
        index = self.lookup.index_in(key, self.values)
        self.refuse_what_differs(self.plan.graph.nodes[index])
        self._require(index)
        read = self.plan.expressions[index].read
        if index in self.loop_context.bound:
            self.loop_context.check_loop(lambda: self.plan.graph.nodes[index].path)
        elif self.plan.is_kept(index):
            self._fixed[key] = read(self.values)
        else:
            self._reads[key] = read
        return read

    def read(self, key: Key) -> Any:
        """Return a part."""
        return self[key]

    def refuse_closed(self) -> None:
        """Raise ScopeError when the scope is not open."""
        if not self._is_open:
            raise ScopeError("the outer scope is not open")

    def forget(self) -> None:
        """Do nothing: a scope shares its look-ups with its parent."""

    def refuse_what_differs(self, node: Node) -> None:
        """Raise ScopeError when several parts are possible, and it is unknown which one this code needs."""
        if node.index not in self._known.own:
            self._parent.refuse_what_differs(node)

    def fits(self, values: Mapping[int, Any]) -> None:
        """Raise CheckError when an object does not fit its part."""
        self._parent.fits(values)

    def new_loop_context(self) -> LoopContext:
        """Return a loop context of its own."""
        return self._parent.new_loop_context()

    def open_here(self) -> None:
        """Refuse to go on in a forked child: the scope's parts belong to the parent process."""
        raise ScopeError("this scope was opened in the parent process", hint="open one in this process")

    def forked(self) -> None:
        """Abandon the parent process's parts."""
        self._end()
