"""Parts that would keep a thread's or context's own object and share it with all others."""

from collections.abc import Iterator

from dependency_injector import providers

from iacs.core.exceptions import Finding
from iacs.runtime.checks.wiring import Wiring, own_name
from iacs.runtime.graph.graph import Node
from iacs.runtime.graph.kinds import Kind


def captive(wiring: Wiring) -> Iterator[Finding]:
    """Yield each part that receives an object of a single thread or context."""
    graph = wiring.graph
    for local in (node for node in graph.nodes if _is_local(node)):
        seen, waiting = {local.index}, [local.index]
        while waiting:
            for index in graph.dependants[waiting.pop()]:
                node = graph.nodes[index]
                if index in seen or not _is_asked(wiring, node, seen):
                    continue
                seen.add(index)
                if _is_kept(node):
                    yield _finding(wiring, node, local)
                elif not _is_local(node):
                    waiting.append(index)


def _is_local(node: Node) -> bool:
    return node.kind is Kind.LOCAL or _is_local_resource(node)


def _is_local_resource(node: Node) -> bool:
    return node.kind is Kind.RESOURCE and isinstance(node.provider, providers.ContextLocalResource)


def _is_kept(node: Node) -> bool:
    return node.kind in (Kind.SINGLETON, Kind.RESOURCE) and not _is_local_resource(node)


def _is_asked(wiring: Wiring, node: Node, holders: set[int]) -> bool:
    return any(edge.node in holders and not edge.deferred for edge in node.inputs)


def _finding(wiring: Wiring, node: Node, local: Node) -> Finding:
    per = "thread" if isinstance(local.provider, providers.ThreadLocalSingleton) else "context"
    message = (
        f"{own_name(wiring.graph, node.index)}() is built once and would keep the {own_name(wiring.graph, local.index)} "
        f"of the first {per} for all others: give it {local.path}.provider and call that, or make it local too"
    )
    return Finding(node.path, "captive", message)
