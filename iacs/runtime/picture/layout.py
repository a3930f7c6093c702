"""The position of each part in a drawing: a column for how far it is from the top, a lane for each container."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean

from iacs.runtime.picture.data import PictureData

_SWEEPS = 6
"""Rounds of ordering; later ones change nothing in practice."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A part's column, counted from what nothing needs, and its row, counted over all lanes."""

    column: int
    row: int


@dataclass(frozen=True, slots=True)
class Lane:
    """The rows of one container: `row` is the first, `rows` how many."""

    group: str
    row: int
    rows: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The position of every part: one to a cell, in the lane of its container."""

    cells: Mapping[str, Cell]
    lanes: tuple[Lane, ...]
    columns: int


def lay_out(picture: PictureData) -> Layout:
    """Put what is needed to the right of what needs it, unless they need each other."""
    columns = _columns(picture)
    lanes = _lanes(picture, columns)
    rows = _rows(picture, columns, lanes)
    cells = {path: Cell(columns[path], row) for path, row in rows.items()}
    return Layout(cells, lanes, max(columns.values(), default=-1) + 1)


def _columns(picture: PictureData) -> dict[str, int]:
    """Return the longest distance from a part that nothing needs; an edge that closes a cycle does not count."""
    order = list(_needs_last(picture))
    position = {path: number for number, path in enumerate(order)}
    columns = dict.fromkeys(order, 0)
    for path in order:
        for edge in picture.needs[path]:
            if position[edge.target] > position[path]:
                columns[edge.target] = max(columns[edge.target], columns[path] + 1)
    return columns


def _needs_last(picture: PictureData) -> Iterator[str]:
    """Yield every path before what it needs, as far as there are no cycles."""
    finished: list[str] = []
    seen: set[str] = set()
    for start in reversed(picture.nodes):
        if start.path in seen:
            continue
        seen.add(start.path)
        trail = [(start.path, iter(picture.needs[start.path]))]
        while trail:
            path, ahead = trail[-1]
            following = next((edge.target for edge in ahead if edge.target not in seen), None)
            if following is None:
                finished.append(path)
                trail.pop()
            else:
                seen.add(following)
                trail.append((following, iter(picture.needs[following])))
    return reversed(finished)


def _lanes(picture: PictureData, columns: Mapping[str, int]) -> tuple[Lane, ...]:
    """Give each container the rows that its fullest column takes; what is needed most comes last."""
    members: dict[str, list[int]] = {}
    for node in picture.nodes:
        members.setdefault(node.group, []).append(columns[node.path])
    lanes, row = [], 0
    for group, taken in sorted(members.items(), key=lambda item: (fmean(item[1]), item[0])):
        rows = max(map(taken.count, set(taken)))
        lanes.append(Lane(group, row, rows))
        row += rows
    return tuple(lanes)


def _rows(picture: PictureData, columns: Mapping[str, int], lanes: tuple[Lane, ...]) -> dict[str, int]:
    """Return the rows: in each cell of a lane and a column, by where the neighbours are on average."""
    first = {lane.group: lane.row for lane in lanes}
    stacks: dict[tuple[str, int], list[str]] = {}
    for node in picture.nodes:
        stacks.setdefault((node.group, columns[node.path]), []).append(node.path)
    neighbours = _neighbours(picture)
    rows: dict[str, int] = {}
    for _ in range(_SWEEPS):
        for (group, _column), paths in stacks.items():
            rows.update({path: first[group] + number for number, path in enumerate(paths)})
        for paths in stacks.values():
            paths.sort(
                key=lambda path: fmean([rows[neighbour] for neighbour in neighbours[path]] or [rows[path]])
            )
    return rows


def _neighbours(picture: PictureData) -> dict[str, list[str]]:
    return {
        node.path: [edge.target for edge in picture.needs[node.path]]
        + [edge.source for edge in picture.needed_by[node.path]]
        for node in picture.nodes
    }
