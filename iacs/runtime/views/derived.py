"""The plan of an overlay, worked out once for all overlays of the same parts."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from iacs.core.exceptions import CheckError, Finding
from iacs.runtime.graph.graph import Graph
from iacs.runtime.plan.expressions import UNSET, Values
from iacs.runtime.plan.parts import Part
from iacs.runtime.plan.plan import Plan
from iacs.runtime.plan.supplied import Contents, shape_of
from iacs.runtime.views.replacements import Replacements
from iacs.runtime.views.view import View

Wraps = Mapping[int, Callable[[Any], Any]]


@dataclass(frozen=True, slots=True)
class Derived:
    """A plan for overlays, the indexes that they compute again, and the parts to open if always the same."""

    plan: Plan
    resets: tuple[int, ...]
    parts: tuple[Part, ...] | None

    def of(self, graph: Graph, wraps: Wraps) -> "tuple[Derived, Mapping[int, Any]]":
        """Return this for one overlay with providers or wraps of its own, and what its values hold of these."""
        plan, reads = self.plan.supplying(graph)
        plan.wrap(wraps)
        parts = self.parts and tuple(plan.parts[part.index] for part in self.parts)
        return Derived(plan, self.resets, parts), reads


def derived_from(parent: View, replaced: Replacements) -> tuple[Derived, Mapping[int, Any]]:
    """Return what an overlay of these parts needs, and what it is to have among its values.

    That is worked out once for all that replace the same parts by providers of the same shape; it stays as it
    was last time if these were made of the same objects.
    """
    if replaced.wraps:
        derived, reads = _derived_now(parent, replaced)
        return derived, {**replaced.values, **reads}
    key = frozenset(replaced.values), tuple(replaced.providers)
    contents = Contents(replaced.providers.values(), parent.plan.graph.indexes)
    last: tuple[Contents, Derived, Mapping[int, Any]] | None = parent.derived.get(key)
    if last is None or not last[0].are_those_of(contents):
        last = parent.derived[key] = contents, *_derived_now(parent, replaced)
    return last[1], {**replaced.values, **last[2]}


def _derived_now(parent: View, replaced: Replacements) -> tuple[Derived, Mapping[int, Any]]:
    graph = _graph(parent, replaced)
    shape = shape_of(graph.nodes[len(parent.plan.graph) :])
    stand_ins = [(index, graph.nodes[index].inputs) for index in replaced.providers]
    key = frozenset(replaced.values), frozenset(stand_ins), frozenset(replaced.wraps), shape
    known: Derived | None = parent.derived.get(key) if shape is not None else None
    if known is None:
        known = _derive(parent, graph, replaced, shared=shape is not None)
        if shape is not None:
            parent.derived[key] = known
    if not (replaced.providers or replaced.wraps):
        return known, {}
    graph.adopt_walks(known.plan.graph)
    return known.of(graph, replaced.wraps)


def _graph(parent: View, replaced: Replacements) -> Graph:
    graph = parent.plan.graph
    return graph.replaced(replaced.providers) if replaced.providers else graph


def refuse_cycles(graph: Graph) -> None:
    """Raise CheckError when a provider that stands in for another one asks for that one."""
    if graph.cycles:
        path = graph.nodes[graph.cycles[0][0]].path
        message = "is replaced by a provider that asks for it; use wrapping(…) to receive the original"
        raise CheckError([Finding(path, "cycle", message)])


def _derive(parent: View, graph: Graph, replaced: Replacements, *, shared: bool) -> Derived:
    refuse_cycles(graph)
    changed = (*replaced.providers, *replaced.wraps)
    plan = Plan(
        graph,
        replaced.values,
        changed=changed,
        base=parent.plan,
        bound=True,
        shared=shared,
        chosen=parent.values,
    )
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
