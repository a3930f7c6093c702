"""What becomes of a record that cannot be read: an event that holds it as it was, with the reason."""

from base64 import b64encode
from uuid import UUID, uuid5

from iacs.core._events.buffer import Unreadable
from iacs.core.events import NewEvent

_NAMESPACE = UUID("0f6c5f0e-54ac-4f36-8ed2-1d25ae5b2f3c")


def dead_letter(record: Unreadable, topic: str) -> NewEvent:
    """Return the event for the dead-letter `topic`; its id is always the same for the same record."""
    place = f"{record.topic}/{record.partition}/{record.offset}"
    value = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "reason": record.reason,
        "key_base64": _text(record.key),
        "value_base64": _text(record.value),
        "headers": dict(record.headers),
    }
    return NewEvent(topic, value, key=place, id=str(uuid5(_NAMESPACE, place)))


def _text(data: bytes | None) -> str | None:
    return b64encode(data).decode() if data is not None else None
