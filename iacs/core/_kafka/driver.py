"""The only module that imports kafka-python, which has no types, and warns when it is imported."""

import ssl
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

with warnings.catch_warnings():
    # It reads its protocol's schemas by a function that Python 3.11 and 3.12 call deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka import (  # type: ignore[import-untyped]
        ConsumerRebalanceListener,
        KafkaAdminClient,
        KafkaConsumer,
        KafkaProducer,
    )
    from kafka import codec as _codec
    from kafka import errors as _errors
    from kafka.net import KafkaNetSocket, create_connection  # type: ignore[import-untyped]
    from kafka.net.compat import KafkaNetClient  # type: ignore[import-untyped]
    from kafka.net.manager import KafkaConnectionManager  # type: ignore[import-untyped]
    from kafka.net.sasl.oauth import AbstractTokenProvider  # type: ignore[import-untyped]
    from kafka.net.selector import NetworkSelector  # type: ignore[import-untyped]
    from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport  # type: ignore[import-untyped]
    from kafka.protocol.consumer import OffsetSpec  # type: ignore[import-untyped]
    from kafka.record.default_records import DefaultRecordBatch  # type: ignore[import-untyped]
    from kafka.record.util import decode_varint  # type: ignore[import-untyped]
    from kafka.structs import OffsetAndMetadata, TopicPartition  # type: ignore[import-untyped]

DIRECT = "iacs-direct"

_MAX_UNCHECKED = 100_000
"""Characters of a record whose size needs no check: brokers accept 1 MB by default."""

DriverError = _errors.KafkaError
KafkaConnectionError = _errors.KafkaConnectionError
InvalidReceiveError = _errors.InvalidReceiveError
UnsupportedCodecError = _errors.UnsupportedCodecError
UnsupportedSaslMechanismError = _errors.UnsupportedSaslMechanismError
IllegalSaslStateError = _errors.IllegalSaslStateError
SASL_REJECTIONS = (
    _errors.SaslAuthenticationFailedError,
    _errors.UnsupportedSaslMechanismError,
    _errors.IllegalSaslStateError,
)
KafkaTimeoutError = _errors.KafkaTimeoutError
REJECTIONS = (
    _errors.InvalidRecordError,
    _errors.InvalidTimestampError,
    _errors.InvalidTopicError,
    _errors.MessageSizeTooLargeError,
    _errors.PolicyViolationError,
    _errors.RecordListTooLargeError,
    _errors.TopicAuthorizationFailedError,
    _errors.UnsupportedForMessageFormatError,
)
"""The errors that are about one record or its topic, and that a later attempt meets again."""

TOO_LARGE = (_errors.MessageSizeTooLargeError, _errors.RecordListTooLargeError)
NOT_AUTHORIZED = (_errors.AuthorizationError,)
INVALID_TOPIC = (_errors.InvalidTopicError,)


def has_codec(compression: str) -> bool:
    """Return whether the library for `gzip`, `snappy`, `lz4` or `zstd` is installed."""
    return bool(getattr(_codec, f"has_{compression}")())


class HandshakeError(_errors.KafkaConnectionError):  # type: ignore[misc]
    """TLS could not be agreed on with a broker."""


class _ReadsToTheEnd:
    """Takes what a broker has sent before it closed the connection, which kafka-python 3.0.12 drops."""

    def _sock_recv(self) -> tuple[bytes, Exception | None]:
        received, error = super()._sock_recv()  # type: ignore[misc]
        return received, None if received else error  # the next attempt meets the end again


class TcpTransport(_ReadsToTheEnd, KafkaTCPTransport):  # type: ignore[misc]
    """A connection without TLS."""


class TlsTransport(_ReadsToTheEnd, KafkaSSLTransport):  # type: ignore[misc]
    """A connection with TLS whose handshake has a limit; kafka-python waits for ever, and leaves the socket open."""

    async def handshake_until(self, timeout_at: float | None) -> None:
        """Agree on TLS, or close the connection; the limit is an instant of the monotonic clock, in seconds."""
        try:
            await self._handshake(timeout_at)
        except Exception as error:
            self.close()
            raise HandshakeError(error) from error

    async def _handshake(self, timeout_at: float | None) -> None:
        sock: Any = self._sock
        while True:
            try:
                sock.do_handshake()
            except ssl.SSLWantReadError:
                await self._net.wait_read(sock, timeout_at=timeout_at)
            except ssl.SSLWantWriteError:
                await self._net.wait_write(sock, timeout_at=timeout_at)
            else:
                return


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
        return classify(
            _errors.OutOfOrderSequenceNumberError, batch
        )  # another epoch, or id from older brokers

    manager.classify_batch_error = classify_kindly


class ClosedSocket(KafkaNetSocket):  # type: ignore[misc]
    """A socket without a proxy that is closed when it cannot be connected, which kafka-python forgets.

    It registers itself under the scheme of `proxy_url` that asks for it.
    """

    SCHEMES = (DIRECT,)

    async def sock_connect(self, net: Any, sock: Any, sockaddr: Any, timeout_at: float | None = None) -> Any:
        """Return the connected socket."""
        try:
            return await super().sock_connect(net, sock, sockaddr, timeout_at=timeout_at)
        except BaseException:
            sock.close()
            raise


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


__all__ = [
    "DIRECT",
    "INVALID_TOPIC",
    "NOT_AUTHORIZED",
    "REJECTIONS",
    "SASL_REJECTIONS",
    "TOO_LARGE",
    "AbstractTokenProvider",
    "ConsumerRebalanceListener",
    "DefaultRecordBatch",
    "DriverError",
    "HandshakeError",
    "IllegalSaslStateError",
    "InvalidReceiveError",
    "KafkaAdminClient",
    "KafkaConnectionError",
    "KafkaConnectionManager",
    "KafkaConsumer",
    "KafkaNetClient",
    "KafkaProducer",
    "KafkaTimeoutError",
    "NetworkSelector",
    "OffsetAndMetadata",
    "OffsetSpec",
    "Sending",
    "TcpTransport",
    "TlsTransport",
    "TopicPartition",
    "UnsupportedCodecError",
    "UnsupportedSaslMechanismError",
    "ask_brokers",
    "create_connection",
    "decode_varint",
    "has_answered_since",
    "has_codec",
    "has_failed_for_good",
    "insist_on_joining",
    "known_position",
    "partition_of",
    "survive_rejections",
    "unread",
    "wait_for_topic",
    "watch_offset_resets",
    "watch_topic_ids",
]
