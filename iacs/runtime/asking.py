"""Asks a provider with arguments of the caller's, as those do whom a provider is handed over to."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from iacs.runtime.compiling import method_call
from iacs.runtime.expressions import Values
from iacs.runtime.graph import Node
from iacs.runtime.kinds import Kind

if TYPE_CHECKING:
    from iacs.runtime.plan import Plan

Given = tuple[Sequence[Any], Mapping[str, Any]]


def ask(plan: "Plan", index: int, values: Values, given: Given) -> Any:
    """Return what a provider gives for more arguments; what is kept already gives what is kept."""
    node = plan.graph.nodes[plan.graph.source(index)]
    way = _WAYS.get(node.kind) if any(given) and node.index not in plan.replaced else None
    return plan.read(index, values) if way is None else way(plan, node, values, given)


def _called(plan: "Plan", node: Node, values: Values, given: Given) -> Any:
    return plan.call(node).begin(values, *given[0], **given[1])


def _method(plan: "Plan", node: Node, values: Values, given: Given) -> Any:
    return method_call(plan, node).begin(values, *given[0], **given[1])


def _selector(plan: "Plan", node: Node, values: Values, given: Given) -> Any:
    return ask(plan, plan.chosen(node.index, values), values, given)


def _of(plan: "Plan", node: Node, values: Values, given: Given) -> Any:
    inputs = [each.node for each in node.inputs if each.via == "of"]
    return ask(plan, inputs[0], values, given) if inputs else node.provider.provides(*given[0], **given[1])


def _attribute(plan: "Plan", node: Node, values: Values, given: Given) -> Any:
    return getattr(_of(plan, node, values, given), node.provider.name)


def _item(plan: "Plan", node: Node, values: Values, given: Given) -> Any:
    return _of(plan, node, values, given)[node.provider.name]


def _own(_plan: "Plan", node: Node, _values: Values, given: Given) -> Any:
    return node.provider(*given[0], **given[1])


_WAYS: Mapping[Kind, Callable[["Plan", Node, Values, Given], Any]] = {
    Kind.FACTORY: _called,
    Kind.CALLABLE: _called,
    Kind.COROUTINE: _called,
    Kind.METHOD: _method,
    Kind.SELECTOR: _selector,
    Kind.PROVIDED: _of,
    Kind.ATTRIBUTE: _attribute,
    Kind.ITEM: _item,
    Kind.OTHER: _own,
}
