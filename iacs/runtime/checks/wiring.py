"""The calls that a graph's providers make, as far as they are known before anything is built."""

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from dependency_injector import providers

from iacs.runtime.checks.fits import Given, of_value
from iacs.runtime.checks.matching import Argument, Bound, bind
from iacs.runtime.checks.options import option_annotation
from iacs.runtime.declared import Declarations
from iacs.runtime.declared.annotations import UNKNOWN
from iacs.runtime.declared.callees import Callee, callee
from iacs.runtime.graph.graph import Graph, Node
from iacs.runtime.graph.kinds import CALLING, PASSING_ON, SCOPED, Kind, own_kind

JUDGED = CALLING | {Kind.GIVEN}
"""Kinds whose calls are checked; a provider passed in from outside makes a call, too."""
ABSTRACT = (
    providers.AbstractFactory,
    providers.AbstractSingleton,
    providers.AbstractCallable,
    providers.AbstractCoroutine,
)
_EXACT = JUDGED - {Kind.RESOURCE}
_BRANCHES = 100


@dataclass(frozen=True)
class Call:
    """A call that a provider makes, with its arguments; `callee` describes its parameters."""

    node: Node
    made: Any
    callee: Callee
    arguments: tuple[Argument, ...]

    @property
    def name(self) -> str:
        """The constructor's qualified name."""
        return name_of(self.made)

    @cached_property
    def bound(self) -> Bound | None:
        """The arguments matched to parameters; None when the signature is unknown."""
        return None if self.callee.signature is None else bind(self.callee.signature, self.arguments)

    @property
    def pairs(self) -> list[tuple[inspect.Parameter, Argument]]:
        """Each argument with the parameter that gets it, as far as both are known."""
        return self.bound.pairs if self.bound is not None else []


def name_of(made: Any) -> str:
    """Return the qualified name of a class, a function or another callable."""
    for _ in range(10):
        if not isinstance(made, partial):
            break
        made = made.func
    return str(getattr(made, "__qualname__", type(made).__qualname__))


def own_name(graph: Graph, index: int) -> str:
    """Return what a provider calls by name, else its kind: `Database`, `an object`."""
    provider = graph.nodes[index].provider
    made = getattr(provider, "provides", None) if own_kind(provider) in JUDGED else None
    return name_of(made) if callable(made) else type(provider).__name__


