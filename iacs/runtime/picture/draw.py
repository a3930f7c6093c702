"""Draw a picture as text: for the terminal, for Mermaid and for Graphviz. The same picture, the same bytes."""

from collections.abc import Iterator

from iacs.redaction import safe_for_terminal
from iacs.runtime.picture.as_json import from_json, to_json
from iacs.runtime.picture.data import PictureData, PictureNode
from iacs.runtime.picture.drawing_text import by_target, is_settings_only, reading, what_it_is
from iacs.runtime.picture.drift import difference
from iacs.runtime.picture.tree import tree

__all__ = ["difference", "dot", "from_json", "mermaid", "to_json", "tree"]


def mermaid(picture: PictureData) -> str:
    """Return a Mermaid flowchart: a subgraph for each container, dotted lines to settings."""
    names = _names(picture)
    lines = ["flowchart LR"]
    for number, (group, nodes) in enumerate(_groups(picture).items()):
        boxes = [f'{names[n.path]}["{_entities(n.name)}<br/>{_entities(what_it_is(n))}"]' for n in nodes]
        around = (f'subgraph g{number}["{_entities(group)}"]', "end") if group else ()
        lines += _indented(boxes, *around)
    for source, target, reads, quiet in _lines(picture):
        about = f'|"{_entities(reads)}"|' if reads else ""
        lines.append(f"  {names[source]} {'-.->' if quiet else '-->'}{about} {names[target]}")
    return "".join(f"{line}\n" for line in lines)


def dot(picture: PictureData) -> str:
    """Return a Graphviz digraph: a cluster for each container, dotted lines to settings."""
    names = _names(picture)
    lines = ["digraph {", "  rankdir=LR", '  node [shape=box, style=rounded, fontname="sans-serif"]']
    for number, (group, nodes) in enumerate(_groups(picture).items()):
        boxes = [f'{names[n.path]} [label="{_quoted(n.name)}\\n{_quoted(what_it_is(n))}"]' for n in nodes]
        around = (f'subgraph cluster_{number} {{ label="{_quoted(group)}"', "}") if group else ()
        lines += _indented(boxes, *around)
    for source, target, reads, quiet in _lines(picture):
        attributes = [f'label="{_quoted(reads)}"'] if reads else []
        attributes += ["style=dotted"] if quiet else []
        about = f" [{', '.join(attributes)}]" if attributes else ""
        lines.append(f"  {names[source]} -> {names[target]}{about}")
    return "".join(f"{line}\n" for line in (*lines, "}"))


def _names(picture: PictureData) -> dict[str, str]:
    return {node.path: f"n{number}" for number, node in enumerate(picture.nodes)}


def _groups(picture: PictureData) -> dict[str, list[PictureNode]]:
    groups: dict[str, list[PictureNode]] = {}
    for node in picture.nodes:
        groups.setdefault(node.group, []).append(node)
    return groups


def _indented(lines: list[str], head: str = "", end: str = "") -> list[str]:
    if not head:
        return [f"  {line}" for line in lines]
    return [f"  {head}", *(f"    {line}" for line in lines), f"  {end}"]


def _lines(picture: PictureData) -> Iterator[tuple[str, str, str, bool]]:
    for source, edges in picture.needs.items():
        for target, grouped in by_target(edges).items():
            quiet = is_settings_only(grouped, picture.by_path[source])
            yield source, target, reading(picture, grouped), quiet


def _entities(text: str) -> str:
    return "".join(
        f"#{ord(character)};" if character in '#"<>&`;\\' else character
        for character in safe_for_terminal(text)
    )


def _quoted(text: str) -> str:
    return safe_for_terminal(text).replace("\\", "\\\\").replace('"', '\\"')
