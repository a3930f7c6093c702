"""The lines of the page's drawing: between columns and between rows, so that none runs through a box."""

from dataclasses import dataclass

HEIGHT = 46
"""Of a box."""
ROW = HEIGHT + 24
GAP = 76
"""Between two columns."""
_TRACKS = (-6.0, -2.0, 2.0, 6.0)
"""Lines to different columns run beside each other between two rows."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a box is: its left and upper edge, its width and its column."""

    x: float
    y: float
    width: float
    column: int


def line(start: Spot, end: Spot) -> str:
    """Return the path from the right side of one box to the left side of another, and its head."""
    x, y = end.x - 1, end.y + HEIGHT / 2
    path = _path(start.x + start.width, start.y + HEIGHT / 2, x - 6, y, start, end)
    return f'<path d="{path}"/><path class="head" d="M{x:g} {y:g}l-8 -4v8z"/>'


def _path(x1: float, y1: float, x2: float, y2: float, start: Spot, end: Spot) -> str:
    if end.column == start.column + 1:
        return f"M{x1:g} {y1:g}{_bend(x1, y1, x2, y2)}"
    between = _between_rows(start, end)
    if end.column > start.column:
        into = end.x - GAP
        return f"M{x1:g} {y1:g}{_bend(x1, y1, x1 + GAP, between)}H{into:g}{_bend(into, between, x2, y2)}"
    out, back = x1 + GAP / 2, x2 - GAP / 2
    around = f"C{out:g} {y1:g} {out:g} {between:g} {x1:g} {between:g}H{x2:g}"
    return f"M{x1:g} {y1:g}{around}C{back:g} {between:g} {back:g} {y2:g} {x2:g} {y2:g}"


def _between_rows(start: Spot, end: Spot) -> float:
    """Return the height to run at: above the last box when coming from above, else below it."""
    track = _TRACKS[end.column % len(_TRACKS)]
    half = (ROW - HEIGHT) / 2
    return end.y - half + track if start.y < end.y else end.y + HEIGHT + half + track


def _bend(x1: float, y1: float, x2: float, y2: float) -> str:
    middle = (x1 + x2) / 2
    return f"C{middle:g} {y1:g} {middle:g} {y2:g} {x2:g} {y2:g}"
