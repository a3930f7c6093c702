"""Providers that an overlay supplies, in a plan that many overlays share.

Overlays that supply providers of the same shape have the same plan. It reads what is different, the supplied
providers themselves, from the values of each overlay.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from iacs.runtime.graph.graph import Node
from iacs.runtime.graph.kinds import CALLING, SCOPED, Kind, is_asynchronous
from iacs.runtime.plan.calls import PlanContext
from iacs.runtime.plan.expressions import Expression, Read

_KEPT_AMONG_VALUES = SCOPED | {Kind.LOCAL, Kind.SELECTOR}
"""Kinds that keep something of their own at their index."""

_NOT_SHARED = _KEPT_AMONG_VALUES | {Kind.ALIAS, Kind.MISSING, Kind.GIVEN}


@dataclass(frozen=True, slots=True)
class Supplied:
    """How an overlay reads a provider that was supplied to it; kept at the provider's index among its values."""

    plan: PlanContext
    read: Read


def read_supplied(index: int, compiled: Expression) -> Expression:
    """Return an expression that reads the provider which the values have at `index`, compiled like this one."""
    return Expression(lambda values: values[index].read(values), compiled.asynchronous)


def shape_of(nodes: Iterable[Node]) -> Hashable | None:
    """Return what supplied providers must have in common to share a plan; None if these cannot share one."""
    shape = []
    for node in nodes:
        if node.kind in _NOT_SHARED:
            return None
        made = node.provider.provides if node.kind in CALLING else None
        shape.append((node.kind, node.inputs, is_asynchronous(made), hasattr(made, "__wrapped__")))
    return tuple(shape)
