"""What a scope promises, tried at every step, with every closer that fails, and by a thousand at a time."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from itertools import chain, combinations
from threading import Barrier
from typing import Annotated, Any, Self

import anyio
import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import ScopeError, StartError
from iacs.runtime import Application, inject, scoped

PARTS = ("session", "lock", "client", "cache", "group")
"""In the order in which they are opened."""


class Journal:
    """What happens to the parts of a scope; `failing` are those whose end fails."""

    def __init__(self, failing: tuple[str, ...] = ()) -> None:
        self.log: list[str] = []
        self.failing = failing

    def end(self, name: str) -> None:
        self.log.append(f"-{name}")
        if name in self.failing:
            raise OSError(name)

    def of(self, sign: str) -> list[str]:
        return [entry[1:] for entry in self.log if entry.startswith(sign)]


class Request:
    def __init__(self, number: int = 0) -> None:
        self.number = number


async def open_session(journal: Journal) -> AsyncIterator[str]:
    await asyncio.sleep(0)
    journal.log.append("+session")
    try:
        yield "session"
    except BaseException:
        await asyncio.sleep(0)
        journal.end("session")
        raise
    journal.log.append("commit begins")
    await asyncio.sleep(0)
    journal.log.append("commit ends")
    journal.end("session")


def open_lock(journal: Journal, _session: str) -> Iterator[str]:
    journal.log.append("+lock")
    try:
        yield "lock"
    finally:
        journal.end("lock")


class Client:
    def __init__(self, journal: Journal, _lock: str) -> None:
        self._journal = journal

    async def __aenter__(self) -> Self:
        await asyncio.sleep(0)
        self._journal.log.append("+client")
        return self

    async def __aexit__(self, *error: object) -> None:
        await asyncio.sleep(0)
        self._journal.end("client")


class Cache:
    def __init__(self, journal: Journal, _client: Client) -> None:
        self._journal = journal
        journal.log.append("+cache")

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        self._journal.end("cache")


async def open_group(journal: Journal, _cache: Cache) -> AsyncIterator[str]:
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep_forever)
        await asyncio.sleep(0)
        journal.log.append("+group")
        try:
            yield "group"
        finally:
            group.cancel_scope.cancel()
            journal.end("group")


class Container(containers.DeclarativeContainer):
    journal = providers.Singleton(Journal)
    request = scoped.value(Request)
    session = scoped.resource(open_session, journal)
    lock = scoped.resource(open_lock, journal, session)
    client = scoped.resource(Client, journal, lock)
    cache = scoped.singleton(Cache, journal, client)
    group = scoped.resource(open_group, journal, cache)
    number = scoped.singleton(lambda request: [request.number], request)


@pytest.fixture
async def app() -> AsyncIterator[Application[Container]]:
    async with Application(Container(), start_timeout=60, stop_timeout=60) as app:
        yield app


App = Application[Container]


async def _use(app: App, journal: Journal, error: Exception | None = None) -> None:
    async with app.overlay(journal=journal) as view, view.scope() as scope:
        await scope.aget("group")
        await asyncio.sleep(0)
        if error is not None:
            raise error


async def _use_in_a_child_task(app: App, journal: Journal) -> None:
    async with app.overlay(journal=journal) as view, view.scope() as scope:
        await asyncio.create_task(scope.aget("client"))
        await asyncio.gather(scope.aget("group"), scope.aget("cache"))


class Kept(containers.DeclarativeContainer):
    journal = providers.Dependency(instance_of=Journal)
    session = providers.Resource(open_session, journal)
    lock = providers.Resource(open_lock, journal, session)
    client = providers.Resource(Client, journal, lock)
    cache = providers.Singleton(Cache, journal, client)
    group = providers.Resource(open_group, journal, cache)


async def _use_an_application(_app: App, journal: Journal) -> None:
    async with Application(Kept(journal=journal)):
        await asyncio.sleep(0)


async def _use_an_overlay(app: App, journal: Journal) -> None:
    kept = Kept(journal=journal)
    async with app.overlay(journal=kept.group) as view:
        assert view["journal"] == "group"


USES = [_use, _use_in_a_child_task, _use_an_application, _use_an_overlay]


@pytest.mark.parametrize("use", USES, ids=["scope", "child task", "application", "overlay"])
async def test_a_cancellation_at_any_step_leaves_nothing_open(app: App, use: Any) -> None:
    before = asyncio.all_tasks()
    step, journal, is_running = -1, Journal(), True
    while is_running:
        step, journal = step + 1, Journal()
        task = asyncio.create_task(use(app, journal))
        for _ in range(step):
            await asyncio.sleep(0)
        is_running = task.cancel()
        with suppress(asyncio.CancelledError):
            async with asyncio.timeout(30):
                await task
        assert journal.of("-") == journal.of("+")[::-1], step
        assert journal.log.count("commit begins") == journal.log.count("commit ends"), step
        assert asyncio.all_tasks() == before, step
    assert journal.of("+") == [*PARTS]
    assert step > len(PARTS)


FAILING = [*chain.from_iterable(combinations(PARTS, number) for number in range(1, len(PARTS) + 1))]


@pytest.mark.parametrize("failing", FAILING, ids="-".join)
async def test_every_closer_has_its_turn_whichever_of_them_fail(app: App, failing: tuple[str, ...]) -> None:
    journal = Journal(failing)
    with pytest.raises(ExceptionGroup) as caught:
        await _use(app, journal)
    assert journal.of("+") == journal.of("-")[::-1] == [*PARTS]
    assert {str(error) for error in _leaves(caught.value)} == {*failing}

    journal, mine = Journal(failing), KeyError("block")
    with pytest.raises(KeyError, match="block") as raised:
        await _use(app, journal, mine)
    assert raised.value is mine
    assert journal.of("-") == [*PARTS][::-1]


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


async def test_a_thousand_scopes_in_tasks_overlap(app: App) -> None:
    together, journals = asyncio.Barrier(1000), [Journal() for _ in range(100)]

    @inject
    async def injected(number: Annotated[list[int], "number"]) -> list[int]:
        await asyncio.sleep(0)
        return number

    async def use(index: int) -> int:
        async with app.scope(request=Request(index)) as scope:
            made = scope["number"]
            await together.wait()
            assert await injected() is scope["number"] is made
            return int(made[0])

    assert await asyncio.gather(*map(use, range(1000))) == [*range(1000)]
    await asyncio.gather(*(_use(app, journal) for journal in journals))
    assert all(journal.of("-")[::-1] == [*PARTS] for journal in journals)
    assert not app.loop_context.scopes


def test_a_thousand_scopes_in_threads_overlap() -> None:
    together = Barrier(20)

    class Threads(containers.DeclarativeContainer):
        journal = providers.Singleton(Journal)
        request = scoped.value(Request)
        lock = scoped.resource(open_lock, journal, "")
        number = scoped.singleton(lambda request, _lock: [request.number], request, lock)

    with Application(Threads()).sync() as app, ThreadPoolExecutor(20) as pool:

        def use(thread: int) -> list[int]:
            with ExitStack() as stack:
                requests = [Request(thread * 50 + index) for index in range(50)]
                scopes = [stack.enter_context(app.scope(request=request)) for request in requests]
                numbers = [scope["number"] for scope in scopes]
                together.wait(30)
                assert all(scope["number"] is made for scope, made in zip(scopes, numbers, strict=True))
                return [made[0] for made in numbers]

        assert [number for numbers in pool.map(use, range(20)) for number in numbers] == [*range(1000)]
        assert len(app.get(Journal).of("-")) == 1000


async def test_each_of_fifty_scopes_inside_another_has_its_own_value_and_the_outer_parts(app: App) -> None:
    journal = Journal()
    async with app.overlay(journal=journal) as view, view.scope(request=Request(0)) as outermost:
        client = await outermost.aget("client")
        async with _nested(outermost, 50) as innermost:
            assert await innermost.aget("client") is client
            assert innermost["number"] == [50]
        assert outermost["number"] == [0]
        assert "-client" not in journal.log
    assert journal.of("-") == ["client", "lock", "session"]


@asynccontextmanager
async def _nested(scope: Any, depth: int) -> AsyncIterator[Any]:
    async with AsyncExitStack() as stack:
        for number in range(1, depth + 1):
            scope = await stack.enter_async_context(scope.scope(request=Request(number)))
            assert scope["number"] == [number]
        yield scope


async def test_entering_and_leaving_builds_nothing(app: App) -> None:
    journal = Journal()
    async with (
        app.overlay(journal=journal) as view,
        view.scope(request=Request()) as scope,
        scope.scope(),
        scope.overlay(request=Request()),
    ):
        """Read nothing."""
    assert journal.log == []


def test_a_synchronous_start_says_what_to_do_with_an_asynchronous_part() -> None:
    class Asynchronous(containers.DeclarativeContainer):
        session = providers.Resource(open_session, Journal())

    with pytest.raises(StartError, match="session is built asynchronously") as caught:
        Application(Asynchronous()).sync().__enter__()
    assert "where a framework is synchronous (WSGI, Celery), make the part synchronous" in caught.value.hint


def test_an_asynchronous_part_of_a_synchronous_scope_is_named() -> None:
    class Asynchronous(containers.DeclarativeContainer):
        session = scoped.resource(open_session, Journal())

    with (
        Application(Asynchronous()).sync() as app,
        app.scope() as scope,
        pytest.raises(ScopeError, match="session is built asynchronously"),
    ):
        scope["session"]
