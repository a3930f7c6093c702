"""The publisher to Kafka for asyncio: kafka-python's producer blocks, so it has a thread of its own."""

import asyncio
import threading
import time
from asyncio import AbstractEventLoop
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from iacs.core._events.encoded_event import EncodedEvent, encode_events
from iacs.core._kafka import driver, producer_internals
from iacs.core._kafka.codecs import check_codec
from iacs.core._kafka.connection import KafkaConnection
from iacs.core._kafka.driver import DriverError, KafkaTimeoutError
from iacs.core._kafka.hints import hint_of
from iacs.core.events import NewEvent
from iacs.core.exceptions import EventError, EventRejectedError, KafkaError

_NEW_TOPIC_SECONDS = 10.0
"""Brokers that answer for so long without a topic are not creating it."""
_KNOWN_TOPIC_SECONDS = 1.0
"""Where no topic is created, time enough to ask twice."""


class Batch:
    """Events that are to be acknowledged within the connection's timeout."""

    def __init__(self, events: Sequence[NewEvent], connection: KafkaConnection) -> None:
        self.events = events
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self.deadline = self._loop.time() + connection.timeout
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._guard = threading.Lock()
        self._missing = set(range(len(events)))
        self._failed: dict[int, KafkaError] = {}

    async def failures(self) -> dict[str, KafkaError]:
        """Wait for every outcome; return the ids of the events that failed, with the reasons."""
        try:
            async with asyncio.timeout_at(self.deadline):
                await self._done
        except TimeoutError:
            self.fail_missing(self.timeout_error("acknowledge"))
        return {self.events[index].id: error for index, error in sorted(self._failed.items())}

    def set_outcome(self, index: int, error: KafkaError | None = None) -> None:
        """Record the outcome of one event; may be called in any thread."""
        self.set_outcomes({index: error})

    def set_outcomes(self, outcomes: Mapping[int, KafkaError | None]) -> None:
        """Record the outcomes of events by their indexes; may be called in any thread."""
        with self._guard:
            for index, error in outcomes.items():
                if error is not None and index in self._missing:
                    self._failed[index] = error
            self._missing -= outcomes.keys()
            is_last = not self._missing
        if is_last and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._resolve)

    def fail_missing(self, error: KafkaError) -> None:
        """Count the events without an outcome as failed."""
        for index in tuple(self._missing):
            self.set_outcome(index, error)
        self._resolve()

    def timeout_error(self, verb: str) -> KafkaError:
        """Return the error for what Kafka did not do in time."""
        topics = ", ".join(sorted({event.topic for event in self.events}))
        what = f"Kafka did not {verb} events for {topics} within {self._connection.timeout:g} s"
        return self._connection.no_answer(what)

    def _resolve(self) -> None:
        if not self._done.done():
            self._done.set_result(None)


