"""Reading parts: what an application and its overlays have in common."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from iacs.core.exceptions import NotStartedError, WiringError
from iacs.runtime.graph.graph import Node
from iacs.runtime.graph.kinds import Kind
from iacs.runtime.plan.expressions import MAKE_SINGLETONS, TOO_DEEP, UNSET, Expression, Values
from iacs.runtime.plan.plan import Plan
from iacs.runtime.views.lookup import Lookup
from iacs.runtime.views.loop_context import LoopContext, current_token

if TYPE_CHECKING:  # loaded when they are asked for
    from iacs.runtime.explain import Explanation
    from iacs.runtime.health import Health, Probes
    from iacs.runtime.picture import Picture


T = TypeVar("T")
Key = type[Any] | str


class View(ABC):
    """The parts of an application, read by class, typed, or by path, and reports on them."""

    plan: Plan
    values: Values
    roots: tuple[int, ...]
    lookup: Lookup
    outer_view: "View | None" = None
    is_scope = False
    _is_left_behind = False

    def __init__(self, loop_context: LoopContext) -> None:
        self.run_in(loop_context)
        self._found = _Found(self)
        self.derived: dict[frozenset[int], Any] = {}
        self.passed: dict[Any, Any] = {}
        self.scope_caches: tuple[dict[Key, Expression], dict[Key, Any]] = ({}, {})
        self._probes: Probes | None = None

    def run_in(self, loop_context: LoopContext) -> None:
        """Run in `home`, or in what runs there."""
        self.loop_context = loop_context
        self._token = loop_context.token

    @property
    @abstractmethod
    def is_started(self) -> bool:
        """Return whether parts can be read."""

    @property
    def is_open(self) -> bool:
        """Return whether parts can be read: those of a forked child are built when it reads the first."""
        return self.is_started or self._is_left_behind

    def refuse_closed(self) -> None:
        """Raise NotStartedError unless parts can be read."""
        if self._is_left_behind:
            self.open_here()
        if not self.is_started:
            raise NotStartedError("a scope is entered, and the application is not started")

    def get(self, cls: type[T]) -> T:
        """Return the part that is declared to be a `cls`.

        Raise UnknownPartError or AmbiguousPartError when none or several are, NotStartedError before it is
        started, and ForeignLoopError in another event loop than the application's.
        """
        if current_token() is self._token:
            return self._found[cls]  # type: ignore[no-any-return] # a variable would cost an eighth of it all
        return self._read_elsewhere(cls)  # type: ignore[no-any-return]

    def __getitem__(self, path: str) -> Any:
        """Return the part at `path`, such as `mail_query.service`; a bare name will do if it leads to one."""
        if current_token() is self._token:
            return self._found[path]
        return self._read_elsewhere(path)

    @overload
    async def aget(self, key: type[T]) -> T: ...
    @overload
    async def aget(self, key: str) -> Any: ...
    async def aget(self, key: Key) -> Any:
        """Return a part by class or path, and await whatever it takes to build it."""
        value = self.begin(key)
        index = self.lookup.index_in(key, self.values)
        return await value if self.plan.expressions[index].asynchronous else value

    def begin(self, key: Key) -> Any:
        """Return a part, or a coroutine that returns it."""
        return self[key] if isinstance(key, str) else self.get(key)

    def _read_elsewhere(self, key: Key) -> Any:
        self.loop_context.check_loop(lambda: self._path_of(key))
        return self._found[key]

    def read(self, key: Key) -> Any:
        """Return a part for the first time; what stays the same from now on is remembered."""
        if self._is_left_behind:
            self.open_here()
        if not self.is_started:
            raise NotStartedError(f"{self._path_of(key)} is asked for, and the application is not started")
        index = self.lookup.index_in(key, self.values)
        self._require(index)
        try:
            value = self.plan.expressions[index].read(self.values)
        except RecursionError as error:
            path = self.plan.graph.nodes[index].path
            raise WiringError(
                f"{path} cannot be made: {TOO_DEEP}", path=path, hint=MAKE_SINGLETONS
            ) from error
        if index in self.loop_context.bound:
            self.loop_context.check_loop(lambda: self.plan.graph.nodes[index].path)
        elif self._stays(self.plan.graph.nodes[self.plan.graph.source(index)]):
            self._found[key] = value
        return value

    def _stays(self, node: Node) -> bool:
        return node.index in self.plan.replaced or node.is_part or node.kind is Kind.OBJECT

    def _require(self, index: int) -> None:
        missing = self.plan.unset_inputs(index, self.values)
        if missing:
            path = self.plan.graph.nodes[missing[0]].path
            reason, hint = self._why_not_started(missing[0])
            raise NotStartedError(f"{path} was not started: {reason}", path=path, hint=hint)

    def _why_not_started(self, index: int) -> tuple[str, str]:
        graph = self.plan.graph
        for dependant in graph.dependants[index]:
            chosen = self.values[dependant]
            if graph.nodes[dependant].kind is Kind.SELECTOR and chosen is not UNSET:
                return f"{graph.nodes[dependant].path} chose {graph.nodes[chosen].path}", ""
        return "no root of the application asks for it", "add it to roots"

    def _path_of(self, key: Key) -> str:
        return key if isinstance(key, str) else key.__qualname__

    @abstractmethod
    def fits(self, values: Mapping[int, Any]) -> None:
        """Raise CheckError when an object that an overlay gives does not fit its part."""

    @abstractmethod
    def open_here(self) -> None:
        """Build parts of its own in a forked child; raise StartError when that takes an event loop."""

    @abstractmethod
    def forked(self) -> None:
        """Let go of a parent process's parts, in the child: they are neither used nor closed here."""

    def abandon(self) -> None:
        """Be stopped without closing anything: for what nobody will stop any more."""
        self.forked()
        self._is_left_behind = False

    @abstractmethod
    def new_loop_context(self) -> LoopContext:
        """Return a new place to run in."""

    def has(self, index: int) -> bool:
        """Return whether a part is there, or is made whenever it is asked for."""
        return not self.plan.unset_inputs(index, self.values)

    def value(self, index: int) -> Any:
        """Return the value at an index."""
        return self.plan.expressions[index].read(self.values)

    def forget(self) -> None:
        """Read everything again."""
        self._found.clear()
        self.derived.clear()
        self.passed.clear()
        self.scope_caches = ({}, {})

    def __repr__(self) -> str:
        """Name the container and the started parts; of an overlay, the parts that it replaces."""
        if not hasattr(self, "plan"):  # the constructor has raised, or is about to
            return f"<{type(self).__name__}: not constructed>"
        graph = self.plan.graph
        of = getattr(getattr(graph.container, "declarative_parent", None), "__qualname__", "a container")
        indexes = sorted(self._overlaid() or self._started_indexes())
        paths = ", ".join(graph.nodes[index].path for index in indexes) or "nothing started"
        return f"<{type(self).__name__} of {of}: {paths}>"

    async def health(self, timeout: float = 3.0) -> "Health":
        """Ask every started part that has a probe, in parallel; `timeout` is in seconds for each.

        An application that is not started is down. Raise ForeignLoopError in another event loop than its own.
        """
        from iacs.runtime.health import Health, Probes, ask_parts

        if self._is_left_behind:
            self.open_here()
        if not self.is_started:
            return Health(error="the application is not started")
        if self.loop_context.bound:
            self.loop_context.check_loop(lambda: self.plan.graph.nodes[min(self.loop_context.bound)].path)
        self._probes = self._probes or Probes()
        parts = {index: self.values[index] for index in self._started_indexes()}
        graph, chosen = self.plan.graph, self._chosen()
        return await ask_parts(graph, parts, timeout=timeout, chosen=chosen, probes=self._probes)

    def graph(self) -> "Picture":
        """Return the wiring as data, which draws itself."""
        from iacs.runtime.picture import picture_of

        return picture_of(
            self.plan.graph, overlaid=self._overlaid(), chosen=self._chosen(), started=self._started_indexes()
        )

    def explain(self, path: str) -> "Explanation":
        """Return where a part is declared, what it receives and from where, and which settings it reads."""
        from iacs.runtime.explain import explain_part

        return explain_part(
            self.plan.graph,
            path,
            value=self._value_or_raise,
            overlaid=self._overlaid(),
            chosen=self._chosen(),
            started=self._started_indexes(),
        )

    def _overlaid(self) -> Collection[int]:
        """Return the parts that are others than the container says."""
        return self.plan.replaced

    def _started_indexes(self) -> list[int]:
        return [i for i in (*self.plan.parts, *self.plan.replaced) if self.values[i] is not UNSET]

    def _value_or_raise(self, index: int) -> Any:
        if not self.is_started or not self.has(index):
            raise KeyError(index)
        return self.value(index)

    def _chosen(self) -> dict[int, int]:
        nodes = self.plan.graph.nodes
        selectors = (node.index for node in nodes if node.kind is Kind.SELECTOR)
        return {index: self.values[index] for index in selectors if self.values[index] is not UNSET}


class _Found(dict[Key, Any]):
    """What was read before, so that reading it again is one look-up."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view

    def __missing__(self, key: Key) -> Any:
        return self._view.read(key)
