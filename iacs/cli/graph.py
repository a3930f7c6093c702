"""`iacs graph`: what is wired to what."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iacs.cli.loading import DEFAULT
from iacs.cli.output import counted, line, note

if TYPE_CHECKING:
    from iacs.runtime.graph.graph import Graph
    from iacs.runtime.picture import Picture

DIFFERENT = 1


class Format(StrEnum):
    """How a graph is drawn."""

    TREE = "tree"
    MERMAID = "mermaid"
    DOT = "dot"
    JSON = "json"
    HTML = "html"


Name = Annotated[str, typer.Argument(metavar="[MODULE:CONTAINER]", help="Whose; iacs's own by default.")]
Drawn = Annotated[Format, typer.Option("--format", help="What to draw it as.")]
Output = Annotated[Path | None, typer.Option("--output", help="File to write instead.")]
Check = Annotated[Path | None, typer.Option("--check", help="JSON to compare with; exit code 1 on drift.")]
Settings = Annotated[bool, typer.Option("--settings", help="With html: read settings; secrets are masked.")]


def graph(
    name: Name = DEFAULT,
    format: Drawn = Format.TREE,
    output: Output = None,
    check: Check = None,
    settings: Settings = False,
) -> None:
    """Draw what is wired to what; nothing is built.

    The same container gives the same bytes, so its JSON can be kept beside the code and compared.
    """
    from iacs.cli.loading import load_container
    from iacs.runtime.graph.graph import read_graph
    from iacs.runtime.picture import picture

    read = read_graph(load_container(name))
    drawn = picture(read)
    if check is not None:
        return _compare(drawn, check, name)
    text = _text(drawn, format, read, settings)
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8", newline="\n")
        note(f"wrote {output}")
    return None


def _text(drawn: "Picture", format: Format, read: "Graph", settings: bool) -> str:
    from iacs.runtime.picture.draw import dot, mermaid, to_json, tree

    if format is Format.HTML:
        return _page(drawn, read, settings)
    draw = {Format.TREE: tree, Format.MERMAID: mermaid, Format.DOT: dot, Format.JSON: to_json}
    return draw[format](drawn)


def _page(drawn: "Picture", read: "Graph", settings: bool) -> str:
    from iacs.cli.settings_reading import SettingsReader
    from iacs.runtime.explain.setting_values import setting_values
    from iacs.runtime.picture.folding import Fold
    from iacs.runtime.picture.page import page

    if not settings:
        return page(drawn)
    reader = SettingsReader(read)
    values = setting_values(drawn.nodes, Fold(read), reader)
    reader.report()
    return page(drawn, values)


def _compare(drawn: "Picture", file: Path, name: str) -> None:
    from iacs.runtime.picture.draw import difference, from_json

    changes = difference(from_json(file.read_text(encoding="utf-8")), drawn)
    if not changes:
        note(f"{file} is up to date: {counted(len(drawn.nodes), 'part')}")
        return
    for change in changes:
        line(change)
    command = " ".join(("iacs graph", *([] if name == DEFAULT else [name]), "--format json"))
    note(f"{counted(len(changes), 'change')} since {file}; if they are meant: {command} > {file}")
    raise typer.Exit(DIFFERENT)
