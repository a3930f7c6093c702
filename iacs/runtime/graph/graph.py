"""The graph of a container, read from its providers without building anything."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from dependency_injector import providers
from dependency_injector.containers import Container

from iacs.core.exceptions import NotAContainerError
from iacs.runtime.graph.kinds import PARTS, Kind, Need, Provider, children, kind_of, needs, own_needs
from iacs.runtime.graph.walking import components, depth_first


@dataclass(frozen=True, slots=True)
class Input:
    """An edge: `node` is asked under `label`; `via` and `deferred` are those of Need."""

    label: str
    via: str
    node: int
    deferred: bool = False


@dataclass(slots=True, eq=False)
class Node:
    """A provider in the graph, under the shortest path that names it.

    `hidden` are the inputs that it would have if nothing overrode it. `named` is False for a provider
    written inside another one, whose path is made of the other's path and the argument's name.
    """

    index: int
    path: str
    provider: Any
    kind: Kind
    named: bool
    inputs: tuple[Input, ...] = ()
    hidden: tuple[Input, ...] = ()

    @property
    def is_part(self) -> bool:
        """Return whether the value is built once and kept."""
        return self.kind in PARTS


@dataclass(slots=True, eq=False)
class _Reading:
    nodes: list[Node] = field(default_factory=list)
    indexes: dict[int, int] = field(default_factory=dict)
    paths: dict[str, int] = field(default_factory=dict)

    def name(self, container: Container) -> None:
        """Give every provider that a container names its shortest path, breadth first."""
        waiting = deque(container.providers.items())
        while waiting:
            path, provider = waiting.popleft()
            known = self.indexes.get(id(provider))
            self.paths[path] = self.add(provider, path, named=True) if known is None else known
            if known is None:
                waiting.extend((f"{path}.{name}", child) for name, child in children(provider).items())

    def add(self, provider: Provider, path: str, *, named: bool) -> int:
        node = Node(len(self.nodes), path, provider, kind_of(provider), named)
        self.nodes.append(node)
        self.indexes[id(provider)] = node.index
        return node.index

    def connect(self, position: int = 0) -> None:
        """Read what each provider asks, and what that one asks, until nothing new is found."""
        while position < len(self.nodes):
            node = self.nodes[position]
            node.inputs = self.inputs(node, needs(node.provider))
            if node.kind is Kind.ALIAS:
                node.hidden = self.inputs(node, own_needs(node.provider), hidden=True)
            position += 1

    def inputs(self, node: Node, wanted: Iterable[Need], *, hidden: bool = False) -> tuple[Input, ...]:
        return tuple(
            Input(need.label, need.via, self.index_of(need, node), need.deferred)
            for need in wanted
            if not hidden or id(need.provider) in self.indexes
        )

    def index_of(self, need: Need, owner: Node) -> int:
        known = self.indexes.get(id(need.provider))
        if known is not None:
            return known
        path = self.free(_path(need, owner))
        self.paths[path] = index = self.add(need.provider, path, named=False)
        return index

    def free(self, path: str) -> str:
        number, name = 2, path
        while name in self.paths:
            name, number = f"{path}#{number}", number + 1
        return name


def _path(need: Need, owner: Node) -> str:
    provider: Any = need.provider
    if isinstance(provider, providers.ConfigurationOption):
        return str(provider.get_name())
    return f"{owner.path}.{need.label}"


class Graph:
    """Every provider of a container, in an order that is the same each time it is read."""

    def __init__(self, nodes: list[Node], paths: dict[str, int], container: Container) -> None:
        self.nodes = nodes
        self.paths = paths
        self.container = container
        self.indexes = {id(node.provider): node.index for node in nodes}

    def __len__(self) -> int:
        return len(self.nodes)

    def replaced(self, given: Mapping[int, Provider]) -> "Graph":
        """Return a graph in which providers given by index stand in for what is there; indexes stay."""
        reading = _Reading(list(self.nodes), dict(self.indexes), dict(self.paths))
        for index, provider in given.items():
            node = self.nodes[index]
            need = Need("overlay", "stand-in", provider)
            inputs = reading.inputs(node, (need,))
            reading.nodes[index] = replace(node, kind=Kind.ALIAS, inputs=inputs, hidden=node.inputs)
        reading.connect(len(self.nodes))
        return Graph(reading.nodes, reading.paths, self.container)

    def find(self, name: str) -> tuple[int, ...]:
        """Return the index of a path; of a bare name, the provider that all parts of that name lead to.

        Several indexes when the name is ambiguous, none when it is unknown.
        """
        if name in self.paths:
            return (self.paths[name],)
        ending = f".{name}"
        matches = (index for path, index in self.paths.items() if path.endswith(ending))
        return tuple(dict.fromkeys(self.source(index) for index in matches if self.nodes[index].named))

    def source(self, index: int) -> int:
        """Return what an alias stands for, at the end of the chain."""
        seen = {index}
        while self.nodes[index].kind is Kind.ALIAS:
            index = self.nodes[index].inputs[0].node
            if index in seen:  # overridden in a circle: the check reports it
                break
            seen.add(index)
        return index

    @cached_property
    def order(self) -> list[int]:
        """Every index after all that it asks; what a cycle holds comes in some order."""
        return [index for index, _ in self._walked]

    @cached_property
    def cycles(self) -> tuple[tuple[int, ...], ...]:
        """Every cycle once: the indexes along it, the first one not repeated."""
        return tuple(cycle for _, cycles in self._walked for cycle in cycles)

    @cached_property
    def _walked(self) -> list[tuple[int, list[tuple[int, ...]]]]:
        return list(depth_first(_needed_before(self.nodes)))

    @cached_property
    def dependants(self) -> list[list[int]]:
        """For each index, those that ask it."""
        dependants: list[list[int]] = [[] for _ in self.nodes]
        for node in self.nodes:
            for edge in node.inputs:
                dependants[edge.node].append(node.index)
        return dependants

    @cached_property
    def tops(self) -> tuple[int, ...]:
        """What nothing else asks, nor would ask if no override stood between."""
        asked = {edge.node for node in self.nodes for edge in (*node.inputs, *node.hidden)}
        tops = [node.index for node in self.nodes if node.index not in asked]
        below = self._below(tops, set())
        for index in reversed(self.order):
            if index not in below:  # asked only by what it is itself handed to
                tops.append(index)
                self._below((index,), below)
        return tuple(tops)

    def _below(self, indexes: Iterable[int], reached: set[int]) -> set[int]:
        """Add to `reached` indexes with everything that they ask, or would ask."""
        waiting = list(indexes)
        while waiting:
            node = self.nodes[waiting.pop()]
            if node.index not in reached:
                reached.add(node.index)
                waiting += [edge.node for edge in (*node.inputs, *node.hidden)]
        return reached

    def affected(self, changed: Iterable[int], skipped: Collection[tuple[int, int]] = ()) -> set[int]:
        """Return `changed` and everything that depends on it, not by way of `skipped` (asked, asking) pairs."""
        affected = set(changed)
        waiting = list(affected)
        while waiting:
            asked = waiting.pop()
            for index in self.dependants[asked]:
                if index not in affected and (asked, index) not in skipped:
                    affected.add(index)
                    waiting.append(index)
        return affected

    def chain(self, index: int) -> tuple[str, ...]:
        """Return the paths from something that nothing asks down to `index`, on the shortest path."""
        before: dict[int, int | None] = {index: None}
        waiting = deque([index])
        last = index
        while waiting:
            last = waiting.popleft()
            upwards = [asking for asking in self.dependants[last] if asking not in before]
            if not self.dependants[last]:
                break
            before.update(dict.fromkeys(upwards, last))
            waiting.extend(upwards)
        return tuple(self.nodes[step].path for step in _walk(before, last))


def _walk(before: dict[int, int | None], index: int | None) -> Iterator[int]:
    while index is not None:
        yield index
        index = before[index]


def _needed_before(nodes: list[Node]) -> list[list[int]]:
    """Return the inputs of each node, without deferred ones that lead back to it."""
    apart = _circles(nodes) if any(edge.deferred for node in nodes for edge in node.inputs) else None
    return [
        [
            edge.node
            for edge in node.inputs
            if not edge.deferred or (apart is not None and apart[edge.node] != apart[node.index])
        ]
        for node in nodes
    ]


def _circles(nodes: list[Node]) -> list[int]:
    return components([[edge.node for edge in node.inputs] for node in nodes])


def read_graph(container: Container) -> Graph:
    """Read the graph of a container; nothing is called, nothing is built.

    Raise NotAContainerError for anything else than a container.
    """
    if not hasattr(container, "providers"):
        message = f"{container!r} is not a container of dependency_injector"
        raise NotAContainerError(message, hint="give an instance of one")
    reading = _Reading()
    reading.name(container)
    reading.connect()
    _mark_given(reading, container)
    return Graph(reading.nodes, reading.paths, container)


def _mark_given(reading: _Reading, container: Container) -> None:
    """Mark what the container's maker handed in: it stays theirs."""
    for provider in _open_dependencies(container):
        index = reading.indexes[id(provider)]
        for edge in reading.nodes[index].inputs:
            node = reading.nodes[edge.node]
            if edge.via == "stand-in" and not node.named and node.is_part:
                node.kind, node.inputs = Kind.GIVEN, ()


def _open_dependencies(container: Container) -> Iterator[Provider]:
    for provider in container.providers.values():
        if isinstance(provider, providers.DependenciesContainer):
            yield from provider.providers.values()
        elif isinstance(provider, providers.Dependency):
            yield provider
