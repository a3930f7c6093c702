"""The event that preserves a record which cannot be read, with the reason."""

from base64 import b64encode
from uuid import UUID, uuid5

from iacs.core._events.event_buffer import UnreadableRecord
from iacs.core.events import NewEvent

_NAMESPACE = UUID("0f6c5f0e-54ac-4f36-8ed2-1d25ae5b2f3c")


def dead_letter(record: UnreadableRecord, topic: str) -> NewEvent:
    """Return the event for the dead-letter `topic`; its id is always the same for the same record."""
    address = f"{record.topic}/{record.partition}/{record.offset}"
    value = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "reason": record.reason,
        "key_base64": _base64(record.key),
        "value_base64": _base64(record.value),
        "headers": dict(record.headers),
    }
    return NewEvent(topic, value, key=address, id=str(uuid5(_NAMESPACE, address)))


def _base64(data: bytes | None) -> str | None:
    return b64encode(data).decode() if data is not None else None
