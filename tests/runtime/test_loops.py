import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Any

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import ForeignLoopError
from iacs.runtime import Application, current_application, inject

ANOTHER = "belongs to the event loop that its application was started in, and this is another one"


class Settings:
    """Bound to nothing."""


class Session:
    """Closed in the loop that it was built in."""

    def __init__(self) -> None:
        self.closed_in: asyncio.AbstractEventLoop | None = None

    async def aclose(self) -> None:
        self.closed_in = asyncio.get_running_loop()


class Service:
    def __init__(self, session: Session) -> None:
        self.session = session


class Opened:
    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()


async def open_it() -> AsyncIterator[Opened]:
    yield Opened()


async def build_it() -> Opened:
    await asyncio.sleep(0)
    return Opened()


class Container(containers.DeclarativeContainer):
    settings = providers.Singleton(Settings)
    session = providers.Singleton(Session)
    service = providers.Singleton(Service, session)
    opened = providers.Resource(open_it)
    built = providers.Singleton(build_it)
    request = providers.Factory(Service, session)


BOUND = ["session", "service", "opened", "built", "request"]


def test_an_application_runs_in_one_loop_after_another() -> None:
    app = Application(Container())

    async def run() -> tuple[Any, bool]:
        async with app:
            loop = asyncio.get_running_loop()
            return app["session"], app["opened"].loop is app["built"].loop is loop

    first, was_here = asyncio.run(run())
    second, is_here = asyncio.run(run())
    assert (was_here, is_here) == (True, True)
    assert first is not second
    assert first.closed_in is not None is not second.closed_in


def test_two_applications_of_one_container_class_run_in_two_loops_at_once() -> None:
    meeting = threading.Barrier(2, timeout=20)

    async def run() -> bool:
        async with Application(Container()) as app:
            meeting.wait()
            same = current_application() is app and app["built"].loop is asyncio.get_running_loop()
            meeting.wait()
            return same

    with ThreadPoolExecutor(2) as pool:
        assert [future.result(30) for future in [pool.submit(asyncio.run, run()) for _ in range(2)]] == [
            True,
            True,
        ]


async def elsewhere(read: Callable[[], Any]) -> Any:
    """Read in another event loop, in a thread that has this context."""

    async def reading() -> Any:
        return read()

    return await asyncio.to_thread(asyncio.run, reading())


def in_bare_thread(read: Callable[[], Any]) -> Any:
    """Read in another event loop, in a thread that knows nothing."""

    async def reading() -> Any:
        return read()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, reading()).result(30)


@pytest.mark.parametrize("path", BOUND)
async def test_another_loop_is_refused_what_belongs_to_this_one(path: str) -> None:
    async with Application(Container()) as app:
        for _ in range(2):
            with pytest.raises(ForeignLoopError) as caught:
                await elsewhere(lambda: app[path])
            assert caught.value.path == path
            assert str(caught.value) == f"{path} {ANOTHER}"
            assert caught.value.hint == "start an application in each loop"
            app[path]  # reading it here makes no difference
        with pytest.raises(ForeignLoopError, match=ANOTHER):
            await asyncio.to_thread(in_bare_thread, lambda: app[path])


async def test_another_loop_is_refused_a_class_that_belongs_to_this_one() -> None:
    async with Application(Container()) as app:
        app.get(Session)
        with pytest.raises(ForeignLoopError, match=r"^session belongs|^Session belongs"):
            await elsewhere(lambda: app.get(Session))


async def test_another_loop_is_refused_in_an_overlay_as_well() -> None:
    async with Application(Container()) as app, app.overlay(session=Session()) as view:
        view["opened"]
        with pytest.raises(ForeignLoopError, match=ANOTHER):
            await elsewhere(lambda: view["opened"])


async def test_another_loop_is_refused_to_a_bound_function() -> None:
    @inject
    def handle(service: Service) -> Service:
        return service

    async with Application(Container(), roots=["service"]) as app:
        assert handle() is app["service"]
        with pytest.raises(
            ForeignLoopError, match=r"cannot inject 'service' into .*handle\(\): .*another one"
        ):
            await elsewhere(handle)


async def test_what_belongs_to_no_loop_is_read_in_another_one_of_the_same_context() -> None:
    async with Application(Container()) as app:
        assert await elsewhere(lambda: app["settings"]) is app["settings"]


async def test_a_loop_outside_of_the_applications_context_is_refused_everything() -> None:
    async with Application(Container()) as app:
        app["settings"]
        with pytest.raises(ForeignLoopError, match=f"settings {ANOTHER}"):
            await asyncio.to_thread(in_bare_thread, lambda: app["settings"])


@pytest.mark.parametrize("path", [*BOUND, "settings"])
async def test_a_worker_thread_without_a_loop_reads(path: str) -> None:
    async with Application(Container()) as app:
        expected = app[path]
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as pool:  # a thread that knows nothing
            results = [
                await asyncio.to_thread(lambda: app[path]),
                await loop.run_in_executor(pool, lambda: app[path]),
                await loop.run_in_executor(pool, lambda: current_application()[path]),
            ]
        assert path == "request" or results == [expected] * 3


async def test_a_read_elsewhere_does_not_open_the_door() -> None:
    """The first reader in another loop is refused, and so is the next: nothing is remembered for it."""
    async with Application(Container()) as app:
        await asyncio.to_thread(lambda: app["session"])

        async def twice() -> list[str]:
            messages = []
            for _ in range(2):
                try:
                    app["session"]
                except ForeignLoopError as error:
                    messages.append(error.path)
            return messages

        assert await asyncio.to_thread(asyncio.run, twice()) == ["session", "session"]


def test_an_application_started_without_a_loop_is_read_in_every_loop() -> None:
    class Plain(containers.DeclarativeContainer):
        settings = providers.Singleton(Settings)

    with Application(Plain()).sync() as app:

        async def read() -> Settings:
            return app.get(Settings)

        assert asyncio.run(read()) is asyncio.run(read()) is app.get(Settings)


def test_an_application_stopped_with_its_loop_refuses_nobody_afterwards() -> None:
    app = Application(Container())

    async def first() -> None:
        async with app:
            app["session"]

    async def second() -> None:
        async with app:
            assert app["session"].closed_in is None
            assert app["service"].session is app["session"]

    asyncio.run(first())
    asyncio.run(second())


async def test_a_task_of_the_same_loop_reads_whatever_its_context() -> None:
    async with Application(Container()) as app:

        async def read() -> Any:
            return app["session"]

        task = asyncio.get_running_loop().create_task(read(), context=Context())
        assert await task is app["session"]
