"""The declared type of each provider's value, read from classes and annotations; nothing is built."""

import contextlib
import typing
from collections import abc
from typing import Any

from dependency_injector import providers

from iacs.runtime.declared.annotations import ODDITIES, UNKNOWN, class_of
from iacs.runtime.declared.attributes import attribute, method
from iacs.runtime.declared.results import awaited, certain, entered, returned
from iacs.runtime.graph.graph import Graph, Node
from iacs.runtime.graph.kinds import CALLING, Kind, own_kind

_STEPS = frozenset({Kind.ALIAS, Kind.PROVIDED, Kind.ATTRIBUTE, Kind.ITEM, Kind.METHOD})
_NESTING = 50
"""Maximum depth of selectors inside selectors; deeper ones are UNKNOWN."""


def declared_type(graph: Graph, index: int) -> Any:
    """Return the class or annotation of a node's value, UNKNOWN when none is declared.

    The value is the result of calling the provider. An input that is injected as a provider, such as a
    DelegatedFactory, is marked `deferred`.
    """
    return Declarations(graph).of(index)


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
        """Return the declared type of `index` itself, without its overrides."""
        return self._own(self._graph.nodes[index], _NESTING)

    def _steps(self, index: int) -> list[int]:
        """Follow aliases and `provided` down to their source; such a chain may be long."""
        steps = [index]
        while steps[-1] not in self._known:
            node = self._graph.nodes[steps[-1]]
            first = node.inputs[0] if node.inputs else None
            if first is None or not (node.kind in _STEPS or first.label == "provides"):
                break
            if first.node in steps:  # a cycle, which the check reports
                self._known[first.node] = UNKNOWN
                break
            steps.append(first.node)
        return steps

    def _given(self, node: Node, nesting: int) -> Any:
        if node.kind is Kind.ALIAS:
            target = self._known[node.inputs[0].node]
            is_open = target is UNKNOWN and isinstance(node.provider, providers.Dependency)
            return self._own(node, nesting) if is_open else target
        return certain(self._own(node, nesting))

    def _own(self, node: Node, nesting: int) -> Any:
        provider = node.provider
        kind = own_kind(provider) if node.kind in (Kind.ALIAS, Kind.GIVEN) else node.kind
        if kind is Kind.SCOPED_VALUE:
            return provider.provides
        if kind in CALLING:
            return self._called(node, kind)
        if kind is Kind.OBJECT:
            value = provider.provides
            return type[value] if isinstance(value, type) else type(value)
        if kind is Kind.MISSING:
            return certain(provider.instance_of)
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
        is_resource = kind is Kind.SCOPED_RESOURCE or isinstance(node.provider, providers.BaseResource)
        with contextlib.suppress(*ODDITIES):
            return entered(made) if is_resource else returned(made)
        return UNKNOWN

    def _selected(self, node: Node, nesting: int) -> Any:
        branches = [edge.node for edge in node.inputs if edge.via == "branch"]
        if not branches or not nesting:
            return UNKNOWN
        first, *others = (self.of(branch, nesting - 1) for branch in branches)
        with contextlib.suppress(*ODDITIES):  # some annotations cannot be compared
            return first if all(other is not UNKNOWN and first == other for other in others) else UNKNOWN
        return UNKNOWN

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
        return UNKNOWN if cls is None else awaited(method(cls, getter.provider.name))


_FIXED: dict[Kind, Any] = {
    Kind.LIST: list,
    Kind.DICT: dict,
    Kind.DELEGATE: providers.Provider,
}


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
