"""What kafka-python's producer does only by its private names, of 3.0.12, which constraints.txt pins."""

from concurrent.futures import Future
from typing import Any

from iacs.core._kafka.driver import REJECTIONS, OutOfOrderSequenceNumberError, TopicPartition

_MAX_UNCHECKED = 100_000
"""Characters of a record whose size needs no check: brokers accept 1 MB by default."""


class Sending:
    """Adds records as the producer's own `send` does, in less time; made anew for each batch of events.

    kafka-python 3.0.12 spends a third of `send` on checks, and on messages for debugging. Records that need the checks
    take its way: large ones, those without a key, and those for a topic that is not known yet.
    """

    def __init__(self, producer: Any) -> None:
        self._producer = producer
        self._partitions: dict[tuple[str, bytes], TopicPartition] = {}

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
        size: int,
    ) -> Any:
        """Return the future of a record with `size` characters in all."""
        if key is None or size > _MAX_UNCHECKED or not self._producer._metadata.partitions_for_topic(topic):
            return self._producer.send(topic, value=value, key=key, headers=headers)
        partition = self._partitions.get((topic, key))
        if partition is None:
            number = self._producer._partition(topic, None, key, value, key, value)
            partition = self._partitions[topic, key] = TopicPartition(topic, number)
        future, is_full, is_new, _ = self._producer._accumulator.append(partition, None, key, value, headers)
        if is_full or is_new:
            self._producer._sender.wakeup()
        return future


def partition_of(future: Any) -> TopicPartition:
    """Return the partition that a record was sent to."""
    return future._produce_future.topic_partition


def survive_rejections(producer: Any) -> None:
    """Let a producer go on after the brokers have rejected a record.

    kafka-python 3.0.12 takes that for the end of an idempotent producer: every later record, whatever its topic,
    fails with the error of the first. Java's client asks for another epoch instead, and numbers its batches anew.
    """
    manager = producer._transaction_manager
    classify = manager.classify_batch_error

    def classify_kindly(error: Exception, batch: Any, log_start_offset: int = -1) -> Any:
        kind = classify(error, batch, log_start_offset=log_start_offset)
        if kind != manager.ERROR_CLASS_FATAL or not isinstance(error, REJECTIONS):
            return kind
        return classify(OutOfOrderSequenceNumberError, batch)  # another epoch, or id from older brokers

    manager.classify_batch_error = classify_kindly


def ask_brokers(producer: Any, answer: Future[int]) -> None:
    """Ask for the cluster's metadata; `answer` will be the number of brokers, or a DriverError.

    No public method of kafka-python 3.0.12's producer asks without naming a topic, which might create it.
    """
    asked = producer._metadata.request_update()
    asked.add_callback(lambda cluster: answer.set_result(len(cluster.brokers())))
    asked.add_errback(answer.set_exception)


def wait_for_topic(producer: Any, topic: str, seconds: float) -> None:
    """Return when the brokers know a topic; raise KafkaTimeoutError, or another DriverError that is final.

    `partitions_for`, its public form, always waits for `max_block_ms`.
    """
    producer._wait_on_metadata(topic, max(1, int(seconds * 1000)))


def has_failed_for_good(producer: Any) -> bool:
    """Return whether a producer accepts no record any more, whatever it is."""
    return bool(producer._transaction_manager.has_fatal_error())


def has_answered_since(producer: Any, instant: float) -> bool:
    """Return whether a broker has sent metadata since an instant of the monotonic clock, in seconds.

    The producer waits for a topic that does not exist as it waits for brokers that are away, and raises the
    same error.
    """
    return bool(producer._metadata._last_successful_refresh_ms >= instant * 1000)
