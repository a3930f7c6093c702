"""The drawing of the page: a box for each part, a lane for each container, a line for each need."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html import escape

from iacs.redaction import safe_for_terminal
from iacs.runtime.picture.data import PictureData, PictureNode
from iacs.runtime.picture.drawing_text import by_target, is_settings_only, what_it_is
from iacs.runtime.picture.layout import Lane, lay_out
from iacs.runtime.picture.page_lines import GAP, HEIGHT, ROW, Spot, line

_MARGIN = 10
_INSIDE = 22
"""Between the side of a lane and its first box."""
_LANE_HEAD, _LANE_FOOT, _LANE_GAP = 34, 2, 12
_LETTER, _SMALL_LETTER = 7.83, 6.75
"""Width of a letter of a name and of a class; the page sets them in fonts of this width."""
_NARROWEST, _WIDEST = 110, 240
COLORS = 8


def svg(picture: PictureData) -> str:
    """Return the drawing; parts and lines carry their number in the picture, for the script."""
    return _Drawing(picture).text()


@dataclass(frozen=True)
class _Drawing:
    picture: PictureData

    def text(self) -> str:
        size = f'viewBox="0 0 {self.width:g} {self.height:g}" width="{self.width:g}" height="{self.height:g}"'
        lines = [
            f'<svg id="drawing" {size} role="group" aria-label="What needs what">',
            f'<clipPath id="inside"><rect width="{self.box - 6:g}" height="{HEIGHT}"/></clipPath>',
            *self.lanes(),
            *self.lines(),
            *self.titles(),
            *self.boxes(),
            "</svg>",
        ]
        return "\n".join(lines)

    @cached_property
    def layout(self) -> tuple[dict[str, Lane], dict[str, Spot]]:
        """The lane of each container and the spot of each part."""
        layout = lay_out(self.picture)
        lanes = {lane.group: lane for lane in layout.lanes}
        tops = {lane.group: self.top(number, lane) for number, lane in enumerate(layout.lanes)}
        spots = {}
        for node in self.picture.nodes:
            cell, lane = layout.cells[node.path], lanes[node.group]
            x = _MARGIN + _INSIDE + cell.column * (self.box + GAP)
            y = tops[node.group] + _LANE_HEAD + (cell.row - lane.row) * ROW
            spots[node.path] = Spot(x, y, self.box, cell.column)
        return lanes, spots

    @cached_property
    def box(self) -> float:
        """The width of every box: what the longest name or class takes."""
        wanted = [
            max(_letters(n.name) * _LETTER, _letters(_second(n)) * _SMALL_LETTER) for n in self.picture.nodes
        ]
        return round(min(_WIDEST, max(_NARROWEST, *wanted, 0)) + 26)

    @cached_property
    def width(self) -> float:
        right = max((spot.x for spot in self.layout[1].values()), default=0)
        return right + self.box + _INSIDE + _MARGIN

    @cached_property
    def height(self) -> float:
        lanes = self.layout[0]
        rows = sum(lane.rows for lane in lanes.values())
        return _MARGIN + rows * ROW + len(lanes) * (_LANE_HEAD + _LANE_FOOT + _LANE_GAP)

    def top(self, number: int, lane: Lane) -> float:
        return _MARGIN + lane.row * ROW + number * (_LANE_HEAD + _LANE_FOOT + _LANE_GAP)

    def lanes(self) -> Iterator[str]:
        colors = colors_of(self.picture)
        for number, lane in enumerate(self.layout[0].values()):
            height = _LANE_HEAD + lane.rows * ROW + _LANE_FOOT
            yield (
                f'<rect class="lane {colors[lane.group]}" x="{_MARGIN}" y="{self.top(number, lane):g}" '
                f'width="{self.width - 2 * _MARGIN:g}" height="{height:g}" rx="10"/>'
            )

    def titles(self) -> Iterator[str]:
        colors = colors_of(self.picture)
        for number, lane in enumerate(self.layout[0].values()):
            title = escape(
                safe_for_terminal(lane.group or self.picture.container.rpartition(":")[2] or "a container")
            )
            y = self.top(number, lane) + 21
            yield f'<text class="title {colors[lane.group]}" x="{_MARGIN + 12}" y="{y:g}">{title}</text>'

    def lines(self) -> Iterator[str]:
        """Yield a line for each two parts, behind the boxes; settings have quieter ones."""
        numbers = {node.path: number for number, node in enumerate(self.picture.nodes)}
        spots = self.layout[1]
        for source, edges in self.picture.needs.items():
            for target, grouped in by_target(edges).items():
                quiet = " quiet" if is_settings_only(grouped, self.picture.by_path[source]) else ""
                ends = f'data-from="{numbers[source]}" data-to="{numbers[target]}"'
                yield f'<g class="line{quiet}" {ends}>{line(spots[source], spots[target])}</g>'

    def boxes(self) -> Iterator[str]:
        colors = colors_of(self.picture)
        for number, node in enumerate(self.picture.nodes):
            spot = self.layout[1][node.path]
            name = escape(safe_for_terminal(f"{node.path}, {what_it_is(node)}"), quote=True)
            mark = " overlaid" if node.overlaid or node.replaces else ""
            yield (
                f'<g class="part {colors[node.group]} is-{node.lifetime}{mark}" '
                f'transform="translate({spot.x:g} {spot.y:g})" data-part="{number}" tabindex="0" '
                f'role="button" aria-pressed="false" aria-label="{name}"><title>{name}</title>'
                f'<rect class="box" width="{self.box:g}" height="{HEIGHT}" rx="7"/>'
                f'<rect class="stripe" x="4" y="7" width="4" height="{HEIGHT - 14}" rx="2"/>'
                f"{self.texts(node)}</g>"
            )

    def texts(self, node: PictureNode) -> str:
        room = self.box - 24
        name, second = _cut(node.name, int(room / _LETTER)), _cut(_second(node), int(room / _SMALL_LETTER))
        started = f'<circle class="dot" cx="{self.box - 10:g}" cy="10" r="3.5"/>' if node.started else ""
        return (
            f'<g clip-path="url(#inside)"><text class="name" x="15" y="20">{name}</text>'
            f'<text class="class" x="15" y="36">{second}</text></g>{started}'
        )


def _second(node: PictureNode) -> str:
    """Return the line below the name: what most needs to be known."""
    first = "overlaid " if node.overlaid else "override " if node.replaces else ""
    what = f"chose {node.chosen}" if node.chosen else node.short_name or node.kind
    return f"{first}{what}"


def colors_of(picture: PictureData) -> dict[str, str]:
    """Give each container a color; there are eight."""
    groups = sorted({node.group for node in picture.nodes})
    return {group: f"c{number % COLORS}" for number, group in enumerate(groups)}


def _letters(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in safe_for_terminal(text))


def _cut(text: str, letters: int) -> str:
    """Return a text that fits, escaped."""
    text = safe_for_terminal(text)
    if _letters(text) <= letters:
        return escape(text)
    kept = text[: letters - 1]
    while _letters(kept) > letters - 1:
        kept = kept[:-1]
    return escape(f"{kept}…")
