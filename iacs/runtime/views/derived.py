"""The plan of an overlay, worked out once for all overlays of the same parts."""

from collections.abc import Iterable
from dataclasses import dataclass

from iacs.runtime.plan.expressions import UNSET, Values
from iacs.runtime.plan.parts import Part
from iacs.runtime.plan.plan import Plan
from iacs.runtime.views.view import View


@dataclass(frozen=True, slots=True)
class Derived:
    """A plan for an overlay, which places it computes again, and the parts to open if always the same."""

    plan: Plan
    resets: tuple[int, ...]
    parts: tuple[Part, ...] | None


def derived_from(parent: View, replaced: frozenset[int]) -> Derived:
    """Work out once what every overlay of the same parts needs."""
    known: Derived | None = parent.derived.get(replaced)
    if known is None:
        known = parent.derived[replaced] = _derive(parent, replaced)
    return known


def _derive(parent: View, replaced: frozenset[int]) -> Derived:
    plan = Plan(parent.plan.graph, replaced, base=parent.plan, bound=True, chosen=parent.values)
    resets = tuple(plan.resets)
    values = values_beside(parent, plan, resets)
    chooses = bool(plan.undecided_selectors(parent.roots, values))
    return Derived(plan, resets, None if chooses else tuple(plan.missing_parts(parent.roots, values)))


def values_beside(parent: View, plan: Plan, resets: Iterable[int]) -> Values:
    """Return the parent's values, with room for what is new and without what is computed again."""
    values = [*parent.values, *[UNSET] * (len(plan.graph) - len(parent.values))]
    for index in resets:
        values[index] = UNSET
    return values
