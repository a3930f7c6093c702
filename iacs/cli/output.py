"""Output of the commands: data on standard output, messages about it on standard error.

`--json` prints JSON Lines: one object per line, and one line for a single result.
Text from outside never reaches the terminal as control characters or as markup.
"""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from iacs.core import clock
from iacs.redaction import safe_for_terminal, safe_json


def note(text: str) -> None:
    """Print one message on standard error."""
    print(safe_for_terminal(text), file=sys.stderr, flush=True)


def line(text: str) -> None:
    """Print one line of data."""
    print(safe_for_terminal(text), flush=True)


def instant(value: datetime | None) -> str | None:
    """Return a time in UTC, to the minute."""
    return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def counted(number: int, noun: str) -> str:
    """Return `3 events`, or `1 event`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def show(text: str, document: Mapping[str, Any], *, json: bool) -> None:
    """Print one result: as a line, or as an object."""
    if json:
        print_json(document)
    else:
        line(text)


def print_json(value: Mapping[str, Any]) -> None:
    """Print one object as one line of JSON."""
    readable = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(value, ensure_ascii=not readable, default=_encode)
    print(safe_json(text), flush=True)


def _encode(value: object) -> object:
    if isinstance(value, datetime):
        return clock.iso(value.astimezone(UTC))
    return str(value)
