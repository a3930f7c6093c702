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
                is_value_needed = any(edge.node in seen and not edge.deferred for edge in node.inputs)
                if index in seen or not is_value_needed:
                    continue
                seen.add(index)
                if node.kind in (Kind.SINGLETON, Kind.RESOURCE) and not _is_local(node):
                    yield _finding(wiring, node, local)
                elif not _is_local(node):
                    waiting.append(index)


def _is_local(node: Node) -> bool:
    is_resource = node.kind is Kind.RESOURCE and isinstance(node.provider, providers.ContextLocalResource)
    return is_resource or node.kind is Kind.LOCAL


def _finding(wiring: Wiring, node: Node, local: Node) -> Finding:
    per = "thread" if isinstance(local.provider, providers.ThreadLocalSingleton) else "context"
    message = (
        f"{own_name(wiring.graph, node.index)}() is built once and would keep the {own_name(wiring.graph, local.index)} "
        f"of the first {per} for all others: give it {local.path}.provider and call that, or make it local too"
    )
    return Finding(node.path, "captive", message)
