"""A picture as trees of what needs what, for the terminal."""

from collections import deque
from collections.abc import Iterator

from iacs.redaction import safe_for_terminal
from iacs.runtime.picture.data import PictureData
from iacs.runtime.picture.drawing_text import by_target, reading, what_it_is

_DEEPEST = 16
"""Levels of a tree; what is deeper begins a tree of its own."""


def tree(picture: PictureData) -> str:
    """Return trees of what needs what, from the parts that nothing needs; each part is drawn once."""
    return "".join(f"{line}\n" for line in _Tree(picture).lines())


class _Tree:
    def __init__(self, picture: PictureData) -> None:
        self._picture = picture
        self._drawn: set[str] = set()
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
        if start in self._drawn:
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
        if path in self._drawn:
            return f"{safe_for_terminal(path)} ↑", False
        if depth > _DEEPEST and self._picture.needs[path]:
            self._later.append(path)
            return f"{safe_for_terminal(path)} ↓", False
        self._drawn.add(path)
        return f"{safe_for_terminal(path)}  {what_it_is(self._picture.by_path[path])}", True

    def _branches(self, path: str, below: str, depth: int) -> Iterator[tuple[str, str, str, str, int]]:
        groups = by_target(self._picture.needs[path])
        for number, (target, edges) in enumerate(groups.items(), 1):
            last = number == len(groups)
            reads = reading(self._picture, edges)
            about = f"  ← {reads}" if reads else ""
            mark, space = ("└─ ", "   ") if last else ("├─ ", "│  ")
            yield target, below + mark, below + space, about, depth
