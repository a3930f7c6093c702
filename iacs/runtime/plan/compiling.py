"""How each kind of provider is compiled to an expression."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from inspect import isasyncgenfunction
from operator import attrgetter, itemgetter
from typing import Any

from dependency_injector import providers
from dependency_injector.errors import Error

from iacs.core.exceptions import MissingDependencyError
from iacs.runtime.graph.graph import Node
from iacs.runtime.graph.kinds import Kind, Provider, is_asynchronous, is_context_local
from iacs.runtime.plan.calls import PlanContext, argument, call_of, provider_itself
from iacs.runtime.plan.closers import is_kept_open
from iacs.runtime.plan.container_view import ContainerView
from iacs.runtime.plan.expressions import (
    UNSET,
    Call,
    Expression,
    Values,
    applied,
    constant,
    lacking,
    option,
    required,
)
from iacs.runtime.plan.generated_parts import AsyncGeneratedPart, GeneratedPart
from iacs.runtime.plan.scoped_parts import (
    BuiltPart,
    EnteredPart,
    NativePart,
    PassedPart,
    ScopedPart,
)
from iacs.runtime.plan.scoping import ScopeValues
from iacs.runtime.plan.supplied import Supplied

Compile = Callable[[PlanContext, Node], Expression]
Arguments = tuple[Sequence[Any], Mapping[str, Any]]
"""Positional and keyword arguments that a caller adds to the injected ones."""


def _alias(plan: PlanContext, node: Node) -> Expression:
    target = plan.expressions[node.inputs[0].node]
    wanted = node.provider.instance_of if isinstance(node.provider, providers.Dependency) else object
    if wanted is object or target.asynchronous or plan.replaced:
        return target
    return Expression(required(target.read, wanted, node.path))


def _missing(_plan: PlanContext, node: Node) -> Expression:
    def read(_values: Values) -> Any:
        raise MissingDependencyError(f"{node.path} was not provided", path=node.path)

    return Expression(read)


def scoped_part(plan: PlanContext, node: Node) -> ScopedPart:
    """Return how a part is made once per scope; it needs an event loop if one of its arguments does."""
    call, made, where = call_of(plan, node), node.provider.provides, (node.index, node.path)
    if node.kind in (Kind.SINGLETON, Kind.SCOPED_SINGLETON):
        return BuiltPart(*where, call.expression(), plan.closers, kept_open=is_kept_open(made))
    generates = getattr(made, "generator_function", None)
    if generates is None:
        entered = NativePart if isinstance(node.provider, providers.BaseResource) else EnteredPart
        return entered(*where, call.expression(), plan.closers, asynchronous=is_asynchronous(made))
    build = replace(call, make=constant(generates)).expression()
    return (AsyncGeneratedPart if isasyncgenfunction(generates) else GeneratedPart)(*where, build)


def _scoped(plan: PlanContext, node: Node) -> Expression:
    scoped = scoped_part(plan, node).expression()
    if node.kind is Kind.SCOPED_RESOURCE or not is_context_local(node.provider):
        return scoped
    outside = _local(plan, node).read

    def read(values: Values) -> Any:
        return (scoped.read if type(values) is ScopeValues else outside)(values)

    return Expression(read, scoped.asynchronous)


def _selector(plan: PlanContext, node: Node) -> Expression:
    branches = {edge.node: plan.expressions[edge.node] for edge in node.inputs if edge.via == "branch"}

    def read(values: Values) -> Any:
        return branches[plan.chosen(node.index, values)].read(values)

    return Expression(read, any(branch.asynchronous for branch in branches.values()))


def _collection(plan: PlanContext, node: Node) -> Expression:
    """Put together a list of the positional arguments, or a dictionary of the others."""
    if node.kind is Kind.LIST:
        return applied(list, [argument(plan, value) for value in node.provider.args])
    keys = list(node.provider.kwargs)
    inputs = [argument(plan, value) for value in node.provider.kwargs.values()]
    return applied(lambda values: dict(zip(keys, values, strict=True)), inputs)


def _option(plan: PlanContext, node: Node) -> Expression:
    root, *names = (edge.node for edge in node.inputs)
    provider = node.provider
    if not {root, *names} & plan.bound:
        return Expression(partial(_loaded_option, provider, node.path))
    segments = [argument(plan, segment) for segment in provider.get_name_segments()]
    strict = provider.is_required()
    return applied(
        lambda values: option(values[0], values[1:], node.path, strict=strict),
        [plan.expressions[root], *segments],
    )


def _loaded_option(provider: Provider, path: str, _values: Values) -> Any:
    try:
        return provider()
    except Error as error:  # without a hint, and a start reports only the type of foreign errors
        raise lacking(path) from error


def _of(plan: PlanContext, node: Node) -> Expression:
    provides = node.provider.provides
    return argument(plan, provides) if providers.is_provider(provides) else Expression(lambda _: provides())


def _taken_out(plan: PlanContext, node: Node) -> Expression:
    """Take an attribute or an item out of another provider's value."""
    of, get = _of(plan, node), taking(node)
    if of.asynchronous:
        return applied(lambda values: get(values[0]), [of])
    read = of.read
    return Expression(lambda values: get(read(values)))


