"""Uses of settings that do not exist."""

from collections.abc import Iterator

from iacs.core.exceptions import Finding
from iacs.runtime.checks.members import lacks_field
from iacs.runtime.checks.options import missing_option
from iacs.runtime.checks.wiring import JUDGED, Wiring, own_name
from iacs.runtime.declared import class_of
from iacs.runtime.graph.graph import Node
from iacs.runtime.graph.kinds import Kind
from iacs.runtime.graph.suggestions import suggestion


def settings(wiring: Wiring) -> Iterator[Finding]:
    """Yield each use of a setting that neither its model nor the loaded data has."""
    for node in wiring.graph.nodes:
        problem = _problem(wiring, node)
        for owner in wiring.owners(node.index) if problem else ():
            yield Finding(
                wiring.graph.nodes[owner].path, "setting", f"{_reader(wiring, owner)} reads {problem}"
            )


def _problem(wiring: Wiring, node: Node) -> str:
    if node.kind is Kind.ATTRIBUTE and node.inputs:
        cls = class_of(wiring.declarations.of(node.inputs[0].node))
        name = node.provider.name
        return _attribute(cls, name) if cls is not None and lacks_field(cls, name) else ""
    if node.kind is Kind.OPTION:
        where = missing_option(node.provider)
        return (
            f"{node.provider.get_name()}, which {where} does not have: correct the name, or add it"
            if where
            else ""
        )
    return ""


def _attribute(cls: type, name: str) -> str:
    known = getattr(cls, "model_fields", None) or getattr(cls, "__annotations__", {})
    fix = suggestion(name, known, otherwise=f"add {name!r} to {cls.__qualname__}, or read another")
    return f"{cls.__qualname__}.{name}, which does not exist: {fix}"


def _reader(wiring: Wiring, index: int) -> str:
    node = wiring.graph.nodes[index]
    return f"{own_name(wiring.graph, index)}()" if node.kind in JUDGED else "it"
