"""A new event whose fields are checked, as the texts of a database row or a record."""

from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from iacs.core import clock
from iacs.core._events.cloud_event import check_attribute, headers_to_write
from iacs.core._events.encoding import decode, encode, is_unicode
from iacs.core._events.stored_event import StoredEvent
from iacs.core.events import NewEvent, check_topic
from iacs.core.exceptions import EventEncodingError

if TYPE_CHECKING:
    from msgspec.json import Decoder


class EncodedEvent:
    """An event whose fields can all be written, with its value as JSON and all headers of its record."""

    def __init__(self, event: NewEvent, value: str) -> None:
        self.event = event
        self.value = value

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """The headers, for a record of Kafka."""
        try:
            return _texts().decode(self.headers_text)
        except ValueError:
            # A row of another program: whatever its headers are, they are read as the event log reads them.
            headers: dict[str, str] = decode(self.headers_text)
            return headers

    @cached_property
    def headers_text(self) -> str:
        """The headers as JSON, for a row."""
        return encode(self.headers)

    @property
    def is_null(self) -> bool:
        """Whether the value is None."""
        return self.value == "null"


def encode_events(events: Iterable[NewEvent], source: str) -> list[EncodedEvent]:
    """Encode events of a CloudEvents `source`, all with the current time.

    Raises EventEncodingError, which names the field, and EventError for an invalid topic name.
    """
    encoded, time, topics = list[EncodedEvent](), clock.to_text(clock.now()), set[str]()
    for event in events:
        if event.topic not in topics:
            check_topic(event.topic)
            topics.add(event.topic)
        encoded.append(_encode(event, source, time))
    return encoded


def _encode(event: NewEvent, source: str, time: str) -> EncodedEvent:
    if isinstance(event, StoredEvent) and event.is_encoded:
        stored = EncodedEvent(event, event.value_text)
        stored.headers_text = event.headers_text
        return stored
    if event.key is not None:
        check_text(event.key, field="key")
    check_text(event.id, field="id")
    if not event.id:
        raise EventEncodingError("id is empty", field="id", hint="leave it out to get a new one")
    if event.headers or not isinstance(event.headers, dict):
        _check_headers(event.headers)
    encoded = EncodedEvent(event, encode(event.value))
    encoded.headers = headers_to_write(event, source, time)
    return encoded


@cache
def _texts() -> "Decoder[dict[str, str]]":
    """Return a decoder that takes a quarter of the standard one's time; it is imported with the first event."""
    from msgspec.json import Decoder

    return Decoder(dict[str, str])


def check_text(value: Any, *, field: str) -> None:
    """Raise EventEncodingError for a value that a header or a database column cannot carry as text."""
    if not isinstance(value, str):
        raise EventEncodingError(
            f"{field} is {type(value).__name__}, not text", field=field, hint="convert it to str"
        )
    if "\0" in value or not is_unicode(value):
        raise EventEncodingError(
            f"{field} contains a character that cannot be written as UTF-8 text",
            field=field,
            hint="remove null characters and lone surrogates",
        )


def _check_headers(headers: Mapping[str, str]) -> None:
    if not isinstance(headers, Mapping):
        raise EventEncodingError(
            f"headers is {type(headers).__name__}, not a mapping",
            field="headers",
            hint="pass a mapping of text to text",
        )
    for name, value in headers.items():
        check_text(name, field="headers")
        field = f"headers.{name}"
        if not name:
            raise EventEncodingError(
                "headers has a header without a name", field="headers", hint="give it a name"
            )
        check_text(value, field=field)
        check_attribute(name, value, field=field)
