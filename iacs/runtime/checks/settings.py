"""Uses of settings that do not exist."""

from collections.abc import Iterator

from iacs.core.exceptions import Finding
from iacs.runtime.checks.members import lacks_field
from iacs.runtime.checks.options import missing_option
from iacs.runtime.checks.wiring import JUDGED, Wiring, own_name
from iacs.runtime.declared import class_of
from iacs.runtime.graph.graph import Node
from iacs.runtime.graph.kinds import Kind
from iacs.suggestions import suggestion


def settings(wiring: Wiring) -> Iterator[Finding]:
    """Yield each use of a setting that neither its model nor the loaded data has."""
    for node in wiring.graph.nodes:
        problem = _problem(wiring, node)
        for owner in wiring.owners(node.index) if problem else ():
            reader = wiring.graph.nodes[owner]
            name = f"{own_name(wiring.graph, owner)}()" if reader.kind in JUDGED else "it"
            yield Finding(reader.path, "setting", f"{name} reads {problem}")


def _problem(wiring: Wiring, node: Node) -> str:
    if node.kind is Kind.ATTRIBUTE and node.inputs:
        cls = class_of(wiring.declarations.of(node.inputs[0].node))
        name = node.provider.name
        if cls is not None and lacks_field(cls, name):
            known = getattr(cls, "model_fields", None) or getattr(cls, "__annotations__", {})
            fix = suggestion(name, known, otherwise=f"add {name!r} to {cls.__qualname__}, or read another")
            return f"{cls.__qualname__}.{name}, which does not exist: {fix}"
    if node.kind is Kind.OPTION:
        where = missing_option(node.provider)
        if where:
            return f"{node.provider.get_name()}, which {where} does not have: correct the name, or add it"
    return ""
