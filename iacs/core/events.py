"""Events, and the guarantees of every event stream.

`KafkaClient` and `EventLog` both implement `EventStream`, and one test suite checks both.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable
from uuid import uuid4

from iacs.core.exceptions import EventError

DEFAULT_SOURCE = "urn:iacs"
"""The `source` of CloudEvents where no other is set."""

_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")

Partition = tuple[str, int]
"""A topic and the number of one of its partitions."""

DeadLetterFailure = Literal["stop", "skip"]
"""What a consumer does when the brokers reject a dead letter: end with the error, or go on without it."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to publish: any value that JSON can carry, and the key that fixes its order.

    With a key, a value of None is a tombstone: a topic that Kafka compacts forgets the key. `headers` go with
    the event: a trace context, or an attribute of its CloudEvent such as `ce_subject`. Those that are
    derived from the event, such as `ce_id`, are set automatically; `ce_source`, `ce_type` and `ce_time` can be given here.
    """

    topic: str
    value: Any
    key: str | None = None
    id: str = field(default_factory=lambda: str(uuid4()))
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it was read; `partition` and `offset` are its address in the topic.

    `id`, `type`, `source` and `time` are those of CloudEvents, None if the record lacks them; `headers` are
    the others.
    """

    topic: str
    value: Any
    key: str | None
    id: str | None
    partition: int
    offset: int
    headers: Mapping[str, str] = field(default_factory=dict)
    type: str | None = None
    source: str | None = None
    time: datetime | None = None

    @property
    def topic_partition(self) -> Partition:
        """The topic and the partition."""
        return self.topic, self.partition


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """How far a consumer group is behind in a partition: `lag` offsets, from `next_offset` to before `end_offset`.

    In Kafka an offset may be that of a record that was compacted away, or of the end of a transaction.
    """

    group: str
    topic: str
    partition: int
    next_offset: int
    end_offset: int
    lag: int


def is_topic_name(text: str) -> bool:
    """Return whether Kafka accepts a text as the name of a topic."""
    return _TOPIC.fullmatch(text) is not None and text not in (".", "..")


def check_topic(topic: str) -> None:
    """Raise EventError for a name that Kafka would reject."""
    if not is_topic_name(topic):
        raise EventError(
            f"{topic!r} is not the name of a topic", hint="use up to 249 letters, digits, '.', '_' and '-'"
        )


@runtime_checkable
class EventStream(Protocol):
    """A durable stream of events, read in the order of each key."""

    async def publish(
        self,
        topic: str,
        value: Any,
        *,
        key: str | None = None,
        event_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Publish one event; return when it is durable.

        Raises EventEncodingError for a value, key or header that cannot be written, PublishError when the
        event is not acknowledged in time.
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
        commit: bool = True,
        stop: asyncio.Event | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Read events in the order of each key.

        An event counts as finished, and its offset is committed for the group, when the caller asks for the
        next one; the event in flight when the iteration is left is read again by the group. A group starts at
        the oldest event. Without a group everything is read from the oldest event on and nothing is
        committed. The iteration ends when everything is read and no event came for `idle_timeout` seconds;
        without that, it never ends. With `commit=False` the offsets of the group stay unchanged: it shows
        what the group would read. Once `stop` is set, the iteration ends instead of yielding the next event: the
        one before is finished. A record that is not JSON goes to the dead-letter topic and is skipped.
        A dead letter that is rejected ends the iteration, or is logged, as the stream's `dead_letter_failure`
        says; it is logged where nothing is committed.
        Raises EventError for an invalid topic or group name, KafkaError when the brokers are unreachable for
        longer than the client's timeout.
        """
        ...

    async def lag(self, topics: str | Iterable[str], group: str | None = None) -> Sequence[PartitionLag]:
        """Return how far a group is behind, or every group that has committed offsets of one of `topics`.

        There is an item for each partition that has had records. A group without an offset starts at the oldest
        event. Nothing is changed, and no topic is created.
        """
        ...

    async def dead_letter(self, event: Event, reason: str) -> None:
        """Publish an event that could not be handled to the dead-letter topic, with the reason.

        Repeated for the same record, it has the same id. Raises PublishError; one that is rejected is only logged
        where `dead_letter_failure` is "skip".
        """

    async def aclose(self) -> None:
        """Release connections; safe to call twice."""


def event_backend(bootstrap_servers: Sequence[str]) -> Literal["kafka", "event_log"]:
    """Choose the backend: Kafka when it is configured, else the event log in the database."""
    return "kafka" if bootstrap_servers else "event_log"
