"""`iacs check`: what is wrong with a container, before anything in it is built."""

from typing import Annotated

import typer

from iacs.cli.edge import ERROR
from iacs.cli.loading import DEFAULT
from iacs.cli.options import Json
from iacs.cli.output import counted, note, print_json, print_table

Name = Annotated[str, typer.Argument(metavar="[MODULE:CONTAINER]", help="Whose; iacs's own by default.")]


def check(name: Name = DEFAULT, json: Json = False) -> None:
    """Find what is wired wrong; nothing is built.

    Missing parts, cycles, arguments and settings of the wrong name or type, providers hidden in plain
    collections, overrides that do not fit. The exit code is 1 when there is anything.
    """
    from iacs.cli.loading import load_container
    from iacs.runtime.checks import findings
    from iacs.runtime.graph.graph import read_graph

    graph = read_graph(load_container(name))
    found = findings(graph)
    if json:
        for each in found:
            print_json({"path": each.path, "kind": each.kind, "message": each.message})
    elif found:
        print_table(
            ("path", "kind", "what is wrong"), [(each.path, each.kind, each.message) for each in found]
        )
    parts = sum(node.is_part for node in graph.nodes)
    note(f"{counted(parts, 'part')}, {counted(len(found), 'finding') if found else 'no findings'}")
    if found:
        raise typer.Exit(ERROR)
