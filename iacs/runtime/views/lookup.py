"""Finds the part for a class or a path."""

import typing
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from operator import attrgetter
from typing import Any

from dependency_injector import providers

from iacs.core.exceptions import AmbiguousPartError, UnknownPartError
from iacs.runtime.declared import Declarations, class_of
from iacs.runtime.declared.annotations import UNKNOWN
from iacs.runtime.declared.keys import arguments_of, is_type, name_of, names_it, plain_key
from iacs.runtime.declared.namesakes import difference, namesakes
from iacs.runtime.graph.kinds import CALLING, PARTS, SCOPED, Kind, Provider
from iacs.runtime.graph.nodes import Node
from iacs.runtime.plan.expressions import UNSET, Values
from iacs.runtime.plan.plan import Plan
from iacs.suggestions import close_matches, did_you_mean

Key = type[Any] | str | Provider

_MADE = CALLING | PARTS | SCOPED | {Kind.OBJECT}


class Lookup:
    """The indexes of parts by class and path; each look-up is cached."""

    def __init__(self, plan: Plan, values: Values) -> None:
        self._graph = plan.graph
        self._plan = plan
        self._values = values
        self._declared = Declarations(plan.graph)
        self._known: dict[Key, int] = {}
        self._classes: dict[int, type] = {}

    def index(self, key: Key) -> int:
        """Return the index that `key` means; raise UnknownPartError or AmbiguousPartError."""
        known = self._known.get(key)
        if known is None:
            other: Any = key
            if isinstance(key, str):
                known = self._named(key)
            else:
                known = self._typed(other) if is_type(key) else self._provided(other)
            self._known[key] = known
        return known

    def _provided(self, provider: Provider) -> int:
        index = self._graph.indexes.get(id(provider))
        indexes = self._by_original.get(id(provider), ()) if index is None else (index,)
        if len(indexes) == 1:
            return indexes[0]
        if indexes:
            raise self._ambiguous(str(provider), indexes)
        message = f"the application's container has no {provider}, nor has a class of its containers"
        raise UnknownPartError(message, name=str(provider))

    @cached_property
    def _by_original(self) -> Mapping[int, tuple[int, ...]]:
        """By the id of each provider of a class, the indexes of what it has become."""
        indexes: dict[int, tuple[int, ...]] = {}
        container = self._graph.container
        for original, current in _beside(_class_of(container), container):
            index = self._graph.indexes.get(id(current))
            if index is not None and index not in indexes.get(id(original), ()):
                indexes[id(original)] = (*indexes.get(id(original), ()), index)
        return indexes

    def index_in(self, key: Key, values: Values) -> int:
        """Return the index that `key` means; where the wiring knows none, that of a value in `values`."""
        try:
            return self.index(key)
        except (UnknownPartError, AmbiguousPartError):
            given = [i for i, value in enumerate(values) if type(value) is key]
            if len(given) != 1:
                raise
            return given[0]

    def _named(self, name: str) -> int:
        indexes = self._graph.find(name)
        if len(indexes) == 1:
            return indexes[0]
        raise self._ambiguous(name, indexes) if indexes else self._unknown(name)

    def _unknown(self, name: str) -> UnknownPartError:
        named = [node.path for node in self._graph.nodes if node.named]
        near = close_matches(name, named, 3)
        hint = did_you_mean(near, otherwise=f"it has {', '.join(sorted(named)[:10])}")
        return UnknownPartError(f"the container has no {name}", name=name, close_matches=near, hint=hint)

    def _ambiguous(self, name: str, indexes: Iterable[int]) -> AmbiguousPartError:
        paths = [self._graph.nodes[index].path for index in indexes]
        return AmbiguousPartError(name, candidates=paths, hint='use one of these paths: app["…"]')

    def _typed(self, key: Any) -> int:
        indexes = self._best(key)
        if len(indexes) == 1:
            return indexes[0]
        if indexes:
            raise self._ambiguous(name_of(key), indexes)
        raise self._without_a_part(key)

    def _without_a_part(self, key: Any) -> UnknownPartError:
        name, hint = name_of(key), ""
        if isinstance(key, typing.NewType):
            hint = f"annotate what makes it: def make() -> {name}"
        elif isinstance(key, type):
            hint = self._namesakes(key)
        elif class_of(plain_key(key)) is not None:
            hint = f"annotate what makes it, or derive a class from {name_of(plain_key(key))}"
        return UnknownPartError(f"no part of the container is an instance of {name}", name=name, hint=hint)

    def _namesakes(self, cls: type) -> str:
        """Return hints about parts of another class with the same name."""
        nodes = (node for node in self._graph.nodes if node.kind in _MADE and node.named)
        others = {node.path: self._class(node.index) for node in nodes}
        paths = [path for path, other in others.items() if namesakes(other, cls)]
        if not paths:
            return ""
        return f"{paths[0]} is {difference(others[paths[0]], cls)}"

    def _best(self, key: Any) -> list[int]:
        """Return the best matches: parts before factories, the class itself before subclasses."""
        nodes = self._fitting(key)
        cls = class_of(plain_key(key))
        for better in (
            lambda node: node.index not in self._plan.parts or self._values[node.index] is not UNSET,
            lambda node: node.is_part or node.kind in SCOPED,
            lambda node: self._class(node.index) is cls,
            attrgetter("named"),
        ):
            nodes = list(filter(better, nodes)) or nodes
        return [node.index for node in nodes]

    def _fitting(self, key: Any) -> list[Node]:
        """Return the parts of a class; of a generic one those that are declared so, else those that may be."""
        nodes = [node for node in self._graph.nodes if node.kind in _MADE]
        if not isinstance(key, type):
            named = [node for node in nodes if names_it(self._declared.of(node.index), key)]
            if named or isinstance(key, typing.NewType):
                return named
        plain = plain_key(key)
        cls, wanted = class_of(plain), typing.get_args(plain)
        if cls is None:
            return []
        nodes = [node for node in nodes if self._is(node.index, cls)]
        if _says_nothing(wanted):
            return nodes
        arguments = {node.index: self._arguments(node.index, cls) for node in nodes}
        same = [node for node in nodes if arguments[node.index] == wanted]
        return same or [node for node in nodes if _says_nothing(arguments[node.index])]

    def _arguments(self, index: int, cls: type) -> tuple[Any, ...] | None:
        made = getattr(self._values[index], "__orig_class__", UNKNOWN)
        return arguments_of(made, cls) or arguments_of(self._declared.of(index), cls)

    def _is(self, index: int, cls: type) -> bool:
        value = self._values[index]
        if value is not UNSET and _answer(isinstance, value, cls):
            return True
        return _answer(issubclass, self._class(index), cls)

    def _class(self, index: int) -> type:
        known = self._classes.get(index)
        if known is None:
            known = self._classes[index] = class_of(self._declared.of(index)) or type(None)
        return known


def _says_nothing(arguments: tuple[Any, ...] | None) -> bool:
    return not arguments or any(
        argument is Any or isinstance(argument, typing.TypeVar) for argument in arguments
    )


def _answer(question: Any, what: Any, cls: type) -> bool:
    """Ask isinstance or issubclass, which some Protocols refuse to answer."""
    try:
        return bool(question(what, cls))
    except TypeError:
        return False


def _beside(original: Any, current: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each provider of `original` with the one of its name in `current`, and so on inside of both."""
    for name, provider in current.providers.items():
        below = _inside(provider)
        if below is not None:
            yield from _beside(_class_of(below), below)
        if original is not None and name in original.providers:
            yield original.providers[name], provider
            before = _inside(original.providers[name])
            if below is not None and before is not None:
                yield from _beside(before, below)


def _inside(provider: Any) -> Any:
    return provider.container if isinstance(provider, providers.Container) else None


def _class_of(container: Any) -> Any:
    return getattr(container, "declarative_parent", None)
