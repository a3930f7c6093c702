"""The providers that hold settings."""

from dataclasses import dataclass, field

from iacs.runtime.declared import Declarations, class_of
from iacs.runtime.declared.annotations import UNKNOWN
from iacs.runtime.graph.graph import Graph, Node
from iacs.runtime.graph.kinds import Kind

_MARKS = ("model_fields", "sources")
"""What the classes of pydantic's models have, and those that say where each value came from."""
_RECORDS = ("__dataclass_fields__", "__attrs_attrs__", "_fields")
"""What records of other makes have; one that receives something is a service, not settings."""


@dataclass(frozen=True)
class Holders:
    """The providers of a graph that hold settings rather than parts."""

    graph: Graph
    _declarations: Declarations = field(init=False)
    _known: dict[int, bool] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_declarations", Declarations(self.graph))

    def __contains__(self, index: int) -> bool:
        if index not in self._known:
            self._known[index] = self._holds(self.graph.nodes[index])
        return self._known[index]

    def _holds(self, node: Node) -> bool:
        if node.kind is Kind.CONFIGURATION:
            return True
        declared = self._declarations.of(node.index)
        cls = None if declared is UNKNOWN else class_of(declared)
        if cls is None:
            return False
        if any(hasattr(cls, name) for name in _MARKS):
            return True
        record = issubclass(cls, dict) or any(hasattr(cls, name) for name in _RECORDS)
        return record and not node.inputs
