"""The buffer between the thread or task that fetches records and the caller that takes events one at a time."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from iacs.core.events import Event, Partition


@dataclass(frozen=True, slots=True)
class UnreadableRecord:
    """A record that is not JSON, unchanged, and the reason."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, str]
    reason: str

    @property
    def topic_partition(self) -> Partition:
        """The topic and the partition."""
        return self.topic, self.partition


Record = Event | UnreadableRecord
Fetched = tuple[Record, int]
"""A record and its size in bytes."""

_MAX_RECORDS = 2000
_MAX_BYTES = 16 * 2**20


class EventBuffer:
    """Fetched records, and the offsets that the caller has finished: one is finished when the next is asked for.

    Fetching may happen in another thread than the caller's `loop`. `wake` is called, in the loop, when the
    caller waits for more.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, wake: Callable[[], object]) -> None:
        self.epoch = 0
        self.keeps_offsets = True
        self._loop = loop
        self._wake = wake
        self._guard = threading.Lock()
        self._records: deque[Fetched] = deque()
        self._bytes = 0
        self._assigned: set[Partition] = set()
        self._next_offsets: dict[Partition, int] = {}
        self._finished: dict[Partition, int] = {}
        self._uncommitted: set[Partition] = set()
        self._in_flight: Record | None = None
        self._waiting_since: float | None = None
        self._changed = asyncio.Event()
        self._has_ended = False
        self._error: BaseException | None = None

    # For the thread or task that fetches.

    @property
    def is_full(self) -> bool:
        """Whether fetching should pause."""
        return len(self._records) >= _MAX_RECORDS or self._bytes >= _MAX_BYTES

    @property
    def waiting_since(self) -> float | None:
        """The time by the monotonic clock since which the caller waits for a record; None while it has one."""
        return None if self._records else self._waiting_since

    @property
    def has_ended(self) -> bool:
        """Whether the iteration is over, once the caller asks for the next record."""
        return self._has_ended

    @property
    def in_flight(self) -> Partition | None:
        """The partition of the record that the caller works on."""
        record = self._in_flight
        return record.topic_partition if record is not None else None

    @property
    def unfinished(self) -> int:
        """The number of records put that the caller has not finished."""
        return len(self._records) + (self._in_flight is not None)

    def assign(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Accept records of these partitions, besides those assigned already.

        Returns the offset to resume at for those that were assigned before: the first record not taken.
        """
        with self._guard:
            new = set(partitions) - self._assigned
            self._assigned |= new
            if new:
                self.epoch += 1
            offsets = self._next_offsets
            self._next_offsets = {
                partition: offsets[partition] for partition in self._assigned & offsets.keys()
            }
            return {partition: offsets[partition] for partition in new & offsets.keys()}

    def revoke(self, partitions: Iterable[Partition]) -> None:
        """Drop partitions that another consumer may read from now on, and the records not taken from them."""
        revoked = set(partitions)
        with self._guard:
            self.epoch += 1
            self._assigned -= revoked
            self._uncommitted -= revoked
            for partition in revoked:
                self._finished.pop(partition, None)
            for record, size in reversed(self._records):
                if record.topic_partition in revoked:
                    self._next_offsets[record.topic_partition] = record.offset
                    self._bytes -= size
            self._records = deque(item for item in self._records if item[0].topic_partition not in revoked)

    def put(self, records: Iterable[Fetched], epoch: int | None = None) -> set[Partition]:
        """Add records with their sizes, in the order of their offsets; return the partitions left out.

        Left out are those not assigned, or not yet; all, if the assignment has changed since `epoch` or the
        iteration has ended.
        """
        left_out = set[Partition]()
        with self._guard:
            count = len(self._records)
            is_late = self._has_ended or (epoch is not None and epoch != self.epoch)
            for record, size in records:
                partition = record.topic_partition
                if is_late or partition not in self._assigned:
                    left_out.add(partition)
                    continue
                self._records.append((record, size))
                self._next_offsets[partition] = record.offset + 1
                self._bytes += size
            has_grown = len(self._records) > count
        if has_grown:  # a caller woken without a record would ask for more at once, without end
            self._notify()
        return left_out

    def begin_anew(self, partitions: Iterable[Partition]) -> None:
        """Forget the offsets of partitions whose log was replaced: they mean other records now."""
        replaced = set(partitions)
        with self._guard:
            for partition in replaced:
                self._next_offsets.pop(partition, None)
                self._finished.pop(partition, None)
            self._uncommitted -= replaced
            if self.in_flight in replaced:
                self._in_flight = None

    def next_offset(self, partition: Partition, default: int) -> int:
        """Return the offset of the next record to put, `default` when none is known."""
        with self._guard:
            return self._next_offsets.get(partition, default)

    def end(self, error: BaseException | None = None) -> None:
        """End the caller's iteration, with `error` if there is one; records not taken are dropped."""
        with self._guard:
            if not self._has_ended:
                self._has_ended, self._error = True, error
            self._records.clear()
        self._notify()

    def uncommitted(self) -> dict[Partition, int]:
        """Return the offset after the last finished record, for the partitions where it moved."""
        with self._guard:
            uncommitted = self._uncommitted if self.keeps_offsets else ()
            return {partition: self._finished[partition] for partition in uncommitted}

    def mark_committed(self, offsets: Mapping[Partition, int]) -> None:
        """Record that offsets are committed."""
        with self._guard:
            self._uncommitted -= {p for p, offset in offsets.items() if self._finished.get(p) == offset}

    # For the caller.

    async def next(self) -> Record | None:
        """Finish the record in flight and return the next one; None when the iteration is over."""
        record = self._advance()
        if record is not None:
            return record
        try:
            while (record := self._take()) is None and not self._has_ended:
                self._changed.clear()
                self._waiting_since = self._waiting_since or time.monotonic()
                self._wake()
                if not self._records and not self._has_ended:
                    await self._changed.wait()
        finally:
            self._waiting_since = None
        if record is None and self._error is not None:
            raise self._error
        return record

    def _advance(self) -> Record | None:
        """Finish the record in flight and take the next one, if there is one already."""
        with self._guard:
            record, self._in_flight = self._in_flight, None
            if record is not None and (partition := record.topic_partition) in self._assigned:
                self._finished[partition] = record.offset + 1
                self._uncommitted.add(partition)
            return self._pop()

    def _take(self) -> Record | None:
        with self._guard:
            return self._pop()

    def _pop(self) -> Record | None:
        while self._records:
            record, size = self._records.popleft()
            self._bytes -= size
            # A partition lost and regained begins with the record that was in flight meanwhile.
            if record.offset + 1 != self._finished.get(record.topic_partition):
                self._in_flight = record
                return record
        return None

    def _notify(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._changed.set)
