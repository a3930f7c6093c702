"""Reading parts: what an application and its overlays have in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from iacs.core.exceptions import IACSGraphError, NotStartedError
from iacs.runtime.expressions import TOO_DEEP, UNSET, Values
from iacs.runtime.graph import Node
from iacs.runtime.home import Home, here
from iacs.runtime.kinds import Kind, Provider
from iacs.runtime.lookup import Lookup
from iacs.runtime.plan import Plan

if TYPE_CHECKING:
    from iacs.runtime.overlay import Overlay

T = TypeVar("T")
Key = type[Any] | str


class Replacing(Protocol):
    """What an overlay replaces by what: a mapping, whichever kinds of provider its keys are."""

    def items(self) -> Iterable[tuple[str | Provider, Any]]:
        """Return each part's path or provider with what takes its place."""
        ...


class View(ABC):
    """A reading of the container's wiring: by class, typed, or by path."""

    plan: Plan
    values: Values
    roots: tuple[int, ...]
    lookup: Lookup

    def __init__(self, home: Home) -> None:
        self.live_in(home)
        self._found = _Found(self)
        self._is_left_behind = False
        self.derived: dict[frozenset[int], Any] = {}

    def live_in(self, home: Home) -> None:
        """Run in `home`, or in what runs there."""
        self.home = home
        self._token = home.token

    @property
    @abstractmethod
    def is_started(self) -> bool:
        """Tell whether parts can be read."""

    @property
    def is_open(self) -> bool:
        """Tell whether parts can be read: those of a forked child are built when it reads the first."""
        return self.is_started or self._is_left_behind

    def overlay(self, mapping: Replacing | None = None, /, **parts: Any) -> "Overlay":
        """Return a second view in which some parts are others; enter it `with` or `async with`.

        A part is named by its path, by a bare name that leads to one, or by its provider, the container's or
        that of the container's class. A plain object is the part itself,
        a provider builds it, `wrapping(function)` makes it of the original. Raise CheckError when a name is
        unknown or an object plainly does not fit.
        """
        from iacs.runtime.overlay import Overlay, replacements

        named = dict(mapping.items()) if mapping is not None else {}
        return Overlay(self, replacements(self, {**named, **parts}))

    def get(self, cls: type[T]) -> T:
        """Return the part that is declared to be a `cls`.

        Raise IACSGraphError when none or several are, NotStartedError before it is started, and
        ForeignLoopError in another event loop than the application's.
        """
        if here() is self._token:
            return self._found[cls]  # type: ignore[no-any-return] # a variable would cost an eighth of it all
        return self._read_elsewhere(cls)  # type: ignore[no-any-return]

    def __getitem__(self, path: str) -> Any:
        """Return the part at `path`, such as `mail_query.service`; a bare name will do if it leads to one."""
        if here() is self._token:
            return self._found[path]
        return self._read_elsewhere(path)

    def _read_elsewhere(self, key: Key) -> Any:
        self.home.admit(lambda: self._path_of(key))
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
            raise IACSGraphError(f"{self._path_of(key)} cannot be made: {TOO_DEEP}") from error
        if index in self.home.bound:
            self.home.admit(lambda: self.plan.graph.nodes[index].path)
        elif self._stays(self.plan.graph.nodes[self.plan.graph.source(index)]):
            self._found[key] = value
        return value

    def _stays(self, node: Node) -> bool:
        return node.index in self.plan.replaced or node.is_part or node.kind is Kind.OBJECT

    def _require(self, index: int) -> None:
        missing = self.plan.unset_inputs(index, self.values)
        if missing:
            path = self.plan.graph.nodes[missing[0]].path
            raise NotStartedError(f"{path} was not started: {self._why_not(missing[0])}", path=path)

    def _why_not(self, index: int) -> str:
        graph = self.plan.graph
        for each in graph.dependants[index]:
            chosen = self.values[each]
            if graph.nodes[each].kind is Kind.SELECTOR and chosen is not UNSET:
                return f"{graph.nodes[each].path} chose {graph.nodes[chosen].path}"
        return "no root of the application asks for it; add it to roots"

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
    def new_home(self) -> Home:
        """Return a new place to run in."""

    def has(self, index: int) -> bool:
        """Tell whether a part is there, or is made whenever it is asked for."""
        return not self.plan.unset_inputs(index, self.values)

    def value(self, index: int) -> Any:
        """Return the value at an index."""
        return self.plan.expressions[index].read(self.values)

    def forget(self) -> None:
        """Read everything anew."""
        self._found.clear()
        self.derived.clear()


class _Found(dict[Key, Any]):
    """What was read before, so that reading it again is one look-up."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view

    def __missing__(self, key: Key) -> Any:
        return self._view.read(key)
