"""Finds what a provider of a container's class has become in the container itself.

Making a container copies the providers of its class; `Shop.database` and `CoreContainer.database` are known to
type checkers by name and by type, and mean the container's own.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dependency_injector import providers

from iacs.runtime.graph import Graph


def originals(graph: Graph) -> Mapping[int, tuple[int, ...]]:
    """Return, by the id of each provider of a class, the indexes of what it has become."""
    found: dict[int, tuple[int, ...]] = {}
    for original, current in _beside(_class_of(graph.container), graph.container):
        index = graph.indexes.get(id(current))
        if index is not None and index not in found.get(id(original), ()):
            found[id(original)] = (*found.get(id(original), ()), index)
    return found


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
