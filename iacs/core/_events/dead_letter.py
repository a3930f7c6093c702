"""The event that preserves a record which cannot be read, with the reason."""

from base64 import b64encode
from hashlib import sha256
from uuid import UUID, uuid5

from iacs.core._events.cloud_event import headers_read
from iacs.core._events.encoding import encode
from iacs.core._events.event_buffer import UnreadableRecord
from iacs.core.dead_letters import DeadLetter
from iacs.core.events import Event, NewEvent

_NAMESPACE = UUID("0f6c5f0e-54ac-4f36-8ed2-1d25ae5b2f3c")
_MAX_BYTES = 384 * 1024
"""Of the value that is kept: base64 adds a third, and Kafka accepts 1 MB by default for the whole record."""
_MAX_OTHER_BYTES = 64 * 1024
"""Of the key that is kept, and of the headers, which go altogether when they are longer."""
_MAX_REASON = 10_000
"""Characters: a handler's error may quote all that it was given."""


def unhandled(event: Event, reason: str) -> UnreadableRecord:
    """Return an event that could not be handled as the record from which it was read."""
    is_tombstone = event.value is None and event.key is not None
    return UnreadableRecord(
        topic=event.topic,
        partition=event.partition,
        offset=event.offset,
        key=None if event.key is None else event.key.encode(),
        value=None if is_tombstone else encode(event.value).encode(),
        headers=headers_read(event),
        reason=reason,
    )


def dead_letter(record: UnreadableRecord, topic: str, *, has_content: bool = True) -> NewEvent:
    """Return the event for the dead-letter `topic`; its id is always the same for the same record.

    What is too long for Kafka is cut, without `has_content` everything is: `is_truncated` says so, and the whole
    record is still at its offset.
    """
    address = f"{record.topic}/{record.partition}/{record.offset}"
    value_limit, other_limit = (_MAX_BYTES, _MAX_OTHER_BYTES) if has_content else (0, 0)
    key, value, headers = record.key or b"", record.value, dict(record.headers)
    has_long_headers = sum(len(name) + len(text) for name, text in headers.items()) * 4 > other_limit
    letter = DeadLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        reason=record.reason[:_MAX_REASON],
        key_base64=_base64(record.key, other_limit),
        value_base64=_base64(value, value_limit),
        value_size=None if value is None else len(value),
        value_sha256=None if value is None else sha256(value).hexdigest(),
        headers={} if has_long_headers else headers,
        is_truncated=len(value or b"") > value_limit or len(key) > other_limit or has_long_headers,
    )
    return NewEvent(topic, letter.model_dump(), key=address, id=str(uuid5(_NAMESPACE, address)))


def _base64(data: bytes | None, limit: int) -> str | None:
    return b64encode(data[:limit]).decode() if data is not None else None
