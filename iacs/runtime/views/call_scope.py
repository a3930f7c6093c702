"""The scope of one call: what `Closing[…]` marks is opened for the call and closed after it."""

from dataclasses import dataclass, field
from typing import Any

from iacs.runtime.graph.kinds import SCOPED, Kind
from iacs.runtime.plan.expressions import Read
from iacs.runtime.plan.plan import Plan
from iacs.runtime.views.nesting import Scope
from iacs.runtime.views.passing import Passed
from iacs.runtime.views.view import Key, View

_OPENED = frozenset({Kind.RESOURCE, Kind.SCOPED_RESOURCE})


@dataclass(frozen=True, slots=True)
class _Calls:
    """The parts that calls of one view open alike, worked out once."""

    plan: Plan
    passed: Passed
    caches: tuple[dict[Key, Read], dict[Key, Any]] = field(default_factory=lambda: ({}, {}))


class CallScope(Scope):
    """The resources that the `targets` depend on are this call's own, and so is what lies between.

    One that is not `current` is not found by the functions that the call calls.
    """

    def __init__(self, parent: View, targets: frozenset[int], *, is_current: bool) -> None:
        super().__init__(parent, {})
        self._targets = targets
        self.is_current = is_current

    def knowing(self, parent: View) -> Passed:
        """Return which parts are the call's own."""
        calls = _calls_of(parent, self._targets)
        self.plan, self.scope_caches = calls.plan, calls.caches
        return calls.passed


def opens_anything(parent: View, targets: frozenset[int]) -> bool:
    """Return whether a call that marks `targets` has anything to open."""
    return bool(_calls_of(parent, targets).passed.own)


def _calls_of(parent: View, targets: frozenset[int]) -> _Calls:
    key = ("call", targets)
    calls: _Calls | None = parent.passed.get(key)
    if calls is None:
        calls = parent.passed[key] = _calls(parent, targets)
    return calls


def _calls(parent: View, targets: frozenset[int]) -> _Calls:
    plan = parent.plan
    graph = plan.graph
    reached = plan.reach(targets, parent.values)
    resources = {i for i in reached if graph.nodes[i].kind in _OPENED and i not in plan.replaced}
    between = reached & graph.affected(resources)
    own = frozenset(i for i in between if graph.nodes[i].is_part or graph.nodes[i].kind in SCOPED)
    here = frozenset(i for i in own if graph.nodes[i].is_part)
    if here:
        plan = Plan(graph, base=plan, scoped_here=here, bound=True, chosen=parent.values)
    return _Calls(plan, Passed((), own))
