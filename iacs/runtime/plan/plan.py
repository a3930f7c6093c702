"""Every provider of a graph compiled to an expression, and the parts with what they wait for."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import Any

from dependency_injector import providers

from iacs.core.exceptions import NotStartedError, WiringError
from iacs.runtime.graph.graph import Graph, Node
from iacs.runtime.graph.kinds import Kind, Provider, is_asynchronous, is_delegated
from iacs.runtime.plan.compiling import COMPILERS, ask
from iacs.runtime.plan.expressions import UNSET, Call, Expression, Values, applied, constant
from iacs.runtime.plan.parts import Part, closes_asynchronously


class Plan:
    """Compile the providers of a graph; `replaced` ones are read from their place among the values.

    A plan with a `base` compiles only what is affected by what is replaced or `changed`, and not by way of a
    branch that a selector skips, as `chosen` values, those of the base, tell. In a `bound` one,
    what it compiles is handed over as providers of this view: asking them gives its values, not the container's.
    """

    def __init__(
        self,
        graph: Graph,
        replaced: Collection[int] = (),
        *,
        changed: Collection[int] = (),
        bound: bool = False,
        base: "Plan | None" = None,
        chosen: Values | None = None,
    ) -> None:
        self.graph = graph
        self.replaced: frozenset[int] = frozenset(replaced) | (base.replaced if base else frozenset())
        new = range(len(base.graph) if base else 0, len(graph))
        skipped = set(self._skipped(chosen)) if chosen is not None else ()
        self.affected: set[int] = graph.affected((*replaced, *changed, *new), skipped)
        bound_before: set[int] = base.bound if base else set()
        self.bound: set[int] = self.affected | bound_before if bound else set()
        self.expressions: list[Expression] = list(base.expressions) if base else []
        self.expressions += [constant(UNSET)] * (len(graph) - len(self.expressions))
        self.waits: list[frozenset[int]] = list(base.waits) if base else []
        self.waits += [frozenset()] * (len(graph) - len(self.waits))
        self.parts: dict[int, Part] = dict(base.parts) if base else {}
        self.handed: frozenset[int] = base.handed if base else frozenset()
        self.handed |= {id(each.provider.provides) for each in graph.nodes[new.start :] if _is_object(each)}
        self.order = graph.order
        self._compile()

    def _skipped(self, chosen: Values) -> Iterator[tuple[int, int]]:
        for node in self.graph.nodes[: len(chosen)]:
            if node.index in self.replaced:
                yield from ((each.node, node.index) for each in node.inputs)
            elif node.kind is Kind.SELECTOR and chosen[node.index] is not UNSET:
                kept = {*self.keys_of(node.index), chosen[node.index]}
                yield from ((each.node, node.index) for each in node.inputs if each.node not in kept)

    def _compile(self) -> None:
        for index in self.order:
            if index in self.affected:
                node = self.graph.nodes[index]
                waits: frozenset[int] = frozenset()
                self.waits[index] = waits.union(*map(self._awaited, self._inputs(node)))
                self.parts.pop(index, None)
                self.expressions[index] = self._expression(node)

    def wrap(self, wraps: Mapping[int, Callable[[Any], Any]]) -> None:
        """Put what a function makes of a part into the part's place."""
        for index, wrap in wraps.items():
            if index not in self.parts:
                path = self.graph.nodes[index].path
                raise NotStartedError(f"{path} cannot be wrapped before it is started", path=path)
            self.parts[index] = replace(self.parts[index], wrap=wrap)

    @property
    def resets(self) -> list[int]:
        """Return the places whose value has to be worked out anew; a selector's when its key may be another."""
        return [index for index in self.affected if index not in self.replaced and self._is_reset(index)]

    def _is_reset(self, index: int) -> bool:
        return not self._is_selector(index) or not self.affected.isdisjoint(self.keys_of(index))

    def _inputs(self, node: Node) -> Iterable[int]:
        return () if node.index in self.replaced else (each.node for each in node.inputs)

    def _awaited(self, index: int) -> frozenset[int]:
        return frozenset((index,)) if index in self.parts else self.waits[index]

    def _expression(self, node: Node) -> Expression:
        if node.index in self.replaced:
            return Expression(itemgetter(node.index))
        if node.is_part:
            self.parts[node.index] = self._part(node)
            return Expression(itemgetter(node.index))
        return COMPILERS[node.kind](self, node)

    def _part(self, node: Node) -> Part:
        native = node.kind is Kind.GIVEN
        expression = COMPILERS[Kind.OTHER](self, node) if native else self.call(node).expression()
        return Part(
            index=node.index,
            path=node.path,
            provider=node.provider,
            build=expression.read,
            kind=node.kind,
            awaits=expression.asynchronous,
            asynchronous=expression.asynchronous
            or (node.kind is Kind.RESOURCE and is_asynchronous(node.provider.provides)),
            closes_asynchronously=node.kind is Kind.SINGLETON
            and closes_asynchronously(node.provider.provides),
            native=native,
            waits=self.waits[node.index],
            sources=tuple(
                self.expressions[each.node].read for each in node.inputs if self._is_taken_out(each.node)
            ),
            local=isinstance(node.provider, providers.ContextLocalResource),
        )

    def _is_taken_out(self, index: int) -> bool:
        is_taken_out = self.graph.nodes[self.graph.source(index)].kind in (Kind.ATTRIBUTE, Kind.ITEM)
        return is_taken_out and not self.expressions[index].asynchronous

    def call(self, node: Node) -> Call:
        """Return the call that a singleton, resource, factory or callable makes."""
        provider = node.provider
        provides = provider.provides
        attributes = provider.attributes if hasattr(type(provider), "attributes") else {}
        return Call(
            make=self._asking(provides) if providers.is_provider(provides) else constant(provides),
            args=tuple(map(self.argument, provider.args)),
            kwargs={name: self.argument(value) for name, value in provider.kwargs.items()},
            attributes={name: self.argument(value) for name, value in attributes.items()},
            is_coroutine=self._is_coroutine(node),
        )

    def _is_coroutine(self, node: Node) -> bool:
        provides = node.provider.provides
        if providers.is_provider(provides):
            return self.expressions[self.graph.indexes[id(provides)]].asynchronous
        return is_asynchronous(provides) and not isinstance(provides, type) and _is_awaited(node)

    def _asking(self, provider: Provider) -> Expression:
        index = self.graph.indexes[id(provider)]
        return Expression(lambda values: partial(self.ask, index, values))

    def argument(self, value: Any) -> Expression:
        """Return how an injected argument comes to its value."""
        if not providers.is_provider(value):
            return constant(value)
        index = self.graph.indexes[id(value)]
        return self.handed_over(index) if is_delegated(value) else self.expressions[index]

    def handed_over(self, index: int) -> Expression:
        """Return a provider that is injected as such, to be asked later."""
        provider: Provider = self.graph.nodes[index].provider
        if index not in self.bound:
            return constant(provider)
        if isinstance(provider, providers.Aggregate):
            return applied(_aggregate(provider), [self.handed_over(i) for i in self._inputs_of(index)])
        return Expression(lambda values: providers.Callable(partial(self.ask, index, values)))

    def _inputs_of(self, index: int) -> list[int]:
        return [each.node for each in self.graph.nodes[index].inputs]

    def ask(self, index: int, values: Values, *args: Any, **kwargs: Any) -> Any:
        """Return what a provider gives when it is called with arguments of the caller's."""
        return ask(self, index, values, (args, kwargs))

    def read(self, index: int, values: Values) -> Any:
        """Return the value of a provider, checking that the parts that it takes are there."""
        if any(values[each] is UNSET for each in self.unset_inputs(index, values)):
            raise LookupError(index)
        return self.expressions[index].read(values)

    def unset_inputs(self, index: int, values: Values) -> list[int]:
        """Return the parts that a provider takes and that `values` lacks."""
        taken = (index,) if index in self.parts or index in self.replaced else self.reach((index,), values)
        return [each for each in taken if each in self.parts and values[each] is UNSET]

    def reach(self, roots: Iterable[int], values: Values) -> set[int]:
        """Return all that the roots ask, through the branches that `values` says are chosen."""
        waiting = list(roots)
        found = set(waiting)
        while waiting:
            fresh = [each for each in self._asked(waiting.pop(), values) if each not in found]
            found.update(fresh)
            waiting.extend(fresh)
        return found

    def _asked(self, index: int, values: Values) -> Sequence[int]:
        node = self.graph.nodes[index]
        if index in self.replaced:
            return ()
        if node.kind is not Kind.SELECTOR:
            return [each.node for each in node.inputs]
        chosen = () if values[index] is UNSET else (values[index],)
        return [*self.keys_of(index), *chosen]

    def keys_of(self, selector: int) -> list[int]:
        """Return what a selector asks for its key."""
        return [each.node for each in self.graph.nodes[selector].inputs if each.via == "key"]

    def missing(self, roots: Iterable[int], values: Values) -> list[Part]:
        """Return the parts that the roots reach and that `values` lacks, each after what it asks."""
        reached = self.reach(roots, values)
        return [
            self.parts[index]
            for index in self.order
            if index in reached and index in self.parts and values[index] is UNSET
        ]

    def undecided(self, roots: Iterable[int], values: Values) -> list[int]:
        """Return the selectors that the roots reach and whose branch is not chosen yet."""
        reached = self.reach(roots, values)
        return [
            index
            for index in self.order
            if index in reached and self._is_selector(index) and values[index] is UNSET
        ]

    def _is_selector(self, index: int) -> bool:
        return self.graph.nodes[index].kind is Kind.SELECTOR and index not in self.replaced

    def chosen(self, selector: int, values: Values) -> int:
        """Return the branch that a selector takes."""
        chosen: int = self.choose(selector, values) if values[selector] is UNSET else values[selector]
        return chosen

    def choose(self, selector: int, values: Values) -> int:
        """Return the branch that a selector's key names; raise WiringError when there is none."""
        node = self.graph.nodes[selector]
        keys = self.keys_of(selector)
        key = self.expressions[keys[0]].read(values) if keys else node.provider.selector()
        branches = {each.label: each.node for each in node.inputs if each.via == "branch"}
        if key in branches:
            return branches[key]
        names = ", ".join(branches)
        message = f"{node.path} can choose between {names}, and its selector says {key!r}"
        raise WiringError(message, path=node.path)


def _is_object(node: Node) -> bool:
    return node.kind is Kind.OBJECT


def _is_awaited(node: Node) -> bool:
    """Tell whether calling gives a coroutine; what a resource's generator gives is entered instead."""
    return node.kind is not Kind.RESOURCE or not hasattr(node.provider.provides, "__wrapped__")


def _aggregate(provider: Any) -> Callable[[Sequence[Any]], Any]:
    names = list(provider.providers)
    return lambda made: type(provider)(dict(zip(names, made, strict=True)))
