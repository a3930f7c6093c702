"""A task whose steps are run ahead is to its coroutine what any other task is."""

import asyncio
import inspect
from contextvars import ContextVar, copy_context
from typing import Any

import pytest

from iacs.runtime.lifecycle.stepping import Stepping

seen: ContextVar[str] = ContextVar("seen", default="outside")


async def test_the_first_step_runs_at_once_as_the_task_and_in_its_context() -> None:
    tasks: list[Any] = []

    async def work() -> str:
        tasks.append(asyncio.current_task())
        seen.set("inside")
        await asyncio.sleep(0)
        tasks.append(asyncio.current_task())
        return seen.get()

    caller, context = asyncio.current_task(), copy_context()
    stepping = Stepping(work(), "work", context)
    assert tasks == [stepping.task]
    assert asyncio.current_task() is caller
    assert (seen.get(), context[seen]) == ("outside", "inside")
    assert inspect.getcoroutinestate(stepping) == inspect.CORO_SUSPENDED
    assert await stepping.task == "inside"
    assert tasks == [stepping.task] * 2


async def test_work_that_waits_for_nothing_ends_with_its_result() -> None:
    async def work() -> int:
        return 1

    assert await Stepping(work(), "work", None).task == 1


async def test_an_error_of_the_first_step_is_the_tasks() -> None:
    async def work() -> None:
        raise KeyError("first")

    stepping = Stepping(work(), "work", None)
    with pytest.raises(KeyError, match="first"):
        await stepping.task


async def test_a_task_that_is_cancelled_before_its_turn_ends_its_work() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("work")

    stepping = Stepping(work(), "work", None)
    stepping.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stepping.task
    assert ended == ["work"]


@pytest.mark.parametrize("is_waiting", [False, True], ids=["before its first turn", "while it waits"])
async def test_a_step_ahead_goes_on_where_the_task_waits(*, is_waiting: bool) -> None:
    asked, more = asyncio.get_running_loop().create_future(), asyncio.Event()
    steps: list[Any] = []

    async def work() -> None:
        steps.append(await asked)
        async with asyncio.timeout(10):
            await more.wait()
        steps.append("end")

    stepping = Stepping(work(), "work", None)
    if is_waiting:
        await asyncio.sleep(0)
    asked.set_result("asked")
    stepping.step()
    assert steps == ["asked"]
    await asyncio.sleep(0)
    assert not stepping.task.done()
    more.set()
    await stepping.task
    assert steps == ["asked", "end"]


async def test_a_cancellation_reaches_what_a_step_ahead_has_begun() -> None:
    asked = asyncio.get_running_loop().create_future()
    steps: list[str] = []

    async def work() -> None:
        await asked
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            steps.append("cancelled")
            raise

    stepping = Stepping(work(), "work", None)
    await asyncio.sleep(0)
    asked.set_result(None)
    stepping.step()
    stepping.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stepping.task
    assert steps == ["cancelled"]


async def test_a_step_ahead_to_the_end_leaves_nothing_to_the_task() -> None:
    asked = asyncio.get_running_loop().create_future()

    async def work() -> str:
        await asked
        return "result"

    stepping = Stepping(work(), "work", None)
    asked.set_result(None)
    stepping.step()
    await asyncio.sleep(0)
    assert stepping.task.result() == "result"


async def test_an_eager_task_factory_runs_the_first_step_once() -> None:
    factory = getattr(asyncio, "eager_task_factory", None)
    if factory is None:
        pytest.skip("eager tasks are new in Python 3.12")
    steps = []

    async def work() -> int:
        steps.append(1)
        await asyncio.sleep(0)
        return len(steps)

    loop = asyncio.get_running_loop()
    loop.set_task_factory(factory)
    try:
        assert await Stepping(work(), "work", None).task == 1
    finally:
        loop.set_task_factory(None)