class KafkaPublisher:
    """Sends batches in the order given; each record is acknowledged by every replica that is in sync.

    The producer waits `linger_ms` milliseconds for more records, or until it has `batch_size` bytes.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        *,
        source: str,
        linger_ms: int,
        batch_size: int,
        compression: str,
        create_topics: bool,
    ) -> None:
        self._connection = connection
        self._source = source
        self._linger_ms = linger_ms
        self._batch_size = batch_size
        self._compression = None if compression == "none" else compression
        self._create_topics = create_topics
        self._loop: AbstractEventLoop | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="iacs-kafka-producer")
        self._producer: Any = None
        self._closed = False

    async def send(self, events: Sequence[NewEvent]) -> Batch:
        """Pass events to the producer, which may wait until the brokers know a topic.

        Raises EventEncodingError before anything is sent; other failures are outcomes of the batch.
        """
        batch = Batch(events, self._connection)
        try:
            async with asyncio.timeout_at(batch.deadline):
                await self._run(partial(self._send, batch))
        except TimeoutError:
            batch.fail_missing(batch.timeout_error("accept"))
        except KafkaError as error:
            batch.fail_missing(error)
        return batch

    async def check_topics(self, topics: Sequence[str]) -> None:
        """Wait until the brokers know these topics, which creates them where that is allowed.

        Raises KafkaError.
        """
        for topic in topics:
            await self._run(partial(self._check_topic, topic))

    async def count_brokers(self) -> int:
        """Ask for the cluster's metadata and return the number of brokers; raises KafkaError."""
        if self._producer is None:
            await self._connection.check_reachable()
        answer = Future[int]()
        answer.set_running_or_notify_cancel()  # from here on it cannot be cancelled
        await self._run(lambda: producer_internals.ask_brokers(self._open(), answer))
        try:
            return await asyncio.wrap_future(answer)
        except DriverError as error:
            raise self._connection.no_answer("Kafka does not answer", error) from error

    async def aclose(self) -> None:
        """Wait for records in flight, up to the timeout; safe to call twice."""
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(self._worker, self._close)
            self._worker.shutdown(wait=False)

    async def _run(self, work: Callable[[], None]) -> None:
        if self._closed:
            raise EventError("the Kafka client is closed", hint="make a new KafkaClient")
        self._loop = asyncio.get_running_loop()
        await self._loop.run_in_executor(self._worker, work)

    def _send(self, batch: Batch) -> None:
        encoded = encode_events(batch.events, self._source)
        producer, sent = self._open(), defaultdict[object, dict[int, Any]](dict)
        sending = producer_internals.Sending(producer)
        for index, event in enumerate(encoded):
            began = time.monotonic()
            try:
                future = sending.send(event.event.topic, **_record(event))
            except KafkaTimeoutError as error:
                self._watch(batch, sent.values())
                is_answering = producer_internals.has_answered_since(producer, began)
                self._fail_rest(batch, index, error, is_answering=is_answering)
                return  # the others would wait as long, one after another
            except (DriverError, ValueError) as error:
                batch.set_outcome(index, self._rejected(event.event, error))
            else:
                sent[producer_internals.partition_of(future)][index] = future
        self._watch(batch, sent.values())

    def _watch(self, batch: Batch, sent: Iterable[Mapping[int, Any]]) -> None:
        """Note outcomes when the last record of each partition has one: by then the others have theirs."""
        for futures in sent:
            last = max(futures)
            futures[last].add_both(partial(self._note_outcomes, batch, futures))

    def _fail_rest(self, batch: Batch, start: int, error: Exception, *, is_answering: bool) -> None:
        """Fail what is not sent: brokers that answer, but without the topic of the first, reject its events."""
        topic = batch.events[start].topic
        unknown = self._unknown_topic(topic, error)
        if not is_answering:
            batch.fail_missing(unknown)
            return
        rejected = EventRejectedError(str(unknown), servers=unknown.servers, hint=unknown.hint)
        for index in range(start, len(batch.events)):
            batch.set_outcome(index, rejected if batch.events[index].topic == topic else unknown)

    def _note_outcomes(self, batch: Batch, futures: Mapping[int, Any], _last: object) -> None:
        outcomes = dict[int, KafkaError | None]()
        for index, future in futures.items():
            if not future.is_done:  # the driver has split a request that was too large
                future.add_both(partial(self._note_outcomes, batch, {index: future}))
            elif future.exception is None:
                outcomes[index] = None
            else:
                outcomes[index] = self._rejected(batch.events[index], future.exception)
        batch.set_outcomes(outcomes)

    def _rejected(self, event: NewEvent, error: Exception) -> KafkaError:
        what = f"event {event.id} for topic {event.topic!r}"
        if isinstance(error, KafkaTimeoutError):
            return self._connection.no_answer(f"Kafka did not acknowledge {what}", error)
        failure = self._connection.error(f"Kafka rejected {what}", error, hint=hint_of(error))
        if isinstance(error, driver.REJECTIONS):
            return EventRejectedError(str(failure), servers=failure.servers, hint=failure.hint)
        return failure

    def _unknown_topic(self, topic: str, error: Exception) -> KafkaError:
        hint = "create the topic, or set auto.create.topics.enable=true on the brokers"
        if not self._create_topics:
            hint = "create the topic, or set KAFKA_CREATE_TOPICS=true"
        return self._connection.error(f"Kafka does not know the topic {topic!r}", error, hint=hint)

    def _check_topic(self, topic: str) -> None:
        producer, began = self._open(), time.monotonic()
        seconds = _NEW_TOPIC_SECONDS if self._create_topics else _KNOWN_TOPIC_SECONDS
        while True:
            left = began + self._connection.timeout * 0.9 - time.monotonic()
            try:
                producer_internals.wait_for_topic(producer, topic, min(left, seconds))
            except (DriverError, ValueError) as error:
                if left > seconds and not producer_internals.has_answered_since(producer, began):
                    continue
                raise self._unknown_topic(topic, error) from error
            return

    def _open(self) -> Any:
        if self._producer is not None and producer_internals.has_failed_for_good(self._producer):
            self._close()
        if self._producer is None:
            if self._compression is not None:
                check_codec(self._compression)
            delivery_ms = self._connection.driver_timeout_ms
            self._producer = self._connection.connect(
                driver.KafkaProducer,
                loop=self._loop,
                acks="all",
                enable_idempotence=True,
                max_block_ms=delivery_ms,
                delivery_timeout_ms=delivery_ms,
                request_timeout_ms=max(1, delivery_ms // 2),
                linger_ms=min(self._linger_ms, delivery_ms // 4),
                batch_size=self._batch_size,
                compression_type=self._compression,
                allow_auto_create_topics=self._create_topics,
                metrics_enabled=False,
            )
            producer_internals.survive_rejections(self._producer)
        return self._producer

    def _close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            producer.close(timeout=self._connection.timeout)
        except DriverError:
            # Some records were not sent in time, which their publishers know; by now all have expired.
            producer.close(timeout=self._connection.timeout)


def _record(encoded: EncodedEvent) -> dict[str, Any]:
    event = encoded.event
    is_tombstone = encoded.is_null and event.key is not None  # the driver refuses a null without a key
    return {
        "value": None if is_tombstone else encoded.value.encode(),
        "key": event.key.encode() if event.key is not None else None,
        "headers": [(name, value.encode()) for name, value in encoded.headers.items()],
        "size": len(event.key or "") + len(encoded.value) + sum(map(len, encoded.headers.values())),
    }
