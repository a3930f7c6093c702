"""Tables on standard output: in colour and truncated to fit on a terminal, plain and complete elsewhere."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from iacs.redaction import safe_for_terminal

if TYPE_CHECKING:
    from rich.console import Console

MISSING = "-"
_GAP = "  "


def console(stream: TextIO) -> "Console":
    """Return a console that prints text literally; rich is slow to import, and needed only on terminals."""
    from rich.console import Console

    return Console(file=stream, markup=False, emoji=False, highlight=False, soft_wrap=True)


def _cell_len(text: str) -> int:
    """Return the number of terminal cells that a text fills."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


@dataclass(frozen=True, slots=True)
class Column:
    """A column at least `width` cells wide; on a terminal a `cut` one ends in … where its width ends.

    `wide` is its minimum width elsewhere, and on a wide terminal; a `right` one is aligned to the right.
    """

    title: str
    width: int = 0
    cut: bool = False
    wide: int = 0
    right: bool = False


class Table:
    """A table that prints every row at once; a last column that is `cut` fills the width of a terminal."""

    def __init__(self, *columns: Column) -> None:
        self._columns = columns
        self._terminal = console(sys.stdout) if sys.stdout.isatty() else None
        if self._terminal is None:
            self._widths = [max(column.width, column.wide) for column in columns]
        else:
            self._widths = self._fitting(self._terminal.width)
        self._started = False

    def _fitting(self, terminal: int) -> list[int]:
        """Return widths for a terminal: the wide ones if they leave half of it to a last column that is cut."""
        widths = [column.width for column in self._columns]
        if not self._columns[-1].cut:
            return widths
        wide = [max(column.width, column.wide) for column in self._columns]
        if sum(width + len(_GAP) for width in wide[:-1]) * 2 <= terminal:
            widths = wide
        widths[-1] = max(1, terminal - sum(width + len(_GAP) for width in widths[:-1]))
        return widths

    def row(self, *cells: str | None) -> None:
        """Print a row; before the first, also the titles."""
        if not self._started:
            self._started = True
            self._write([(column.title, "bold") for column in self._columns])
        self._write([(MISSING, "dim") if cell is None else (safe_for_terminal(cell), "") for cell in cells])

    def _write(self, cells: Sequence[tuple[str, str]]) -> None:
        texts = map(self._fit, [text for text, _ in cells], self._columns, self._widths)
        if self._terminal is None:
            print(_GAP.join(texts).rstrip(" "), flush=True)
            return
        from rich.text import Text

        styled = [Text(text, style) for text, (_, style) in zip(texts, cells, strict=True)]
        line = Text(_GAP).join(styled)
        line.rstrip()
        self._terminal.print(line)

    def _fit(self, text: str, column: Column, width: int) -> str:
        if column.cut and self._terminal and _cell_len(text) > width:
            from rich.cells import set_cell_size

            return f"{set_cell_size(text, width - 1)}…"
        padding = " " * (width - _cell_len(text))
        return padding + text if column.right else text + padding


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str | None]]) -> None:
    """Print complete rows: columns are as wide as their widest cell, numbers are aligned to the right."""
    table = Table(*map(_column, zip(titles, *rows, strict=True)))
    for cells in rows:
        table.row(*cells)


def _column(column: tuple[str | None, ...]) -> Column:
    title, *cells = column
    numbers = any(cells) and all(cell is None or cell.isdecimal() for cell in cells)
    width = max(_cell_len(MISSING if cell is None else safe_for_terminal(cell)) for cell in column)
    return Column(title or "", width, right=numbers)
