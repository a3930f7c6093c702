"""`iacs check`: mistakes in the wiring of a container."""

import typer

from iacs.cli.edge import ERROR
from iacs.cli.loading import DEFAULT, load_container
from iacs.cli.options import Container, Json
from iacs.cli.output import counted, note, print_json
from iacs.cli.table import print_table


def check(container: Container = DEFAULT, json: Json = False) -> None:
    """Check the wiring of a container without building anything.

    Reports missing parts, cycles, arguments and settings of the wrong name or type, providers hidden in
    plain collections, overrides that do not fit, and objects that nothing closes. The exit code is 1 when
    there is any finding. A table [[tool.iacs.waive]] in pyproject.toml accepts a finding, with a reason.
    """
    from iacs.cli.waivers import read_waivers
    from iacs.runtime.checks import findings as check_graph
    from iacs.runtime.graph.graph import read_graph

    graph = read_graph(load_container(container))
    waivers = read_waivers(container)
    findings = check_graph(graph, waive=waivers)
    if json:
        for finding in findings:
            print_json({"path": finding.path, "kind": finding.kind, "message": finding.message})
    elif findings:
        rows = [(finding.path, finding.kind, finding.message) for finding in findings]
        print_table(("path", "kind", "what is wrong"), rows)
    parts = sum(node.is_part for node in graph.nodes)
    found = counted(len(findings), "finding") if findings else "no findings"
    waived = f", {counted(sum(map(len, waivers.values())), 'waiver')}" if waivers else ""
    note(f"{counted(parts, 'part')}, {found}{waived}")
    if findings:
        raise typer.Exit(ERROR)
