"""The picture of a graph.

What stands between two named providers, such as an alias or a `provided` getter, is described by the edge.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from iacs.runtime.graph.graph import Graph, Node
from iacs.runtime.graph.kinds import CALLING, SCOPED, Kind, is_asynchronous, own_kind
from iacs.runtime.picture.data import PictureData, PictureEdge, PictureNode, Setting
from iacs.runtime.picture.declaring import Declarers
from iacs.runtime.picture.folding import Fold, Route
from iacs.runtime.picture.modules import made_by
from iacs.runtime.picture.tree import tree

_LIFETIMES = {
    Kind.SINGLETON: "singleton",
    Kind.RESOURCE: "resource",
    Kind.GIVEN: "given",
    Kind.LOCAL: "local",
    **dict.fromkeys(SCOPED, "scoped"),
    Kind.OBJECT: "value",
    Kind.MISSING: "missing",
    Kind.CONFIGURATION: "settings",
    Kind.CONTAINER: "container",
    Kind.SELECTOR: "selector",
    Kind.OTHER: "other",
}


class Picture(PictureData):
    """The named providers of a container and their dependencies; `str()` draws them as trees."""

    def __str__(self) -> str:
        return tree(self)


def picture_of(
    graph: Graph,
    *,
    overlaid: Collection[int] = (),
    chosen: Mapping[int, int] | None = None,
    started: Collection[int] = (),
) -> Picture:
    """Draw the graph: `overlaid` and `started` are indexes, `chosen` maps a selector to the branch it took."""
    fold = Fold(graph, overlaid)
    declarers = Declarers(graph)
    painter = _Painter(graph, fold, declarers, frozenset(overlaid), chosen or {}, frozenset(started))
    nodes, edges = [], []
    for index in fold.shown:
        routes = tuple(fold.routes(index))
        nodes.append(painter.node(graph.nodes[index], routes))
        edges += [painter.edge(index, route) for route in routes]
    return Picture(declarers.outermost, tuple(nodes), tuple(edges))


@dataclass(frozen=True)
class _Painter:
    graph: Graph
    fold: Fold
    declarers: Declarers
    overlaid: frozenset[int]
    chosen: Mapping[int, int]
    started: frozenset[int]

    def node(self, node: Node, routes: tuple[Route, ...]) -> PictureNode:
        path = self.fold.path(node.index)
        return PictureNode(
            path=path,
            kind=str(node.kind),
            lifetime=_LIFETIMES.get(node.kind, "transient"),
            asynchronous=node.kind in CALLING and _needs_a_loop(node),
            made_by=made_by(node.provider, own_kind(node.provider)),
            declared=self.declarers.declared(path),
            group=self.declarers.group(path),
            aliases=tuple(self.fold.aliases.get(node.index, ())),
            settings=tuple(self.settings(routes)),
            overlaid=node.index in self.overlaid,
            replaces=self.replaced(node.index),
            chosen=self.branch(node),
            started=node.index in self.started,
        )

    def edge(self, index: int, route: Route) -> PictureEdge:
        source, target = self.fold.path(index), self.fold.path(route.end)
        return PictureEdge(
            source, target, route.label, route.via, route.pick, route.through, route.calls, route.deferred
        )

    def settings(self, routes: tuple[Route, ...]) -> list[Setting]:
        return [
            Setting(route.setting, self.fold.path(route.end), route.label)
            for route in routes
            if route.setting
        ]

    def replaced(self, index: int) -> str:
        """Return what a stand-in under another provider's path keeps from being built."""
        alias = self.fold.names.get(index)
        if alias is None:
            return ""
        provider = self.graph.nodes[alias].provider
        kind = own_kind(provider)
        return "" if kind is Kind.MISSING else made_by(provider, kind) or str(kind)

    def branch(self, node: Node) -> str:
        taken = self.chosen.get(node.index)
        if node.kind is not Kind.SELECTOR or taken is None:
            return ""
        end = self.graph.source(taken)
        branches = (edge for edge in node.inputs if edge.via == "branch")
        return next((edge.label for edge in branches if self.graph.source(edge.node) == end), "")


def _needs_a_loop(node: Node) -> bool:
    """Return whether the value is awaited, entered or closed in an event loop only."""
    provides = node.provider.provides
    if node.kind in (Kind.RESOURCE, Kind.SCOPED_RESOURCE) or not isinstance(provides, type):
        return is_asynchronous(provides)
    is_closed = node.is_part or node.kind in SCOPED
    return is_closed and hasattr(provides, "aclose") and not hasattr(provides, "close")
