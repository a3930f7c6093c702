"""Check a new event field by field, and write it as the text that a database column or a record carries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from iacs.core._events.encoding import encode, is_unicode
from iacs.core.events import EVENT_ID_HEADER, NewEvent, check_topic
from iacs.core.exceptions import EventEncodingError


@dataclass(frozen=True, slots=True)
class EncodedEvent:
    """An event whose fields can all be written, with its value and headers as JSON."""

    event: NewEvent
    value: str
    headers: str


def encode_event(event: NewEvent) -> EncodedEvent:
    """Encode an event.

    Raises EventEncodingError, which names the field, and EventError for a topic of no valid name.
    """
    check_topic(event.topic)
    if event.key is not None:
        check_text(event.key, field="key")
    check_text(event.id, field="id")
    return EncodedEvent(event, encode(event.value), _encode_headers(event.headers))


def check_text(value: Any, *, field: str) -> None:
    """Raise EventEncodingError for a value that a header or a database column cannot carry as text."""
    if not isinstance(value, str):
        raise EventEncodingError(f"{field} is {type(value).__name__}, but must be text", field=field)
    if "\0" in value or not is_unicode(value):
        raise EventEncodingError(
            f"{field} holds a character that cannot be written as UTF-8 text", field=field
        )


def _encode_headers(headers: Mapping[str, str]) -> str:
    if not isinstance(headers, Mapping):
        raise EventEncodingError(
            f"headers is {type(headers).__name__}, but must be a mapping of text to text", field="headers"
        )
    for name, value in headers.items():
        check_text(name, field="headers")
        field = f"headers.{name}"
        if not name:
            raise EventEncodingError("headers has a header without a name", field="headers")
        if name == EVENT_ID_HEADER:
            raise EventEncodingError(
                f"{field} is reserved", field=field, hint="give the id of the event as event_id"
            )
        check_text(value, field=field)
    return encode(dict(headers)) if headers else "{}"
