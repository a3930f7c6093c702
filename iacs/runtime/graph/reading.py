"""Reads the nodes of a graph from a container: names first, then what each provider needs."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from dependency_injector import providers
from dependency_injector.containers import Container

from iacs.runtime.graph.kinds import Kind, Provider, kind_of
from iacs.runtime.graph.needs import Need, children, contents, needs, own_needs
from iacs.runtime.graph.nodes import Input, Node


@dataclass(slots=True, eq=False)
class Reading:
    """The nodes that have been read so far, and their indexes by provider and by path."""

    nodes: list[Node] = field(default_factory=list)
    indexes: dict[int, int] = field(default_factory=dict)
    paths: dict[str, int] = field(default_factory=dict)

    def name(self, container: Container) -> None:
        """Give every provider that a container names its shortest path, breadth first."""
        waiting = deque(container.providers.items())
        while waiting:
            path, provider = waiting.popleft()
            known = self.indexes.get(id(provider))
            self.paths[path] = self._add(provider, path, named=True) if known is None else known
            if known is None:
                waiting.extend((f"{path}.{name}", child) for name, child in children(provider).items())

    def connect(self, position: int = 0) -> None:
        """Read the needs of every provider, and of those that are new, until there are no new ones."""
        while position < len(self.nodes):
            node = self.nodes[position]
            node.inputs = node.inputs or self.inputs(node, needs(node.provider))
            for edge in node.inputs:
                self._connect_contents(self.nodes[edge.node])
            if node.kind is Kind.ALIAS:
                known = [need for need in own_needs(node.provider) if id(need.provider) in self.indexes]
                node.hidden = self.inputs(node, known)
            position += 1

    def _connect_contents(self, node: Node) -> None:
        """Read what a container holds that is needed as a value; the node may be one of another graph, too."""
        if not node.inputs and (inside := contents(node.provider)):
            self.nodes[node.index] = replace(node, inputs=self.inputs(node, inside))

    def inputs(self, node: Node, wanted: Iterable[Need]) -> tuple[Input, ...]:
        """Return an edge for each need; a provider that is new gets a node."""
        return tuple(
            Input(need.label, need.via, self._index_of(need, node), need.deferred) for need in wanted
        )

    def mark_given(self, container: Container) -> None:
        """Mark the objects that were passed to the container, and that the application does not close."""
        for provider in container.providers.values():
            if isinstance(provider, providers.DependenciesContainer):
                for dependency in provider.providers.values():
                    self._mark(dependency)
            elif isinstance(provider, providers.Dependency):
                self._mark(provider)

    def _mark(self, dependency: Provider) -> None:
        for edge in self.nodes[self.indexes[id(dependency)]].inputs:
            node = self.nodes[edge.node]
            if edge.via == "stand-in" and not node.named and node.is_part:
                node.kind, node.inputs = Kind.GIVEN, ()

    def _add(self, provider: Provider, path: str, *, named: bool) -> int:
        node = Node(len(self.nodes), path, provider, kind_of(provider), named)
        self.nodes.append(node)
        self.indexes[id(provider)] = node.index
        return node.index

    def _index_of(self, need: Need, owner: Node) -> int:
        known = self.indexes.get(id(need.provider))
        if known is not None:
            return known
        provider: Any = need.provider
        is_option = isinstance(provider, providers.ConfigurationOption)
        base = path = str(provider.get_name()) if is_option else f"{owner.path}.{need.label}"
        number = 2
        while path in self.paths:
            path, number = f"{base}#{number}", number + 1
        self.paths[path] = index = self._add(need.provider, path, named=False)
        return index
