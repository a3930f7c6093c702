"""Records as kafka-python gives them, turned into events."""

from typing import Any

from iacs.core.event_buffer import Fetched, Record, Unreadable
from iacs.core.event_json import decode
from iacs.core.events import EVENT_ID_HEADER, Event


def read_record(record: Any) -> Fetched:
    """Return the event that a ConsumerRecord holds, or why it holds none, and its size in bytes."""
    headers = {name: _header(value) for name, value in record.headers}
    size = len(record.key or b"") + len(record.value or b"")
    try:
        return _event(record, headers), size
    except ValueError as error:
        return _unreadable(record, headers, str(error)), size


def _event(record: Any, headers: dict[str, str]) -> Record:
    return Event(
        topic=record.topic,
        value=decode(record.value) if record.value is not None else None,
        key=_key(record.key),
        id=headers.pop(EVENT_ID_HEADER, None),
        partition=record.partition,
        offset=record.offset,
        headers=headers,
    )


def _key(key: bytes | None) -> str | None:
    try:
        return key.decode() if key is not None else None
    except UnicodeDecodeError as error:
        raise ValueError(f"the key is not UTF-8: {error}") from None


def _header(value: bytes | None) -> str:
    return (value or b"").decode(errors="backslashreplace")


def _unreadable(record: Any, headers: dict[str, str], reason: str) -> Unreadable:
    return Unreadable(
        record.topic,
        record.partition,
        record.offset,
        record.key,
        record.value,
        headers,
        f"not JSON: {reason}",
    )
