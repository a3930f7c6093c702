"""Which module can do its work, and for one that cannot, the shortest path to each part that is the cause."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache

from iacs.runtime.graph.graph import Graph, Node
from iacs.runtime.graph.kinds import SCOPED, Kind
from iacs.runtime.graph.walking import back
from iacs.runtime.health.report import Cause, PartHealth, Readiness, Status


def readiness(
    graph: Graph, started: Collection[int], probed: Mapping[int, PartHealth], chosen: Mapping[int, int]
) -> tuple[Readiness, ...]:
    """Return the readiness of every module of which something is started.

    A module is a sub-container, or a provider of the outermost container that nothing else needs. A scoped one
    counts only if it is probed.
    """
    paths = _Paths(graph, started, probed, chosen)
    unseen = {node.index for node in graph.nodes if node.kind in SCOPED and node.index not in probed}
    modules = _modules(graph, started, unseen)
    return tuple(Readiness(name, tuple(paths.causes(members))) for name, members in modules)


def _modules(graph: Graph, started: Collection[int], unseen: set[int]) -> Iterator[tuple[str, list[int]]]:
    reaching = graph.affected(started)
    for name, members in (*_containers(graph), *_alone(graph, unseen)):
        parts = {index for index in members if graph.nodes[index].is_part}
        present = [index for index in members if index in started or index not in parts]
        if reaching.intersection(present) and (not parts or not parts.isdisjoint(started)):
            yield name, present


def _alone(graph: Graph, unseen: set[int]) -> Iterator[tuple[str, list[int]]]:
    """Yield the providers of the outermost container that nothing needs, leaving out what is unseen."""
    for node in graph.nodes:
        dependants = graph.dependants[node.index]
        is_top = node.index in graph.tops or (dependants and unseen.issuperset(dependants))
        is_named = node.named and "." not in node.path and node.kind is not Kind.CONTAINER
        if is_top and is_named and node.index not in unseen:
            yield node.path, [graph.source(node.index)]


def _containers(graph: Graph) -> Iterator[tuple[str, list[int]]]:
    modules: dict[str, dict[int, None]] = {}
    for path, index in graph.paths.items():
        name, dot, _ = path.partition(".")
        if not dot and graph.nodes[index].kind is Kind.CONTAINER:
            modules[name] = {}
        elif dot and name in modules and graph.nodes[index].named:
            source = graph.source(index)
            if graph.nodes[source].path.startswith(f"{name}."):  # else it is another module's
                modules[name][source] = None
    return ((name, list(members)) for name, members in modules.items())


class _Paths:
    """The paths through a graph from one named provider to the next."""

    def __init__(
        self,
        graph: Graph,
        started: Collection[int],
        probed: Mapping[int, PartHealth],
        chosen: Mapping[int, int],
    ) -> None:
        self._graph = graph
        self._started = started
        self._probed = probed
        self._chosen = chosen
        self._failing = {index for index, part in probed.items() if part.status is not Status.UP}
        self._affected = graph.affected(self._failing)
        self._steps = cache(self._find_steps)
        self._roots = self._failing - self._consequences()

    def causes(self, members: Collection[int]) -> Iterator[Cause]:
        """Return the causes of a module, nearest first; nothing is searched for one that is up."""
        if not self._affected.intersection(members):
            return
        before = self._walk_from_tops(members)
        for index in before:
            if index in self._roots:
                above = None if index in members else before[index]
                steps = reversed([index, *back(before, above)])
                path, part = tuple(self._graph.nodes[step].path for step in steps), self._probed[index]
                yield Cause(path, part.status, part.error, part.code, part.hint)

    def _walk_from_tops(self, members: Collection[int]) -> dict[int, int | None]:
        """Walk from what no other member of the module needs; then from those that need each other."""
        needed = {step for member in members for step in self._steps(member)}
        before = self._walk(member for member in members if member not in needed)
        for index, origin in self._walk(members).items():
            before.setdefault(index, origin)
        return before

    def _consequences(self) -> set[int]:
        """Return the parts that are down because another one that they need is."""
        down = [index for index in self._failing if self._probed[index].status is Status.DOWN]
        below = {index: set(self._walk([index])).intersection(down) for index in down}
        return {index for index in down if any(index not in below[part] for part in below[index])}

    def _walk(self, start: Iterable[int]) -> dict[int, int | None]:
        """Return all that is reached, nearest first, each with what it was reached from."""
        before: dict[int, int | None] = dict.fromkeys(start)
        waiting = deque(before)
        while waiting:
            index = waiting.popleft()
            for step in self._steps(index):
                if step not in before:
                    before[step] = index
                    waiting.append(step)
        return before

    def _find_steps(self, index: int) -> tuple[int, ...]:
        """Return what a provider needs, looking through providers without a name of their own."""
        seen: dict[int, None] = {}
        waiting = deque(self._inputs(self._graph.nodes[index]))
        while waiting:
            step = waiting.popleft()
            is_there = step in self._started or not self._graph.nodes[step].is_part
            if step not in seen and is_there:
                seen[step] = None
                if not self._is_named(step):
                    waiting.extend(self._inputs(self._graph.nodes[step]))
        return tuple(step for step in seen if self._is_named(step))

    def _inputs(self, node: Node) -> Iterator[int]:
        chosen = self._chosen.get(node.index)
        for source in node.inputs:
            if chosen is None or source.via != "branch" or source.node == chosen:
                yield source.node

    def _is_named(self, index: int) -> bool:
        node = self._graph.nodes[index]
        return index in self._probed or (node.named and node.kind is not Kind.ALIAS)
