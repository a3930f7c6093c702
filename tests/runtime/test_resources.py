"""What a resource may do: keep a task group open, set context variables, roll back on an error."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import Context, ContextVar
from typing import Any

import anyio
import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import StartError, StopError
from iacs.runtime import Application
from tests.fixtures.workshop import Workshop

variable: ContextVar[str] = ContextVar("variable", default="unset")


async def _work() -> None:
    await asyncio.Event().wait()


async def anyio_group(*_needs: object) -> AsyncIterator[object]:
    async with anyio.create_task_group() as group:
        group.start_soon(_work)
        yield group
        group.cancel_scope.cancel()


async def anyio_scope(*_needs: object) -> AsyncIterator[object]:
    with anyio.CancelScope() as scope:
        yield scope


async def asyncio_group(*_needs: object) -> AsyncIterator[object]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_work())
        yield group
        task.cancel()


async def asyncio_timeout(*_needs: object) -> AsyncIterator[object]:
    async with asyncio.timeout(60) as timeout:
        yield timeout


OPENINGS = pytest.mark.parametrize("opening", [anyio_group, anyio_scope, asyncio_group, asyncio_timeout])


def _three(opening: Callable[..., Any], **more: Any) -> containers.DynamicContainer:
    """Return a container of three parts, of which each uses the one before."""
    container, parts = containers.DynamicContainer(), list[Any]()
    for number in range(3):
        parts.append(providers.Resource(opening, *parts[-1:]))
        setattr(container, f"part{number}", parts[-1])
    for name, provider in more.items():
        setattr(container, name, provider)
    return container


@OPENINGS
async def test_a_resource_is_entered_and_exited_by_one_task(opening: Callable[..., Any]) -> None:
    async with Application(_three(opening)) as app:
        assert app["part2"] is not app["part1"]


@OPENINGS
async def test_it_is_so_when_two_tasks_start_and_stop(opening: Callable[..., Any]) -> None:
    app = Application(_three(opening))
    await asyncio.create_task(app.start())
    await asyncio.create_task(app.stop())


@OPENINGS
async def test_it_is_so_in_an_overlay(opening: Callable[..., Any]) -> None:
    container = containers.DynamicContainer()
    container.low = providers.Singleton(dict)
    container.part = providers.Resource(opening, container.low)
    async with Application(container) as app, app.overlay(low={"other": 1}) as view:
        assert view["part"] is not app["part"]


@OPENINGS
async def test_it_is_so_when_the_start_fails(opening: Callable[..., Any]) -> None:
    async def refuse(_low: object) -> None:
        raise OSError("refused")

    container = _three(opening)
    container.top = providers.Singleton(refuse, container.part2)
    with pytest.raises(StartError) as caught:
        await Application(container).start()
    assert isinstance(caught.value.__cause__, OSError)
    assert not hasattr(caught.value, "__notes__")


@OPENINGS
async def test_it_is_so_when_the_block_fails(opening: Callable[..., Any]) -> None:
    with pytest.raises(LookupError, match="of the body") as caught:
        async with Application(_three(opening)):
            raise LookupError("of the body")
    assert not hasattr(caught.value, "__notes__")


async def test_what_a_plain_function_returns_is_entered_and_exited_by_one_task() -> None:
    class Manager:
        async def __aenter__(self) -> str:
            self.task = asyncio.current_task()
            return "value"

        async def __aexit__(self, *error: object) -> None:
            assert asyncio.current_task() is self.task

    async with Application(_three(lambda *_: Manager())) as app:
        assert app["part2"] == "value"


async def test_what_a_coroutine_opens_is_closed_by_the_task_that_opened_it() -> None:
    class Client:
        async def open(self) -> "Client":
            self._group = asyncio.TaskGroup()
            await self._group.__aenter__()
            return self

        async def aclose(self) -> None:
            await self._group.__aexit__(None, None, None)

    async def open_client() -> Client:
        return await Client().open()

    container = containers.DynamicContainer()
    container.client = providers.Singleton(open_client)
    async with Application(container):
        """Closed at the end."""


def synchronous(value: str = "set") -> Iterator[str]:
    token = variable.set(value)
    yield value
    variable.reset(token)


async def asynchronous(value: str = "set") -> AsyncIterator[str]:
    await asyncio.sleep(0)
    token = variable.set(value)
    yield value
    await asyncio.sleep(0)
    variable.reset(token)


SETTING = pytest.mark.parametrize("opening", [synchronous, asynchronous])


@SETTING
async def test_what_a_resource_sets_in_its_context_is_seen_inside(opening: Callable[..., Any]) -> None:
    container = containers.DynamicContainer()
    container.part = providers.Resource(opening)
    container.dependant = providers.Singleton(lambda _: variable.get(), container.part)
    async with Application(container) as app:
        assert variable.get() == "set"
        assert app["dependant"] == "set"
        assert await asyncio.create_task(_read()) == "set"
    assert variable.get() == "unset"


async def _read() -> str:
    return variable.get()


def test_it_is_so_without_an_event_loop() -> None:
    container = containers.DynamicContainer()
    container.part = providers.Resource(synchronous)
    with Application(container).sync():
        assert variable.get() == "set"
    assert variable.get() == "unset"


@SETTING
async def test_resources_above_one_another_set_and_reset_in_order(opening: Callable[..., Any]) -> None:
    container = containers.DynamicContainer()
    container.low = providers.Resource(opening, "low")
    container.high = providers.Resource(lambda _: opening("high"), container.low)
    container.top = providers.Resource(_named(opening, "top"), container.low)
    async with Application(container, roots=["top"]):
        assert variable.get() == "top"
    assert variable.get() == "unset"


def _named(opening: Callable[..., Any], name: str) -> Callable[..., Any]:
    if opening is synchronous:

        def make(_low: str) -> Iterator[str]:
            yield from synchronous(name)

        return make

    async def make_async(_low: str) -> AsyncIterator[str]:
        async for value in asynchronous(name):
            yield value

    return make_async


@SETTING
async def test_a_resource_is_reset_whoever_stops(opening: Callable[..., Any]) -> None:
    container = containers.DynamicContainer()
    container.part = providers.Resource(opening)
    app = Application(container)
    await asyncio.create_task(app.start(), context=Context())
    await asyncio.create_task(app.stop(), context=Context())
    assert variable.get() == "unset"


async def test_resources_that_open_side_by_side_do_not_mix_up_their_contexts() -> None:
    steps = asyncio.Barrier(2)

    async def open_one(name: str) -> AsyncIterator[str]:
        token = variable.set(name)
        await steps.wait()
        assert variable.get() == name
        variable.reset(token)
        await steps.wait()
        yield name

    container = containers.DynamicContainer()
    container.left = providers.Resource(open_one, "left")
    container.right = providers.Resource(open_one, "right")
    async with Application(container):
        assert variable.get() == "unset"


class Transactions:
    """Generator resources that write down how they end."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def plain(self, *_needs: object) -> Iterator[str]:
        try:
            yield "plain"
        except BaseException as error:
            self.log.append(f"plain rolls back: {type(error).__name__}")
            raise
        self.log.append("plain commits")

    async def asynchronous(self, *_needs: object) -> AsyncIterator[str]:
        try:
            yield "asynchronous"
        except BaseException as error:
            await asyncio.sleep(0)
            self.log.append(f"asynchronous rolls back: {type(error).__name__}")
            raise
        self.log.append("asynchronous commits")

    def swallowing(self, *_needs: object) -> Iterator[str]:
        try:
            yield "swallowing"
        except LookupError as error:
            self.log.append(f"swallowing swallows: {type(error).__name__}")

    def container(self) -> containers.DynamicContainer:
        container = containers.DynamicContainer()
        container.low = providers.Resource(self.plain)
        container.middle = providers.Resource(self.asynchronous, container.low)
        container.top = providers.Resource(self.swallowing, container.middle)
        return container


