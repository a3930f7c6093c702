"""Values of settings and arguments as text, with secrets masked."""

from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import islice
from pathlib import PurePath
from typing import Any
from uuid import UUID

from iacs.redaction import REDACTED, hides_itself, is_secret, redact_text
from iacs.runtime.picture.modules import module_of

_LONGEST = 200
"""Characters; a longer text is cut."""
_MOST = 20
"""Values of a list or mapping; what follows is left out."""
_DEEPEST = 4


def shown(name: str, value: Any) -> str:
    """Return the value of `name` as text with secrets masked; of an object that is not a plain value, its class."""
    text = _shown(name, value, _DEEPEST)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _shown(name: str, value: Any, depth: int) -> str:
    if value is None:
        return "not set"
    if isinstance(value, str | bytes | list | tuple | set | frozenset | Mapping) and not len(value):
        return "empty"
    if hides_itself(value) or is_secret(name, value):
        return REDACTED
    if isinstance(value, list | tuple | set | frozenset | Mapping):
        return "…" if not depth else _gathered(name, value, depth - 1)
    return _single(value)


def _single(value: Any) -> str:
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, str | PurePath):
        return redact_text(str(value))
    if isinstance(value, bool | int | float | complex | Decimal | date | time | timedelta | UUID):
        return str(value)
    return module_of(value) if isinstance(value, type) else f"<{type(value).__qualname__}>"


def _gathered(name: str, value: Any, depth: int) -> str:
    if isinstance(value, Mapping):
        first = islice(value.items(), _MOST)
        pairs = [f"{_single(key)}: {_shown(str(key), part, depth)}" for key, part in first]
        return f"{{{', '.join(pairs)}}}"
    items = [_shown(name, item, depth) for item in islice(value, _MOST)]
    if isinstance(value, set | frozenset):
        items.sort()
    return f"[{', '.join(items)}]"