class Wiring:
    """A graph, what its nodes are declared to give, and the calls among them; each worked out once.

    `closing` are the paths and classes that the application closes in another way, or keeps open.
    """

    def __init__(self, graph: Graph, closing: Iterable[type[Any] | str] = ()) -> None:
        self.graph = graph
        self.closing = tuple(closing)
        self.declarations = Declarations(graph)

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """Every call that is known, in the order of the nodes."""
        callers = ((node, node.provider.provides) for node in self.graph.nodes if node.kind in JUDGED)
        return tuple(
            Call(node, made, callee(made), tuple(arguments(node)))
            for node, made in callers
            if made is not None and not providers.is_provider(made)
        )

    @cached_property
    def complete(self) -> frozenset[int]:
        """The nodes that are called with nothing but what the container gives them.

        Parts are, at the start, scoped ones in a scope, and all that they need; what a List, a Dict or a
        method's call needs, too. A factory's call may bring arguments, even for the factories below it:
        `service(database__url=…)`.
        """
        nodes = self.graph.nodes
        reached = {node.index for node in nodes if node.is_part or node.kind in SCOPED}
        reached.update(index for node in nodes if node.kind in PASSING_ON for index in _inputs(node))
        waiting = list(reached)
        while waiting:
            fresh = [index for index in _inputs(nodes[waiting.pop()]) if index not in reached]
            reached.update(fresh)
            waiting.extend(fresh)
        return frozenset(reached)

    def matters(self, index: int) -> bool:
        """Return whether a provider that cannot be called can be reached: through another, or by name."""
        node = self.graph.nodes[index]
        is_part = node.is_part or node.kind in SCOPED
        return bool(self.graph.dependants[index]) or is_part or (node.named and "." not in node.path)

    def leaves(self, index: int) -> tuple[int, ...]:
        """Return where a value may come from: behind aliases, in each branch of a Selector."""
        leaves: dict[int, None] = {}
        waiting = [self.graph.source(index)]
        while waiting and len(leaves) < _BRANCHES:
            leaf = waiting.pop()
            node = self.graph.nodes[leaf]
            if leaf in leaves:
                continue
            leaves[leaf] = None
            if node.kind is Kind.SELECTOR:
                branches = [branch.node for branch in node.inputs if branch.via == "branch"]
                waiting += [self.graph.source(branch) for branch in reversed(branches)]
        return tuple(leaf for leaf in leaves if self.graph.nodes[leaf].kind is not Kind.SELECTOR)

    def stand_ins(self, index: int) -> list[int]:
        """Return the aliases from `index` to what it stands for, in order."""
        aliases: list[int] = []
        while self.graph.nodes[index].kind is Kind.ALIAS and index not in aliases:
            aliases.append(index)
            index = self.graph.nodes[index].inputs[0].node
        return aliases

    def owners(self, index: int) -> tuple[int, ...]:
        """Return the providers that a reader knows: `index` itself, else those that it is written in."""
        owners: dict[int, None] = {}
        seen, waiting = {index}, [index]
        while waiting:
            node = self.graph.nodes[waiting.pop()]
            is_option = isinstance(node.provider, providers.TypedConfigurationOption)
            if node.named or (node.kind in JUDGED and not is_option):
                owners[node.index] = None
                continue
            fresh = [dependant for dependant in self.graph.dependants[node.index] if dependant not in seen]
            seen.update(fresh)
            waiting.extend(fresh)
        return tuple(owners)

    def given(self, index: int) -> Given:
        """Return what a leaf gives."""
        node = self.graph.nodes[index]
        if node.kind is Kind.OBJECT:
            return of_value(node.provider.provides)
        if node.kind is Kind.OPTION:
            return Given(option_annotation(node.provider))
        annotation = self.declarations.of(index)
        return Given(annotation, exact=node.kind in _EXACT and is_exactly(node.provider.provides, annotation))


def _inputs(node: Node) -> Iterator[int]:
    return (edge.node for edge in node.inputs if not edge.deferred)


def is_exactly(made: Any, annotation: Any) -> bool:
    """Return whether calling `made` gives just this class; a class with a `__new__` may give another."""
    if made is not annotation or not isinstance(made, type):
        return False
    return not any("__new__" in vars(base) for base in made.__mro__[:-1])


def arguments(node: Node) -> Iterator[Argument]:
    """Yield the arguments that a provider passes, with the node behind each provider."""
    provider = node.provider
    sources = {(edge.via, edge.label): edge for edge in node.inputs}
    for position, value in enumerate(provider.args):
        yield Argument(str(position), "argument", value, sources.get(("argument", str(position))))
    for name, value in provider.kwargs.items():
        yield Argument(str(name), "keyword", value, sources.get(("keyword", str(name))))
    attributes = provider.attributes if hasattr(type(provider), "attributes") else {}
    for name, value in attributes.items():
        yield Argument(str(name), "attribute", value, sources.get(("attribute", str(name))))


def given_at(wiring: Wiring, argument: Argument) -> tuple[tuple[int | None, Given], ...]:
    """Return every value that an argument may get, each with the node that it comes from."""
    source = argument.source
    if source is None:
        unknown = providers.is_provider(argument.value)
        return ((None, Given(UNKNOWN) if unknown else of_value(argument.value)),)
    if source.deferred:
        return ((source.node, of_value(argument.value)),)
    return tuple((leaf, wiring.given(leaf)) for leaf in wiring.leaves(source.node))
