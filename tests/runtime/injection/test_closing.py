"""`Closing[…]`: the resources that it marks are opened for each call and closed after it."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, Self

import pytest
from dependency_injector import containers, providers
from dependency_injector.wiring import Closing, Provide

from iacs.core.exceptions import InjectionError, ScopeError
from iacs.runtime import Application, inject, scoped

log: list[str] = []


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    log.clear()


class Engine:
    async def aclose(self) -> None:
        log.append("engine closed")


class Session:
    is_open = True


class Repository:
    def __init__(self, session: Session, engine: Engine) -> None:
        self.session, self.engine = session, engine


class Cache:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine


async def open_session(engine: Engine) -> AsyncIterator[Session]:
    session = Session()
    log.append("begin")
    try:
        yield session
    except BaseException as error:
        log.append(f"rollback {type(error).__name__}")
        raise
    else:
        await asyncio.sleep(0)
        log.append("commit")
    finally:
        session.is_open = False


def open_plain() -> Iterator[Session]:
    session = Session()
    log.append("open")
    try:
        yield session
    finally:
        session.is_open = False
        log.append("close")


class Container(containers.DeclarativeContainer):
    engine = providers.Singleton(Engine)
    cache = providers.Singleton(Cache, engine)
    session = providers.Resource(open_session, engine)
    plain = providers.Resource(open_plain)
    repository = providers.Factory(Repository, session, engine)
    kept = providers.Singleton(Repository, session, engine)
    both = providers.Factory(Repository, plain, engine)
    scoped_session = scoped.resource(open_session, engine)


@pytest.fixture
async def app() -> AsyncIterator[Application[Container]]:
    async with Application(Container()) as app:
        log.clear()
        yield app


App = Application[Container]


@inject
async def handle(session: Session = Closing[Provide[Container.session]]) -> Session:
    assert session.is_open
    await asyncio.sleep(0)
    log.append("work")
    return session


@inject
def handle_plain(session: Session = Closing[Provide["plain"]]) -> Session:
    assert session.is_open
    log.append("work")
    return session


async def test_each_call_opens_its_own_and_closes_it(app: App) -> None:
    first, second = await handle(), await handle()
    assert len({first, second, app["session"]}) == 3
    assert not any(session.is_open for session in (first, second))
    assert app["session"].is_open
    assert log == ["begin", "work", "commit"] * 2


async def test_calls_that_overlap_do_not_share_a_session(app: App) -> None:
    sessions = await asyncio.gather(*(handle() for _ in range(20)))
    assert len(set(sessions)) == 20
    assert not any(session.is_open for session in sessions)


async def test_an_error_of_the_call_is_thrown_into_the_resource(app: App) -> None:
    @inject
    async def fail(session: Session = Closing[Provide[Container.session]]) -> None:
        raise KeyError("handler")

    with pytest.raises(KeyError, match="handler"):
        await fail()
    assert log == ["begin", "rollback KeyError"]


def test_plain_functions_open_and_close_what_needs_no_event_loop() -> None:
    class Plain(containers.DeclarativeContainer):
        plain = providers.Resource(open_plain)

    with Application(Plain()).sync() as app:
        log.clear()
        first, second = handle_plain(), handle_plain()
        assert len({first, second, app["plain"]}) == 3
        assert log == ["open", "work", "close"] * 2


async def test_a_plain_function_is_refused_an_asynchronous_resource(app: App) -> None:
    @inject
    def work(session: Session = Closing[Provide[Container.session]]) -> None:
        """Never run."""

    with pytest.raises(ScopeError, match=r"'session' into .*work\(\): .*asynchronously[\s\S]*async def"):
        work()
    assert log == []


async def test_what_is_made_of_a_resource_closes_it_and_nothing_that_the_application_keeps(app: App) -> None:
    @inject
    async def work(
        repository: Repository = Closing[Provide[Container.repository]],
        session: Session = Provide[Container.session],
        cache: Annotated[Cache | None, Provide["cache"]] = None,
    ) -> Repository:
        assert repository.session is session
        assert cache is app["cache"]
        return repository

    repository = await work()
    assert repository.engine is app["engine"]
    assert repository.session is not app["session"]
    assert log == ["begin", "commit"]


async def test_a_singleton_over_the_resource_is_built_for_the_call(app: App) -> None:
    @inject
    async def work(kept: Repository = Closing[Provide[Container.kept]]) -> Repository:
        assert kept.session.is_open
        return kept

    assert await work() is not await work()
    assert app["kept"].session.is_open


async def test_functions_that_are_called_meanwhile_are_given_the_same_part(app: App) -> None:
    @inject
    async def inner(session: Session = Provide[Container.session]) -> Session:
        return session

    @inject
    async def outer(session: Session = Closing[Provide[Container.session]]) -> bool:
        own = await handle()
        return await inner() is session is not own

    assert await outer()
    assert await inner() is app["session"]


async def test_a_scope_that_is_open_lends_its_other_parts(app: App) -> None:
    @inject
    async def work(
        session: Session = Closing[Provide[Container.scoped_session]], plain: Session = Provide["plain"]
    ) -> Session:
        assert plain is app["plain"]
        return session

    async with app.scope() as scope:
        assert await work() is not await scope.aget("scoped_session")
        assert log == ["begin", "commit", "begin"]
    await work()
    assert log == ["begin", "commit"] * 3


async def test_in_an_overlay_the_call_opens_what_the_overlay_has(app: App) -> None:
    engine = Engine()

    @inject
    async def work(repository: Repository = Closing[Provide[Container.repository]]) -> Engine:
        return repository.engine

    async with app.overlay(engine=engine) as view:
        log.clear()
        assert await work() is engine
        assert log == ["begin", "commit"]
        async with view.overlay(session=Session()):
            log.clear()
            given = await handle()
            assert given.is_open  # a stand-in is not ours to open or close
            assert log == ["work"]


async def test_what_the_caller_gives_is_neither_opened_nor_closed(app: App) -> None:
    mine = Session()
    assert await handle(mine) is mine
    assert await handle(session=mine) is mine
    assert mine.is_open
    assert log == ["work", "work"]


async def test_generators_keep_what_they_were_given_open_until_they_end(app: App) -> None:
    @inject
    def numbers(session: Session = Closing[Provide["plain"]]) -> Iterator[Session]:
        yield session
        yield session

    @inject
    async def more(session: Session = Closing[Provide[Container.session]]) -> AsyncIterator[Session]:
        yield session
        yield session

    @inject
    def plain_of_now(session: Session = Provide["plain"]) -> Session:
        return session

    assert inspect.isgeneratorfunction(numbers)
    assert inspect.isasyncgenfunction(more)
    read = []
    for session in numbers():
        assert session.is_open
        assert plain_of_now() is app["plain"]  # the caller runs in no call
        read.append(session)
    assert not read[0].is_open
    seen = [session async for session in more()]
    assert not seen[0].is_open
    generator = more()
    await anext(generator)
    await generator.aclose()
    assert log == ["open", "close", "begin", "commit", "begin", "rollback GeneratorExit"]


async def test_a_call_that_is_cancelled_closes_its_resource(app: App) -> None:
    started = asyncio.Event()

    @inject
    async def work(session: Session = Closing[Provide[Container.session]]) -> None:
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["begin", "rollback CancelledError"]


async def test_a_marker_of_nothing_is_a_sentence(app: App) -> None:
    @inject
    async def work(session: Session = Closing[Provide["nothing"]]) -> None:
        """Never run."""

    with pytest.raises(
        InjectionError, match=r"cannot inject 'session' into .*work\(\): the container has no nothing"
    ):
        await work()


async def test_a_marker_of_what_is_not_a_resource_is_read_as_ever(app: App) -> None:
    @inject
    async def work(
        engine: Engine = Closing[Provide[Container.engine]],
        name: str = Closing[Provide[Container.cache.provided.engine]],
    ) -> tuple[object, object]:
        return engine, name

    assert await work() == (app["engine"], app["engine"])
    assert log == []


async def test_other_resources_of_dependency_injector_are_opened_per_call_too() -> None:
    class Opened:
        async def __aenter__(self) -> Self:
            log.append("enter")
            return self

        async def __aexit__(self, *error: object) -> None:
            log.append("exit")

    async def connect() -> Session:
        log.append("connect")
        return Session()

    class Others(containers.DeclarativeContainer):
        opened = providers.Resource(Opened)
        connected = providers.Resource(connect)
        function = providers.Resource(Session)

    @inject
    async def work(
        opened: Any = Closing[Provide[Others.opened]],
        connected: Any = Closing[Provide[Others.connected]],
        function: Any = Closing[Provide[Others.function]],
    ) -> tuple[Any, ...]:
        return opened, connected, function

    async with Application(Others()) as app:
        log.clear()
        parts = await work()
        assert all(
            part is not app[name]
            for part, name in zip(parts, ("opened", "connected", "function"), strict=True)
        )
    assert log == ["enter", "connect", "exit", "exit"]


async def test_a_thread_without_a_context_is_refused_what_an_overlay_replaces(app: App) -> None:
    with (
        ThreadPoolExecutor(1) as pool,
        pytest.raises(
            ScopeError, match=r"'session' into handle_plain\(\): plain is another one in an overlay"
        ),
    ):
        async with app.overlay(plain=Session()):
            pool.submit(handle_plain).result()


async def test_a_thread_without_a_context_opens_what_is_the_same_in_all(app: App) -> None:
    with ThreadPoolExecutor(1) as pool:
        async with app.overlay(cache=Cache(Engine())):
            session = await asyncio.get_running_loop().run_in_executor(pool, handle_plain)
    assert session is not app["plain"]
    assert log == ["open", "work", "close"]


async def test_what_a_call_leaves_open_is_closed_when_the_application_stops() -> None:
    @inject
    def numbers(session: Session = Closing[Provide["plain"]]) -> Generator[Session]:
        yield session

    async with Application(Container()):
        generator = numbers()
        session = next(generator)
        assert session.is_open
    assert not session.is_open
    generator.close()
