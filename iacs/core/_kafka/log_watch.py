"""Notices when the log of a topic is no longer what a consumer was reading: events deleted unread, or a new log."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from iacs.core._events.event_buffer import EventBuffer
from iacs.core._kafka.consumer_internals import known_position, watch_offset_resets, watch_topic_ids
from iacs.core._kafka.driver import TopicPartition
from iacs.core.logger import Logger

Polled = Mapping[TopicPartition, Sequence[Any]]


class LogWatch:
    """Watches the topics of one consumer; call `check` after each poll."""

    def __init__(self, consumer: Any, topics: Collection[str], buffer: EventBuffer, logger: Logger) -> None:
        self._consumer = consumer
        self._buffer = buffer
        self._logger = logger
        self._ids: dict[str, object] = {}
        self._replaced = set[str]()
        self._begun_anew = set[TopicPartition]()
        self._unreadable: dict[TopicPartition, int] = {}
        watch_offset_resets(consumer, self._unreadable.__setitem__)
        watch_topic_ids(consumer, topics, self._note_id)

    def check(self, polled: Polled) -> Polled:
        """Log what has changed since the last call; return what is not to be read again from a new log's start."""
        for partition, offset in tuple(self._unreadable.items()):
            start = self._start(partition, polled)
            if start is not None:
                del self._unreadable[partition]
                self._compare(partition, offset, start)
        again = set[TopicPartition]()
        while self._replaced:
            again |= self._begin_anew(self._replaced.pop())
        return {partition: records for partition, records in polled.items() if partition not in again}

    def _note_id(self, topic: str, topic_id: object) -> None:
        if self._ids.setdefault(topic, topic_id) != topic_id:  # in the driver's thread
            self._ids[topic] = topic_id
            self._replaced.add(topic)

    def _start(self, partition: TopicPartition, polled: Polled) -> int | None:
        """Return where reading goes on; None while the brokers have not said so, or another consumer does."""
        if partition in polled:
            return int(polled[partition][0].offset)
        if partition not in self._consumer.assignment():
            del self._unreadable[partition]
            return None
        return known_position(self._consumer, partition)

    def _compare(self, partition: TopicPartition, offset: int, start: int) -> None:
        fields = {"topic": partition.topic, "partition": partition.partition, "next_offset": offset}
        if start > offset:
            self._logger.warning("events deleted before they were read", count=start - offset, **fields)
        elif start < offset:
            self._logger.warning("topic begins anew", **fields)
            self._buffer.begin_anew([partition])
            self._begun_anew.add(partition)

    def _begin_anew(self, topic: str) -> set[TopicPartition]:
        """Read a topic that was created again from its first event; return the partitions that did not do so yet."""
        self._logger.warning("topic was created anew", topic=topic)
        begun = {partition for partition in self._begun_anew if partition.topic == topic}
        self._begun_anew -= begun
        numbers = self._consumer.partitions_for_topic(topic) or ()
        others = {TopicPartition(topic, number) for number in numbers} - begun
        self._buffer.begin_anew(others)
        if assigned := others & self._consumer.assignment():
            self._consumer.seek_to_beginning(*assigned)
        return others
