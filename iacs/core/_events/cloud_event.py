"""The attributes of CloudEvents 1.0 as headers: its Kafka protocol binding, binary content mode.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from pydantic import BaseModel

from iacs.core import clock
from iacs.core.events import Event, NewEvent
from iacs.core.exceptions import EventEncodingError

ID = "ce_id"
SOURCE = "ce_source"
TYPE = "ce_type"
TIME = "ce_time"
PARTITION_KEY = "ce_partitionkey"
SPEC_VERSION = "ce_specversion"
CONTENT_TYPE = "content-type"
JSON = "application/json"

_REMEDIES = {
    ID: "give the id of the event as event_id",
    PARTITION_KEY: "give the key of the event as key",
    SPEC_VERSION: "leave it out, iacs writes CloudEvents 1.0",
    CONTENT_TYPE: "leave it out, iacs writes JSON",
}
"""What to do instead of setting a header that is derived from the event."""

_EXTENSION = re.compile(r"ce_[a-z0-9]+")


def check_attribute(name: str, text: str, *, field: str) -> None:
    """Raise EventEncodingError for a header that would make the record an invalid CloudEvent."""
    if name in _REMEDIES:
        raise EventEncodingError(f"{field} is reserved", field=field, hint=_REMEDIES[name])
    if not name.startswith("ce_"):
        return
    if not _EXTENSION.fullmatch(name):
        hint = "use lower-case letters and digits after ce_"
        raise EventEncodingError(
            f"{field} is not the name of a CloudEvents attribute", field=field, hint=hint
        )
    if not text or not text.isprintable():
        raise EventEncodingError(
            f"{field} is not printable text", field=field, hint="give it a text, or leave it out"
        )
    if name == TIME:
        try:
            clock.from_text(text)
        except ValueError as error:
            raise EventEncodingError(
                f"{field} is not an instant: {error}",
                field=field,
                hint="use ISO 8601 with an offset, such as 2026-11-23T08:15:30Z",
            ) from None


def headers_to_write(event: NewEvent, source: str, time: str) -> dict[str, str]:
    """Return the headers of a record: the attributes, which the event's own headers override, and the rest."""
    headers = {
        SPEC_VERSION: "1.0",
        ID: event.id,
        SOURCE: source,
        TYPE: _type(event),
        TIME: time,
    }
    if event.key:
        headers[PARTITION_KEY] = event.key
    if event.value is not None or event.key is None:  # a tombstone has no content
        headers[CONTENT_TYPE] = JSON
    headers.update(event.headers)
    return headers


def own_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers to give to a copy of an event: all except those that are derived from the event."""
    return {name: text for name, text in headers.items() if name not in _REMEDIES}


def read_event(
    headers: Mapping[str, str], *, topic: str, value: Any, key: str | None, partition: int, offset: int
) -> Event:
    """Return the event of a record, whoever wrote it: a missing attribute is None."""
    rest, time = dict(headers), None
    for name, default in ((SPEC_VERSION, "1.0"), (CONTENT_TYPE, JSON), (PARTITION_KEY, key)):
        if name in rest and rest[name] == default:
            del rest[name]
    if TIME in rest:
        try:
            time = clock.from_text(rest[TIME])
            del rest[TIME]
        except ValueError:  # it stays among the headers
            pass
    return Event(
        topic=topic,
        value=value,
        key=key,
        id=rest.pop(ID, None),
        partition=partition,
        offset=offset,
        headers=rest,
        type=rest.pop(TYPE, None),
        source=rest.pop(SOURCE, None),
        time=time,
    )


def headers_read(event: Event) -> dict[str, str]:
    """Return the headers of an event that was read, with its attributes among them."""
    time = clock.to_text(event.time) if event.time is not None else None
    attributes = {ID: event.id, SOURCE: event.source, TYPE: event.type, TIME: time}
    return {name: text for name, text in attributes.items() if text is not None} | dict(event.headers)


def _type(event: NewEvent) -> str:
    """Return the type that the value itself states, as iacs's own events do, else the topic."""
    value, kind = event.value, None
    if isinstance(value, Mapping):
        kind = value.get("type")
    elif isinstance(value, BaseModel):
        kind = getattr(value, "type", None)
    kind = kind.value if isinstance(kind, Enum) else kind
    return kind if isinstance(kind, str) and kind and kind.isprintable() else event.topic
