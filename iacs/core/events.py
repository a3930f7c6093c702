"""What an event is, and what every carrier of events promises.

`KafkaClient` and `EventLog` both are an `EventStream`: one test suite holds them to the same promises.
"""

import re
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable
from uuid import uuid4

from iacs.core.exceptions import EventError

_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")

EVENT_ID_HEADER = "event-id"

Place = tuple[str, int]
"""A topic and a partition of it."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be published: any value that JSON can carry, and the key that fixes its order.

    None as the value of a key is a tombstone: a topic that Kafka compacts forgets the key.
    """

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

    @property
    def place(self) -> Place:
        """Return the topic and the partition."""
        return self.topic, self.partition


def check_topic(topic: str) -> None:
    """Raise EventError for a name that Kafka would refuse."""
    if not _TOPIC.fullmatch(topic) or topic in (".", ".."):
        raise EventError(f"{topic!r} cannot name a topic: use up to 249 letters, digits, '.', '_' and '-'")


def topics_of(topics: str | Iterable[str], group: str | None = None) -> tuple[str, ...]:
    """Return what `consume` was asked to read; raise EventError when it cannot be read."""
    names = (topics,) if isinstance(topics, str) else tuple(dict.fromkeys(topics))
    if not names:
        raise EventError("name one topic at least to read from")
    if group is not None and not (group and group.isprintable()):
        raise EventError(f"{group!r} cannot name a group: use printable text, or None to read without one")
    for name in names:
        check_topic(name)
    return names


@runtime_checkable
class EventStream(Protocol):
    """Publishes events durably and reads them back in the order of each key."""

    async def publish(
        self, topic: str, value: Any, *, key: str | None = None, event_id: str | None = None
    ) -> None:
        """Publish one event; return when it is durable.

        Raises EventEncodingError for a value that JSON cannot carry, EventError when the broker does not
        acknowledge it in time.
        """

    async def publish_many(self, events: Iterable[NewEvent]) -> int:
        """Publish events in their order; return how many, when all are durable.

        Raises EventEncodingError, and PublishError when some are not durable.
        """
        ...

    def consume(
        self,
        topics: str | Iterable[str],
        group: str | None = None,
        *,
        idle_timeout: float | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Read events in the order of each key.

        An event counts as finished, and its offset is committed for the group, when the caller asks for the
        next one; an event in hand when the iteration is left is read again by the group. A group starts at
        the oldest event. Without a group everything is read from the oldest event on and nothing is
        committed. The iteration ends when all is read and no event came for `idle_timeout` seconds; without
        it, it waits for ever. A record that is not JSON goes to the dead-letter topic and is passed over.
        Raises EventError when the broker stays away for longer than its timeout.
        """
        ...

    async def aclose(self) -> None:
        """Release connections; safe to call twice."""


def event_carrier(bootstrap_servers: Sequence[str]) -> Literal["kafka", "event_log"]:
    """Choose the carrier: Kafka when a broker is configured, else the event log in the database."""
    return "kafka" if bootstrap_servers else "event_log"
