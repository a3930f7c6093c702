"""Values of events as JSON in UTF-8: strict in both directions, so that the value read is the value published."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, NoReturn
from uuid import UUID

from pydantic import BaseModel, Secret, SecretBytes, SecretStr
from pydantic_core import PydanticSerializationError, to_jsonable_python

from iacs.core import clock
from iacs.core.exceptions import EventEncodingError

MAX_DEPTH = 200
"""Levels of lists and objects; what is written must be readable by parsers that recurse."""

_AS_TEXT = "publish it as text"
_LONGEST_PATH = 20  # steps of a path that are named
_MAX_INTEGER_BITS = 10_000  # Python's own parser refuses more than 4300 digits


_MAX_INTEGER_DIGITS = 3010
_LONG_INTEGER = re.compile(rf"(?<!\d)\d{{{_MAX_INTEGER_DIGITS + 1}}}")  # or text that looks like one


class _RefusedError(Exception):
    """A value is not JSON; `path` grows from the inside out while the error rises."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.hint = hint
        self.path: list[str | int] = []


def encode(value: object, *, field: str = "value") -> str:
    """Return `value` as JSON text.

    Beside JSON's own types: datetime (ISO 8601 with offset, UTC as Z), date, UUID and Decimal as text, enums
    by their value, pydantic models by alias. Raises EventEncodingError for the rest, with its path in `field`.
    """
    try:
        if _has_plain_leaves(value, 0):
            text = _plain_encoder()(value).decode()
            if not _may_have_long_integer(text):
                return text
        elif _is_standard(value, 0):
            text = _ENCODER.encode(value)
            if is_unicode(text) and not _may_have_long_integer(text):
                return text
    except (_RefusedError, ValueError):
        pass  # the slower way below reports where
    try:
        return _ENCODER.encode(_plain(value, 0))
    except _RefusedError as refused:
        for step in refused.path[: -_LONGEST_PATH - 1 : -1]:
            field += f"[{step}]" if isinstance(step, int) else f".{step}"
        raise EventEncodingError(f"{field}: {refused}", field=field, hint=refused.hint) from None


def decode(data: bytes | str) -> Any:
    """Return the value of one JSON text; raise ValueError, with the reason, when it is not JSON."""
    text = data.decode() if isinstance(data, bytes) else data
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _finite(text: str) -> float:
    """Return a number; refuse NaN and Infinity, which Python would read, and what is too large for a float."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is not a finite number")
    return number


def is_unicode(text: str) -> bool:
    """Return whether UTF-8 can encode a text: it contains no lone surrogate."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@cache
def _plain_encoder() -> Callable[[Any], bytes]:
    """Return an encoder that takes a fifth of the standard one's time; it is imported with the first event."""
    from msgspec.json import encode as encode_plain

    return encode_plain


def _may_have_long_integer(text: str) -> bool:
    return len(text) > _MAX_INTEGER_DIGITS and _LONG_INTEGER.search(text) is not None


def _has_plain_leaves(value: Any, depth: int) -> bool:
    """Return whether a value has no type that encoders treat differently: only text, booleans, null and integers."""
    kind = type(value)
    if kind in _PLAIN_LEAVES:
        return True
    if depth == _MAX_PLAIN_DEPTH:
        return False
    if kind is dict:
        return {*map(type, value)} <= _KEYS and all(
            type(item) in _PLAIN_LEAVES or _has_plain_leaves(item, depth + 1) for item in value.values()
        )
    return kind is list and all(_has_plain_leaves(item, depth + 1) for item in value)


def _is_standard(value: Any, depth: int) -> bool:
    """Return whether the standard encoder writes a value as `_plain` would, or rejects it.

    It does for exactly these types, with text as keys, up to the maximum depth; the length of integers is not checked.
    """
    kind = type(value)
    if kind in _LEAVES:
        return True
    if depth == MAX_DEPTH or kind not in (dict, list, tuple):
        return False
    items: Iterable[Any] = value
    if kind is dict:
        if not {*map(type, value)} <= _KEYS:
            return False
        items = value.values()
    return {*map(type, items)} <= _LEAVES or all(
        type(item) in _LEAVES or _is_standard(item, depth + 1) for item in items
    )


def _plain(value: object, depth: int) -> object:
    kind = type(value)
    if kind is str:
        return _text(value)  # type: ignore[arg-type]
    if value is None or kind is bool:
        return value
    if kind is dict or kind is list:
        return _container(value, depth)  # type: ignore[arg-type]
    if isinstance(value, Enum):
        return _plain(value.value, depth)
    if isinstance(value, Mapping | list | tuple | BaseModel):
        return _container(value, depth)
    return _scalar(value)


