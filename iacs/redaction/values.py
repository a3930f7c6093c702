"""Take secrets out of what is about to be shown: by the name that they stand under, and by their shape.

A name that ends like `access_token`, in any spelling, hides what it names. Tokens, `Bearer …`, passwords in URLs
and `client_secret=…` are found inside any text. Hiding too much is the lesser fault here.
"""

import dataclasses
import math
from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from itertools import islice
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

from iacs.redaction.text import LONGEST_TEXT, REDACTED, is_secret_name, redact_text

MOST_VALUES = 10_000
DEEPEST = 32
LARGEST_INTEGER = 10_000
"""Bits; Python refuses to write a larger one in decimal."""


def redact(value: Any) -> Any:
    """Return value as plain dictionaries, lists, numbers and text, with every secret replaced.

    Models and dataclasses become dictionaries, other objects their text. A value that contains itself ends
    in `[cycle]`; what is deeper or more than a log line should hold ends in `[cut]`.
    """
    return _Walk().visit(value)


def redact_argument(value: Any) -> Any:
    """Return value itself, so that `%d` and `%r` work on it, unless it holds a secret."""
    walk = _Walk()
    shown = walk.visit(value)
    return shown if walk.found else value


class _Walk:
    """One walk through one value: what is open now, and how much may still come."""

    def __init__(self) -> None:
        self.found = False
        self._open: set[int] = set()
        self._left = MOST_VALUES

    def visit(self, value: Any) -> Any:
        self._left -= 1
        try:
            return self._visit(value)
        except Exception:  # noqa: BLE001 - a value's own code may raise anything, and a log line must not
            return f"[{type(value).__name__} that cannot be shown]"

    def _visit(self, value: Any) -> Any:
        if value is None or isinstance(value, int):
            return value if not value or value.bit_length() < LARGEST_INTEGER else hex(value)
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, SecretStr | SecretBytes):
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
            named[self._name(name)] = self._under(name, value)
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
        """Show the value of a name; a secret's absence is no secret, so None, the empty text and booleans stay."""
        if value is None or value == "" or isinstance(value, bool) or not is_secret_name(_plain(name)):
            return self.visit(value)
        return self._hidden()

    def _name(self, name: Any) -> Any:
        return name if name is None or isinstance(name, int | float) else self._text(_plain(name))

    def _text(self, text: str) -> str:
        shown = redact_text(text)
        self.found = self.found or shown != text
        return shown

    def _hidden(self) -> str:
        self.found = True
        return REDACTED


_ONE_TEXT = (bytes, bytearray, memoryview, range, type)


def _fields(value: Any) -> Mapping[Any, Any] | None:
    """Return what a value names its parts, None when it does not; parts that its own repr hides are left out."""
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
