"""The graph of a container, read from its providers without building anything."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import cached_property

from dependency_injector.containers import Container

from iacs.core.exceptions import NotAContainerError
from iacs.runtime.graph.kinds import Kind, Provider
from iacs.runtime.graph.needs import Need
from iacs.runtime.graph.nodes import Input, Node
from iacs.runtime.graph.reading import Reading
from iacs.runtime.graph.walking import back, components, depth_first

__all__ = ["Graph", "Input", "Node", "read_graph"]


class Graph:
    """Every provider of a container, in an order that is the same each time it is read."""

    def __init__(self, reading: Reading, container: Container) -> None:
        self.nodes = reading.nodes
        self.paths = reading.paths
        self.indexes = reading.indexes
        self.container = container

    def __len__(self) -> int:
        return len(self.nodes)

    def replaced(self, given: Mapping[int, Provider]) -> "Graph":
        """Return a graph in which providers given by index stand in for what is there; indexes stay."""
        reading = Reading(list(self.nodes), dict(self.indexes), dict(self.paths))
        for index, provider in given.items():
            node = self.nodes[index]
            need = Need("overlay", "stand-in", provider)
            inputs = reading.inputs(node, (need,))
            reading.nodes[index] = replace(node, kind=Kind.ALIAS, inputs=inputs, hidden=node.inputs)
        reading.connect(len(self.nodes))
        return Graph(reading, self.container)

    def adopt_walks(self, alike: "Graph") -> None:
        """Take over what is known of a graph whose nodes have the same inputs."""
        self.order, self.cycles, self.dependants = alike.order, alike.cycles, alike.dependants

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
        """Every index after all that it needs; the members of a cycle come in some order."""
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
        """For each index, those that need it."""
        dependants: list[list[int]] = [[] for _ in self.nodes]
        for node in self.nodes:
            for edge in node.inputs:
                dependants[edge.node].append(node.index)
        return dependants

    @cached_property
    def tops(self) -> tuple[int, ...]:
        """The nodes that no other node needs, or would need if nothing were overridden."""
        needed = {edge.node for node in self.nodes for edge in (*node.inputs, *node.hidden)}
        tops = [node.index for node in self.nodes if node.index not in needed]
        below = self._below(tops, set())
        for index in reversed(self.order):
            if index not in below:  # needed only by what it needs itself
                tops.append(index)
                self._below((index,), below)
        return tuple(tops)

    def _below(self, indexes: Iterable[int], reached: set[int]) -> set[int]:
        """Add to `reached` indexes with everything that they need, or would need."""
        waiting = list(indexes)
        while waiting:
            node = self.nodes[waiting.pop()]
            if node.index not in reached:
                reached.add(node.index)
                waiting += [edge.node for edge in (*node.inputs, *node.hidden)]
        return reached

    def affected(self, changed: Iterable[int], skipped: Collection[tuple[int, int]] = ()) -> set[int]:
        """Return `changed` and everything that depends on it, not by way of `skipped` (needed, dependent) pairs."""
        affected = set(changed)
        waiting = list(affected)
        while waiting:
            needed = waiting.pop()
            for index in self.dependants[needed]:
                if index not in affected and (needed, index) not in skipped:
                    affected.add(index)
                    waiting.append(index)
        return affected

    def chain(self, index: int) -> tuple[str, ...]:
        """Return the paths from something that nothing needs down to `index`, on the shortest way."""
        before: dict[int, int | None] = {index: None}
        waiting = deque([index])
        last = index
        while waiting:
            last = waiting.popleft()
            upwards = [index for index in self.dependants[last] if index not in before]
            if not self.dependants[last]:
                break
            before.update(dict.fromkeys(upwards, last))
            waiting.extend(upwards)
        return tuple(self.nodes[step].path for step in back(before, last))


def _needed_before(nodes: list[Node]) -> list[list[int]]:
    """Return the inputs of each node, without deferred ones that lead back to it."""
    inputs = [[edge.node for edge in node.inputs] for node in nodes]
    if not any(edge.deferred for node in nodes for edge in node.inputs):
        return inputs
    circles = components(inputs)
    return [
        [edge.node for edge in node.inputs if not edge.deferred or circles[edge.node] != circles[node.index]]
        for node in nodes
    ]


def read_graph(container: Container) -> Graph:
    """Read the graph of a container; nothing is called, nothing is built.

    Raise NotAContainerError for anything else than a container.
    """
    if not hasattr(container, "providers"):
        message = f"{container!r} is not a container of dependency_injector"
        raise NotAContainerError(message, hint="give an instance of one")
    reading = Reading()
    reading.name(container)
    reading.connect()
    reading.mark_given(container)
    return Graph(reading, container)
