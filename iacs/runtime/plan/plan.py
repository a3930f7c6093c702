"""The plan of a graph: an expression for the value of every provider, and the parts with their dependencies."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from operator import itemgetter
from typing import Any

from iacs.core.exceptions import NotStartedError, WiringError
from iacs.runtime.graph.graph import Graph, Node
from iacs.runtime.graph.kinds import SCOPED, Kind, is_asynchronous, is_context_local
from iacs.runtime.plan.calls import call_of
from iacs.runtime.plan.closers import Closers
from iacs.runtime.plan.compiling import COMPILERS, ask, scoped_part
from iacs.runtime.plan.expressions import UNSET, Expression, Values, constant
from iacs.runtime.plan.parts import Part
from iacs.runtime.plan.supplied import Supplied, read_supplied


class Plan:
    """The providers of a graph, compiled; `replaced` ones are read at their index among the values.

    A plan with a `base` compiles only what depends on a replaced or `changed` provider. Dependencies through a
    branch that a selector skips do not count; `chosen` are the values of the base, which say what selectors chose.

    In a `bound` plan, providers that are injected as such give the values of this view when they are called, and
    not those of the container. `scoped` are the providers that need a scope; parts that are `scoped_here` are made
    in each scope that has this plan. A `shared` plan serves many overlays, which each add providers of their own.
    """

    def __init__(
        self,
        graph: Graph,
        replaced: Collection[int] = (),
        *,
        changed: Collection[int] = (),
        scoped_here: frozenset[int] = frozenset(),
        bound: bool = False,
        shared: bool = False,
        base: "Plan | None" = None,
        chosen: Values | None = None,
        closers: Closers | None = None,
    ) -> None:
        self.graph: Graph = graph
        new = range(len(base.graph) if base else 0, len(graph))
        self.order = graph.order
        self.is_derived = bound
        self.closers: Closers = closers or (base.closers if base else Closers())
        self.replaced: frozenset[int] = frozenset(replaced)
        self.supplied: Collection[int] = new if shared else ()
        self.expressions: list[Expression] = [constant(UNSET)] * len(graph)
        self.waits: list[frozenset[int]] = [frozenset()] * len(graph)
        self.parts: dict[int, Part] = {}
        self.given_objects = frozenset(_given_by(graph.nodes[new.start :]))
        if base:
            self._take_over(base)
        skipped = set(self._skipped(chosen)) if chosen is not None else ()
        self.affected: set[int] = graph.affected((*replaced, *changed, *new, *scoped_here), skipped)
        self.scoped_here = scoped_here
        if scoped_here:  # other parts stay as they are, whatever they have been given
            self.affected = {i for i in self.affected if i in scoped_here or not graph.nodes[i].is_part}
        scoped = [node for node in graph.nodes if node.kind in SCOPED]
        self.scoped: frozenset[int] = (
            base.scoped
            if base and base.graph is graph
            else frozenset(graph.affected(node.index for node in scoped))
        )
        self.context_local = [node.index for node in scoped if is_context_local(node.provider)]
        self.bound: set[int] = set(self.scoped)
        if bound:
            self.bound |= self.affected | (base.bound if base else set())
        self._compile()

    def _take_over(self, base: "Plan") -> None:
        self.replaced |= base.replaced
        self.expressions[: len(base.expressions)] = base.expressions
        self.waits[: len(base.waits)] = base.waits
        self.parts.update(base.parts)
        self.given_objects |= base.given_objects

    def _skipped(self, chosen: Values) -> Iterator[tuple[int, int]]:
        for node in self.graph.nodes[: len(chosen)]:
            if node.index in self.replaced:
                yield from ((edge.node, node.index) for edge in node.inputs)
            elif node.kind is Kind.SELECTOR and chosen[node.index] is not UNSET:
                kept = {*self.keys_of(node.index), chosen[node.index]}
                yield from ((edge.node, node.index) for edge in node.inputs if edge.node not in kept)

    def _compile(self) -> None:
        for index in self.order:
            if index in self.affected:
                node = self.graph.nodes[index]
                inputs = () if index in self.replaced else node.inputs
                awaited = (
                    {edge.node} if edge.node in self.parts else self.waits[edge.node] for edge in inputs
                )
                self.waits[index] = frozenset[int]().union(*awaited)
                self.parts.pop(index, None)
                self.expressions[index] = self._expression(node)

    def supplying(self, graph: Graph) -> tuple["Plan", dict[int, Supplied]]:
        """Return this shared plan for the providers that one overlay supplies, and how these are read."""
        plan, reads = copy(self), {}
        plan.graph, plan.parts = graph, dict(self.parts)
        nodes = [graph.nodes[index] for index in self.supplied]
        plan.given_objects |= _given_by(nodes)
        for node in nodes:
            if node.is_part:
                plan.parts[node.index] = plan._part(node)
            else:
                reads[node.index] = Supplied(plan, COMPILERS[node.kind](plan, node).read)
        return plan, reads

    def wrap(self, wraps: Mapping[int, Callable[[Any], Any]]) -> None:
        """Replace parts by the results of functions that receive the originals."""
        for index, wrap in wraps.items():
            if index not in self.parts:
                path = self.graph.nodes[index].path
                raise NotStartedError(f"{path} cannot be wrapped before it is started", path=path)
            self.parts[index] = replace(self.parts[index], wrap=wrap)

    @property
    def resets(self) -> list[int]:
        """Return the indexes whose value has to be computed again; a selector's when its key may differ."""
        return [
            index
            for index in self.affected - self.replaced
            if not self._is_selector(index) or not self.affected.isdisjoint(self.keys_of(index))
        ]

    def _expression(self, node: Node) -> Expression:
        if node.index in self.replaced:
            return Expression(itemgetter(node.index))
        if node.index in self.scoped_here:
            return scoped_part(self, node).expression()
        if node.is_part:
            self.parts[node.index] = self._part(node)
            return Expression(itemgetter(node.index))
        compiled = COMPILERS[node.kind](self, node)
        return read_supplied(node.index, compiled) if node.index in self.supplied else compiled

    def is_kept(self, index: int) -> bool:
        """Return whether a value stays the same as long as a view with this plan is open."""
        node = self.graph.nodes[self.graph.source(index)]
        if node.index in self.replaced or node.kind is Kind.OBJECT:
            return True
        return node.is_part and node.index not in self.scoped_here

    def _part(self, node: Node) -> Part:
        native = node.kind is Kind.GIVEN
        inputs = ((edge.node, self.expressions[edge.node]) for edge in node.inputs)
        expression = COMPILERS[Kind.OTHER](self, node) if native else call_of(self, node).expression()
        return Part(
            index=node.index,
            path=node.path,
            provider=node.provider,
            build=expression.read,
            kind=node.kind,
            awaits=expression.asynchronous,
            asynchronous=expression.asynchronous
            or (node.kind is Kind.RESOURCE and is_asynchronous(node.provider.provides)),
            closers=self.closers,
            native=native,
            waits=self.waits[node.index],
            sources=tuple(
                taken.read
                for index, taken in inputs
                if self.graph.nodes[self.graph.source(index)].kind in (Kind.ATTRIBUTE, Kind.ITEM)
                and not taken.asynchronous
            ),
        )

    def ask(self, index: int, values: Values, *args: Any, **kwargs: Any) -> Any:
        """Return the result of calling a provider with further arguments."""
        return ask(self, index, values, (args, kwargs))

    def read(self, index: int, values: Values) -> Any:
        """Return the value of a provider; raise LookupError when a part that it needs is not started."""
        if any(values[i] is UNSET for i in self.unset_inputs(index, values)):
            raise LookupError(index)
        return self.expressions[index].read(values)

    def unset_inputs(self, index: int, values: Values) -> list[int]:
        """Return the parts that a provider needs and that `values` lacks."""
        taken = (index,) if index in self.parts or index in self.replaced else self.reach((index,), values)
        return [i for i in taken if i in self.parts and values[i] is UNSET]

    def reach(self, roots: Iterable[int], values: Values) -> set[int]:
        """Return the roots and their dependencies, through the branches that are chosen in `values`."""
        waiting = list(roots)
        reached = set(waiting)
        while waiting:
            new = [index for index in self._inputs_read(waiting.pop(), values) if index not in reached]
            reached.update(new)
            waiting.extend(new)
        return reached

    def _inputs_read(self, index: int, values: Values) -> Sequence[int]:
        node = self.graph.nodes[index]
        if index in self.replaced:
            return ()
        if node.kind is not Kind.SELECTOR:
            return [edge.node for edge in node.inputs]
        chosen = () if values[index] is UNSET else (values[index],)
        return [*self.keys_of(index), *chosen]

    def keys_of(self, selector: int) -> list[int]:
        """Return the providers that give a selector its key."""
        return [edge.node for edge in self.graph.nodes[selector].inputs if edge.via == "key"]

    def missing_parts(self, roots: Iterable[int], values: Values) -> list[Part]:
        """Return the parts that the roots reach and that `values` lacks, dependencies first."""
        reached = self.reach(roots, values)
        return [
            self.parts[index]
            for index in self.order
            if index in reached and index in self.parts and values[index] is UNSET
        ]

    def undecided_selectors(self, roots: Iterable[int], values: Values) -> list[int]:
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
        branches = {edge.label: edge.node for edge in node.inputs if edge.via == "branch"}
        if key in branches:
            return branches[key]
        names = ", ".join(branches)
        message = f"{node.path} can choose between {names}, and its selector gives {key!r}"
        raise WiringError(message, path=node.path)


def _given_by(nodes: Iterable[Node]) -> set[int]:
    return {id(node.provider.provides) for node in nodes if node.kind is Kind.OBJECT}
