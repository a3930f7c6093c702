"""The declared type of each provider's value, read from classes and annotations; nothing is built."""

import contextlib
import inspect
import types
import typing
from collections import abc
from typing import Any

from dependency_injector import providers, resources

from iacs.runtime.declared.callees import ODDITIES, UNKNOWN, attribute, callee, is_context_manager, method
from iacs.runtime.graph.graph import Graph, Node
from iacs.runtime.graph.kinds import CALLING, Kind, own_kind

_STEPS = frozenset({Kind.ALIAS, Kind.PROVIDED, Kind.ATTRIBUTE, Kind.ITEM, Kind.METHOD})
_AWAITED = (abc.Awaitable, abc.Coroutine)
_GENERATED = (
    abc.Iterator, abc.Iterable, abc.Generator, abc.AsyncIterator, abc.AsyncIterable, abc.AsyncGenerator,
)  # fmt: skip
_ENTERED = (contextlib.AbstractContextManager, contextlib.AbstractAsyncContextManager)
_NESTING = 50
"""Maximum depth of selectors inside selectors; deeper ones are UNKNOWN."""


def declared_type(graph: Graph, index: int) -> Any:
    """Return the class or annotation of a node's value, UNKNOWN when none is declared.

    The value is the result of calling the provider. An input that is injected as a provider, such as a
    DelegatedFactory, is marked `deferred`.
    """
    return Declarations(graph).of(index)


def class_of(annotation: Any) -> type | None:
    """Return the runtime class of an annotation, None when it has not just one."""
    for _ in range(_NESTING):
        origin = typing.get_origin(annotation)
        if isinstance(annotation, type) and origin is None:
            return None if annotation is typing.Any else annotation
        if isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif isinstance(annotation, typing.TypeVar):
            annotation = annotation.__bound__
        elif origin is typing.Annotated:
            annotation = annotation.__origin__
        elif origin in (typing.Union, types.UnionType):
            annotation = _only_one(typing.get_args(annotation))
        else:
            return origin if isinstance(origin, type) else None
    return None


def _only_one(choices: tuple[Any, ...]) -> Any:
    others = [choice for choice in choices if choice is not types.NoneType]
    return others[0] if len(others) == 1 else UNKNOWN


