"""Requested but not provided: dependencies without a value, and providers left abstract."""

import inspect
from collections.abc import Iterator
from typing import Any

from dependency_injector import providers

from iacs.core.exceptions import Finding
from iacs.runtime.checks.members import is_protocol
from iacs.runtime.checks.wiring import ABSTRACT, JUDGED, Wiring, own_name
from iacs.runtime.graph.graph import Node
from iacs.runtime.graph.kinds import Kind


def missing(wiring: Wiring) -> Iterator[Finding]:
    """Yield each provider without a value, if another one or a caller can reach it."""
    for node in wiring.graph.nodes:
        message = _message(wiring, node)
        if message and wiring.matters(node.index):
            yield Finding(node.path, "missing", message)


def _message(wiring: Wiring, node: Node) -> str:
    provider = node.provider
    if node.kind is Kind.MISSING:
        return _dependency(wiring, node)
    if node.kind is Kind.SELECTOR and provider.selector is None:
        return f"{_class(provider)} has no selector: pass one as its first argument"
    if node.kind in JUDGED and isinstance(provider, ABSTRACT):
        return f"{_class(provider)}({own_name(wiring.graph, node.index)}) is not overridden: override it"
    if node.kind in JUDGED:
        return _unmade(provider)
    return ""


def _class(provider: Any) -> str:
    return type(provider).__name__


def _dependency(wiring: Wiring, node: Node) -> str:
    wanted = node.provider.instance_of
    kind = "Dependency" if wanted is object else f"Dependency({wanted.__qualname__})"
    dependants = [dependant for dependant in wiring.graph.dependants[node.index] if dependant != node.index]
    needed = f"{_dependant(wiring, dependants[0])} needs it" if dependants else "callers can reach it"
    container, _, name = node.path.rpartition(".")
    where = f"to the container {container}" if container else "to the container"
    return f"{kind} has no value, and {needed}: pass {name}=… {where}, or set a default"


def _dependant(wiring: Wiring, index: int) -> str:
    owners = wiring.owners(index)
    owner = owners[0] if owners else index
    node = wiring.graph.nodes[owner]
    return f"{own_name(wiring.graph, owner)}() of {node.path}" if node.kind in JUDGED else node.path


def _unmade(provider: Any) -> str:
    made = provider.provides
    if made is None:
        return f"{_class(provider)} has nothing to call: pass it a class or a function"
    if not isinstance(made, type) or providers.is_provider(made):
        return ""
    if is_protocol(made):
        return (
            f"{made.__qualname__} is a Protocol, which cannot be instantiated: use a class that implements it"
        )
    if inspect.isabstract(made):
        names = ", ".join(sorted(getattr(made, "__abstractmethods__", ())))
        return f"{made.__qualname__} is abstract ({names}): use a class that implements it"
    return ""
