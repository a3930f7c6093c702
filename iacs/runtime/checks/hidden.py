"""Providers inside a plain list, tuple, dict or set, which are injected as they are."""

import typing
from collections import abc
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from dependency_injector import providers

from iacs.core.exceptions import Finding
from iacs.runtime.checks.wiring import Wiring, own_name
from iacs.runtime.declared import class_of
from iacs.runtime.graph.graph import Node
from iacs.runtime.graph.kinds import PASSING_ON, Kind, is_delegated

_CALLABLE: Any = abc.Callable
_PLAIN = (list, tuple, dict, set, frozenset, partial)


def hidden(wiring: Wiring) -> Iterator[Finding]:
    """Yield each argument with a provider inside that the container will not see."""
    for call in wiring.calls:
        if isinstance(call.made, partial):
            yield from _finding(wiring, call.node, "partial", call.made)
        hints = {id(argument): call.callee.hints.get(parameter.name) for parameter, argument in call.pairs}
        for argument in call.arguments:
            if not _wants_providers(hints.get(id(argument))):
                yield from _finding(wiring, call.node, argument.label, argument.value)
    for node in wiring.graph.nodes:
        for label, value in _handed_over(node) if node.kind in PASSING_ON else ():
            yield from _finding(wiring, node, label, value)


def _wants_providers(annotation: Any) -> bool:
    """Return whether a parameter takes a collection of providers, or of functions, which providers are too."""
    inside = typing.get_args(annotation)
    classes = [cls for choice in inside if (cls := class_of(choice)) is not None]
    wants: bool = any(cls is _CALLABLE or issubclass(cls, providers.Provider) for cls in classes)
    return wants or any(map(_wants_providers, inside))


def _handed_over(node: Node) -> Iterator[tuple[str, Any]]:
    provider = node.provider
    if node.kind is not Kind.DICT:
        yield from ((str(position), value) for position, value in enumerate(provider.args))
    if node.kind is not Kind.LIST:
        yield from ((str(name), value) for name, value in provider.kwargs.items())


def _finding(wiring: Wiring, node: Node, label: str, value: Any) -> Iterator[Finding]:
    provider = next(_inside(value), None) if isinstance(value, _PLAIN) else None
    if provider is not None:
        kind = type(value).__name__
        remedy = f"providers.{_INSTEAD[kind]}(…)" if kind in _INSTEAD else "an argument of the provider"
        message = (
            f"{own_name(wiring.graph, node.index)}() gets a provider ({type(provider).__name__}) hidden in the "
            f"{kind} at {label!r}, not its value: make it {remedy}, or delegate with .provider"
        )
        yield Finding(node.path, "hidden", message)


_INSTEAD = {"list": "List", "tuple": "List", "dict": "Dict"}


def _inside(value: Any) -> Iterator[Any]:
    """Yield the providers in `value`, at any depth; one that is delegated is meant to be there."""
    waiting, seen = [value], {id(value)}
    while waiting:
        collection = waiting.pop()
        if isinstance(collection, partial):
            collection = (*collection.args, *collection.keywords.values())
        elif isinstance(collection, Mapping):
            collection = (*collection.keys(), *collection.values())
        for item in collection:
            if providers.is_provider(item):
                if not is_delegated(item):
                    yield item
            elif isinstance(item, _PLAIN) and id(item) not in seen:
                seen.add(id(item))
                waiting.append(item)
