"""The data of a picture: the named providers of a container and their dependencies."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that a provider reads: `name` of the settings object `holder`, received as `label`."""

    name: str
    holder: str
    label: str


@dataclass(frozen=True, slots=True)
class PictureNode:
    """A provider: how long its value lives, what makes it (`module:qualname`) and which class declares it.

    `group` is the path of its container, empty for the outermost. `aliases` are other paths that lead here,
    `replaces` what it overrides, `chosen` the branch that a selector took. It never holds a value.
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
    `via` is described at needs.Need; a `deferred` one is passed as a provider.
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
class PictureData:
    """The named providers of a container, in the order of declaration, and their dependencies."""

    container: str
    nodes: tuple[PictureNode, ...]
    edges: tuple[PictureEdge, ...]

    @cached_property
    def by_path(self) -> Mapping[str, PictureNode]:
        """Every node under its path."""
        return {node.path: node for node in self.nodes}

    @cached_property
    def needs(self) -> Mapping[str, tuple[PictureEdge, ...]]:
        """For each path, the edges to what it receives."""
        groups: dict[str, list[PictureEdge]] = {node.path: [] for node in self.nodes}
        for edge in self.edges:
            groups[edge.source].append(edge)
        return {path: tuple(edges) for path, edges in groups.items()}

    @cached_property
    def needed_by(self) -> Mapping[str, tuple[PictureEdge, ...]]:
        """For each path, the edges from what receives it."""
        groups: dict[str, list[PictureEdge]] = {node.path: [] for node in self.nodes}
        for edge in self.edges:
            groups[edge.target].append(edge)
        return {path: tuple(edges) for path, edges in groups.items()}
