import asyncio

import pytest

from iacs.core._events.event_buffer import EventBuffer, Fetched
from iacs.core.events import Event, Partition

HERE, THERE = ("topic", 0), ("topic", 1)


def record(topic_partition: Partition, offset: int) -> Fetched:
    topic, partition = topic_partition
    return Event(topic, offset, None, None, partition, offset), 1


def buffer() -> EventBuffer:
    return EventBuffer(asyncio.get_running_loop(), lambda: None)


async def test_records_that_come_before_their_partition_is_assigned_are_named_to_be_fetched_again() -> None:
    fetched = buffer()
    fetched.assign([HERE])
    assert fetched.put([record(HERE, 0), record(THERE, 0)], fetched.epoch) == {THERE}

    fetched.assign([THERE])
    assert fetched.put([record(THERE, 0)], fetched.epoch) == set()
    assert [await fetched.next(), await fetched.next()] == [record(HERE, 0)[0], record(THERE, 0)[0]]


async def test_records_fetched_before_the_group_was_rebalanced_are_all_named() -> None:
    fetched = buffer()
    fetched.assign([HERE, THERE])
    before = fetched.epoch
    fetched.revoke([THERE])
    assert fetched.put([record(HERE, 0), record(THERE, 0)], before) == {HERE, THERE}
    assert fetched.waiting_since is None
    assert fetched.next_offset(HERE, 7) == 7


async def test_only_what_the_caller_has_finished_is_to_be_committed() -> None:
    fetched = buffer()
    fetched.assign([HERE])
    fetched.put([record(HERE, 0), record(HERE, 1)])
    await fetched.next()
    assert fetched.uncommitted() == {}
    await fetched.next()
    assert fetched.uncommitted() == {HERE: 1}


async def test_putting_nothing_leaves_a_waiting_caller_waiting() -> None:
    wake_calls = 0

    def wake() -> None:
        nonlocal wake_calls
        wake_calls += 1

    fetched = EventBuffer(asyncio.get_running_loop(), wake)
    fetched.assign([HERE])
    waiting = asyncio.create_task(fetched.next())
    for _ in range(5):
        fetched.put([])
        fetched.put([record(THERE, 0)])
        for _ in range(3):
            await asyncio.sleep(0)
    assert wake_calls == 1
    fetched.put([record(HERE, 0)])
    assert await waiting == record(HERE, 0)[0]


@pytest.mark.parametrize("is_in_flight", [True, False])
async def test_a_new_log_is_read_from_its_first_record_whatever_was_finished_before(
    is_in_flight: bool,
) -> None:
    fetched = buffer()
    fetched.assign([HERE])
    fetched.put([record(HERE, 0)])
    assert await fetched.next() == record(HERE, 0)[0]
    waiting = None if is_in_flight else asyncio.create_task(fetched.next())
    await asyncio.sleep(0)
    fetched.begin_anew([HERE])
    fetched.put([record(HERE, 0)])
    assert await (waiting or fetched.next()) == record(HERE, 0)[0]
    assert fetched.uncommitted() == {}
