"""Draw a picture as text: for the terminal, for Mermaid and for Graphviz. The same picture, the same bytes."""

from collections import deque
from collections.abc import Iterator

from iacs.redaction import safe_for_terminal
from iacs.runtime.picture import Picture, PictureNode
from iacs.runtime.picture.as_json import from_json, to_json
from iacs.runtime.picture.drawing_text import by_target, is_settings_only, reading, what_it_is
from iacs.runtime.picture.drift import difference

__all__ = ["difference", "dot", "from_json", "mermaid", "to_json", "tree"]

_DEEPEST = 16
"""Levels of a tree; what is deeper begins a tree of its own."""


def tree(picture: Picture) -> str:
    """Return trees of what needs what, from the parts that nothing needs; each part is told once."""
    return "".join(f"{line}\n" for line in _Tree(picture).lines())


class _Tree:
    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._told: set[str] = set()
        self._later: deque[str] = deque()

    def lines(self) -> Iterator[str]:
        needed = self._picture.needed_by
        paths = [node.path for node in self._picture.nodes]
        yield safe_for_terminal(self._picture.container or "a container")
        for start in (*(path for path in paths if not needed[path]), *paths):
            self._later.append(start)
            while self._later:
                yield from self._from(self._later.popleft())

    def _from(self, start: str) -> Iterator[str]:
        """Yield one tree; a stack keeps what is left to draw, for a chain may be thousands deep."""
        if start in self._told:
            return
        yield ""
        stack = [(start, "", "", "", 0)]
        while stack:
            path, lead, below, about, depth = stack.pop()
            text, goes_on = self._line(path, depth)
            yield f"{lead}{text}{about}"
            if goes_on:
                stack += reversed(list(self._branches(path, below, depth + 1)))

    def _line(self, path: str, depth: int) -> tuple[str, bool]:
        if path in self._told:
            return f"{safe_for_terminal(path)} ↑", False
        if depth > _DEEPEST and self._picture.needs[path]:
            self._later.append(path)
            return f"{safe_for_terminal(path)} ↓", False
        self._told.add(path)
        return f"{safe_for_terminal(path)}  {what_it_is(self._picture.by_path[path])}", True

    def _branches(self, path: str, below: str, depth: int) -> Iterator[tuple[str, str, str, str, int]]:
        groups = by_target(self._picture.needs[path])
        for number, (target, edges) in enumerate(groups.items(), 1):
            last = number == len(groups)
            told = reading(self._picture, edges)
            about = f"  ← {told}" if told else ""
            mark, space = ("└─ ", "   ") if last else ("├─ ", "│  ")
            yield target, below + mark, below + space, about, depth


def mermaid(picture: Picture) -> str:
    """Return a Mermaid flowchart: a subgraph for each container, dotted lines to settings."""
    names = _names(picture)
    lines = ["flowchart LR"]
    for number, (group, nodes) in enumerate(_groups(picture).items()):
        boxes = [f'{names[n.path]}["{_entities(n.name)}<br/>{_entities(what_it_is(n))}"]' for n in nodes]
        around = (f'subgraph g{number}["{_entities(group)}"]', "end") if group else ()
        lines += _indented(boxes, *around)
    for source, target, told, quiet in _lines(picture):
        about = f'|"{_entities(told)}"|' if told else ""
        lines.append(f"  {names[source]} {'-.->' if quiet else '-->'}{about} {names[target]}")
    return "".join(f"{line}\n" for line in lines)


def dot(picture: Picture) -> str:
    """Return a Graphviz digraph: a cluster for each container, dotted lines to settings."""
    names = _names(picture)
    lines = ["digraph {", "  rankdir=LR", '  node [shape=box, style=rounded, fontname="sans-serif"]']
    for number, (group, nodes) in enumerate(_groups(picture).items()):
        boxes = [f'{names[n.path]} [label="{_quoted(n.name)}\\n{_quoted(what_it_is(n))}"]' for n in nodes]
        around = (f'subgraph cluster_{number} {{ label="{_quoted(group)}"', "}") if group else ()
        lines += _indented(boxes, *around)
    for source, target, told, quiet in _lines(picture):
        attributes = [f'label="{_quoted(told)}"'] if told else []
        attributes += ["style=dotted"] if quiet else []
        about = f" [{', '.join(attributes)}]" if attributes else ""
        lines.append(f"  {names[source]} -> {names[target]}{about}")
    return "".join(f"{line}\n" for line in (*lines, "}"))


def _names(picture: Picture) -> dict[str, str]:
    return {node.path: f"n{number}" for number, node in enumerate(picture.nodes)}


def _groups(picture: Picture) -> dict[str, list[PictureNode]]:
    found: dict[str, list[PictureNode]] = {}
    for node in picture.nodes:
        found.setdefault(node.group, []).append(node)
    return found


def _indented(lines: list[str], head: str = "", end: str = "") -> list[str]:
    if not head:
        return [f"  {line}" for line in lines]
    return [f"  {head}", *(f"    {line}" for line in lines), f"  {end}"]


def _lines(picture: Picture) -> Iterator[tuple[str, str, str, bool]]:
    for source, edges in picture.needs.items():
        for target, grouped in by_target(edges).items():
            quiet = is_settings_only(grouped, picture.by_path[source])
            yield source, target, reading(picture, grouped), quiet


def _entities(text: str) -> str:
    return "".join(f"#{ord(each)};" if each in '#"<>&`;\\' else each for each in safe_for_terminal(text))


def _quoted(text: str) -> str:
    return safe_for_terminal(text).replace("\\", "\\\\").replace('"', '\\"')
