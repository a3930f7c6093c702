"""Overrides without effect, or of an unrelated type."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from dependency_injector import providers

from iacs.core.exceptions import Finding
from iacs.runtime.checks.fits import Given, fits, of_value
from iacs.runtime.checks.members import is_mock, lacks
from iacs.runtime.checks.types import type_name
from iacs.runtime.checks.wiring import Wiring, own_name
from iacs.runtime.declared import Declarations, class_of
from iacs.runtime.declared.annotations import members
from iacs.runtime.graph.graph import Graph, Node
from iacs.runtime.graph.kinds import Kind
from iacs.runtime.graph.needs import children
from iacs.suggestions import suggestion

_LIFECYCLE = frozenset({"close", "aclose", "probe"})
"""Optional methods that the runtime calls: a stand-in needs none of them."""


def overlay_findings(graph: Graph, replaced: Mapping[int, Any]) -> tuple[Finding, ...]:
    """Return a finding for each plain value that clearly has another type than the part it replaces.

    A stand-in need not be a subclass. Classes and providers are not judged.
    """
    declarations = Declarations(graph)
    return tuple(
        Finding(graph.nodes[index].path, "overlay", _message(graph, index, of_value(value), wanted))
        for index, value in replaced.items()
        if not isinstance(value, type) and not providers.is_provider(value)
        for wanted in (declarations.of(index),)
        if is_something_else(of_value(value), wanted)
    )


def is_something_else(given: Given, wanted: Any) -> bool:
    """Return whether `given` has none of the members of the class `wanted`."""
    cls, expected = class_of(given.annotation), class_of(wanted)
    if cls is None or expected is None or expected is object or is_mock(cls):
        return False
    if fits(given, wanted) and cls is not object:
        return False
    if "builtins" in (expected.__module__, cls.__module__):
        return True
    names = set(members(expected)) - _LIFECYCLE
    is_a_dummy = not set(members(cls))  # a placeholder that no test calls
    if not names or is_a_dummy:
        return False
    return all(lacks(cls, name) and inspect.getattr_static(given.value, name, None) is None for name in names)


def _message(graph: Graph, index: int, given: Given, wanted: Any) -> str:
    return (
        f"{own_name(graph, index)}() is replaced by {type_name(given.annotation)}, which shares no members with "
        f"{type_name(wanted)}: use a {type_name(wanted)}, or an object with its methods"
    )


def overlay(wiring: Wiring) -> Iterator[Finding]:
    """Yield the overrides of unknown names, and those by an unrelated type."""
    yield from _unknown(wiring.graph.container, "")
    for node in wiring.graph.nodes:
        if isinstance(node.provider, providers.Container):
            yield from _unknown(node.provider.container, f"{node.path}.")
        if node.kind is Kind.ALIAS and not isinstance(node.provider, providers.Dependency):
            yield from _different(wiring, node)


def _different(wiring: Wiring, node: Node) -> Iterator[Finding]:
    wanted = wiring.declarations.own(node.index)
    for leaf in wiring.leaves(node.index):
        given = wiring.given(leaf)
        if is_something_else(given, wanted):
            yield Finding(node.path, "overlay", _message(wiring.graph, node.index, given, wanted))


def _unknown(container: Any, prefix: str) -> Iterator[Finding]:
    parent = getattr(container, "declarative_parent", None)
    for overriding in dict.fromkeys((*container.overridden, *getattr(parent, "overridden", ()))):
        yield from _surplus(container.providers, overriding.providers, prefix)


def _surplus(own: Mapping[str, Any], others: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    """Compare names, also inside nested containers; providers that only the overriding ones need are left out."""
    needed = {id(related) for provider in others.values() for related in provider.related}
    for name, provider in others.items():
        if name in own:
            if isinstance(own[name], providers.Container) and isinstance(provider, providers.Container):
                yield from _surplus(children(own[name]), children(provider), f"{prefix}{name}.")
        elif id(provider) not in needed:
            yield Finding(f"{prefix}{name}", "overlay", _no_such_name(name, provider, own))


def _no_such_name(name: str, provider: Any, own: Mapping[str, Any]) -> str:
    made = getattr(provider, "provides", None)
    what = getattr(made, "__qualname__", type(provider).__name__)
    fix = suggestion(name, own, otherwise="correct the name, or drop it")
    return f"{what} overrides {name!r}, which the container does not have, so it has no effect: {fix}"
