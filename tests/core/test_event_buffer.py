import asyncio

from iacs.core._events.buffer import EventBuffer, Fetched
from iacs.core.events import Event

HERE, THERE = ("topic", 0), ("topic", 1)


def record(place: tuple[str, int], offset: int) -> Fetched:
    topic, partition = place
    return Event(topic, offset, None, None, partition, offset), 1


def buffer() -> EventBuffer:
    return EventBuffer(asyncio.get_running_loop(), lambda: None)


async def test_records_that_come_before_their_place_is_told_are_named_to_be_fetched_again() -> None:
    fetched = buffer()
    fetched.own([HERE])
    assert fetched.put([record(HERE, 0), record(THERE, 0)], fetched.epoch) == {THERE}

    fetched.own([THERE])
    assert fetched.put([record(THERE, 0)], fetched.epoch) == set()
    assert [await fetched.next(), await fetched.next()] == [record(HERE, 0)[0], record(THERE, 0)[0]]


async def test_records_fetched_before_the_group_was_divided_anew_are_all_named() -> None:
    fetched = buffer()
    fetched.own([HERE, THERE])
    before = fetched.epoch
    fetched.disown([THERE])
    assert fetched.put([record(HERE, 0), record(THERE, 0)], before) == {HERE, THERE}
    assert fetched.waiting_since is None
    assert fetched.wanted(HERE, 7) == 7


async def test_only_what_the_caller_has_finished_is_to_be_committed() -> None:
    fetched = buffer()
    fetched.own([HERE])
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
    fetched.own([HERE])
    waiting = asyncio.create_task(fetched.next())
    for _ in range(5):
        fetched.put([])
        fetched.put([record(THERE, 0)])
        for _ in range(3):
            await asyncio.sleep(0)
    assert wake_calls == 1
    fetched.put([record(HERE, 0)])
    assert await waiting == record(HERE, 0)[0]
