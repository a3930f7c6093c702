"""The reader of Kafka for asyncio: kafka-python's consumer blocks and is not thread-safe, so it has its own thread."""

import asyncio
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any

from iacs.core._events.event_buffer import EventBuffer, Record
from iacs.core._kafka.codecs import missing_codec
from iacs.core._kafka.connection import KafkaConnection
from iacs.core._kafka.consumer_internals import unread
from iacs.core._kafka.driver import DriverError, KafkaConsumer, TopicPartition
from iacs.core._kafka.hints import hint_of
from iacs.core._kafka.log_watch import LogWatch, Polled
from iacs.core._kafka.rebalance import RebalanceListener, committable, partitions_of
from iacs.core._kafka.records import read_raw_headers, read_record
from iacs.core.events import Partition
from iacs.core.exceptions import KafkaError
from iacs.core.logger import Logger

_POLL_MS = 100
_POLL_RECORDS = 1000
_COMMIT_SECONDS = 1.0
_HEARTBEAT_MS = 1000
_SESSION_MS = 10_000
"""A member without a heartbeat for this time is dead to its group."""


class KafkaReader:
    """A thread that fetches records of topics into `buffer`, and commits for the group what the caller has finished."""

    def __init__(
        self,
        connection: KafkaConnection,
        topics: Sequence[str],
        group: str | None,
        *,
        idle_timeout: float | None,
        create_topics: bool,
        logger: Logger,
    ) -> None:
        self._connection = connection
        self._create_topics = create_topics
        self._topics = topics
        self._group = group
        self._idle_timeout = idle_timeout
        self._logger = logger
        self._loop = asyncio.get_running_loop()
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._closed = asyncio.Event()
        self._answered_at = self._committed_at = 0.0
        self._assigned_at: float | None = None
        self._unread = 0
        self.buffer = EventBuffer(self._loop, self._woken.set)
        self._thread = threading.Thread(target=self._run, name="iacs-kafka-consumer", daemon=True)

    def start(self) -> None:
        """Begin to fetch."""
        self._thread.start()

    async def next(self) -> Record | None:
        """Finish the record in flight and return the next one; None when the iteration is over."""
        return await self.buffer.next()

    async def stop(self) -> None:
        """Commit what is finished and leave the group; bounded by the timeout of each step."""
        self.buffer.end()
        self._stopping.set()
        self._woken.set()
        await self._closed.wait()

    def lag(self) -> int:
        """Return how many records the caller has not finished, up to the end that the brokers last reported."""
        return self.buffer.unfinished + self._unread

    def assign(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Note the partitions to read; return the offsets to resume at in those that it had before."""
        if self._group is not None or self._assigned_at is None:
            self._assigned_at = time.monotonic()
        return self.buffer.assign(partitions)

    def revoke(self, partitions: Iterable[Partition]) -> None:
        """Drop partitions, since the group is being rebalanced."""
        self._assigned_at = None
        self.buffer.revoke(partitions)

    def _run(self) -> None:
        error: KafkaError | None = None
        try:
            self._read_and_close()
        except KafkaError as failure:
            error = failure
        except (DriverError, OSError, ValueError) as cause:
            error = missing_codec(cause, ", ".join(self._topics))
            error = error or self._connection.error("reading from Kafka failed", cause, hint=hint_of(cause))
            error.__cause__ = cause
        finally:
            self.buffer.end(error)
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._closed.set)

    def _read_and_close(self) -> None:
        consumer = self._connect()
        read_raw_headers(consumer)
        try:
            listener = RebalanceListener(consumer, self.buffer, assign=self.assign, revoke=self.revoke)
            consumer.subscribe(self._topics, listener=listener)
            for topic in self._topics:
                # Before the group is joined: a leader that knows no partitions assigns none at first.
                consumer.partitions_for_topic(topic)
            watch = LogWatch(consumer, self._topics, self.buffer, self._logger)
            self._answered_at = time.monotonic()
            while not self._stopping.is_set():
                self._step(consumer, watch)
        finally:
            if self._group is not None:
                self._commit(consumer)
            consumer.close(autocommit=False, timeout_ms=self._connection.timeout_ms)

    def _connect(self) -> Any:
        return self._connection.connect(
            KafkaConsumer,
            loop=self._loop,
            allow_auto_create_topics=self._create_topics,
            group_id=self._group,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            enable_auto_commit=False,
            heartbeat_interval_ms=_HEARTBEAT_MS,
            session_timeout_ms=_SESSION_MS,
            max_poll_interval_ms=60_000,
            request_timeout_ms=max(self._connection.timeout_ms, 1000),
            max_poll_records=_POLL_RECORDS,
            fetch_max_bytes=8 * 2**20,
            metrics_enabled=False,
        )

    def _step(self, consumer: Any, watch: LogWatch) -> None:
        if self.buffer.is_full:
            self._woken.clear()
            self._woken.wait(_POLL_MS / 1000)
        is_paused = self.buffer.is_full
        assigned = consumer.assignment()
        consumer.pause(*assigned) if is_paused else consumer.resume(*assigned)
        epoch = self.buffer.epoch
        # Polled even while paused: the group counts a consumer that does not poll as dead.
        polled = consumer.poll(timeout_ms=1 if is_paused else _POLL_MS)
        if self._group is None and (assigned := consumer.assignment()):
            self.assign(partitions_of(assigned))
            epoch = self.buffer.epoch
        if polled:
            self._answered_at = time.monotonic()
        self._unread = unread(consumer)
        if fresh := watch.check(polled):
            self._take(consumer, fresh, epoch)
        is_commit_due = time.monotonic() - self._committed_at >= _COMMIT_SECONDS
        if self._group is not None and (is_commit_due or self.buffer.waiting_since is not None):
            self._commit(consumer)
        if not polled and not is_paused:
            self._check_idle(consumer)

    def _take(self, consumer: Any, polled: Polled, epoch: int) -> None:
        records = [read_record(record) for records in polled.values() for record in records]
        left_out = self.buffer.put(records, epoch)
        # The group was rebalanced meanwhile, or is about to be: fetch again what is still assigned after that.
        for partition in left_out & set(partitions_of(consumer.assignment())):
            first = polled[TopicPartition(*partition)][0].offset
            consumer.seek(TopicPartition(*partition), self.buffer.next_offset(partition, first))

    def _check_idle(self, consumer: Any) -> None:
        """Stop when the caller has waited long enough; raise KafkaError when the brokers are away."""
        is_idle = self._is_idle(has_partitions=bool(consumer.assignment()))
        if is_idle or time.monotonic() - self._answered_at > self._connection.timeout:
            if self._has_read_everything(consumer) and is_idle:
                self._stopping.set()
            self._answered_at = time.monotonic()

    def _is_idle(self, *, has_partitions: bool) -> bool:
        since, assigned_at = self.buffer.waiting_since, self._assigned_at
        if self._idle_timeout is None or since is None or assigned_at is None:
            return False
        # Without partitions, time enough to learn by a heartbeat that the group is being rebalanced.
        shortest = 0.0 if has_partitions else 3 * _HEARTBEAT_MS / 1000
        return time.monotonic() - max(since, assigned_at) >= max(self._idle_timeout, shortest)

    def _has_read_everything(self, consumer: Any) -> bool:
        """Ask the brokers where the topics end; raise KafkaError when they do not answer in time."""
        assigned = consumer.assignment()
        ends = self._end_offsets(consumer, assigned or {TopicPartition(self._topics[0], 0)})
        timeout_ms = self._connection.timeout_ms
        return all(
            (consumer.position(partition, timeout_ms=timeout_ms) or 0) >= ends[partition]
            for partition in assigned
        )

    def _end_offsets(self, consumer: Any, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        try:
            ends: dict[TopicPartition, int] = consumer.end_offsets(
                partitions, timeout_ms=self._connection.timeout_ms
            )
        except DriverError as error:
            raise self._connection.no_answer("Kafka does not answer", error) from error
        return ends

    def _commit(self, consumer: Any) -> None:
        offsets = self.buffer.uncommitted()
        if not offsets:
            return
        self._committed_at = time.monotonic()
        try:
            consumer.commit(committable(offsets), timeout_ms=self._connection.timeout_ms)
        except DriverError as error:  # the group reads them again: delivery is at least once
            self._logger.warning("offsets not committed", group=self._group, reason=str(error))
        else:
            self.buffer.mark_committed(offsets)
