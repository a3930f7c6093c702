"""Between the thread or task that fetches records and the caller who takes events one at a time."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from iacs.core.events import Event, Place


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that is not JSON: as it stands in its topic, and what is wrong with it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, str]
    reason: str

    @property
    def place(self) -> Place:
        """Return where the record stands."""
        return self.topic, self.partition


Record = Event | Unreadable
Fetched = tuple[Record, int]
"""A record and its size in bytes."""

_MAX_RECORDS = 2000
_MAX_BYTES = 16 * 2**20


class EventBuffer:
    """Hold fetched records, and know which ones the caller has finished: a record is when the next is asked for.

    Fetching may happen in another thread than the caller's `loop`. `wake` is called, in the loop, when the
    caller waits for more.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, wake: Callable[[], object]) -> None:
        self.epoch = 0
        self._loop = loop
        self._wake = wake
        self._guard = threading.Lock()
        self._records: deque[Fetched] = deque()
        self._bytes = 0
        self._owned: set[Place] = set()
        self._wanted: dict[Place, int] = {}
        self._finished: dict[Place, int] = {}
        self._uncommitted: set[Place] = set()
        self._in_hand: Record | None = None
        self._waiting_since: float | None = None
        self._changed = asyncio.Event()
        self._has_ended = False
        self._error: BaseException | None = None

    # What the fetching side asks and tells.

    @property
    def is_full(self) -> bool:
        """Tell whether fetching should pause."""
        return len(self._records) >= _MAX_RECORDS or self._bytes >= _MAX_BYTES

    @property
    def waiting_since(self) -> float | None:
        """Return since when, by the monotonic clock, the caller waits in vain; None while it has work."""
        return None if self._records else self._waiting_since

    @property
    def in_hand(self) -> Place | None:
        """Return the place of the record that the caller works on."""
        record = self._in_hand
        return record.place if record is not None else None

    def own(self, places: Iterable[Place]) -> dict[Place, int]:
        """Take records of these places, besides those owned already.

        Returns where to go on in those that were owned before: at the first record that was not taken.
        """
        with self._guard:
            new = set(places) - self._owned
            self._owned |= new
            if new:
                self.epoch += 1
            self._wanted = {place: self._wanted[place] for place in self._owned & self._wanted.keys()}
            return {place: self._wanted[place] for place in new & self._wanted.keys()}

    def disown(self, places: Iterable[Place]) -> None:
        """Forget places that another consumer may read from now on, and what was not taken of them."""
        gone = set(places)
        with self._guard:
            self.epoch += 1
            self._owned -= gone
            self._uncommitted -= gone
            for place in gone:
                self._finished.pop(place, None)
            for record, size in reversed(self._records):
                if record.place in gone:
                    self._wanted[record.place] = record.offset
                    self._bytes -= size
            self._records = deque(each for each in self._records if each[0].place not in gone)

    def put(self, records: Iterable[Fetched], epoch: int | None = None) -> set[Place]:
        """Add records with their sizes, in the order of their places; return the places that were left out.

        These are the ones not owned, or not yet; with an `epoch` all, when any was owned or disowned since.
        """
        left_out = set[Place]()
        with self._guard:
            count = len(self._records)
            is_late = epoch is not None and epoch != self.epoch
            for record, size in records:
                if is_late or record.place not in self._owned:
                    left_out.add(record.place)
                    continue
                self._records.append((record, size))
                self._wanted[record.place] = record.offset + 1
                self._bytes += size
            has_grown = len(self._records) > count
        if has_grown:  # a caller woken for nothing asks for more at once, and keeps the fetching side busy
            self._tell()
        return left_out

    def wanted(self, place: Place, default: int) -> int:
        """Return the offset of the next record to put, `default` when none is known."""
        with self._guard:
            return self._wanted.get(place, default)

    def end(self, error: BaseException | None = None) -> None:
        """Let the caller's iteration end, by `error` when there is one; what was not taken is dropped."""
        with self._guard:
            if not self._has_ended:
                self._has_ended, self._error = True, error
            self._records.clear()
        self._tell()

    def uncommitted(self) -> dict[Place, int]:
        """Return the offset after the last finished record of each place where it moved."""
        with self._guard:
            return {place: self._finished[place] for place in self._uncommitted}

    def committed(self, offsets: Mapping[Place, int]) -> None:
        """Note what is durable."""
        with self._guard:
            self._uncommitted -= {p for p, offset in offsets.items() if self._finished.get(p) == offset}

    # What the caller asks.

    async def next(self) -> Record | None:
        """Finish the record in hand and return the next one; None when the iteration is over."""
        self._finish()
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

    def _finish(self) -> None:
        with self._guard:
            record, self._in_hand = self._in_hand, None
            if record is not None and record.place in self._owned:
                self._finished[record.place] = record.offset + 1
                self._uncommitted.add(record.place)

    def _take(self) -> Record | None:
        with self._guard:
            while self._records:
                record, size = self._records.popleft()
                self._bytes -= size
                # A place lost and won again begins with what the caller had in hand meanwhile.
                if record.offset + 1 != self._finished.get(record.place):
                    self._in_hand = record
                    return record
        return None

    def _tell(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._changed.set)
