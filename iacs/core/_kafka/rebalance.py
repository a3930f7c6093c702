"""What a reader does when its group is rebalanced."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from iacs.core._events.event_buffer import EventBuffer
from iacs.core._kafka.consumer_internals import insist_on_joining
from iacs.core._kafka.driver import ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition
from iacs.core.events import Partition


class RebalanceListener(ConsumerRebalanceListener):  # type: ignore[misc]
    """The listener for rebalances; it runs in the driver's own thread, while ours waits in poll()."""

    def __init__(
        self,
        consumer: Any,
        buffer: EventBuffer,
        *,
        assign: Callable[[Iterable[Partition]], dict[Partition, int]],
        revoke: Callable[[Iterable[Partition]], None],
    ) -> None:
        self._consumer = consumer
        self._buffer = buffer
        self._assign = assign
        self._revoke = revoke

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Commit what is finished before another member may begin, and drop records not taken."""
        insist_on_joining(self._consumer)
        offsets = self._buffer.uncommitted()
        if offsets:  # not awaited, but on the connection that asks to join next, so the broker sees it first
            self._consumer.commit_async(committable(offsets))
        self._revoke(partitions_of(revoked))

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """Drop everything: another member may have begun already."""
        self._revoke(partitions_of(lost))
        self._buffer.assign([])  # forgets the offsets of partitions that are no longer assigned

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Take records of these partitions from now on.

        In those that it kept, kafka-python resumes where it was, after the records that were dropped above.
        """
        for partition, offset in self._assign(partitions_of(assigned)).items():
            self._consumer.seek(TopicPartition(*partition), offset)


def partitions_of(partitions: Iterable[TopicPartition]) -> list[Partition]:
    """Return partitions without the driver's type."""
    return [(partition.topic, partition.partition) for partition in partitions]


def committable(offsets: Mapping[Partition, int]) -> dict[TopicPartition, OffsetAndMetadata]:
    """Return offsets as the driver commits them."""
    return {
        TopicPartition(*partition): OffsetAndMetadata(offset, "", -1) for partition, offset in offsets.items()
    }
