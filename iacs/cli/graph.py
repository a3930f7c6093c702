"""`iacs graph`: pictures of the wiring."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iacs.cli.loading import DEFAULT, load_container
from iacs.cli.options import Container
from iacs.cli.output import counted, line, note
from iacs.cli.snapshot import read_snapshot
from iacs.core.exceptions import PictureError

if TYPE_CHECKING:
    from iacs.runtime.graph.graph import Graph
    from iacs.runtime.picture import Picture

DIFFERENT = 1


class Format(StrEnum):
    """The formats of a drawing."""

    TREE = "tree"
    MERMAID = "mermaid"
    DOT = "dot"
    JSON = "json"
    HTML = "html"


Drawn = Annotated[Format, typer.Option("--format", help="Output format.")]
Output = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Write to this file instead of stdout.")
]
Check = Annotated[
    Path | None,
    typer.Option("--check", metavar="FILE", help="JSON file to compare with; exit code 1 if they differ."),
]
Settings = Annotated[bool, typer.Option("--settings", help="With html: show the settings, secrets masked.")]


def graph(
    container: Container = DEFAULT,
    format: Drawn = Format.TREE,
    output: Output = None,
    check: Check = None,
    settings: Settings = False,
) -> None:
    """Draw the wiring of a container without building anything.

    The output is reproducible: keep the JSON under version control, and compare with --check.
    """
    from iacs.runtime.graph.graph import read_graph
    from iacs.runtime.picture import picture_of

    wiring = read_graph(load_container(container))
    drawn = picture_of(wiring)
    if settings and format is not Format.HTML:
        raise typer.BadParameter("only the format html shows settings", param_hint="--settings")
    if check is not None:
        return _compare(drawn, check, container)
    text = _text(drawn, format, wiring, settings)
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8", newline="\n")
        note(f"wrote {output}")
    return None


def _text(drawn: "Picture", format: Format, wiring: "Graph", settings: bool) -> str:
    from iacs.runtime.picture.draw import dot, mermaid, to_json, tree

    if format is Format.HTML:
        return _page(drawn, wiring, settings)
    draw = {Format.TREE: tree, Format.MERMAID: mermaid, Format.DOT: dot, Format.JSON: to_json}
    return draw[format](drawn)


def _page(drawn: "Picture", wiring: "Graph", settings: bool) -> str:
    from iacs.cli.settings_reader import SettingsReader
    from iacs.runtime.explain.setting_values import setting_values
    from iacs.runtime.picture.folding import Fold
    from iacs.runtime.picture.page import page

    if not settings:
        return page(drawn)
    reader = SettingsReader(wiring)
    values = setting_values(drawn.nodes, Fold(wiring), reader)
    reader.report()
    return page(drawn, values)


def _compare(drawn: "Picture", file: Path, container: str) -> None:
    from iacs.runtime.picture.draw import difference, from_json

    command = " ".join(("iacs graph", *([] if container == DEFAULT else [container]), "--format json"))
    text = read_snapshot(file, command)
    try:
        before = from_json(text)
    except PictureError as error:
        hint = f"write it again with: {command} > {file}"
        raise PictureError(f"{file} cannot be compared: {error}", hint=hint) from error
    changes = difference(before, drawn)
    if not changes:
        note(f"{file} is up to date: {counted(len(drawn.nodes), 'part')}")
        return
    for change in changes:
        line(change)
    note(f"{counted(len(changes), 'change')} since {file}; to accept: {command} > {file}")
    raise typer.Exit(DIFFERENT)
