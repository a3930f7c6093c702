"""The poller of an event log: one query for all readers of a process that have read everything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from iacs.core._events.log_records import end_offsets, log_version, rows_from
from iacs.core._events.reader_task import ReaderTask
from iacs.core.database import Database
from iacs.core.events import Partition
from iacs.core.transaction import Row, Transaction

_MAX_ROWS = 20
_MAX_CHARACTERS = 100_000
"""A reader with more to read fetches it itself: it decodes JSON in a worker thread, the poller in the event loop."""


@dataclass(frozen=True)
class _Poll:
    """What a poll returned: the records from `starts` on, and the ends of the partitions; both empty without a change."""

    version: int
    starts: Mapping[Partition, int]
    pages: Mapping[Partition, Sequence[Row]]
    ends: Mapping[Partition, int]


class LogPoller(ReaderTask):
    """Delivers new records to parked readers: those of the same process at once, others within `poll_seconds`."""

    def __init__(self, database: Database, *, poll_seconds: float) -> None:
        super().__init__(interval_seconds=poll_seconds)
        self._database = database
        self._version: int | None = None
        self._is_outdated = True

    def look_again(self) -> None:
        """Read from all positions in the next poll: a reader was parked that may have missed the last change."""
        self._is_outdated = True

    def publish(self, pages: Mapping[Partition, Sequence[Row]]) -> None:
        """Deliver what this process has just published."""
        starts = {partition: int(page[0]["offset"]) for partition, page in pages.items()}
        self._deliver(pages, starts)
        ends = {partition: int(page[-1]["offset"]) + 1 for partition, page in pages.items()}
        for reader in self._readers:
            if not _is_behind(reader.starts, ends):
                continue
            if reader.is_parked:  # records of another process come before
                self.look_again()
                self.wake()
            else:  # it may have looked just before
                reader.wake()

    async def _work(self) -> None:
        starts = dict[Partition, int]()
        for reader in self._readers:
            if reader.is_parked:
                for partition, start in reader.starts.items():
                    starts[partition] = min(start, starts.get(partition, start))
        if not starts:
            return
        known, self._is_outdated = None if self._is_outdated else self._version, False
        try:
            poll = await self._database.read(_poll, starts, known)
        except BaseException:
            self._is_outdated = True
            raise
        self._version = poll.version
        self._deliver(poll.pages, poll.starts)
        if any(reader.is_parked and _is_behind(reader.starts, poll.ends) for reader in self._readers):
            self._is_outdated = True

    def _deliver(self, pages: Mapping[Partition, Sequence[Row]], starts: Mapping[Partition, int]) -> None:
        """Deliver pages, which begin at `starts`, to the parked readers that have read up to there, or into them."""
        for reader in tuple(self._readers):
            if not reader.is_parked:
                continue
            rows = [
                row
                for partition, start in reader.starts.items()
                if partition in pages and starts[partition] <= start
                for row in pages[partition]
                if row["offset"] >= start
            ]
            if len(rows) >= _MAX_ROWS or sum(len(row["value"]) for row in rows) > _MAX_CHARACTERS:
                reader.wake()
            elif rows:
                reader.deliver(rows)


def _is_behind(starts: Mapping[Partition, int], ends: Mapping[Partition, int]) -> bool:
    return any(partition in starts and starts[partition] < end for partition, end in ends.items())


def _poll(tx: Transaction, starts: Mapping[Partition, int], known: int | None) -> _Poll:
    version = log_version(tx)
    if version == known:
        return _Poll(version, starts, {}, {})
    ends = end_offsets(tx, list(starts))
    pages = {
        partition: rows_from(tx, partition, start, limit=_MAX_ROWS)
        for partition, start in starts.items()
        if start < ends.get(partition, 0)
    }
    return _Poll(version, starts, pages, ends)
