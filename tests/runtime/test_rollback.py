"""What happens when closing again what a failed start had opened goes wrong as well."""

import asyncio
import gc
from collections.abc import AsyncIterator
from time import sleep
from typing import Any

import pytest
from dependency_injector import providers

from iacs.core.exceptions import StartError
from iacs.runtime import Application
from tests.fixtures.workshop import Workshop


def _chain(workshop: Workshop, stop_timeout: float = 15) -> Application[Any]:
    low = workshop.async_resource("low")
    middle = workshop.async_singleton("middle", low)
    top = workshop.async_resource("top", middle)
    return Application(workshop.container(low=low, middle=middle, top=top), stop_timeout=stop_timeout)


async def test_a_second_cancellation_waits_for_the_rollback(workshop: Workshop) -> None:
    is_waiting, is_closing, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        is_waiting.set()
        await asyncio.Event().wait()

    async def close() -> None:
        is_closing.set()
        await go_on.wait()

    workshop.starting["top"], workshop.ending["middle"] = wait, close
    starting = asyncio.create_task(_chain(workshop).start())
    await is_waiting.wait()
    starting.cancel()
    await is_closing.wait()
    starting.cancel()
    await asyncio.sleep(0)
    assert not starting.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert workshop.closed == ["middle", "low"]


async def test_what_the_rollback_raises_is_noted_on_the_error_that_counts(workshop: Workshop) -> None:
    workshop.starting["top"] = ValueError()
    workshop.ending = {"middle": OSError("middle is stuck"), "low": OSError("low is stuck")}
    with pytest.raises(StartError) as caught:
        await _chain(workshop).start()
    assert caught.value.path == "top"
    assert caught.value.__notes__ == [
        "and while middle was closed: OSError: middle is stuck",
        "and while low was closed: OSError: low is stuck",
    ]
    assert workshop.closed == ["middle", "low"]


async def test_rollback_of_a_cancellation_notes_what_went_wrong_too(workshop: Workshop) -> None:
    starting = asyncio.create_task(_chain(workshop).start())
    workshop.starting["top"] = starting.cancel
    workshop.ending = {"low": OSError("low is stuck")}
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert workshop.closed == ["top", "middle", "low"]


async def test_a_rollback_that_hangs_ends_within_its_deadline(workshop: Workshop) -> None:
    workshop.starting["top"] = ValueError()
    workshop.ending["middle"] = lambda: asyncio.Event().wait()
    with pytest.raises(StartError) as caught:
        await asyncio.wait_for(_chain(workshop, stop_timeout=0.5).start(), 5)
    assert caught.value.__notes__ == ["and while middle was closed: TimeoutError: no end within 0.5 s"]
    assert workshop.closed == ["middle", "low"]


async def test_parts_that_are_being_opened_are_ended_before_the_error_is_raised(workshop: Workshop) -> None:
    ended = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("slow")

    workshop.starting = {"slow": wait, "bad": ValueError()}
    container = workshop.container(
        slow=workshop.async_resource("slow"), bad=workshop.async_resource("bad"), low=workshop.resource("low")
    )
    with pytest.raises(StartError, match=r"^bad: ValueError$"):
        await Application(container).start()
    assert ended == ["slow"]
    assert workshop.log == ["+low", "-low"]


async def test_a_part_that_opens_in_spite_of_its_cancellation_is_closed_at_once(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iacs.runtime.lifecycle.waiting.GRACE", 0.01)
    go_on, is_over = asyncio.Event(), asyncio.Event()

    async def stubborn() -> AsyncIterator[str]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await go_on.wait()
        yield "late"
        is_over.set()

    workshop.starting["bad"] = ValueError()
    late = providers.Resource(stubborn)
    container = workshop.container(late=late, bad=workshop.async_resource("bad"))
    with pytest.raises(StartError):
        await Application(container).start()
    go_on.set()
    await asyncio.wait_for(is_over.wait(), 5)
    assert not late.initialized


async def test_a_part_that_fails_after_its_cancellation_is_not_reported_as_forgotten(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iacs.runtime.lifecycle.waiting.GRACE", 0.01)
    go_on = asyncio.Event()
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    async def stubborn() -> AsyncIterator[str]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await go_on.wait()
        raise OSError("late")
        yield "never"

    workshop.starting["bad"] = ValueError()
    late = providers.Resource(stubborn)
    with pytest.raises(StartError):
        await Application(workshop.container(late=late, bad=workshop.async_resource("bad"))).start()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    go_on.set()
    await asyncio.wait(others)
    del others
    gc.collect()
    assert reported == []


async def test_a_part_whose_start_cancels_itself_is_named(workshop: Workshop) -> None:
    workshop.starting["low"] = asyncio.CancelledError()
    with pytest.raises(StartError, match=r"^top -> middle -> low: its start was cancelled") as caught:
        await _chain(workshop).start()
    assert caught.value.path == "low"


async def test_a_synchronous_part_that_took_too_long_is_closed_and_refused(workshop: Workshop) -> None:
    workshop.starting["slow"] = lambda: sleep(0.03)
    app = Application(workshop.container(slow=workshop.singleton("slow")), start_timeout=0.01)
    with pytest.raises(StartError, match=r"slow: took \d+\.\d+ s to start, and start_timeout is 0.01 s"):
        await app.start()
    with pytest.raises(StartError, match="slow: took"), app.sync():
        pytest.fail("started all the same")
    assert workshop.log == ["+slow", "-slow"] * 2


@pytest.mark.parametrize("error", [ValueError(), KeyboardInterrupt(), SystemExit(2)])
@pytest.mark.parametrize("part", ["low", "middle", "top"])
def test_a_synchronous_start_that_fails_closes_what_was_started(
    workshop: Workshop, part: str, error: BaseException
) -> None:
    low = workshop.resource("low")
    middle = workshop.singleton("middle", low)
    app = Application(
        workshop.container(low=low, middle=middle, top=workshop.part("context manager", "top", middle))
    )
    workshop.starting[part] = error
    expected = StartError if isinstance(error, Exception) else type(error)
    with pytest.raises(expected), app.sync():
        pytest.fail("started all the same")
    assert workshop.closed == workshop.opened[::-1]
    assert part not in workshop.opened
    workshop.starting.clear()
    with app.sync():
        assert part in workshop.opened
