"""Uses of private names of kafka-python's consumer, version 3.0.12, which constraints.txt pins."""

from collections.abc import Callable, Iterable
from typing import Any

from iacs.core._kafka.driver import TopicPartition


def insist_on_joining(consumer: Any) -> None:
    """Let a consumer join until it has its partitions.

    kafka-python 3.0.12 forgets a join that it began because a topic changed, when the answer comes between
    two calls of poll(): the consumer then never has partitions, nor a heartbeat.
    """
    consumer._coordinator.request_rejoin()


def watch_offset_resets(consumer: Any, note: Callable[[TopicPartition, int], object]) -> None:
    """Call `note` with a partition and its offset when that can no longer be read, and where reading goes on is asked."""
    subscription = consumer._subscription
    request = subscription.request_offset_reset

    def request_and_note(partition: TopicPartition, strategy: Any = None) -> None:
        position = subscription.assignment[partition].position
        if strategy is None and position is not None:  # else it is our own wish, or the first time
            note(partition, position.offset)
        request(partition, strategy)

    subscription.request_offset_reset = request_and_note


def known_position(consumer: Any, partition: TopicPartition) -> int | None:
    """Return the offset that is read next, without asking the brokers; None while it is not known."""
    position = consumer._subscription.assignment[partition].position
    return None if position is None else int(position.offset)


def unread(consumer: Any) -> int:
    """Return how many records there are after those polled, as far as the brokers have said."""
    states = [consumer._subscription.assignment.get(partition) for partition in consumer.assignment()]
    return sum(
        max(0, state.highwater - state.position.offset)
        for state in states
        if state is not None and state.highwater is not None and state.position is not None
    )


def watch_topic_ids(consumer: Any, topics: Iterable[str], note: Callable[[str, object], object]) -> None:
    """Call `note` with the id of each topic whenever the brokers have sent metadata; in the driver's thread."""

    def update(cluster: Any) -> None:
        for topic in topics:
            if cluster.partitions_for_topic(topic) and (topic_id := cluster.topic_id(topic)):
                note(topic, topic_id)

    consumer._cluster.add_listener(update)
    update(consumer._cluster)
