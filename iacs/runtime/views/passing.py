"""The values that are passed to a scope: the `scoped.value` of each, and its dependents."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from iacs.core.exceptions import AmbiguousPartError, ScopeError, UnknownPartError
from iacs.runtime.declared.keys import is_type, name_of, plain_key
from iacs.runtime.graph.kinds import SCOPED, Kind
from iacs.runtime.views.view import View


@dataclass(frozen=True, slots=True)
class Passed:
    """What scopes share when they pass values of the same names and types."""

    indexes: tuple[int, ...]
    own: frozenset[int]


NOTHING_PASSED = Passed((), frozenset())


def passed_to(parent: View, named: Mapping[Any, Any]) -> Passed:
    """Find the scoped values that are passed, and what depends on them; remembered by names and types."""
    key = (tuple(named), tuple(map(type, named.values())))
    known: Passed | None = parent.passed.get(key)
    if known is None:
        known = passing(parent, named)
        parent.fits(dict(zip(known.indexes, named.values(), strict=True)))
        parent.passed[key] = known
    return known


def passing(parent: View, names: Iterable[Any]) -> Passed:
    """Find the scoped values of these names; raise ScopeError for another name."""
    indexes = tuple(_index(parent, name) for name in names)
    graph = parent.plan.graph
    scoped = {node.index for node in graph.nodes if node.kind in SCOPED}
    return Passed(indexes, frozenset(graph.affected(indexes) & scoped))


def _index(parent: View, name: Any) -> int:
    graph = parent.plan.graph
    values = [node for node in graph.nodes if node.kind is Kind.SCOPED_VALUE]
    if is_type(name):
        exact = [node.index for node in values if node.provider.provides == name]
        matches = exact or [
            node.index for node in values if plain_key(node.provider.provides) == plain_key(name)
        ]
    else:
        try:
            index = graph.source(parent.lookup.index(name))
        except (UnknownPartError, AmbiguousPartError):
            matches = []
        else:
            matches = [index] if graph.nodes[index].kind is Kind.SCOPED_VALUE else []
    if len(matches) == 1:
        return matches[0]
    known = ", ".join(sorted(node.path for node in values))
    hint = f"pass one of: {known}" if known else "declare it: request = scoped.value(Request)"
    raise ScopeError(f"{name_of(name)} is not a scoped value of the container", hint=hint)
