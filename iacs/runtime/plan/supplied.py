"""Providers that an overlay supplies, in a plan that many overlays share.

Overlays that supply providers of the same shape have the same plan. It reads what is different, the supplied
providers themselves, from the values of each overlay.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import is_
from typing import Any

from dependency_injector import providers

from iacs.runtime.graph.graph import Node
from iacs.runtime.graph.kinds import CALLING, SCOPED, Kind, Provider, is_asynchronous, is_provider
from iacs.runtime.plan.calls import PlanContext
from iacs.runtime.plan.expressions import Expression, Read

_KEPT_AMONG_VALUES = SCOPED | {Kind.LOCAL, Kind.SELECTOR}
"""Kinds that keep something of their own at their index."""

_NOT_SHARED = _KEPT_AMONG_VALUES | {Kind.ALIAS, Kind.MISSING, Kind.GIVEN}


_SIMPLE = {providers.Singleton, providers.Resource, providers.Factory, providers.Callable}


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


class Contents:
    """What providers were made of, those of a container (by `indexes`) included.

    Providers that were made of the very same objects are the same to an overlay.
    """

    def __init__(self, supplied: Iterable[Provider], indexes: Mapping[int, int]) -> None:
        self._objects: list[Any] = []
        self._is_known = True
        for provider in supplied:
            if type(provider) not in _SIMPLE or provider.overridden:
                self._is_known = False
                break
            self._objects += _made_of(provider)
        self._is_known = self._is_known and all(
            id(made) in indexes for made in self._objects if is_provider(made)
        )

    def are_those_of(self, other: "Contents") -> bool:
        """Return whether all are the same; False where that cannot be known."""
        if not (self._is_known and other._is_known and len(self._objects) == len(other._objects)):
            return False
        return all(map(is_, self._objects, other._objects))


def _made_of(provider: Any) -> Iterator[Any]:
    attributes = provider.attributes if hasattr(type(provider), "attributes") else {}
    yield from (type(provider), provider.provides, *provider.args)
    yield from (*provider.kwargs, *provider.kwargs.values(), *attributes, *attributes.values())
