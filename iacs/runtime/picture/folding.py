"""Folds unnamed plumbing, such as aliases and getters, into the edges between named providers."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from iacs.runtime.graph.graph import Graph, Input, Node
from iacs.runtime.graph.kinds import CALLING, Kind
from iacs.runtime.picture.modules import module_of, positional_names
from iacs.runtime.picture.picks import Pick, pick_of, pick_text, setting_name
from iacs.runtime.picture.settings import Holders

_PLUMBING = frozenset(
    {
        Kind.ALIAS, Kind.PROVIDED, Kind.ATTRIBUTE, Kind.ITEM, Kind.METHOD, Kind.OPTION, Kind.CALLABLE,
        Kind.COROUTINE, Kind.LIST, Kind.DICT, Kind.OBJECT, Kind.DELEGATE,
    }
)  # fmt: skip
_GATHERING = frozenset({Kind.LIST, Kind.DICT, Kind.CALLABLE, Kind.COROUTINE})


@dataclass(frozen=True, slots=True)
class Route:
    """The route from a provider to one that it receives: its end so far, and what it passed."""

    end: int
    label: str
    via: str
    picks: tuple[Pick, ...] = ()
    through: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    deferred: bool = False
    setting: str = ""

    @property
    def pick(self) -> str:
        """What is taken of the end: `log_level`, `pool['size']`, `connect()`."""
        return pick_text(self.picks)


class Fold:
    """The providers of a graph that a picture shows, and the routes between them."""

    def __init__(self, graph: Graph, overlaid: Collection[int] = ()) -> None:
        self.graph = graph
        self._kept = set(overlaid) | _alias_circles(graph)
        self.holders = Holders(graph)

    @cached_property
    def names(self) -> dict[int, int]:
        """For an unnamed stand-in, the alias whose path it is shown under."""
        names: dict[int, int] = {}
        for node in self.graph.nodes:
            if node.kind is Kind.ALIAS and node.named and node.index not in self._kept:
                target = self._unnamed_end(node)
                if target is not None:
                    names.setdefault(target, node.index)
        return names

    def _unnamed_end(self, node: Node) -> int | None:
        seen = set[int]()
        while node.kind is Kind.ALIAS and node.index not in seen:
            seen.add(node.index)
            node = self.graph.nodes[node.inputs[0].node]
            if node.named:
                return None
        return node.index

    @cached_property
    def shown(self) -> dict[int, None]:
        """Every index that is shown, in the graph's order."""
        return {node.index: None for node in self.graph.nodes if self._is_shown(node)}

    def _is_shown(self, node: Node) -> bool:
        if node.index in self._kept or node.index in self.names:
            return True
        if node.kind is Kind.ALIAS:
            return False
        if node.kind is Kind.CONTAINER:
            return bool(self.graph.dependants[node.index])
        return node.named or node.kind not in _PLUMBING

    def path(self, index: int) -> str:
        """Return the path that a provider is shown under."""
        return self.graph.nodes[self.names.get(index, index)].path

    @cached_property
    def aliases(self) -> dict[int, list[str]]:
        """For each provider, the paths of the aliases that lead to it."""
        ends: dict[int, int] = {}
        aliases: dict[int, list[str]] = {}
        for node in self.graph.nodes:
            if node.kind is Kind.ALIAS and node.named and node.index not in self.shown:
                end = self._end(node.index, ends)
                if self.path(end) != node.path:
                    aliases.setdefault(end, []).append(node.path)
        return aliases

    def _end(self, index: int, ends: dict[int, int]) -> int:
        trail = []
        while index not in ends and self.graph.nodes[index].kind is Kind.ALIAS and index not in self._kept:
            trail.append(index)
            index = self.graph.nodes[index].inputs[0].node
        end = ends.get(index, index)
        ends.update(dict.fromkeys(trail, end))
        return end

    def routes(self, index: int) -> Iterator[Route]:
        """Yield the route to everything that a shown provider receives, in order."""
        node = self.graph.nodes[index]
        names = positional_names(node.provider.provides) if node.kind in CALLING else ()
        for edge in node.inputs:
            is_named = edge.via == "argument" and int(edge.label) < len(names)
            label = names[int(edge.label)] if is_named else edge.label
            yield from self._follow(_step(node, edge, Route(index, label, edge.via), index), index)

    def _follow(self, first: Route, start: int) -> Iterator[Route]:
        waiting, seen = [first], set[int]()
        while waiting:
            route = waiting.pop()
            if route.end in self.shown:
                is_setting = bool(route.picks) and route.end in self.holders
                yield replace(route, setting=setting_name(route.picks) if is_setting else "")
            elif route.end not in seen:
                seen.add(route.end)
                node = self.graph.nodes[route.end]
                waiting += [
                    _step(node, edge, _relabelled(node, edge, route), start) for edge in reversed(node.inputs)
                ]


def _step(node: Node, edge: Input, route: Route, start: int) -> Route:
    """Extend a route that ends at `node` along one of its inputs."""
    picked = pick_of(node.provider, node.kind) if edge.via in ("of", "root") else ()
    through = (*route.through, node.path) if node.kind is Kind.ALIAS and node.named else route.through
    return replace(
        route,
        end=edge.node,
        picks=(*picked, *route.picks) if edge.via in ("of", "root", "stand-in") else (),
        through=through,
        calls=(*route.calls, *_call(node)) if start != node.index else (),
        deferred=route.deferred or edge.deferred,
    )


def _call(node: Node) -> tuple[str, ...]:
    """Return the function of an unnamed provider, such as `int` of an option `as_int()`."""
    if node.kind not in (Kind.CALLABLE, Kind.COROUTINE):
        return ()
    return (module_of(node.provider.provides).rpartition(":")[2],)


def _relabelled(node: Node, edge: Input, route: Route) -> Route:
    """Distinguish the elements of a list or a call; a single one keeps its label."""
    if node.kind in _GATHERING and len(node.inputs) > 1:
        return replace(route, label=f"{route.label}.{edge.label}")
    return route


def _alias_circles(graph: Graph) -> set[int]:
    kinds: Any = [node.kind for node in graph.nodes]
    return {
        index
        for cycle in graph.cycles
        if all(kinds[member] is Kind.ALIAS for member in cycle)
        for index in cycle
    }