def taking(node: Node) -> Callable[[Any], Any]:
    """Return the function that takes an attribute or an item; the name of an attribute may hold a dot."""
    name = node.provider.name
    if node.kind is Kind.ITEM:
        return itemgetter(name)
    return (lambda value: getattr(value, name)) if "." in name else attrgetter(name)


def method_call(plan: PlanContext, node: Node) -> Call:
    """Return the call of a method of another provider's value."""
    args = tuple(argument(plan, value) for value in node.provider.args)
    kwargs = {name: argument(plan, value) for name, value in node.provider.kwargs.items()}
    return Call(_of(plan, node), args, kwargs, {})


def _local(plan: PlanContext, node: Node) -> Expression:
    """Keep one object per thread or context; an overlay keeps its own at the provider's index."""
    if node.index not in plan.affected or not plan.is_derived:
        return Expression(lambda _values: node.provider._provide((), {}))  # whatever overrides it by now
    cls, call, index = type(node.provider), call_of(plan, node), node.index

    def read(values: Values) -> Any:
        if values[index] is UNSET:
            values[index] = cls(partial(call.call, values))
        return values[index]()

    return Expression(read)


def _container(plan: PlanContext, node: Node) -> Expression:
    """Return the container itself; in an overlay, a view of it whose providers return the overlay's values."""
    if node.index not in plan.bound or not node.inputs:
        return _native(plan, node)
    names = [edge.label for edge in node.inputs]
    return applied(
        lambda members: ContainerView(node.provider(), dict(zip(names, members, strict=True))),
        [provider_itself(plan, edge.node) for edge in node.inputs],
    )


def _native(_plan: PlanContext, node: Node) -> Expression:
    return Expression(lambda _values: node.provider())


COMPILERS: Mapping[Kind, Compile] = {
    Kind.ALIAS: _alias,
    Kind.MISSING: _missing,
    Kind.SCOPED_VALUE: lambda _plan, node: PassedPart(node.index, node.path).expression(),
    Kind.SCOPED_SINGLETON: _scoped,
    Kind.SCOPED_RESOURCE: _scoped,
    Kind.FACTORY: lambda plan, node: call_of(plan, node).expression(),
    Kind.CALLABLE: lambda plan, node: call_of(plan, node).expression(),
    Kind.COROUTINE: lambda plan, node: call_of(plan, node).expression(),
    Kind.OBJECT: lambda _plan, node: constant(node.provider.provides),
    Kind.SELECTOR: _selector,
    Kind.LIST: _collection,
    Kind.DICT: _collection,
    Kind.OPTION: _option,
    Kind.PROVIDED: _of,
    Kind.ATTRIBUTE: _taken_out,
    Kind.ITEM: _taken_out,
    Kind.METHOD: lambda plan, node: method_call(plan, node).expression(),
    Kind.DELEGATE: lambda plan, node: provider_itself(plan, node.inputs[0].node),
    Kind.AGGREGATE: lambda plan, node: provider_itself(plan, node.index),
    Kind.LOCAL: _local,
    Kind.CONFIGURATION: _native,
    Kind.CONTAINER: _container,
    Kind.OTHER: _native,
}


def ask(plan: PlanContext, index: int, values: Values, arguments: Arguments) -> Any:
    """Return the result of calling a provider with further arguments, which do not change a part that is kept."""
    node = plan.graph.nodes[plan.graph.source(index)]
    supplied = values[node.index]
    if type(supplied) is Supplied:
        plan, node = supplied.plan, supplied.plan.graph.nodes[node.index]
    compute = _WITH_ARGUMENTS.get(node.kind) if any(arguments) and node.index not in plan.replaced else None
    return plan.read(index, values) if compute is None else compute(plan, node, values, arguments)


def _call_with(plan: PlanContext, node: Node, values: Values, arguments: Arguments) -> Any:
    call = method_call(plan, node) if node.kind is Kind.METHOD else call_of(plan, node)
    return call.begin(values, *arguments[0], **arguments[1])


def _of_with(plan: PlanContext, node: Node, values: Values, arguments: Arguments) -> Any:
    inputs = [edge.node for edge in node.inputs if edge.via == "of"]
    return (
        ask(plan, inputs[0], values, arguments)
        if inputs
        else node.provider.provides(*arguments[0], **arguments[1])
    )


def _taken_out_with(plan: PlanContext, node: Node, values: Values, arguments: Arguments) -> Any:
    return taking(node)(_of_with(plan, node, values, arguments))


_WITH_ARGUMENTS: Mapping[Kind, Callable[[PlanContext, Node, Values, Arguments], Any]] = {
    Kind.FACTORY: _call_with,
    Kind.CALLABLE: _call_with,
    Kind.COROUTINE: _call_with,
    Kind.METHOD: _call_with,
    Kind.SELECTOR: lambda plan, node, values, arguments: ask(
        plan, plan.chosen(node.index, values), values, arguments
    ),
    Kind.PROVIDED: _of_with,
    Kind.ATTRIBUTE: _taken_out_with,
    Kind.ITEM: _taken_out_with,
    Kind.OTHER: lambda _plan, node, _values, arguments: node.provider(*arguments[0], **arguments[1]),
}
