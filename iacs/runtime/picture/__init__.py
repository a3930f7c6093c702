"""A picture of a container's graph, as data: what people named, and what needs what.

What stands between two named providers, such as an alias or a `provided` getter, is told by the edge.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from iacs.runtime.graph.graph import Graph, Node
from iacs.runtime.graph.kinds import CALLING, Kind, is_asynchronous, own_kind
from iacs.runtime.picture.declaring import Declarers
from iacs.runtime.picture.folding import Fold, Way
from iacs.runtime.picture.places import made_by

_LIFETIMES = {
    Kind.SINGLETON: "singleton",
    Kind.RESOURCE: "resource",
    Kind.GIVEN: "given",
    Kind.LOCAL: "local",
    Kind.OBJECT: "value",
    Kind.MISSING: "missing",
    Kind.CONFIGURATION: "settings",
    Kind.CONTAINER: "container",
    Kind.SELECTOR: "selector",
    Kind.OTHER: "other",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that a provider reads: `name` of the settings object `holder`, received as `label`."""

    name: str
    holder: str
    label: str


@dataclass(frozen=True, slots=True)
class PictureNode:
    """A provider: how long its value lives, what makes it (`module:qualname`) and who declares it.

    `group` is the path of its container, empty for the outermost. `aliases` are other paths that lead here,
    `replaces` what it overrides, `chosen` the branch that a selector took. No value is ever in it.
    """

    path: str
    kind: str
    lifetime: str
    asynchronous: bool = False
    made_by: str = ""
    declared: str = ""
    group: str = ""
    aliases: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    overlaid: bool = False
    replaces: str = ""
    chosen: str = ""
    started: bool = False

    @property
    def name(self) -> str:
        """The path inside the container."""
        return self.path.removeprefix(f"{self.group}.") if self.group else self.path

    @property
    def short_name(self) -> str:
        """The name of the class or function, without its module."""
        return self.made_by.partition(":")[2]


@dataclass(frozen=True, slots=True)
class PictureEdge:
    """`source` receives `target`, or `pick` of it, as `label`; `through` are the aliases on the way.

    `calls` are the functions that are called with it first, the outermost first.
    `via` is told in kinds.Need; a `deferred` one is handed over as a provider.
    """

    source: str
    target: str
    label: str
    via: str
    pick: str = ""
    through: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    deferred: bool = False

    @property
    def taken(self) -> str:
        """What is taken of the target, in words; the target itself as a rule."""
        taken = f"{self.pick} of {self.target}" if self.pick else self.target
        for call in reversed(self.calls):
            taken = f"{call}({taken})"
        return f"the provider of {taken}" if self.deferred else taken


@dataclass(frozen=True)
class Picture:
    """What people named in a container, in the order of its declarations, and what needs what."""

    container: str
    nodes: tuple[PictureNode, ...]
    edges: tuple[PictureEdge, ...]

    def __str__(self) -> str:
        from iacs.runtime.picture.draw import tree  # which draws pictures, and so knows them

        return tree(self)

    @cached_property
    def by_path(self) -> Mapping[str, PictureNode]:
        """Every node under its path."""
        return {node.path: node for node in self.nodes}

    @cached_property
    def needs(self) -> Mapping[str, tuple[PictureEdge, ...]]:
        """For each path, the edges to what it receives."""
        found: dict[str, list[PictureEdge]] = {node.path: [] for node in self.nodes}
        for edge in self.edges:
            found[edge.source].append(edge)
        return {path: tuple(edges) for path, edges in found.items()}

    @cached_property
    def needed_by(self) -> Mapping[str, tuple[PictureEdge, ...]]:
        """For each path, the edges from what receives it."""
        found: dict[str, list[PictureEdge]] = {node.path: [] for node in self.nodes}
        for edge in self.edges:
            found[edge.target].append(edge)
        return {path: tuple(edges) for path, edges in found.items()}


def picture(
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
        ways = tuple(fold.ways(index))
        nodes.append(painter.node(graph.nodes[index], ways))
        edges += [painter.edge(index, way) for way in ways]
    return Picture(declarers.outermost, tuple(nodes), tuple(edges))


@dataclass(frozen=True)
class _Painter:
    graph: Graph
    fold: Fold
    declarers: Declarers
    overlaid: frozenset[int]
    chosen: Mapping[int, int]
    started: frozenset[int]

    def node(self, node: Node, ways: tuple[Way, ...]) -> PictureNode:
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
            settings=tuple(self.settings(ways)),
            overlaid=node.index in self.overlaid,
            replaces=self.replaced(node.index),
            chosen=self.branch(node),
            started=node.index in self.started,
        )

    def edge(self, index: int, way: Way) -> PictureEdge:
        source, target = self.fold.path(index), self.fold.path(way.end)
        return PictureEdge(source, target, way.label, way.via, way.pick, way.through, way.calls, way.deferred)

    def settings(self, ways: tuple[Way, ...]) -> list[Setting]:
        return [Setting(way.setting, self.fold.path(way.end), way.label) for way in ways if way.setting]

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
        branches = (each for each in node.inputs if each.via == "branch")
        return next((each.label for each in branches if self.graph.source(each.node) == end), "")


def _needs_a_loop(node: Node) -> bool:
    """Tell whether the value is awaited, entered or closed in an event loop only."""
    provides = node.provider.provides
    if node.kind is Kind.RESOURCE or not isinstance(provides, type):
        return is_asynchronous(provides)
    return node.is_part and hasattr(provides, "aclose") and not hasattr(provides, "close")
