"""How each kind of provider is compiled to an expression."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from dependency_injector import providers

from iacs.core.exceptions import MissingDependencyError
from iacs.runtime.graph.graph import Node
from iacs.runtime.graph.kinds import Kind
from iacs.runtime.plan.expressions import UNSET, Call, Expression, Values, applied, constant, option, required

if TYPE_CHECKING:
    from iacs.runtime.plan.plan import Plan

if TYPE_CHECKING:
    from iacs.runtime.plan.plan import Plan


def _alias(plan: "Plan", node: Node) -> Expression:
    target = plan.expressions[node.inputs[0].node]
    wanted = node.provider.instance_of if isinstance(node.provider, providers.Dependency) else object
    if wanted is object or target.asynchronous or plan.replaced:
        return target
    return Expression(required(target.read, wanted, node.path))


def _missing(_plan: "Plan", node: Node) -> Expression:
    def read(_values: Values) -> Any:
        raise MissingDependencyError(f"{node.path} was not provided", path=node.path)

    return Expression(read)


def _called(plan: "Plan", node: Node) -> Expression:
    return plan.call(node).expression()


def _selector(plan: "Plan", node: Node) -> Expression:
    branches = {each.node: plan.expressions[each.node] for each in node.inputs if each.via == "branch"}

    def read(values: Values) -> Any:
        return branches[plan.chosen(node.index, values)].read(values)

    return Expression(read, any(each.asynchronous for each in branches.values()))


def _list(plan: "Plan", node: Node) -> Expression:
    return applied(list, tuple(map(plan.argument, node.provider.args)))


def _dict(plan: "Plan", node: Node) -> Expression:
    keys = list(node.provider.kwargs)
    values = [plan.argument(value) for value in node.provider.kwargs.values()]
    return applied(lambda found: dict(zip(keys, found, strict=True)), values)


def _option(plan: "Plan", node: Node) -> Expression:
    root, *names = (each.node for each in node.inputs)
    provider = node.provider
    if not {root, *names} & plan.bound:
        return Expression(lambda _values: provider())
    segments = [plan.argument(segment) for segment in provider.get_name_segments()]
    strict = provider.is_required()
    return applied(
        lambda found: option(found[0], found[1:], node.path, strict=strict),
        [plan.expressions[root], *segments],
    )


def _of(plan: "Plan", node: Node) -> Expression:
    provides = node.provider.provides
    return plan.argument(provides) if providers.is_provider(provides) else Expression(lambda _: provides())


def _attribute(plan: "Plan", node: Node) -> Expression:
    of, name = _of(plan, node), node.provider.name
    if of.asynchronous or "." in name:
        return applied(lambda found: getattr(found[0], name), [of])
    read, get = of.read, attrgetter(name)
    return Expression(lambda values: get(read(values)))


def _item(plan: "Plan", node: Node) -> Expression:
    key = node.provider.name
    return applied(lambda found: found[0][key], [_of(plan, node)])


def method_call(plan: "Plan", node: Node) -> Call:
    """Return the call of a method of another provider's value."""
    args = tuple(map(plan.argument, node.provider.args))
    kwargs = {name: plan.argument(value) for name, value in node.provider.kwargs.items()}
    return Call(_of(plan, node), args, kwargs, {})


def _method(plan: "Plan", node: Node) -> Expression:
    return method_call(plan, node).expression()


def _delegate(plan: "Plan", node: Node) -> Expression:
    return plan.handed_over(node.inputs[0].node)


def _local(plan: "Plan", node: Node) -> Expression:
    """Keep one object a thread or a context; a view of its own keeps its own, in the provider's place."""
    if node.index not in plan.bound:
        return Expression(lambda _values: node.provider())
    cls, call, place = type(node.provider), plan.call(node), node.index

    def read(values: Values) -> Any:
        if values[place] is UNSET:
            values[place] = cls(partial(call.call, values))
        return values[place]()

    return Expression(read)


def _native(_plan: "Plan", node: Node) -> Expression:
    return Expression(lambda _values: node.provider())


COMPILERS: Mapping[Kind, Callable[["Plan", Node], Expression]] = {
    Kind.ALIAS: _alias,
    Kind.MISSING: _missing,
    Kind.FACTORY: _called,
    Kind.CALLABLE: _called,
    Kind.COROUTINE: _called,
    Kind.OBJECT: lambda _plan, node: constant(node.provider.provides),
    Kind.SELECTOR: _selector,
    Kind.LIST: _list,
    Kind.DICT: _dict,
    Kind.OPTION: _option,
    Kind.PROVIDED: _of,
    Kind.ATTRIBUTE: _attribute,
    Kind.ITEM: _item,
    Kind.METHOD: _method,
    Kind.DELEGATE: _delegate,
    Kind.AGGREGATE: lambda plan, node: plan.handed_over(node.index),
    Kind.LOCAL: _local,
    Kind.CONFIGURATION: _native,
    Kind.CONTAINER: _native,
    Kind.OTHER: _native,
}


Given = tuple[Sequence[Any], Mapping[str, Any]]


def ask(plan: "Plan", index: int, values: Values, given: Given) -> Any:
    """Return what a provider gives for more arguments; what is kept already gives what is kept."""
    node = plan.graph.nodes[plan.graph.source(index)]
    way = _WITH_ARGUMENTS.get(node.kind) if any(given) and node.index not in plan.replaced else None
    return plan.read(index, values) if way is None else way(plan, node, values, given)


def _call_with(plan: "Plan", node: Node, values: Values, given: Given) -> Any:
    return plan.call(node).begin(values, *given[0], **given[1])


def _method_with(plan: "Plan", node: Node, values: Values, given: Given) -> Any:
    return method_call(plan, node).begin(values, *given[0], **given[1])


def _selector_with(plan: "Plan", node: Node, values: Values, given: Given) -> Any:
    return ask(plan, plan.chosen(node.index, values), values, given)


def _of_with(plan: "Plan", node: Node, values: Values, given: Given) -> Any:
    inputs = [each.node for each in node.inputs if each.via == "of"]
    return ask(plan, inputs[0], values, given) if inputs else node.provider.provides(*given[0], **given[1])


def _attribute_with(plan: "Plan", node: Node, values: Values, given: Given) -> Any:
    return getattr(_of_with(plan, node, values, given), node.provider.name)


def _item_with(plan: "Plan", node: Node, values: Values, given: Given) -> Any:
    return _of_with(plan, node, values, given)[node.provider.name]


def _provider_with(_plan: "Plan", node: Node, _values: Values, given: Given) -> Any:
    return node.provider(*given[0], **given[1])


_WITH_ARGUMENTS: Mapping[Kind, Callable[["Plan", Node, Values, Given], Any]] = {
    Kind.FACTORY: _call_with,
    Kind.CALLABLE: _call_with,
    Kind.COROUTINE: _call_with,
    Kind.METHOD: _method_with,
    Kind.SELECTOR: _selector_with,
    Kind.PROVIDED: _of_with,
    Kind.ATTRIBUTE: _attribute_with,
    Kind.ITEM: _item_with,
    Kind.OTHER: _provider_with,
}
