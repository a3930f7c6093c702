"""Inherited providers that do not follow a subclass or a copy of their container.

In dependency_injector, a provider that a subclass declares anew does not reach what the base class has wired: that
goes on with the base's. Under `@containers.copy` it receives a second copy of the new one, whose dependencies are
second copies too if the base does not have them: a configuration that nobody can load, for instance.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from dependency_injector import providers

from iacs.core.exceptions import Finding
from iacs.runtime.checks.wiring import Wiring, own_name
from iacs.runtime.declared.annotations import ODDITIES
from iacs.runtime.graph.graph import Graph, Node, read_graph
from iacs.runtime.graph.kinds import Kind, library_attribute


def inherited(wiring: Wiring) -> Iterator[Finding]:
    """Yield what is wired to a provider, or a container, of a base class instead of the container's own."""
    graph = wiring.graph
    yield from _classes(graph)
    yield from _redeclared(graph, graph.container, "")
    for node in graph.nodes:
        if node.named and isinstance(node.provider, providers.Container):
            yield from _redeclared(graph, node.provider.container, f"{node.path}.")


def _classes(graph: Graph) -> Iterator[Finding]:
    """Yield the providers to which a Self passes a class, although the container is an object."""
    for node in graph.nodes:
        cls: Any = node.provider() if type(node.provider) is providers.Self else None
        if isinstance(cls, type) and cls is not graph.container:
            for path in dict.fromkeys(
                _owner(graph, graph.nodes[index]) for index in graph.dependants[node.index]
            ):
                message = (
                    f"{own_name(graph, graph.paths[path])}() receives the class {cls.__qualname__} and not the "
                    f"container, since Self does not follow into a subclass or a copy: declare both there again"
                )
                yield Finding(path, "inherited", message)


def _redeclared(graph: Graph, container: Any, prefix: str) -> Iterator[Finding]:
    cls: Any = getattr(container, "declarative_parent", None)
    bases = [base for base in getattr(cls, "__mro__", ())[1:] if getattr(base, "providers", None)]
    own = read_graph(cls) if bases else None
    seen = set[tuple[str, str]]()
    for base in bases:
        for path, name in _stale(own, read_graph(base)) if own is not None else ():
            index = graph.paths.get(f"{prefix}{path}")
            if index is None or graph.nodes[index].kind is Kind.ALIAS or (path, name) in seen:
                continue
            seen.add((path, name))
            message = (
                f"{own_name(graph, index)}() receives the {name} of {base.__qualname__}, not that of "
                f"{cls.__qualname__}: declare {path} in {cls.__qualname__} again, or override {name} instead"
            )
            yield Finding(graph.nodes[index].path, "inherited", message)


def _stale(graph: Graph, base: Graph) -> Iterator[tuple[str, str]]:
    """Yield each path that is wired to a provider of the base, with the name that means another one here."""
    for node in graph.nodes:
        before = base.nodes[base.paths[node.path]] if node.path in base.paths else node
        targets = {
            (edge.via, edge.label): base.nodes[edge.node] for edge in before.inputs if before is not node
        }
        for edge in node.inputs:
            target = targets.get((edge.via, edge.label))
            is_same = node.provider is before.provider
            if target is not None and _is_stale(graph, graph.nodes[edge.node], target, is_same=is_same):
                yield _owner(graph, node), target.path


def _is_stale(graph: Graph, current: Node, target: Node, *, is_same: bool) -> bool:
    """Return whether `current` is what the base names `target`, and not what has that path here.

    `is_same` in a subclass; in a copy, where all are others, the replacement is there twice.
    """
    index = graph.paths.get(target.path)
    if not target.named or current.named or index is None or index == current.index:
        return False
    return current.provider is target.provider if is_same else _is_twin(graph, current, graph.nodes[index])


def _is_twin(graph: Graph, twin: Node, node: Node) -> bool:
    """Return whether two nodes are made alike, one of unnamed providers and the other of named ones."""
    waiting, seen, is_apart = [(twin, node)], set[int](), False
    while waiting:
        one, other = waiting.pop()
        seen.add(one.index)
        if type(one.provider) is not type(other.provider) or not _is_alike(one.provider, other.provider):
            return False
        is_apart = is_apart or (one is not twin and one is not other and other.named)
        pairs = zip(one.inputs, other.inputs, strict=False)
        targets = [(graph.nodes[edge.node], graph.nodes[its.node]) for edge, its in pairs]
        waiting += [(mine, its) for mine, its in targets if not mine.named and mine.index not in seen]
    return is_apart


def _is_alike(one: Any, other: Any) -> bool:
    with contextlib.suppress(*ODDITIES):  # some arguments cannot be compared
        return _shape(one) == _shape(other)
    return False


def _shape(provider: Any) -> tuple[Any, ...]:
    """Return what a provider makes, and its arguments without the providers among them."""
    args = library_attribute(provider, "args", ())
    kwargs = library_attribute(provider, "kwargs", {})
    values = (*enumerate(args), *kwargs.items())
    return (
        library_attribute(provider, "provides"),
        [(label, None if providers.is_provider(value) else value) for label, value in values],
    )


def _owner(graph: Graph, node: Node) -> str:
    """Return the path of the named provider that a node is written inside."""
    path = node.path
    while path and not (path in graph.paths and graph.nodes[graph.paths[path]].named):
        path = path.rpartition(".")[0]
    return path
