"""The values of the fixtures `captured_events` and `captured_logs`."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, overload

import pytest
from pydantic import TypeAdapter

from iacs.core.event_log import EventLog
from iacs.core.events import NewEvent
from iacs.core.kafka_client import KafkaClient
from iacs.redaction import redact_text
from iacs.redaction.values import redact

T = TypeVar("T")
_OF_EVERY_LINE = {"level", "logger", "event", "exception"}


class CapturedEvents(Sequence[NewEvent]):
    """The events that were published, oldest first; its representation contains no secret."""

    def __init__(self) -> None:
        self._events: list[NewEvent] = []

    def of(self, topic: str, model: type[T]) -> list[T]:
        """Return the values of a topic's events as objects of a pydantic model, dataclass or other type.

        Raises pydantic's ValidationError for a value that is not a `model`.
        """
        adapter = TypeAdapter(model)
        return [adapter.validate_python(event.value) for event in self._events if event.topic == topic]

    def add(self, events: Iterable[NewEvent]) -> None:
        """Add events."""
        self._events.extend(events)

    @overload
    def __getitem__(self, index: int) -> NewEvent: ...
    @overload
    def __getitem__(self, index: slice) -> list[NewEvent]: ...
    def __getitem__(self, index: int | slice) -> NewEvent | list[NewEvent]:
        return self._events[index]

    def __len__(self) -> int:
        return len(self._events)

    def __repr__(self) -> str:
        shown = [(event.topic, event.key, redact(event.value)) for event in self._events]
        return f"<CapturedEvents: {shown}>"


@contextmanager
def capturing_events() -> Iterator[CapturedEvents]:
    """Record what every KafkaClient and EventLog of this process publishes."""
    captured = CapturedEvents()
    with pytest.MonkeyPatch.context() as patch:
        for stream in (EventLog, KafkaClient):
            patch.setattr(stream, "publish_many", _recorded(stream.publish_many, captured))
        yield captured


def _recorded(
    publish_many: Callable[[Any, Iterable[NewEvent]], Awaitable[int]], captured: CapturedEvents
) -> Callable[[Any, Iterable[NewEvent]], Awaitable[int]]:
    async def publish(stream: Any, events: Iterable[NewEvent]) -> int:
        published = list(events)
        count = await publish_many(stream, published)
        captured.add(published)
        return count

    return publish


class _Lines(logging.Handler):
    """A handler that keeps each record as a line."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record, as its logger has redacted it, or redacted now."""
        values = vars(record)
        event, fields = values.get("iacs_event"), values.get("iacs_fields", {})
        line: dict[str, Any] = {"level": record.levelname.lower(), "logger": record.name}
        line["event"] = redact_text(record.getMessage()) if event is None else event
        line |= {f"{name}_" if name in _OF_EVERY_LINE else name: value for name, value in fields.items()}
        trace = record.exc_text
        if record.exc_info and not trace:
            trace = logging.Formatter().formatException(record.exc_info)
        if trace:
            line["exception"] = redact_text(trace)
        self.lines.append(line)


@contextmanager
def capturing_logs() -> Iterator[list[dict[str, Any]]]:
    """Record the lines that reach the root logger."""
    handler, root = _Lines(), logging.getLogger()
    root.addHandler(handler)
    try:
        yield handler.lines
    finally:
        root.removeHandler(handler)
