"""How a provider's call, and the arguments that are injected into it, are compiled."""

from functools import partial
from typing import Any, Protocol

from dependency_injector import providers

from iacs.runtime.graph.graph import Graph, Node
from iacs.runtime.graph.kinds import Kind, Provider, is_asynchronous, is_delegated
from iacs.runtime.plan.closers import Closers
from iacs.runtime.plan.expressions import Call, Expression, Values, applied, constant


class PlanContext(Protocol):
    """What a compiler reads of the plan that it compiles for; `Plan` has the meaning of each."""

    graph: Graph
    closers: Closers
    replaced: frozenset[int]
    affected: set[int]
    is_derived: bool
    bound: set[int]
    expressions: list[Expression]

    def ask(self, index: int, values: Values, *args: Any, **kwargs: Any) -> Any:
        """Return what a provider gives when it is called with arguments of the caller's."""

    def read(self, index: int, values: Values) -> Any:
        """Return the value of a provider."""

    def chosen(self, selector: int, values: Values) -> int:
        """Return the branch that a selector takes."""
        ...


def call_of(plan: PlanContext, node: Node) -> Call:
    """Return the call that a singleton, resource, factory or callable makes."""
    provider = node.provider
    provides = provider.provides
    attributes = provider.attributes if hasattr(type(provider), "attributes") else {}
    make = constant(provides)
    if providers.is_provider(provides):  # asked with what is injected here
        target = plan.graph.indexes[id(provides)]
        make = Expression(lambda values: partial(plan.ask, target, values))
    return Call(
        make=make,
        args=tuple(argument(plan, value) for value in provider.args),
        kwargs={name: argument(plan, value) for name, value in provider.kwargs.items()},
        attributes={name: argument(plan, value) for name, value in attributes.items()},
        is_coroutine=_is_coroutine(plan, node),
    )


def _is_coroutine(plan: PlanContext, node: Node) -> bool:
    provides = node.provider.provides
    if providers.is_provider(provides):
        return plan.expressions[plan.graph.indexes[id(provides)]].asynchronous
    if node.kind in (Kind.RESOURCE, Kind.SCOPED_RESOURCE) and hasattr(provides, "__wrapped__"):
        return False  # what a resource's generator gives is entered, not awaited
    return is_asynchronous(provides) and not isinstance(provides, type)


def argument(plan: PlanContext, value: Any) -> Expression:
    """Return how an injected argument comes to its value."""
    if not providers.is_provider(value):
        return constant(value)
    index = plan.graph.indexes[id(value)]
    return provider_itself(plan, index) if is_delegated(value) else plan.expressions[index]


def provider_itself(plan: PlanContext, index: int) -> Expression:
    """Return a provider that is injected as such, to be asked later."""
    node = plan.graph.nodes[index]
    provider: Provider = node.provider
    if index not in plan.bound:
        return constant(provider)
    if isinstance(provider, providers.Aggregate):
        names = list(provider.providers)
        return applied(
            lambda members: type(provider)(dict(zip(names, members, strict=True))),
            [provider_itself(plan, edge.node) for edge in node.inputs],
        )
    return Expression(lambda values: providers.Callable(partial(plan.ask, index, values)))
