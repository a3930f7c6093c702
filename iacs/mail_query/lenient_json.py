"""JSON with single items that cannot be parsed: they are kept as text, and the others are read.

Graph has returned half a surrogate, integers of thousands of digits, and bytes that are not UTF-8.
"""

import json
import re
from typing import Any

from iacs.core.exceptions import MalformedResponseError

_MAX_DEPTH = 100
"""The nesting above which an item is kept as text: Python's own functions fail at some depth."""

_MAX_DIGITS = 4300
"""The length of the longest integer that Python converts; a longer one is kept as text."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_SYMBOL = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]', re.DOTALL)


def parse_leniently(body: bytes) -> Any:
    """Parse a page; an item that is nested too deeply is its text. Raises MalformedResponseError."""
    try:
        text = body.decode(json.detect_encoding(body), errors="surrogateescape")
        start, end, items = _items(text)
        page = json.loads(text[:start] + text[end:], parse_int=_integer)
        if items:
            page["value"] = [json.loads(item, parse_int=_integer) if flat else item for item, flat in items]
    except (ValueError, RecursionError) as error:
        raise MalformedResponseError(
            "Microsoft Graph's answer is not JSON, or is cut off", hint="try again later"
        ) from error
    return page


def well_formed(value: Any) -> Any:
    """Return a value with U+FFFD instead of lone surrogates, which no encoding can express."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [well_formed(item) for item in value]
    if isinstance(value, dict):
        return {well_formed(name): well_formed(item) for name, item in value.items()}
    return value


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MAX_DIGITS else digits


def _items(text: str) -> tuple[int, int, list[tuple[str, bool]]]:
    """Return the start and the end of the items of the array `value`, and each with whether it is flat enough.

    Without such an array, or with an empty one, there are no items.
    """
    start = begin = _array_start(text)
    items: list[tuple[str, bool]] = []
    depth = deepest = 0
    for match in _SYMBOL.finditer(text, start):
        symbol = match[0]
        if depth == 0 and symbol in ",]":
            items.append((text[begin : match.start()], deepest <= _MAX_DEPTH))
            if symbol == "]":
                is_empty = len(items) == 1 and not items[0][0].strip()
                return start, match.start(), [] if is_empty else items
            begin, deepest = match.end(), 0
        elif symbol in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif symbol in "]}":
            depth -= 1
    return len(text), len(text), []


def _array_start(text: str) -> int:
    """Return where the items of the top-level array `value` start, or the end of the text."""
    depth, key = 0, ""
    for match in _SYMBOL.finditer(text):
        symbol = match[0]
        if symbol == "[" and depth == 1 and key == '"value":':
            return match.end()
        if depth == 1:
            key = symbol if symbol.startswith('"') else f"{key}:" if symbol == ":" else ""
        depth += (symbol in "[{") - (symbol in "]}")
    return len(text)