class Declarations:
    """The declared types of one graph's nodes, each computed once."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._known: dict[int, Any] = {}

    def of(self, index: int, nesting: int = _NESTING) -> Any:
        """Return the declared type of `index`, UNKNOWN when there is none."""
        steps = self._steps(index)
        for step in reversed(steps):
            if step not in self._known:
                self._known[step] = self._given(self._graph.nodes[step], nesting)
        return self._known[index]

    def own(self, index: int) -> Any:
        """Return the declared type of `index` itself, whatever overrides it."""
        return self._own(self._graph.nodes[index], _NESTING)

    def _steps(self, index: int) -> list[int]:
        """Follow aliases and `provided` down to what they start from; such a chain may be long."""
        steps = [index]
        while steps[-1] not in self._known:
            node = self._graph.nodes[steps[-1]]
            below = [edge.node for edge in node.inputs[:1] if _leads_on(node)]
            if not below:
                break
            if below[0] in steps:  # a cycle, which the check reports
                self._known[below[0]] = UNKNOWN
                break
            steps.append(below[0])
        return steps

    def _given(self, node: Node, nesting: int) -> Any:
        if node.kind is Kind.ALIAS:
            target = self._known[node.inputs[0].node]
            return self._own(node, nesting) if target is UNKNOWN and _is_dependency(node) else target
        return _certain(self._own(node, nesting))

    def _own(self, node: Node, nesting: int) -> Any:
        provider = node.provider
        kind = own_kind(provider) if node.kind in (Kind.ALIAS, Kind.GIVEN) else node.kind
        if kind is Kind.SCOPED_VALUE:
            return provider.provides
        if kind in CALLING:
            return self._called(node, kind)
        if kind is Kind.OBJECT:
            return _of_value(provider.provides)
        if kind is Kind.MISSING:
            return _certain(provider.instance_of)
        if kind is Kind.SELECTOR:
            return self._selected(node, nesting)
        return self._read(node, kind)

    def _called(self, node: Node, kind: Kind) -> Any:
        target = next((edge for edge in node.inputs if edge.via == "target"), None)
        if target is not None and target.label == "provides":
            return self._known.get(target.node, UNKNOWN)
        made = node.provider.provides
        if made is None:
            return UNKNOWN
        with contextlib.suppress(*ODDITIES):
            return (
                _entered(made)
                if kind in (Kind.RESOURCE, Kind.SCOPED_RESOURCE) or _is_resource(node)
                else _returned(made)
            )
        return UNKNOWN

    def _selected(self, node: Node, nesting: int) -> Any:
        branches = [edge.node for edge in node.inputs if edge.via == "branch"]
        if not branches or not nesting:
            return UNKNOWN
        first, *others = (self.of(branch, nesting - 1) for branch in branches)
        return first if all(_same(first, other) for other in others) else UNKNOWN

    def _read(self, node: Node, kind: Kind) -> Any:
        below = self._known.get(node.inputs[0].node, UNKNOWN) if node.inputs else UNKNOWN
        if kind is Kind.PROVIDED:
            return below
        if kind is Kind.ATTRIBUTE:
            return _attribute(below, node.provider.name)
        if kind is Kind.ITEM:
            return _item(below, node.provider.name)
        if kind is Kind.METHOD:
            return self._method(node)
        return _FIXED.get(kind, UNKNOWN)

    def _method(self, node: Node) -> Any:
        getter = self._graph.nodes[node.inputs[0].node] if node.inputs else None
        if getter is None or getter.kind is not Kind.ATTRIBUTE or not getter.inputs:
            return UNKNOWN
        cls = class_of(self._known.get(getter.inputs[0].node, UNKNOWN))
        return UNKNOWN if cls is None else _awaited(method(cls, getter.provider.name))


_FIXED: dict[Kind, Any] = {
    Kind.LIST: list,
    Kind.DICT: dict,
    Kind.DELEGATE: providers.Provider,
}


def _leads_on(node: Node) -> bool:
    return node.kind in _STEPS or bool(node.inputs and node.inputs[0].label == "provides")


def _is_dependency(node: Node) -> bool:
    return isinstance(node.provider, providers.Dependency)


def _is_resource(node: Node) -> bool:
    return isinstance(node.provider, providers.BaseResource)


def _same(one: Any, other: Any) -> bool:
    with contextlib.suppress(*ODDITIES):
        return one is not UNKNOWN and bool(one == other)
    return False


def _certain(annotation: Any) -> Any:
    """Return UNKNOWN for an annotation such as Any or object."""
    says_nothing = annotation in (Any, object, inspect.Parameter.empty) if _comparable(annotation) else False
    return UNKNOWN if says_nothing or isinstance(annotation, typing.TypeVar | str) else annotation


def _comparable(annotation: Any) -> bool:
    return isinstance(annotation, type) or annotation is Any


def _of_value(value: Any) -> Any:
    return type[value] if isinstance(value, type) else type(value)


def _returned(made: Any) -> Any:
    if is_context_manager(made):
        return _ENTERED[inspect.isasyncgenfunction(inspect.unwrap(made))]
    returns = callee(made).returns
    return returns if isinstance(made, type) else _awaited(returns)


def _awaited(annotation: Any) -> Any:
    """Return the type after the library has awaited the value."""
    while typing.get_origin(annotation) in _AWAITED:
        annotation = typing.get_args(annotation)[-1]
    return annotation


def _entered(made: Any) -> Any:
    """Return the type that entering the result of `made` gives: a resource is entered if possible."""
    if is_context_manager(made):
        returns = callee(made).returns
        return typing.get_args(returns)[0] if typing.get_origin(returns) in _GENERATED else UNKNOWN
    returns = _returned(made)
    if typing.get_origin(returns) in _ENTERED:
        return typing.get_args(returns)[0]
    cls = class_of(returns)
    return returns if cls is None else _inside(cls, returns)


def _inside(cls: type, returns: Any) -> Any:
    if issubclass(cls, resources.Resource | resources.AsyncResource):
        return _initialised(cls)
    for name in ("__enter__", "__aenter__"):
        if hasattr(cls, name):
            entered = _awaited(method(cls, name))
            return returns if entered is UNKNOWN else entered
    return returns


def _initialised(cls: type) -> Any:
    """Return the type that `init` returns, else the type argument of the base class."""
    returned = _awaited(method(cls, "init"))
    if returned is not UNKNOWN:
        return returned
    bases = (base for ancestor in cls.__mro__ for base in vars(ancestor).get("__orig_bases__", ()))
    arguments = (
        typing.get_args(base)
        for base in bases
        if typing.get_origin(base) in (resources.Resource, resources.AsyncResource)
    )
    return next((_certain(argument[0]) for argument in arguments if argument), UNKNOWN)


def _attribute(owner: Any, name: str) -> Any:
    cls = class_of(owner)
    if cls is None or cls is type:
        return UNKNOWN
    with contextlib.suppress(*ODDITIES):
        return attribute(cls, name)
    return UNKNOWN


def _item(owner: Any, key: Any) -> Any:
    cls, arguments = class_of(owner), typing.get_args(owner)
    if cls is None or not arguments or typing.get_origin(owner) is not cls:
        return UNKNOWN
    if issubclass(cls, abc.Mapping) and len(arguments) == 2:
        return arguments[1]
    if issubclass(cls, abc.Sequence) and (len(arguments) == 1 or arguments[1:] == (...,)):
        return owner if isinstance(key, slice) else arguments[0]
    return UNKNOWN
