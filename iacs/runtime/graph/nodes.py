"""The nodes of a graph: one for each provider, with an edge to each provider that it needs."""

from dataclasses import dataclass
from typing import Any

from iacs.runtime.graph.kinds import PARTS, Kind


@dataclass(frozen=True, slots=True)
class Input:
    """An edge to the node that is needed as `label`; `via` and `deferred` are those of Need."""

    label: str
    via: str
    node: int
    deferred: bool = False


@dataclass(slots=True, eq=False)
class Node:
    """A provider in the graph, under the shortest path that names it.

    `hidden` are the inputs that it would have if nothing overrode it. `named` is False for a provider
    written inside another one: its path is the other's path and the argument's name.
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
