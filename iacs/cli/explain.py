"""`iacs explain`: everything that the wiring knows of one part."""

from dataclasses import asdict, replace
from typing import Annotated

import typer

from iacs.cli.loading import DEFAULT
from iacs.cli.options import Json
from iacs.cli.output import line, print_json

Part = Annotated[str, typer.Argument(metavar="PATH", help="Such as account.service, or a name: database.")]
Name = Annotated[
    str, typer.Option("--container", metavar="MODULE:CONTAINER", help="Whose; iacs's own by default.")
]


def explain(path: Part, container: Name = DEFAULT, json: Json = False) -> None:
    """Tell where a part is declared, what it receives, who needs it and which settings it reads.

    Settings are read, and shown with secrets masked; nothing else is built.
    """
    from iacs.cli.loading import load_container
    from iacs.cli.settings_reading import SettingsReader
    from iacs.runtime.explain import explain as explained
    from iacs.runtime.graph.graph import read_graph

    graph = read_graph(load_container(container))
    reader = SettingsReader(graph)
    told = explained(graph, path, value=reader)
    told = replace(told, notes=(*told.notes, *reader.problems))
    if json:
        print_json(asdict(told))
        return
    for each in str(told).splitlines():
        line(each)
