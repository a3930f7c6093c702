"""All checks of a container's wiring, before anything in it is built."""

from collections.abc import Iterator
from itertools import chain

from dependency_injector.containers import Container

from iacs.core.exceptions import Finding
from iacs.runtime.checks.arity import arity
from iacs.runtime.checks.captive import captive
from iacs.runtime.checks.hidden import hidden
from iacs.runtime.checks.missing import missing
from iacs.runtime.checks.overlays import overlay
from iacs.runtime.checks.settings import settings
from iacs.runtime.checks.types import types
from iacs.runtime.checks.wiring import JUDGED, Wiring, own_name
from iacs.runtime.graph.graph import Graph, read_graph

_CHECKS = (missing, arity, types, hidden, overlay, settings, captive)


def check(container: Container) -> tuple[Finding, ...]:
    """Return every defect of a container, in the order of the paths; nothing is called or built."""
    return findings(read_graph(container))


def findings(graph: Graph) -> tuple[Finding, ...]:
    """Return every defect of a graph, in the order of the paths."""
    wiring = Wiring(graph)
    return tuple(sorted({*_cycles(wiring), *chain.from_iterable(judge(wiring) for judge in _CHECKS)}))


def _cycles(wiring: Wiring) -> Iterator[Finding]:
    graph = wiring.graph
    for cycle in graph.cycles:
        known = [index for index in cycle if graph.nodes[index].named or graph.nodes[index].kind in JUDGED]
        paths = [graph.nodes[index].path for index in known or cycle]
        first = paths.index(min(paths))
        around = [*paths[first:], *paths[: first + 1]]
        made = own_name(graph, (known or cycle)[first])
        message = (
            f"{made}() would need itself: {' -> '.join(around)}; "
            f"break it with {paths[first - 1]} taking a provider, such as {paths[first]}.provider"
        )
        yield Finding(paths[first], "cycle", message)
