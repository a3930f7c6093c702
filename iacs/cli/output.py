"""What the commands print: data on standard output, everything said about it on standard error.

`--json` is JSON Lines throughout: one object a line, so a command with one result prints one line.
Nothing that came from outside reaches the terminal as a control character or as markup.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

MISSING = "-"

# C0, DEL and C1 move the cursor or worse; the bidirectional controls reorder what stands beside them;
# lone surrogates cannot be written at all.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console(stream: TextIO | None = None) -> Console:
    """Return a console that takes every text literally."""
    return _Console(file=stream or sys.stdout, markup=False, emoji=False, highlight=False, soft_wrap=True)


def escaped(text: str) -> str:
    r"""Return `text` with what a terminal would act on written as an escape, such as \x1b."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def note(text: str) -> None:
    """Say something about the work, on standard error."""
    print(escaped(text), file=sys.stderr, flush=True)


def line(text: str) -> None:
    """Print one line of data."""
    print(escaped(text), flush=True)


def instant(value: datetime | None) -> str | None:
    """Return a time in UTC, to the minute."""
    return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def counted(number: int, noun: str) -> str:
    """Return `3 events`, or `1 event`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def print_json(value: Mapping[str, Any]) -> None:
    """Print one object as one line of JSON."""
    readable = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(value, ensure_ascii=not readable, default=_encode)
    print(_UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], text), flush=True)


def _encode(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)


@dataclass(frozen=True, slots=True)
class Column:
    """A column at least `width` cells wide; on a terminal a `cut` one ends in … where its width ends.

    `wide` is its least width elsewhere; a `right` one is aligned there.
    """

    title: str
    width: int = 0
    cut: bool = False
    wide: int = 0
    right: bool = False


class Table:
    """Print rows as they come: in color and cut to fit on a terminal, whole and plain elsewhere.

    A last column that may be cut takes what the terminal has left.
    """

    def __init__(self, *columns: Column) -> None:
        self._console = console()
        self._columns = columns
        self._cuts = self._console.is_terminal
        self._widths = [each.width if self._cuts else max(each.width, each.wide) for each in columns]
        if columns[-1].cut:
            self._widths[-1] = max(1, self._console.width - sum(width + 2 for width in self._widths[:-1]))
        self._started = False

    def row(self, *cells: str | None) -> None:
        """Print one row, and the titles before the first."""
        if not self._started:
            self._started = True
            self._write([Text(column.title, style="bold") for column in self._columns])
        self._write([_cell(cell) for cell in cells])

    def _write(self, cells: Iterable[Text]) -> None:
        fitted = map(self._fitted, cells, self._columns, self._widths)
        text = Text("  ").join(fitted)
        text.rstrip()
        self._console.print(text)

    def _fitted(self, cell: Text, column: Column, width: int) -> Text:
        if column.cut and self._cuts:
            cell.truncate(width, overflow="ellipsis")
        room = max(0, width - cell.cell_len)
        cell.pad_left(room) if column.right else cell.pad_right(room)
        return cell


def _cell(value: str | None) -> Text:
    return Text(MISSING, style="dim") if value is None else Text(escaped(value))


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str | None]]) -> None:
    """Print rows that are all known: each column as wide as its widest cell, numbers to the right."""
    table = Table(*map(_column, zip(titles, *rows, strict=True)))
    for cells in rows:
        table.row(*cells)


def _column(column: tuple[str | None, ...]) -> Column:
    title, *cells = column
    numbers = any(cells) and all(cell is None or cell.isdecimal() for cell in cells)
    return Column(title or "", max(_cell(cell).cell_len for cell in column), right=numbers)
