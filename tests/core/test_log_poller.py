"""The tasks that the readers of one event log share: nothing published is missed, and no offset goes back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
import pytest_asyncio

from iacs.core._events.encoded_event import encode_events
from iacs.core._events.group_member import GroupMember
from iacs.core._events.groups import commit
from iacs.core._events.log_poller import LogPoller
from iacs.core._events.log_records import append, log_version, partitions_of
from iacs.core._events.membership import Membership
from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.events import NewEvent, Partition
from iacs.core.transaction import Row
from tests.fixtures.events import LOGGER


class FakeReader:
    """A parked reader that keeps the values delivered to it."""

    def __init__(self, topic: str) -> None:
        self.is_parked = True
        self.membership: Membership | None = None
        self.starts: dict[Partition, int] = dict.fromkeys(partitions_of([topic]), 0)
        self.values: list[str] = []
        self.has_news = asyncio.Event()
        self.is_woken = False
        self.error: Exception | None = None

    def deliver(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self.values.append(row["value"])
            self.starts[row["topic"], row["partition"]] = row["offset"] + 1
        self.has_news.set()

    def wake(self) -> None:
        self.is_woken = True
        self.has_news.set()

    def fail(self, error: Exception) -> None:
        self.error = error
        self.has_news.set()

    async def until(self, is_true: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not is_true():
                self.has_news.clear()
                await self.has_news.wait()


@pytest_asyncio.fixture
async def reader(topic: str) -> FakeReader:
    return FakeReader(topic)


@pytest_asyncio.fixture
async def poller(database: Database, reader: FakeReader) -> AsyncIterator[LogPoller]:
    poller = LogPoller(database, poll_seconds=0.01)
    poller.add(reader)
    yield poller
    await poller.discard(reader)


def publish(database: Database, topic: str, *values: object) -> dict[Partition, list[Row]]:
    """Publish to one partition, as another process would; return what was appended."""
    encoded = encode_events([NewEvent(topic, value, key="k") for value in values], "urn:iacs")
    return database.run_sync(append, encoded)


async def test_an_event_published_here_while_a_poll_reads_one_of_another_process_hides_neither(
    database: Database, topic: str, reader: FakeReader, poller: LogPoller, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, is_first = database.read, True

    async def read_slowly(*arguments: Any) -> Any:
        nonlocal is_first
        if not is_first:
            return await read(*arguments)
        is_first = False
        mine = publish(database, topic, "mine")
        publish(database, topic, "other")
        poll = await read(*arguments)
        poller.publish(mine)  # the poll has read both, from a position that is no longer the reader's
        return poll

    monkeypatch.setattr(database, "read", read_slowly)
    await reader.until(lambda: len(reader.values) == 2)
    assert reader.values == ['"mine"', '"other"']


async def test_an_event_that_follows_one_of_another_process_waits_for_it(
    database: Database, topic: str, reader: FakeReader, poller: LogPoller
) -> None:
    await poller.discard(reader)
    slow = LogPoller(database, poll_seconds=600)
    slow.add(reader)
    publish(database, topic, "other")
    slow.publish(publish(database, topic, "mine"))
    await reader.until(lambda: len(reader.values) == 2)
    assert reader.values == ['"other"', '"mine"']
    await slow.discard(reader)


async def test_a_reader_that_was_not_parked_when_an_event_was_published_looks_again(
    database: Database, topic: str, reader: FakeReader, poller: LogPoller
) -> None:
    reader.is_parked = False
    poller.publish(publish(database, topic, "mine"))
    assert reader.is_woken
    assert reader.values == []


@pytest.mark.parametrize("values", [range(50), ["x" * 200_000]])
async def test_a_reader_with_much_to_read_fetches_it_itself(
    database: Database, topic: str, reader: FakeReader, poller: LogPoller, values: Sequence[object]
) -> None:
    publish(database, topic, *values)
    await reader.until(lambda: reader.is_woken)
    assert reader.values == []


async def test_an_unexpected_error_of_the_poller_ends_its_readers(
    database: Database, reader: FakeReader, poller: LogPoller, monkeypatch: pytest.MonkeyPatch
) -> None:
    defect = RuntimeError("a defect")

    async def read(*_: Any) -> None:
        raise defect

    monkeypatch.setattr(database, "read", read)
    await reader.until(lambda: reader.error is not None)
    assert reader.error is defect


async def test_the_error_that_ends_the_poller_is_raised_to_the_consumer(
    database: Database, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = database.read

    async def read_for_readers(*arguments: Any) -> Any:
        if any(reader.is_parked for reader in log._readers):
            raise ZeroDivisionError
        return await read(*arguments)

    monkeypatch.setattr(database, "read", read_for_readers)
    async with EventLog(database, poll_seconds=0.01, logger=LOGGER) as log:
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(anext(log.consume(topic)), 30)


def test_any_topic_changes_the_version_of_the_log(database: Database) -> None:
    versions = [database.run_sync(log_version)]
    for topic in ("orders", "0", "Z.z", "_", "-"):
        publish(database, topic, 1)
        versions.append(database.run_sync(log_version))
    assert versions == [0, 1, 2, 3, 4, 5]


def test_a_commit_that_began_first_and_ends_last_moves_no_offset_back(database: Database, topic: str) -> None:
    partition = (topic, 0)
    with database.transaction() as tx:
        GroupMember("group", [topic], "a", seconds=60).heartbeat(tx, {}, None)
        commit(tx, {("group", "a"): {partition: 9}})
        commit(tx, {("group", "a"): {partition: 7}})
        assert tx.value("SELECT max(next_offset) FROM iacs_event_log_offsets") == 9
