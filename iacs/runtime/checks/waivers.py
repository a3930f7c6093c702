"""Waivers: findings that are accepted, by path and kind."""

from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

from iacs.core.exceptions import Finding, FindingKind
from iacs.runtime.graph.graph import Graph
from iacs.runtime.graph.kinds import Kind
from iacs.suggestions import suggestion

Waivers = Mapping[str, str | Iterable[str]]
"""The kind, or kinds, of the findings that are waived at a path."""

_KINDS: tuple[str, ...] = get_args(FindingKind)


def without_waived(graph: Graph, findings: Iterable[Finding], waive: Waivers) -> Iterator[Finding]:
    """Yield the findings that are not waived, and one for each waiver that matches none.

    A part that is overridden, in a test perhaps, may have no finding: its waiver is left alone.
    """
    paths = {path: graph.nodes[graph.paths[path]].path if path in graph.paths else path for path in waive}
    waived = {
        (paths[path], kind)
        for path, kinds in waive.items()
        for kind in ((kinds,) if isinstance(kinds, str) else kinds)
    }
    matched = set[tuple[str, str]]()
    for finding in findings:
        if (finding.path, finding.kind) in waived:
            matched.add((finding.path, finding.kind))
        else:
            yield finding
    for path, kind in waived - matched:
        index = graph.paths.get(path)
        if index is None or graph.nodes[index].kind is not Kind.ALIAS:
            yield Finding(path, "waiver", _unmatched(graph, path, kind))


def _unmatched(graph: Graph, path: str, kind: str) -> str:
    message = f"there is no finding of kind {kind!r} to waive"
    if kind not in _KINDS:
        fix = suggestion(kind, _KINDS, otherwise=f"kinds are {', '.join(_KINDS)}")
        return f"{message}: {fix}"
    if path not in graph.paths:
        fix = suggestion(path, graph.paths, otherwise="name the path that the finding begins with")
        return f"{message}, nor such a path: {fix}"
    return f"{message}: drop the waiver"
