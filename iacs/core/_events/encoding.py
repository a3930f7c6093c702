"""Values of events as JSON in UTF-8: strict both ways, so that what is read back is what was published."""

import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, NoReturn
from uuid import UUID

from pydantic import BaseModel, Secret, SecretBytes, SecretStr
from pydantic_core import PydanticSerializationError, to_jsonable_python

from iacs.core.events import NewEvent, check_topic
from iacs.core.exceptions import EventEncodingError

MAX_DEPTH = 200
"""Levels of lists and objects; what is written must be readable by parsers that recurse."""

_LONGEST_PATH = 20  # steps that are told of a place
_MAX_INTEGER_BITS = 10_000  # Python's own parser refuses more than 4300 digits


class _RefusedError(Exception):
    """A value is not JSON; `path` grows from the inside out while it rises."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.path: list[str | int] = []


def encode(value: object, *, field: str = "value") -> bytes:
    """Return `value` as JSON.

    Beside JSON's own types: datetime (ISO 8601 with offset, UTC as Z), date, UUID and Decimal as text, enums
    by their value, pydantic models by alias. Raises EventEncodingError, which names the place, for the rest.
    """
    try:
        plain = _plain(value, 0)
    except _RefusedError as refused:
        raise EventEncodingError(
            f"{_place(field, refused)}: {refused}", field=_place(field, refused)
        ) from None
    return json.dumps(plain, ensure_ascii=False, check_circular=False, separators=(",", ":")).encode()


def encode_event(event: NewEvent) -> bytes:
    """Return the value of an event as JSON, when its topic, key and id can be written as well.

    Raises EventEncodingError, which names the field, and EventError for a topic of no possible name.
    """
    check_topic(event.topic)
    check_text(event.key, field="key")
    check_text(event.id, field="id")
    return encode(event.value)


def decode(data: bytes | str) -> Any:
    """Return the value of one JSON text; raises ValueError when it is none, saying why."""
    text = data.decode() if isinstance(data, bytes) else data
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:20]} is too large")
    return number


def check_text(value: str | None, *, field: str) -> None:
    """Raise EventEncodingError for what a header or a database column cannot carry as text."""
    if value is None:
        return
    if not isinstance(value, str):
        raise EventEncodingError(f"{field} is {type(value).__name__}, but must be text", field=field)
    if "\0" in value or not _is_unicode(value):
        raise EventEncodingError(
            f"{field} holds a character that cannot be written as UTF-8 text", field=field
        )


def _place(field: str, refused: _RefusedError) -> str:
    for step in refused.path[: -_LONGEST_PATH - 1 : -1]:
        field += f"[{step}]" if isinstance(step, int) else f".{step}"
    return field


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True


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
    if not value.isascii() and not _is_unicode(value):
        raise _RefusedError("holds half of a surrogate pair, which UTF-8 cannot carry")
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
            raise _RefusedError("an integer of more than 3,000 digits is not written as JSON")
        case float() if math.isfinite(value):
            return float(value)
        case Decimal() if value.is_finite():
            return str(value)
    raise _RefusedError(f"{value} is not a number in JSON")


def _instant(value: datetime) -> str:
    if value.utcoffset() is None:
        raise _RefusedError("a datetime without an offset names no instant; give it a tzinfo")
    text = value.isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def _refuse(value: object) -> NoReturn:
    name = type(value).__name__
    if isinstance(value, Secret | SecretStr | SecretBytes):
        raise _RefusedError(f"{name} is a secret, and secrets are never written into events")
    raise _RefusedError(
        f"{name} cannot be written as JSON; use text, numbers, lists, dictionaries, datetime, date, UUID, "
        "Decimal, enums or pydantic models"
    )


def _container(value: Mapping[Any, Any] | list[Any] | tuple[Any, ...] | BaseModel, depth: int) -> object:
    if depth == MAX_DEPTH:
        raise _RefusedError(f"is nested more than {MAX_DEPTH} levels deep, or contains itself")
    if isinstance(value, BaseModel):
        return _model(value, depth)
    if isinstance(value, Mapping):
        return {_key(key): _at(key, item, depth) for key, item in value.items()}
    return [_at(index, item, depth) for index, item in enumerate(value)]


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise _RefusedError(f"has the key {key!r}, but keys are text in JSON")
    return _text(key.value if isinstance(key, Enum) else key)


def _at(step: str | int, item: object, depth: int) -> object:
    try:
        return _plain(item, depth + 1)
    except _RefusedError as refused:
        refused.path.append(step)
        raise


def _model(model: BaseModel, depth: int) -> object:
    """Write a model as pydantic does, but for what pydantic would write otherwise than it is.

    It writes secrets as asterisks, and numbers that are none as null.
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
    """Refuse what must not be left to pydantic; on demand, also what it cannot write."""
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
