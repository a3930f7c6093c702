"""`iacs explain`: the declaration, dependencies and settings of one part."""

from dataclasses import asdict, replace
from typing import Annotated

import typer

from iacs.cli.loading import DEFAULT, load_container
from iacs.cli.options import Json
from iacs.cli.output import line, print_json

Part = Annotated[
    str, typer.Argument(metavar="PATH", help="Path such as account.service, or a name such as database.")
]
Option = Annotated[
    str,
    typer.Option(
        "--container", metavar="MODULE:CONTAINER", help="Container, such as shop.containers:ShopContainer."
    ),
]


def explain(path: Part, container: Option = DEFAULT, json: Json = False) -> None:
    """Show where a part is declared and what it depends on.

    It also shows what depends on the part, and the settings that the part reads, with secrets masked. Only
    the settings are built.
    """
    from iacs.cli.settings_reader import SettingsReader
    from iacs.runtime.explain import explain_part
    from iacs.runtime.graph.graph import read_graph

    graph = read_graph(load_container(container))
    reader = SettingsReader(graph)
    explanation = explain_part(graph, path, value=reader)
    explanation = replace(explanation, notes=(*explanation.notes, *reader.problems))
    if json:
        print_json(asdict(explanation))
        return
    for text in str(explanation).splitlines():
        line(text)
