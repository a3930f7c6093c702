"""All checks of a container's wiring, before anything in it is built."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from dependency_injector.containers import Container

from iacs.core.exceptions import Finding
from iacs.runtime.checks.arity import arity
from iacs.runtime.checks.captive import captive
from iacs.runtime.checks.hidden import hidden
from iacs.runtime.checks.inherited import inherited
from iacs.runtime.checks.leaks import leaks
from iacs.runtime.checks.missing import missing
from iacs.runtime.checks.overlays import overlay
from iacs.runtime.checks.settings import settings
from iacs.runtime.checks.types import types
from iacs.runtime.checks.waivers import Waivers, without_waived
from iacs.runtime.checks.wiring import JUDGED, Wiring, own_name
from iacs.runtime.graph.graph import Graph, read_graph

_CHECKS = (missing, arity, types, hidden, overlay, settings, captive, leaks, inherited)


def check(
    container: Container,
    *,
    waive: Waivers | None = None,
    closing: Iterable[type[Any] | str] = (),
    keep_open: Iterable[type[Any] | str] = (),
) -> tuple[Finding, ...]:
    """Return every defect of a container, in the order of the paths; nothing is called or built.

    `waive` maps a path to the kind, or the kinds, of findings that are accepted there; a waiver that matches none is
    a finding itself. `closing` and `keep_open` name parts and classes as those of Application do.
    """
    return findings(read_graph(container), waive=waive, closing=(*closing, *keep_open))


def findings(
    graph: Graph, *, waive: Waivers | None = None, closing: Iterable[type[Any] | str] = ()
) -> tuple[Finding, ...]:
    """Return every defect of a graph that is not waived, in the order of the paths."""
    wiring = Wiring(graph, closing)
    problems = {*_cycles(wiring), *chain.from_iterable(judge(wiring) for judge in _CHECKS)}
    return tuple(sorted(without_waived(graph, problems, waive or {})))


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