def _text(value: str) -> str:
    if not is_unicode(value):
        raise _RefusedError("contains a lone surrogate, which UTF-8 cannot encode", "remove lone surrogates")
    return str(value)


def _scalar(value: object) -> object:
    match value:
        case str():
            return _text(value)
        case int() | float() | Decimal():
            return _number(value)
        case datetime():
            return _instant(value)
        case date():
            return value.isoformat()
        case UUID():
            return str(value)
    return _refuse(value)


def _number(value: float | Decimal) -> int | float | str:
    match value:
        case int() if value.bit_length() <= _MAX_INTEGER_BITS:
            return int(value)
        case int():
            raise _RefusedError("an integer of more than 3,000 digits is not written as JSON", _AS_TEXT)
        case float() if math.isfinite(value):
            return float(value)
        case Decimal() if value.is_finite():
            return str(value)
    raise _RefusedError(f"{value} is not a number in JSON", _AS_TEXT)


def _instant(value: datetime) -> str:
    if value.utcoffset() is None:
        raise _RefusedError("a datetime without an offset is not an instant", "give it a tzinfo")
    return clock.iso(value)


def _refuse(value: object) -> NoReturn:
    name = type(value).__name__
    if isinstance(value, Secret | SecretStr | SecretBytes):
        raise _RefusedError(
            f"{name} is a secret, and secrets are never written into events", "leave it out of the event"
        )
    raise _RefusedError(
        f"{name} cannot be written as JSON",
        "use text, numbers, lists, dictionaries, datetime, date, UUID, Decimal, enums or pydantic models",
    )


def _container(value: Mapping[Any, Any] | list[Any] | tuple[Any, ...] | BaseModel, depth: int) -> object:
    if depth == MAX_DEPTH:
        raise _RefusedError(
            f"is nested more than {MAX_DEPTH} levels deep, or contains itself", "flatten the value"
        )
    if isinstance(value, BaseModel):
        return _model(value, depth)
    if isinstance(value, Mapping):
        return {_key(key): _at(key, item, depth) for key, item in value.items()}
    return [_at(index, item, depth) for index, item in enumerate(value)]


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise _RefusedError(f"has the key {key!r}, but keys are text in JSON", "convert it to str")
    return _text(key.value if isinstance(key, Enum) else key)


def _at(step: str | int, item: object, depth: int) -> object:
    try:
        return _plain(item, depth + 1)
    except _RefusedError as refused:
        refused.path.append(step)
        raise


def _model(model: BaseModel, depth: int) -> object:
    """Encode a model as pydantic does, but reject what pydantic would alter.

    It writes secrets as asterisks, and NaN as null.
    """
    try:
        python = model.model_dump(by_alias=True, warnings=False)
        _inspect(python, depth)
        dumped = model.model_dump(mode="json", by_alias=True, warnings=False)
    except (PydanticSerializationError, RecursionError, ValueError) as error:
        _inspect(model.model_dump(by_alias=True, warnings=False), depth, seek_unwritable=True)
        raise _RefusedError(str(error)) from None
    return _plain(dumped, depth)


def _inspect(value: object, depth: int, *, seek_unwritable: bool = False) -> None:
    """Reject what must not be left to pydantic; on demand, also what it cannot write."""
    if not isinstance(value, Mapping | list | tuple | set | frozenset) or depth > MAX_DEPTH:
        _inspect_scalar(value, seek_unwritable=seek_unwritable)
        return
    for step, item in value.items() if isinstance(value, Mapping) else enumerate(value):
        try:
            _inspect(item, depth + 1, seek_unwritable=seek_unwritable)
        except _RefusedError as refused:
            refused.path.append(step if isinstance(step, int) else str(step))
            raise


def _inspect_scalar(value: object, *, seek_unwritable: bool) -> None:
    if isinstance(value, Secret | SecretStr | SecretBytes):
        _refuse(value)
    if isinstance(value, float | Decimal):
        _number(value)
    if seek_unwritable:
        try:
            to_jsonable_python(value)
        except (PydanticSerializationError, ValueError):
            _refuse(value)


_KEYS = frozenset({str})
_MAX_PLAIN_DEPTH = 5
_PLAIN_LEAVES = frozenset({str, bool, type(None), int})
_LEAVES = frozenset({str, bool, type(None), int, float, datetime, date, UUID, Decimal})
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":"), default=_scalar
)
_DECODER = json.JSONDecoder(parse_constant=_finite, parse_float=_finite)
