"""Reading parts: what an application, its overlays and its scopes have in common."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from iacs.core.exceptions import NotStartedError, WiringError
from iacs.runtime.declared.keys import name_of
from iacs.runtime.graph.kinds import Kind
from iacs.runtime.graph.nodes import Node
from iacs.runtime.plan.expressions import MAKE_SINGLETONS, TOO_DEEP, UNSET, Read, Values
from iacs.runtime.plan.plan import Plan
from iacs.runtime.plan.scoped_parts import NeedsAwaitError
from iacs.runtime.views.lookup import Lookup
from iacs.runtime.views.loop_context import LoopContext, current_token

if TYPE_CHECKING:
    from typing_extensions import TypeAliasType

T = TypeVar("T")
Key = type[Any] | str
T_co = TypeVar("T_co", covariant=True)


class NamedType(Protocol[T_co]):
    """A NewType as type checkers see it: a function with a name, which distinguishes it from a provider."""

    __name__: str

    def __call__(self, value: Any, /) -> T_co:
        """Return the value, as the NewType."""
        ...


class View(ABC):
    """The parts of an application, read by class, typed, or by path, and reports on them."""

    plan: Plan
    values: Values
    roots: tuple[int, ...]
    lookup: Lookup
    outer_view: "View | None" = None
    is_scope = False
    is_in_scope = False
    _is_left_behind = False
    _derived: dict[Any, Any] | None = None
    _passed_before: dict[Any, Any] | None = None

    def __init__(self, loop_context: LoopContext) -> None:
        self.run_in(loop_context)
        self._cache = _Cache(self)
        self.scope_caches: tuple[dict[Key, Read], dict[Key, Any]] = ({}, {})

    @property
    def derived(self) -> dict[Any, Any]:
        """The cache that overlays of this view share."""
        if self._derived is None:
            self._derived = {}
        return self._derived

    @property
    def passed(self) -> dict[Any, Any]:
        """The cache that scopes of this view share."""
        if self._passed_before is None:
            self._passed_before = {}
        return self._passed_before

    def run_in(self, loop_context: LoopContext) -> None:
        """Run in this loop context, or in one of its own."""
        self.loop_context = loop_context
        self._token = loop_context.token

    @property
    @abstractmethod
    def is_started(self) -> bool:
        """Return whether parts can be read."""

    @property
    def is_open(self) -> bool:
        """Return whether parts can be read; a forked child builds its own when it reads the first."""
        return self.is_started or self._is_left_behind

    def refuse_closed(self) -> None:
        """Raise NotStartedError unless parts can be read."""
        if self._is_left_behind:
            self.open_here()
        if not self.is_started:
            raise NotStartedError(
                "a scope is entered, and the application is not started",
                hint="start it first: 'async with app:' or 'with app.sync():'; a web server does so in its lifespan, "
                "a test client within its own 'with' block",
            )

    @overload
    def get(self, cls: type[T]) -> T: ...
    @overload
    def get(self, cls: NamedType[T]) -> T: ...
    @overload
    def get(self, cls: "TypeAliasType") -> Any: ...
    def get(self, cls: Any) -> Any:
        """Return the part that is declared to be a `cls`: a class, `Repository[User]`, a NewType or an alias.

        Raise UnknownPartError or AmbiguousPartError when none or several are, NotStartedError before it is
        started, and ForeignLoopError in another event loop than the application's.
        """
        if current_token() is self._token:
            return self._cache[cls]  # a variable here would make every call an eighth slower
        return self._read_elsewhere(cls)

    @overload
    def __getitem__(self, key: str) -> Any: ...
    @overload
    def __getitem__(self, key: type[T]) -> T: ...
    @overload
    def __getitem__(self, key: NamedType[T]) -> T: ...
    @overload
    def __getitem__(self, key: "TypeAliasType") -> Any: ...
    def __getitem__(self, key: Any) -> Any:
        """Return the part of a class, or at a path such as `mail_query.service`; a unique name is enough."""
        if current_token() is self._token:
            return self._cache[key]
        return self._read_elsewhere(key)

    @overload
    async def aget(self, key: type[T]) -> T: ...
    @overload
    async def aget(self, key: NamedType[T]) -> T: ...
    @overload
    async def aget(self, key: "str | TypeAliasType") -> Any: ...
    async def aget(self, key: Any) -> Any:
        """Return a part by class or path, and await whatever it takes to build it."""
        while True:
            try:
                value = self.begin(key)
                return await value if type(value) is CoroutineType else value
            except NeedsAwaitError as needs:  # known only since the part's factory has been called
                await needs.make()

    def begin(self, key: Key) -> Any:
        """Return a part, or a coroutine that returns it."""
        return self[key]

    def _read_elsewhere(self, key: Key) -> Any:
        self.loop_context.check_loop(lambda: self._path_of(key))
        return self._cache[key]

    def read(self, key: Key) -> Any:
        """Return a part for the first time; cache it if it stays the same from now on."""
        if self._is_left_behind:
            self.open_here()
        if not self.is_started:
            raise NotStartedError(
                f"{self._path_of(key)} was requested, but its application or overlay is not started",
                hint="enter it first: 'async with app:' or 'with app.sync():'",
            )
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
        elif self.plan.is_kept(index):
            self._cache[key] = value
        return value

    def _require(self, index: int) -> None:
        missing = self.plan.unset_inputs(index, self.values)
        if missing:
            path = self.plan.graph.nodes[missing[0]].path
            reason, hint = self._why_not_started(missing[0])
            raise NotStartedError(f"{path} was not started: {reason}", path=path, hint=hint)

    def _why_not_started(self, index: int) -> tuple[str, str]:
        graph = self.plan.graph
        containers = [i for i in graph.dependants[index] if graph.nodes[i].kind is Kind.CONTAINER]
        around = [i for container in containers for i in graph.dependants[container]]
        for dependant in (*graph.dependants[index], *around):
            chosen = self.values[dependant]
            if graph.nodes[dependant].kind is Kind.SELECTOR and chosen is not UNSET:
                return f"{graph.nodes[dependant].path} chose {graph.nodes[chosen].path}", ""
        return "no root of the application asks for it", "add it to roots"

    def _path_of(self, key: Key) -> str:
        return name_of(key)

    def refuse_what_differs(self, node: Node) -> None:  # noqa: B027 - most views know which one
        """Raise ScopeError when several parts are possible, and it is unknown which one this code needs."""

    @abstractmethod
    def fits(self, values: Mapping[int, Any]) -> None:
        """Raise CheckError when an object that an overlay gives does not fit its part."""

    @abstractmethod
    def open_here(self) -> None:
        """Build parts of its own in a forked child; raise StartError when that needs an event loop."""

    @abstractmethod
    def forked(self) -> None:
        """Abandon the parent process's parts in a forked child, which neither uses nor closes them."""

    def abandon(self) -> None:
        """End without closing anything: for a view that nobody will stop any more."""
        self.forked()
        self._is_left_behind = False

    @abstractmethod
    def new_loop_context(self) -> LoopContext:
        """Return a loop context of its own."""

    @abstractmethod
    def started_indexes(self) -> list[int]:
        """Return the indexes of the parts that are started."""

    def has(self, index: int) -> bool:
        """Return whether a part is started, or is made at each request."""
        return not self.plan.unset_inputs(index, self.values)

    def value(self, index: int) -> Any:
        """Return the value at an index."""
        return self.plan.expressions[index].read(self.values)

    def forget(self) -> None:
        """Forget the parts that were read, so that they are looked up again."""
        self._cache.clear()
        self._derived = self._passed_before = None
        self.scope_caches = ({}, {})


class _Cache(dict[Key, Any]):
    """The parts that were read before, so that reading one again is one look-up."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view

    def __missing__(self, key: Key) -> Any:
        return self._view.read(key)
