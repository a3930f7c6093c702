"""What an event is, and what every carrier of events promises.

`KafkaClient` and `EventLog` both are an `EventStream`: one test suite holds them to the same promises.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from uuid import uuid4

EVENT_ID_HEADER = "event-id"


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be published: any value that JSON can carry, and the key that fixes its order."""

    topic: str
    value: Any
    key: str | None = None
    id: str = field(default_factory=lambda: str(uuid4()))


@dataclass(frozen=True, slots=True)
class Event:
    """An event as read back; `partition` and `offset` say where it stands in its topic."""

    topic: str
    value: Any
    key: str | None
    id: str | None
    partition: int
    offset: int
    headers: Mapping[str, str] = field(default_factory=dict)


class EventStream(Protocol):
    """Publishes events durably and reads them back in the order of each key."""

    async def publish(
        self, topic: str, value: Any, *, key: str | None = None, event_id: str | None = None
    ) -> None:
        """Publish one event; return when it is durable.

        Raises EventEncodingError for a value that JSON cannot carry, KafkaError when the broker does not
        acknowledge it in time.
        """

    async def publish_many(self, events: Iterable[NewEvent]) -> int:
        """Publish events in their order; return how many, when all are durable."""

    def consume(
        self,
        topics: str | Iterable[str],
        group: str | None = None,
        *,
        idle_timeout: float | None = None,
    ) -> AsyncIterator[Event]:
        """Read events in the order of each key.

        An event counts as finished, and its offset is committed for the group, when the caller asks for the
        next one. A group starts at the oldest event. Without a group everything is read from the oldest
        event on and nothing is committed. The iteration ends when no event came for `idle_timeout` seconds;
        without it, it waits for ever.
        """

    async def aclose(self) -> None:
        """Release connections; safe to call twice."""


def event_carrier(bootstrap_servers: Sequence[str]) -> Literal["kafka", "event_log"]:
    """Choose the carrier: Kafka when a broker is configured, else the event log in the database."""
    return "kafka" if bootstrap_servers else "event_log"
