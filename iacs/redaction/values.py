"""Redaction of whole values, by the names of their parts and by the text in them."""

import dataclasses
import math
from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from itertools import islice
from typing import Any

from pydantic import BaseModel

from iacs.redaction.names import REDACTED, hides_itself, is_secret
from iacs.redaction.text import LONGEST_TEXT, redact_text

MOST_VALUES = 10_000
DEEPEST = 32
LARGEST_INTEGER = 10_000
"""The number of bits above which Python does not convert an integer to decimal."""


def redact(value: Any) -> Any:
    """Return value as plain dictionaries, lists, numbers and text, with every secret replaced.

    Models and dataclasses become dictionaries, other objects text. A reference of a value to itself becomes
    `[cycle]`; a value that is too deep or too large for a log line is truncated with `[cut]`.
    """
    return _Redaction().visit(value)


def redact_argument(value: Any) -> Any:
    """Return value unchanged, so that `%d` and `%r` work on it, unless it contains a secret."""
    redaction = _Redaction()
    shown = redaction.visit(value)
    return shown if redaction.has_hidden else value


class _Redaction:
    """The redaction of one value: the collections being visited, and the number of values that may still follow."""

    def __init__(self) -> None:
        self.has_hidden = False
        self._open: set[int] = set()
        self._left = MOST_VALUES

    def visit(self, value: Any) -> Any:
        self._left -= 1
        try:
            return self._visit(value)
        except Exception:  # noqa: BLE001 - a value's own code may raise anything; logging must not
            return f"[{type(value).__name__} that cannot be shown]"

    def _visit(self, value: Any) -> Any:
        if value is None or isinstance(value, int):
            return value if not value or value.bit_length() < LARGEST_INTEGER else hex(value)
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if hides_itself(value):
            return self._hidden()
        if isinstance(value, Enum):
            return self.visit(value.value)
        return self._compound(value)

    def _compound(self, value: Any) -> Any:
        fields = _fields(value)
        if fields is None and (isinstance(value, _ONE_TEXT) or not isinstance(value, Collection)):
            return self._text(_shown(value))
        if id(value) in self._open:
            return "[cycle]"
        if len(self._open) == DEEPEST:
            return "[cut]"
        self._open.add(id(value))
        try:
            return self._items(value) if fields is None else self._named(fields)
        finally:
            self._open.remove(id(value))

    def _named(self, fields: Mapping[Any, Any]) -> dict[Any, Any]:
        named: dict[Any, Any] = {}
        for name, value in fields.items():
            if self._left <= 0:
                named["…"] = "[cut]"
                break
            shown = name if name is None or isinstance(name, int | float) else self._text(_plain(name))
            named[shown] = self._under(name, value)
        return named

    def _items(self, values: Iterable[Any]) -> list[Any] | tuple[Any, ...]:
        if isinstance(values, list | tuple) and len(values) == 2 and isinstance(values[0], str | bytes):
            pair = [self.visit(values[0]), self._under(values[0], values[1])]  # a header, a form field
            return pair if isinstance(values, list) else tuple(pair)
        items = [self.visit(value) for value in islice(values, max(self._left, 0))]
        if self._left <= 0:
            items.append("[cut]")
        return tuple(items) if isinstance(values, tuple) else items

    def _under(self, name: Any, value: Any) -> Any:
        return self._hidden() if is_secret(_plain(name), value) else self.visit(value)

    def _text(self, text: str) -> str:
        shown = redact_text(text)
        self.has_hidden = self.has_hidden or shown != text
        return shown

    def _hidden(self) -> str:
        self.has_hidden = True
        return REDACTED


_ONE_TEXT = (bytes, bytearray, memoryview, range, type)


def _fields(value: Any) -> Mapping[Any, Any] | None:
    """Return the fields of a value, None if it has none; fields that its own repr hides are left out."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, type):
        return None
    if isinstance(value, BaseModel):
        known = type(value).model_fields
        return {name: part for name, part in value if name not in known or known[name].repr}
    if dataclasses.is_dataclass(value):
        return {part.name: getattr(value, part.name) for part in dataclasses.fields(value) if part.repr}
    names = getattr(value, "_fields", None)  # a named tuple, a row of SQLAlchemy
    return dict(zip(names, value, strict=True)) if isinstance(value, tuple) and names else None


def _shown(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value[:LONGEST_TEXT]).decode(errors="backslashreplace")
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}".removesuffix(": ")
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value)


def _plain(name: Any) -> str:
    return name.decode(errors="backslashreplace") if isinstance(name, bytes) else str(name)
