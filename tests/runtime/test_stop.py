"""Stopping: every part has its turn, within its deadline, once."""

import asyncio
from itertools import combinations
from typing import Any

import pytest
from dependency_injector import providers

from iacs.core.exceptions import StopError
from iacs.runtime import Application
from tests.fixtures.workshop import Workshop

NAMES = ("a", "b", "c", "d")
SUBSETS = [failing for number in range(5) for failing in combinations(NAMES, number)]


def _four(workshop: Workshop, stop_timeout: float = 15) -> Application[Any]:
    a = workshop.async_resource("a")
    b = workshop.singleton("b", a)
    c = workshop.async_singleton("c", b)
    return Application(
        workshop.container(a=a, b=b, c=c, d=workshop.resource("d", c)), stop_timeout=stop_timeout
    )


@pytest.mark.parametrize("failing", SUBSETS, ids="".join)
async def test_whatever_cannot_be_closed_everything_else_is(
    workshop: Workshop, failing: tuple[str, ...]
) -> None:
    workshop.ending = {name: OSError(name) for name in failing}
    app = _four(workshop)
    await app.start()
    raised: list[BaseException] = []
    try:
        await app.stop()
    except ExceptionGroup as group:
        raised.extend(group.exceptions)
    assert raised == [workshop.ending[name] for name in reversed(failing)]
    assert [error.__notes__ for error in raised] == [[f"while {n} was closed"] for n in reversed(failing)]
    assert workshop.closed == ["d", "c", "b", "a"]
    await app.stop()
    assert workshop.closed == ["d", "c", "b", "a"]


@pytest.mark.parametrize("failing", SUBSETS, ids="".join)
def test_whatever_cannot_be_closed_without_a_loop_everything_else_is(
    workshop: Workshop, failing: tuple[str, ...]
) -> None:
    workshop.ending = {name: OSError(name) for name in failing}
    parts: dict[str, Any] = {}
    for name in NAMES:
        parts[name] = workshop.singleton(name, *parts.values())
    raised: list[BaseException] = []
    try:
        with Application(workshop.container(**parts)).sync():
            pass
    except ExceptionGroup as group:
        raised.extend(group.exceptions)
    assert raised == [workshop.ending[name] for name in reversed(failing)]
    assert workshop.closed == ["d", "c", "b", "a"]


async def test_closing_that_hangs_is_given_up_at_its_deadline(workshop: Workshop) -> None:
    workshop.ending["c"] = lambda: asyncio.Event().wait()
    app = _four(workshop, stop_timeout=0.5)
    await app.start()
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(app.stop(), 5)
    assert [repr(error) for error in caught.value.exceptions] == ["TimeoutError('no end within 0.5 s')"]
    assert workshop.closed == ["d", "c", "b", "a"]


async def test_closing_that_does_not_heed_its_cancellation_keeps_nothing_open(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iacs.runtime.lifecycle.waiting.GRACE", 0.01)
    go_on, is_over = asyncio.Event(), asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await go_on.wait()
            is_over.set()

    workshop.ending["c"] = stubborn
    app = _four(workshop, stop_timeout=0.5)
    await app.start()
    with pytest.raises(ExceptionGroup, match="could not be closed"):
        await asyncio.wait_for(app.stop(), 5)
    assert workshop.closed == ["d", "c", "b", "a"]
    go_on.set()
    await asyncio.wait_for(is_over.wait(), 5)


async def test_a_closing_that_cancels_itself_is_reported_and_the_others_continue(workshop: Workshop) -> None:
    workshop.ending["c"] = asyncio.CancelledError()
    app = _four(workshop)
    await app.start()
    with pytest.raises(ExceptionGroup) as caught:
        await app.stop()
    assert [(type(error), str(error)) for error in caught.value.exceptions] == [
        (StopError, "c was cancelled before it was closed")
    ]
    assert workshop.closed == ["d", "c", "b", "a"]


async def test_a_stop_that_is_cancelled_closes_everything_before_it_ends(workshop: Workshop) -> None:
    is_closing, go_on = asyncio.Event(), asyncio.Event()

    async def close() -> None:
        is_closing.set()
        await go_on.wait()

    workshop.ending = {"c": close, "b": OSError("b is stuck")}
    app = _four(workshop)
    await app.start()
    stopping = asyncio.create_task(app.stop())
    await is_closing.wait()
    for _ in range(3):
        stopping.cancel()
        await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError) as caught:
        await stopping
    assert workshop.closed == ["d", "c", "b", "a"]
    assert caught.value.__notes__ == ["and while b was closed: OSError: b is stuck"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_while_one_part_is_closed_closes_the_others(
    workshop: Workshop, error: type[BaseException]
) -> None:
    low = workshop.singleton("low")
    workshop.ending["high"] = error()
    with (
        pytest.raises(error),
        Application(workshop.container(low=low, high=workshop.singleton("high", low))).sync(),
    ):
        pass
    assert workshop.closed == ["high", "low"]


async def test_stopping_what_was_never_started_does_nothing(workshop: Workshop) -> None:
    app = _four(workshop)
    await app.stop()
    assert workshop.log == []


async def test_an_error_in_the_body_stays_the_error(workshop: Workshop) -> None:
    with pytest.raises(LookupError, match="of the body"):
        async with _four(workshop):
            raise LookupError("of the body")
    assert workshop.closed == ["d", "c", "b", "a"]


async def test_a_resource_sees_the_error_of_the_body_and_hides_it_from_nobody(workshop: Workshop) -> None:
    seen: list[Any] = []
    failure = LookupError()

    class Watching:
        def __enter__(self) -> None: ...

        def __exit__(self, *error: object) -> bool:
            seen.append(error)
            return True

    low = providers.Resource(Watching)
    with pytest.raises(LookupError):
        async with Application(workshop.container(low=low, high=providers.Resource(Watching))):
            raise failure
    assert seen == [(LookupError, failure, failure.__traceback__)] * 2


async def test_two_generator_resources_that_give_nothing_are_both_left(workshop: Workshop) -> None:
    def nothing(name: str) -> Any:
        def make() -> Any:
            workshop.begin(name)
            yield
            workshop.end(name)

        return providers.Resource(make)

    async with Application(workshop.container(logging=nothing("logging"), locale=nothing("locale"))):
        assert len(workshop.opened) == 2
    assert workshop.closed == workshop.opened[::-1]


async def test_a_resource_that_hands_on_its_dependency_is_left_all_the_same(workshop: Workshop) -> None:
    def transaction(database: Any) -> Any:
        workshop.begin("transaction")
        yield database
        workshop.end("transaction")

    database = workshop.singleton("database")
    container = workshop.container(database=database, open=providers.Resource(transaction, database))
    async with Application(container) as app:
        assert app["open"] is app["database"]
    assert workshop.closed == ["transaction", "database"]
