"""Read from Kafka for asyncio: kafka-python's consumer blocks and is not thread-safe, so it has its own thread."""

import asyncio
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from iacs.core._events.buffer import EventBuffer, Fetched, Record, Unreadable
from iacs.core._events.encoding import decode
from iacs.core._kafka.connection import KafkaConnection
from iacs.core._kafka.driver import (
    ConsumerRebalanceListener,
    DriverError,
    KafkaConsumer,
    OffsetAndMetadata,
    TopicPartition,
    insist_on_joining,
)
from iacs.core.events import EVENT_ID_HEADER, Event, Place
from iacs.core.exceptions import KafkaError
from iacs.core.logger import Logger

_POLL_MS = 100
_COMMIT_SECONDS = 1.0
_HEARTBEAT_MS = 1000
_SESSION_MS = 10_000
"""After this time without a heartbeat the group goes on without a member."""


class KafkaReader:
    """Fetch records of topics into `buffer`, and commit for the group what the caller has finished."""

    def __init__(
        self,
        connection: KafkaConnection,
        topics: Sequence[str],
        group: str | None,
        *,
        idle_timeout: float | None,
        logger: Logger,
    ) -> None:
        self._connection = connection
        self._topics = topics
        self._group = group
        self._idle_timeout = idle_timeout
        self._logger = logger
        self._loop = asyncio.get_running_loop()
        self._stopping = threading.Event()
        self._wanted = threading.Event()
        self._closed = asyncio.Event()
        self._heard_at = self._committed_at = 0.0
        self._settled_at: float | None = None
        self.buffer = EventBuffer(self._loop, self._wanted.set)
        self._thread = threading.Thread(target=self._run, name="iacs-kafka-consumer", daemon=True)

    def start(self) -> None:
        """Begin to fetch."""
        self._thread.start()

    async def stop(self) -> None:
        """Commit what is finished and leave the group; bounded by the timeout of each step."""
        self.buffer.end()
        self._stopping.set()
        self._wanted.set()
        await self._closed.wait()

    def settle(self, places: Iterable[Place]) -> dict[Place, int]:
        """Note what is this reader's share; return where to go on in places that it had before."""
        if self._group is not None or self._settled_at is None:
            self._settled_at = time.monotonic()
        return self.buffer.own(places)

    def unsettle(self, places: Iterable[Place]) -> None:
        """Note that the group is being divided anew."""
        self._settled_at = None
        self.buffer.disown(places)

    def _run(self) -> None:
        error: KafkaError | None = None
        try:
            self._read_and_close()
        except KafkaError as problem:
            error = problem
        except (DriverError, OSError, ValueError) as problem:
            error = self._connection.error("reading from Kafka failed", problem)
            error.__cause__ = problem
        finally:
            self.buffer.end(error)
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._closed.set)

    def _read_and_close(self) -> None:
        consumer = self._connect()
        try:
            consumer.subscribe(self._topics, listener=_Rebalance(self, consumer))
            for topic in self._topics:
                # Asked for before the group is joined: a leader that knows no partitions hands out none at first.
                consumer.partitions_for_topic(topic)
            self._heard_at = time.monotonic()
            while not self._stopping.is_set():
                self._step(consumer)
        finally:
            self._close(consumer)

    def _connect(self) -> Any:
        return self._connection.connect(
            KafkaConsumer,
            group_id=self._group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            heartbeat_interval_ms=_HEARTBEAT_MS,
            session_timeout_ms=_SESSION_MS,
            max_poll_interval_ms=60_000,
            request_timeout_ms=max(self._connection.timeout_ms, 1000),
            fetch_max_bytes=8 * 2**20,
            metrics_enabled=False,
        )

    def _step(self, consumer: Any) -> None:
        if self.buffer.is_full:
            self._wanted.clear()
            self._wanted.wait(_POLL_MS / 1000)
        hold = self.buffer.is_full
        places = consumer.assignment()
        consumer.pause(*places) if hold else consumer.resume(*places)
        epoch = self.buffer.epoch
        # Polled even while nothing is wanted: the group counts a consumer that does not poll as dead.
        found = consumer.poll(timeout_ms=1 if hold else _POLL_MS)
        if self._group is None and (share := consumer.assignment()):
            self.settle(_places(share))
            epoch = self.buffer.epoch
        if found:
            self._heard_at = time.monotonic()
            self._take(consumer, found, epoch)
        self._commit_now_and_then(consumer)
        if not found and not hold:
            self._rest(consumer)

    def _take(self, consumer: Any, found: dict[TopicPartition, list[Any]], epoch: int) -> None:
        records = [read_record(record) for records in found.values() for record in records]
        left_out = self.buffer.put(records, epoch)
        # The group was divided anew meanwhile, or is about to tell of it: fetch again what is ours after that.
        for place in left_out & set(_places(consumer.assignment())):
            consumer.seek(
                TopicPartition(*place), self.buffer.wanted(place, found[TopicPartition(*place)][0].offset)
            )

    def _rest(self, consumer: Any) -> None:
        """Look whether the caller has waited long enough, or the brokers are gone."""
        is_idle = self._is_idle(has_share=bool(consumer.assignment()))
        if is_idle or time.monotonic() - self._heard_at > self._connection.timeout:
            if self._has_read_everything(consumer) and is_idle:
                self._stopping.set()
            self._heard_at = time.monotonic()

    def _is_idle(self, *, has_share: bool) -> bool:
        since, settled_at = self.buffer.waiting_since, self._settled_at
        if self._idle_timeout is None or since is None or settled_at is None:
            return False
        # Without a share, time enough to hear by a heartbeat that the group is being divided anew.
        patience = self._idle_timeout if has_share else max(self._idle_timeout, 3 * _HEARTBEAT_MS / 1000)
        return time.monotonic() - max(since, settled_at) >= patience

    def _has_read_everything(self, consumer: Any) -> bool:
        """Ask the brokers where the topics end; raise KafkaError when they do not answer in time."""
        places = consumer.assignment()
        ends = self._ends(consumer, places or {TopicPartition(self._topics[0], 0)})
        timeout = self._connection.timeout_ms
        return all((consumer.position(place, timeout_ms=timeout) or 0) >= ends[place] for place in places)

    def _ends(self, consumer: Any, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        try:
            ends: dict[TopicPartition, int] = consumer.end_offsets(
                places, timeout_ms=self._connection.timeout_ms
            )
        except DriverError as error:
            raise self._connection.error("Kafka does not answer", error) from error
        return ends

    def _commit_now_and_then(self, consumer: Any) -> None:
        is_due = time.monotonic() - self._committed_at >= _COMMIT_SECONDS
        if self._group is not None and (is_due or self.buffer.waiting_since is not None):
            self._commit(consumer)

    def _commit(self, consumer: Any) -> None:
        offsets = self.buffer.uncommitted()
        if not offsets:
            return
        self._committed_at = time.monotonic()
        try:
            consumer.commit(_committable(offsets), timeout_ms=self._connection.timeout_ms)
        except DriverError as error:  # read again by the group: at least once is what is promised
            self._logger.warning("offsets not committed", group=self._group, reason=str(error))
        else:
            self.buffer.committed(offsets)

    def _close(self, consumer: Any) -> None:
        if self._group is not None:
            self._commit(consumer)
        consumer.close(autocommit=False, timeout_ms=self._connection.timeout_ms)


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]
    """Runs in the driver's own thread, while ours waits in poll()."""

    def __init__(self, reader: KafkaReader, consumer: Any) -> None:
        self._reader = reader
        self._consumer = consumer

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Commit what is finished before another member may begin, and drop what the caller has not taken."""
        insist_on_joining(self._consumer)
        offsets = self._reader.buffer.uncommitted()
        if offsets:  # not awaited, but on the connection that asks to join next, so the broker sees it first
            self._consumer.commit_async(_committable(offsets))
        self._reader.unsettle(_places(revoked))

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """Drop all: another member may have begun already."""
        self._reader.unsettle(_places(lost))
        self._reader.buffer.own([])

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Take records of these partitions from now on.

        kafka-python goes on where it was in those that it has kept, after what was dropped above.
        """
        for place, offset in self._reader.settle(_places(assigned)).items():
            self._consumer.seek(TopicPartition(*place), offset)


