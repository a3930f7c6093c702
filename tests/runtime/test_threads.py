"""Threads that work for a scope or an overlay: they are given its parts, or an error, never the application's."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import ScopeError
from iacs.runtime import Application, current_application, inject, scoped


class Clock: ...


class Store:
    name = "real"


class Fake(Store):
    name = "fake"


class Service:
    def __init__(self, store: Store) -> None:
        self.store = store


class Session: ...


class Container(containers.DeclarativeContainer):
    clock = providers.Singleton(Clock)
    store = providers.Singleton(Store)
    service = providers.Singleton(Service, store)
    session = scoped.singleton(Session)


@inject
def stored(service: Service) -> str:
    return service.store.name


@inject
def time(clock: Clock) -> Clock:
    return clock


@inject
def session_of_now(session: Session) -> Session:
    return session


def read_by_hand() -> str:
    return current_application().get(Service).store.name


async def in_executor(work: Callable[[], Any]) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, work)


async def in_pool(work: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return await asyncio.wrap_future(pool.submit(work))


async def in_thread(work: Callable[[], Any]) -> Any:
    outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def run() -> None:
        try:
            settle, value = outcome.set_result, work()
        except ScopeError as error:
            settle, value = outcome.set_exception, error
        outcome.get_loop().call_soon_threadsafe(settle, value)

    threading.Thread(target=run).start()
    return await outcome


Way = Callable[[Callable[[], Any]], Awaitable[Any]]
WAYS: list[Way] = [in_executor, in_pool, in_thread]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("work", [stored, read_by_hand])
async def test_a_thread_without_the_context_is_refused_what_an_open_overlay_replaces(
    way: Way, work: Callable[[], str]
) -> None:
    async with Application(Container()) as app:
        async with app.overlay(store=Fake()):
            with pytest.raises(ScopeError, match=r"service .*overlay[\s\S]*asyncio\.to_thread") as caught:
                await way(work)
            assert caught.value.path == "service"
        assert await way(work) == "real"


@pytest.mark.parametrize("way", WAYS)
async def test_a_thread_without_the_context_is_given_what_no_overlay_changes(way: Way) -> None:
    async with Application(Container()) as app, app.overlay(store=Fake()), app.scope():
        assert await way(time) is app.get(Clock)


@pytest.mark.parametrize("way", WAYS)
async def test_a_thread_without_the_context_is_refused_scoped_parts_and_shown_the_cure(way: Way) -> None:
    async with Application(Container()) as app, app.scope():
        with pytest.raises(
            ScopeError, match=r"session_of_now\(\): session is scoped[\s\S]*asyncio\.to_thread"
        ):
            await way(session_of_now)


async def test_a_thread_with_the_context_is_given_the_parts_of_the_scope_and_the_overlay() -> None:
    async with Application(Container()) as app, app.overlay(store=Fake()) as view, view.scope() as scope:
        session = scope.get(Session)
        assert await asyncio.to_thread(session_of_now) is session
        assert await asyncio.to_thread(stored) == "fake"
        context = copy_context()
        assert await in_executor(lambda: context.run(session_of_now)) is session


async def test_a_part_that_a_thread_is_the_first_to_read_is_the_scopes() -> None:
    async with Application(Container()) as app, app.scope() as scope:
        sessions = await asyncio.gather(*(asyncio.to_thread(session_of_now) for _ in range(5)))
        assert {*sessions} == {scope.get(Session)}


def test_threads_of_an_application_without_an_event_loop_are_refused_in_the_same_way() -> None:
    with Application(Container()).sync() as app, ThreadPoolExecutor(1) as pool:
        assert pool.submit(stored).result() == "real"
        with app.overlay(store=Fake()), pytest.raises(ScopeError, match="overlay"):
            pool.submit(stored).result()
        with app.scope(), pytest.raises(ScopeError, match="to_thread"):
            pool.submit(session_of_now).result()
        assert pool.submit(stored).result() == "real"


async def test_a_task_that_entered_no_overlay_is_given_the_applications_parts_while_another_has() -> None:
    app = Application(Container())
    await app.start()  # enters no context, as a server does
    entered, read = asyncio.Event(), asyncio.Event()

    async def overlaid() -> None:
        async with app.overlay(store=Fake()):
            entered.set()
            await read.wait()

    task = asyncio.create_task(overlaid())
    await entered.wait()
    assert stored() == "real"
    read.set()
    await task
    await app.stop()


async def test_a_task_that_outlives_its_overlay_is_given_the_parts_of_the_view_around_it() -> None:
    left = asyncio.Event()

    async def work() -> str:
        await left.wait()
        return stored()

    async with Application(Container()) as app, app.overlay(store=Fake()):
        async with current_application().overlay(clock=Clock()):
            task = asyncio.create_task(work())
        left.set()
        assert await task == "fake"
