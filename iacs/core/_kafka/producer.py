"""Publish to Kafka from asyncio: kafka-python's producer blocks, so a thread of its own drives it."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from iacs.core._events.encoding import encode_event
from iacs.core._kafka import driver as kafka_driver
from iacs.core._kafka.connection import KafkaConnection
from iacs.core._kafka.driver import DriverError, KafkaTimeoutError
from iacs.core.events import EVENT_ID_HEADER, NewEvent
from iacs.core.exceptions import KafkaError


class Batch:
    """Events to be acknowledged within `timeout` seconds; `done` is resolved, in the caller's loop, by the last."""

    def __init__(self, events: Sequence[NewEvent], *, timeout: float) -> None:
        self.events = events
        self._loop = asyncio.get_running_loop()
        self.deadline = self._loop.time() + timeout
        self.done: asyncio.Future[None] = self._loop.create_future()
        self._guard = threading.Lock()
        self._missing = set(range(len(events)))
        self._failed: dict[int, KafkaError] = {}

    @property
    def topics(self) -> str:
        """Name the topics for a message."""
        return ", ".join(sorted({event.topic for event in self.events}))

    def settle(self, index: int, error: KafkaError | None = None) -> None:
        """Note the outcome of one event, from whichever thread."""
        with self._guard:
            if error is not None and index in self._missing:
                self._failed[index] = error
            self._missing.discard(index)
            is_last = not self._missing
        if is_last and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._resolve)

    def fail_missing(self, error: KafkaError) -> None:
        """Count what has no outcome yet as failed."""
        for index in tuple(self._missing):
            self.settle(index, error)
        self._resolve()

    def failed(self) -> dict[str, KafkaError]:
        """Return the ids of the events that failed, with the reason of each."""
        return {self.events[index].id: error for index, error in sorted(self._failed.items())}

    def _resolve(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


class KafkaProducer:
    """Send batches in the order given; each record is acknowledged by every replica that is in sync."""

    def __init__(self, connection: KafkaConnection, *, linger_ms: int, batch_size: int) -> None:
        self._connection = connection
        self._linger_ms = linger_ms
        self._batch_size = batch_size
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="iacs-kafka-producer")
        self._driver: Any = None
        self._closed = False

    async def send(self, batch: Batch) -> None:
        """Hand a batch to the driver, which may wait for the broker to learn of a topic.

        Raises EventEncodingError before anything is sent, KafkaError when the broker cannot be reached.
        """
        await self._run(partial(self._send, batch))

    async def check_topics(self, topics: Sequence[str]) -> None:
        """Wait until the brokers know these topics, which creates them where that is allowed.

        Raises KafkaError.
        """
        for topic in topics:
            await self._run(partial(self._check_topic, topic))

    async def brokers(self) -> int:
        """Ask for the cluster's metadata and return how many brokers they name; raises KafkaError."""
        if self._driver is None:
            await self._connection.knock()
        answer = Future[int]()
        answer.set_running_or_notify_cancel()  # from here on it cannot be cancelled, only not be awaited
        await self._run(partial(self._ask_brokers, answer))
        try:
            return await asyncio.wrap_future(answer)
        except DriverError as error:
            raise self._connection.error("Kafka does not answer; see that the brokers run", error) from error

    async def aclose(self) -> None:
        """Let records on their way arrive, within the timeout; safe to call twice."""
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(self._worker, self._close)
            self._worker.shutdown(wait=False)

    async def _run(self, work: partial[None]) -> None:
        if self._closed:
            raise self._connection.error("the Kafka client is closed; make a new one")
        await asyncio.get_running_loop().run_in_executor(self._worker, work)

    def _send(self, batch: Batch) -> None:
        values = [encode_event(event) for event in batch.events]
        driver = self._open()
        for index, (event, value) in enumerate(zip(batch.events, values, strict=True)):
            try:
                future = driver.send(event.topic, **_record(event, value))
            except KafkaTimeoutError as error:
                batch.fail_missing(self._unknown(event.topic, error))
                return  # the others would wait as long, one after the other
            except (DriverError, ValueError) as error:
                batch.settle(index, self._refused(event, error))
            else:
                future.add_callback(partial(_acknowledge, batch, index))
                future.add_errback(partial(self._fail, batch, index))

    def _fail(self, batch: Batch, index: int, error: Exception) -> None:
        batch.settle(index, self._refused(batch.events[index], error))

    def _refused(self, event: NewEvent, error: Exception) -> KafkaError:
        return self._connection.error(f"Kafka did not take event {event.id} for topic {event.topic!r}", error)

    def _unknown(self, topic: str, error: Exception) -> KafkaError:
        advice = "create it, or let the brokers create topics by themselves"
        return self._connection.error(f"Kafka does not know the topic {topic!r}; {advice}", error)

    def _check_topic(self, topic: str) -> None:
        driver = self._open()
        try:
            driver.partitions_for(topic)
        except (DriverError, ValueError) as error:
            raise self._unknown(topic, error) from error

    def _ask_brokers(self, answer: Future[int]) -> None:
        kafka_driver.ask_brokers(self._open(), answer)

    def _open(self) -> Any:
        if self._driver is None:
            self._driver = self._connect()
        return self._driver

    def _connect(self) -> Any:
        # A little less than the caller waits, so that the caller hears why it failed.
        delivery = max(2, self._connection.timeout_ms * 9 // 10)
        return self._connection.connect(
            kafka_driver.KafkaProducer,
            acks="all",
            enable_idempotence=True,
            max_block_ms=delivery,
            delivery_timeout_ms=delivery,
            request_timeout_ms=max(1, delivery // 2),
            linger_ms=min(self._linger_ms, delivery // 4),
            batch_size=self._batch_size,
            metrics_enabled=False,
        )

    def _close(self) -> None:
        driver, self._driver = self._driver, None
        if driver is None:
            return
        try:
            driver.close(timeout=self._connection.timeout)
        except (
            DriverError
        ):  # some did not arrive in time, as who published them was told; now all have expired
            driver.close(timeout=self._connection.timeout)


def _record(event: NewEvent, value: bytes) -> dict[str, Any]:
    is_tombstone = event.value is None and event.key is not None  # the driver refuses a null without a key
    return {
        "value": None if is_tombstone else value,
        "key": event.key.encode() if event.key is not None else None,
        "headers": [(EVENT_ID_HEADER, event.id.encode())],
    }


def _acknowledge(batch: Batch, index: int, _metadata: object) -> None:
    batch.settle(index)