async def test_the_error_of_the_block_is_raised_inside_of_every_resource() -> None:
    transactions = Transactions()
    error = LookupError("of the body")
    with pytest.raises(LookupError) as caught:
        async with Application(transactions.container()):
            raise error
    assert caught.value is error
    assert transactions.log == [
        "swallowing swallows: LookupError",
        "asynchronous rolls back: LookupError",
        "plain rolls back: LookupError",
    ]


async def test_a_block_that_succeeds_commits() -> None:
    transactions = Transactions()
    async with Application(transactions.container()):
        """Succeeds."""
    assert transactions.log == ["asynchronous commits", "plain commits"]


async def test_the_block_of_an_overlay_rolls_back_what_the_overlay_has_opened() -> None:
    transactions = Transactions()
    container = containers.DynamicContainer()
    container.setting = providers.Object("real")
    container.part = providers.Resource(transactions.asynchronous, container.setting)
    async with Application(container) as app:
        with pytest.raises(LookupError):
            async with app.overlay(setting="other"):
                raise LookupError
        assert transactions.log == ["asynchronous rolls back: LookupError"]
    assert transactions.log[1:] == ["asynchronous commits"]


def test_a_block_without_an_event_loop_rolls_back() -> None:
    transactions = Transactions()
    container = containers.DynamicContainer()
    container.low = providers.Resource(transactions.plain)
    container.high = providers.Resource(transactions.swallowing, container.low)
    with pytest.raises(LookupError), Application(container).sync():
        raise LookupError
    assert transactions.log == ["swallowing swallows: LookupError", "plain rolls back: LookupError"]


