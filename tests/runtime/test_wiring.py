"""Functions that dependency_injector itself has wired, and its context-local providers, in overlays and scopes."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextvars import Context
from typing import Annotated, Any

import pytest
from dependency_injector import containers, providers
from dependency_injector.wiring import Provide
from dependency_injector.wiring import inject as wired

from iacs.core.exceptions import ScopeError
from iacs.runtime import Application, inject, scoped


class Store:
    name = "real"


class Fake(Store):
    name = "fake"


class Service:
    def __init__(self, store: Store, *more: object) -> None:
        self.store, self.more = store, more


class Session:
    is_open = True

    def close(self) -> None:
        self.is_open = False


class Request: ...


def open_session() -> Iterator[Session]:
    session = Session()
    yield session
    session.close()


async def open_async() -> AsyncIterator[Session]:
    session = Session()
    yield session
    session.close()


class Core(containers.DeclarativeContainer):
    store = providers.Singleton(Store)


class Container(containers.DeclarativeContainer):
    core = providers.Container(Core)
    service = providers.Singleton(Service, core.store)
    made = providers.Factory(Service, core.store)
    request = scoped.value(Request)
    session = scoped.resource(open_session)
    slow = scoped.resource(open_async)
    handler = providers.Factory(Service, core.store, session)
    local = providers.ContextLocalSingleton(Session)
    opened = providers.ContextLocalResource(open_session)
    user = scoped.singleton(Service, core.store, opened, local)


Parts: Any = Container  # to the checkers, its sub-containers are providers of anything


@wired
def names(
    service: Service = Provide[Container.service],
    made: Service = Provide["made"],
    store: Annotated[Store | None, Provide[Parts.core.store]] = None,
    name: str = Provide[Parts.core.store.provided.name],
) -> set[str]:
    return {service.store.name, made.store.name, store.name if store else "", name}


@wired
async def session_of_now(session: Session = Provide[Container.session]) -> Session:
    return session


@wired
async def slow_of_now(slow: Session = Provide[Container.slow]) -> Session:
    return slow


@pytest.fixture
async def app() -> AsyncIterator[Application[Container]]:
    container = Container()
    container.wire(modules=[sys.modules[__name__]])
    async with Application(container) as app:
        yield app
    container.unwire()


App = Application[Container]


async def test_wired_functions_receive_the_parts_of_the_overlay(app: App) -> None:
    assert names() == {"real"}
    async with app.overlay(store=Fake()):
        assert names() == {"fake"}
        async with app.overlay({"core.store": Store()}):
            assert names() == {"real"}
        assert names() == {"fake"}
    assert names() == {"real"}
    assert app.container.service() is app["service"]


async def test_overlays_that_are_open_at_a_time_do_not_mix(app: App) -> None:
    async def task(number: int) -> bool:
        store = Fake()
        async with app.overlay(store=store):
            await asyncio.sleep(0)
            assert names() == {"fake"}
            service: Service = app.container.made("more", number)
            assert service.more == ("more", number)
            return service.store is store

    outcomes = await asyncio.gather(*map(task, range(50)), asyncio.to_thread(lambda: names() == {"real"}))
    assert all(outcomes)


async def test_an_overlay_of_an_application_that_is_not_started_is_reached_too(app: App) -> None:
    container = Container()
    container.wire(modules=[sys.modules[__name__]])
    with Application(container).overlay(store=Fake()):
        assert names() == {"fake"}
    assert names() == {"real"}
    assert not container.service.overridden


async def test_wired_functions_receive_the_parts_of_the_scope(app: App) -> None:
    async with app.scope() as scope:
        session = await session_of_now()
        assert session is scope["session"]
        assert await slow_of_now() is await scope.aget("slow")
        assert app.container.handler().more == (session,)
        assert session.is_open
    assert not session.is_open


async def test_what_takes_an_event_loop_is_given_as_a_future_once_and_as_itself_afterwards(app: App) -> None:
    async with app.scope() as scope:
        slow = app.container.slow()
        assert asyncio.isfuture(slow)
        assert await slow is scope["slow"]
        assert app.container.slow() is scope["slow"]


async def test_outside_of_a_scope_the_container_says_to_open_one(app: App) -> None:
    for ask in (app.container.session, app.container.opened, app.container.handler, app.container.user):
        with pytest.raises(ScopeError, match=r"app\.scope\(\)"):
            ask()
    with pytest.raises(ScopeError, match="scope"):
        await session_of_now()


async def test_a_thread_without_the_context_is_refused_what_differs(app: App) -> None:
    errors: list[ScopeError] = []

    def run() -> None:
        try:
            names()
        except ScopeError as error:
            errors.append(error)

    async with app.overlay(store=Fake()):
        thread = threading.Thread(target=run)
        thread.start()
        await asyncio.to_thread(thread.join)
    assert [error.hint.partition(":")[0] for error in errors] == ["hand the context over"]


async def test_a_stopped_application_leaves_the_providers_as_they_were(app: App) -> None:
    mine = providers.Singleton(Fake)
    container = Container()
    container.wire(modules=[sys.modules[__name__]])
    async with Application(container) as other:
        async with other.overlay(store=Fake()):
            container.made.override(mine)
        assert isinstance(container.made(), Fake)
    assert container.made.overridden == (mine,)
    assert not container.session.overridden
    assert not container.service.overridden


# context-local providers


async def test_context_local_parts_are_one_per_scope_and_closed_at_its_end(app: App) -> None:
    async def task() -> tuple[Session, Session]:
        async with app.scope() as scope:
            user = await scope.aget("user")
            opened, local = user.more
            await asyncio.sleep(0)
            assert scope["opened"] is opened is app.container.opened()
            assert scope["local"] is local is app.container.local()
            assert await asyncio.to_thread(lambda: scope["local"]) is local
            assert opened.is_open and local.is_open  # noqa: PT018
            return opened, local
        raise AssertionError("a scope swallowed an error")

    parts = [part for pair in await asyncio.gather(*(task() for _ in range(5))) for part in pair]
    assert len(set(parts)) == 10
    assert not any(part.is_open for part in parts)


async def test_a_context_local_resource_is_refused_outside_of_a_scope(app: App) -> None:
    @inject
    async def injected(part: Annotated[Session, "opened"]) -> Session:
        return part

    for read in (lambda: app["opened"], app.container.opened):
        with pytest.raises(ScopeError, match="opened is scoped"):
            read()
    with pytest.raises(ScopeError, match="opened is scoped"):
        await injected()


async def test_a_context_local_singleton_outside_of_a_scope_is_one_per_context(app: App) -> None:
    async def read() -> tuple[Session, Session]:
        return app["local"], app.container.local()

    pairs = [await asyncio.create_task(read(), context=Context()) for _ in range(3)]
    assert all(mine is its for mine, its in pairs)
    assert len({mine for mine, _ in pairs}) == 3
    async with app.scope() as scope:
        assert scope["local"] not in {mine for mine, _ in pairs}


async def test_inner_scopes_and_overlays_share_the_context_local_parts_of_the_scope(app: App) -> None:
    async with app.scope() as scope, scope.scope(request=Request()) as inner:
        assert inner["local"] is scope["local"]
        assert inner["opened"] is scope["opened"]
        async with inner.overlay(store=Fake()) as view:
            user = await view.aget("user")
            assert user.store.name == "fake"
            assert user.more == (scope["opened"], scope["local"])