def _places(partitions: Iterable[TopicPartition]) -> list[Place]:
    return [(each.topic, each.partition) for each in partitions]


def _committable(offsets: Mapping[Place, int]) -> dict[TopicPartition, OffsetAndMetadata]:
    return {TopicPartition(*place): OffsetAndMetadata(n, "", -1) for place, n in offsets.items()}


def read_record(record: Any) -> Fetched:
    """Return the event that a ConsumerRecord holds, or why it holds none, and its size in bytes."""
    headers = {name: _header(value) for name, value in record.headers}
    size = len(record.key or b"") + len(record.value or b"")
    try:
        return _event(record, headers), size
    except ValueError as error:
        return _unreadable(record, headers, str(error)), size


def _event(record: Any, headers: dict[str, str]) -> Record:
    return Event(
        topic=record.topic,
        value=decode(record.value) if record.value is not None else None,
        key=_key(record.key),
        id=headers.pop(EVENT_ID_HEADER, None),
        partition=record.partition,
        offset=record.offset,
        headers=headers,
    )


def _key(key: bytes | None) -> str | None:
    try:
        return key.decode() if key is not None else None
    except UnicodeDecodeError as error:
        raise ValueError(f"the key is not UTF-8: {error}") from None


def _header(value: bytes | None) -> str:
    return (value or b"").decode(errors="backslashreplace")


def _unreadable(record: Any, headers: dict[str, str], reason: str) -> Unreadable:
    return Unreadable(
        record.topic,
        record.partition,
        record.offset,
        record.key,
        record.value,
        headers,
        f"not JSON: {reason}",
    )