async def test_a_block_that_is_cancelled_rolls_back() -> None:
    transactions = Transactions()
    is_inside = asyncio.Event()

    async def use() -> None:
        async with Application(transactions.container()):
            is_inside.set()
            await asyncio.Event().wait()

    using = asyncio.create_task(use())
    await is_inside.wait()
    using.cancel()
    with pytest.raises(asyncio.CancelledError):
        await using
    assert [line.split()[-1] for line in transactions.log] == ["CancelledError"] * 2


async def test_a_rollback_that_fails_is_noted_on_the_error_of_the_block(workshop: Workshop) -> None:
    async def fail() -> AsyncIterator[None]:
        try:
            yield
        finally:
            raise OSError("no connection")

    container = workshop.container(part=providers.Resource(fail), other=workshop.singleton("other"))
    with pytest.raises(LookupError) as caught:
        async with Application(container):
            raise LookupError
    assert caught.value.__notes__ == ["and while part was closed: OSError: no connection"]
    assert workshop.closed == ["other"]


async def test_a_rollback_that_hangs_ends_within_its_deadline() -> None:
    async def hang() -> AsyncIterator[None]:
        try:
            yield
        finally:
            await asyncio.Event().wait()

    container = containers.DynamicContainer()
    container.part = providers.Resource(hang)
    with pytest.raises(LookupError) as caught:
        async with Application(container, stop_timeout=0.5):
            raise LookupError
    assert caught.value.__notes__ == ["and while part was closed: TimeoutError: no end within 0.5 s"]


async def test_a_generator_without_a_handler_is_closed_as_after_a_block_that_succeeds(
    workshop: Workshop,
) -> None:
    low = workshop.resource("low")
    with pytest.raises(LookupError):
        async with Application(workshop.container(low=low, high=workshop.async_resource("high", low))):
            raise LookupError
    assert workshop.closed == ["high", "low"]


async def test_a_cancel_scope_of_a_plain_resource_takes_its_cancellation_back() -> None:
    def deadline() -> Iterator[anyio.CancelScope]:
        with anyio.CancelScope() as scope:
            yield scope

    container = containers.DynamicContainer()
    container.scope = providers.Resource(deadline)
    async with Application(container) as app:
        app["scope"].cancel()
        await anyio.sleep(60)
    await asyncio.sleep(0)  # this task is not cancelled any more


async def test_a_stop_that_is_cancelled_lets_a_commit_finish() -> None:
    is_committing, go_on = asyncio.Event(), asyncio.Event()
    log: list[str] = []

    async def transaction() -> AsyncIterator[None]:
        yield
        is_committing.set()
        await go_on.wait()
        log.append("committed")

    container = containers.DynamicContainer()
    container.part = providers.Resource(transaction)
    app = Application(container)
    await app.start()
    stopping = asyncio.create_task(app.stop())
    await is_committing.wait()
    stopping.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert log == ["committed"]


async def test_a_part_that_ended_by_itself_is_reported_at_the_stop() -> None:
    async def worker() -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            group.create_task(_fail(has_failed))
            yield

    has_failed = asyncio.Event()
    container = containers.DynamicContainer()
    container.worker = providers.Resource(worker)
    app = Application(container)
    await app.start()
    await has_failed.wait()
    with pytest.raises(ExceptionGroup) as caught:
        await app.stop()
    (error,) = caught.value.exceptions
    assert isinstance(error, ExceptionGroup)
    assert isinstance(error.exceptions[0], ConnectionError)
    assert error.__notes__ == ["while worker was open"]


async def _fail(has_failed: asyncio.Event) -> None:
    has_failed.set()
    raise ConnectionError


async def test_what_only_a_loop_closes_is_not_left_open_in_silence(workshop: Workshop) -> None:
    app = Application(workshop.container(part=workshop.async_resource("part")))
    await app.start()
    with pytest.raises(ExceptionGroup) as caught, app.sync():
        """The last one who leaves stops, and has no event loop."""
    assert [str(error).split("\n")[0] for error in caught.value.exceptions] == [
        "part is closed asynchronously"
    ]
    assert isinstance(caught.value.exceptions[0], StopError)
