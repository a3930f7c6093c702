"""Parts that would keep an object of one scope, thread or context, and share it with all others."""

from collections.abc import Iterator

from dependency_injector import providers

from iacs.core.exceptions import Finding
from iacs.runtime.checks.wiring import Wiring, own_name
from iacs.runtime.graph.graph import Graph, Node
from iacs.runtime.graph.kinds import SCOPED, Kind, is_context_local


def captive(wiring: Wiring) -> Iterator[Finding]:
    """Yield each part that receives an object which does not live as long as the part."""
    for brief in wiring.graph.nodes:
        if _is_local(brief) or brief.kind in SCOPED:
            for keeper in _keepers(wiring.graph, brief):
                yield Finding(keeper.path, "captive", _message(wiring.graph, keeper, brief))


def _keepers(graph: Graph, brief: Node) -> Iterator[Node]:
    """Yield the parts that receive the object or what is made of it, through providers that keep nothing."""
    seen, waiting = {brief.index}, [brief.index]
    while waiting:
        for index in graph.dependants[waiting.pop()]:
            node = graph.nodes[index]
            is_value_needed = any(edge.node in seen and not edge.deferred for edge in node.inputs)
            if index in seen or not is_value_needed:
                continue
            seen.add(index)
            if _outlives(node, brief):
                yield node
            elif not _is_local(node) and node.kind not in SCOPED:
                waiting.append(index)


def _outlives(node: Node, brief: Node) -> bool:
    is_per_thread = isinstance(node.provider, providers.ThreadLocalSingleton)
    if node.kind is Kind.LOCAL:
        return is_per_thread and brief.kind in SCOPED and not _is_local(brief)
    return node.kind in (Kind.SINGLETON, Kind.RESOURCE) and not _is_local(node)


def _is_local(node: Node) -> bool:
    return node.kind is Kind.LOCAL or (node.kind in SCOPED and is_context_local(node.provider))


def _message(graph: Graph, keeper: Node, brief: Node) -> str:
    name = f"{own_name(graph, keeper.index)}()"
    if not _is_local(brief):
        instead = "scoped.resource" if keeper.kind is Kind.RESOURCE else "scoped.singleton"
        part = brief.path.rpartition(".")[2]
        return (
            f"{name} outlives a scope and would keep the {part} of the first one ({brief.path}) for all others: "
            f"declare it with {instead}, or pass the {part} to the methods that use it"
        )
    per = "thread" if isinstance(brief.provider, providers.ThreadLocalSingleton) else "context"
    return (
        f"{name} is built once and would keep the {own_name(graph, brief.index)} of the first {per} for all "
        f"others: give it {brief.path}.provider and call that, or make it local too"
    )
