"""While an application is started, its container is the plain container that it always was."""

import asyncio
from typing import Any

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import ForeignLoopError, StartError
from iacs.runtime import Application
from tests.fixtures.workshop import Made, Workshop
from tests.runtime import wired


def _container(workshop: Workshop) -> Any:
    pool = workshop.async_resource("pool")
    database = workshop.part("coroutine", "database", pool)
    service = workshop.singleton("service", database)
    return workshop.container(
        pool=pool,
        database=database,
        service=service,
        session=workshop.factory("session", pool, service),
        nothing=providers.Singleton(lambda service: None, service),
        both=providers.List(pool, service),
    )


async def test_the_container_gives_values_and_not_futures(workshop: Workshop) -> None:
    container = _container(workshop)
    async with Application(container) as app:
        for name in ("pool", "database", "service", "nothing"):
            assert getattr(container, name)() is app[name]
        assert container.both() == [app["pool"], app["service"]] == app["both"]
        session = container.session()
        assert isinstance(session, Made)
        assert session.needs == (app["pool"], app["service"])


async def test_code_that_is_wired_to_the_container_gets_values(workshop: Workshop) -> None:
    container = _container(workshop)
    container.wire(modules=[wired])
    try:
        async with Application(container) as app:
            assert wired.service() is app["service"]
            assert await wired.service_async() is app["service"]
            assert wired.session().needs == (app["pool"], app["service"])
            assert wired.make_session().needs == (app["pool"], app["service"])
    finally:
        container.unwire()


async def test_a_container_that_gave_futures_before_gives_values_after_the_start(workshop: Workshop) -> None:
    container = _container(workshop)
    before = container.session()
    assert asyncio.isfuture(before)
    await before
    assert workshop.opened == ["pool", "database", "service"]
    async with Application(container) as app:
        assert container.service() is app["service"]
        assert isinstance(container.session(), Made)


async def test_an_asynchronous_part_that_is_overridden_gives_the_value(workshop: Workshop) -> None:
    container = _container(workshop)
    await container.session()
    fake = Made(workshop, "fake", ())
    container.database.override(providers.Object(fake))
    container.service.reset()
    async with Application(container) as app:
        assert app["service"].needs == (fake,)
        assert container.service() is app["service"]


async def test_parts_that_the_container_had_built_before_stay_its_own(workshop: Workshop) -> None:
    low = workshop.resource("low")
    container = workshop.container(low=low, high=workshop.singleton("high", low))
    low_before, high_before = container.low(), container.high()
    async with Application(container) as app:
        assert app["low"] is low_before
        assert app["high"] is high_before
    assert workshop.log == ["+low", "+high"]
    assert container.high() is high_before
    low.shutdown()
    assert workshop.closed == ["low"]


async def test_after_the_stop_the_container_builds_for_itself_again(workshop: Workshop) -> None:
    low = workshop.resource("low")
    none = providers.Singleton(lambda low: None, low)
    container = workshop.container(low=low, high=workshop.singleton("high", low), none=none)
    async with Application(container) as app:
        during = app["high"]
    assert not low.initialized
    assert not none.overridden
    assert container.high() is not during
    assert workshop.log == ["+low", "+high", "-high", "-low", "+low", "+high"]


@pytest.mark.parametrize(
    "call",
    ["init_resources", "shutdown_resources", "reset_singletons", "check_dependencies", "reset_override"],
)
async def test_what_users_call_on_a_started_container_does_no_harm(workshop: Workshop, call: str) -> None:
    container = _container(workshop)
    async with Application(container) as app:
        before = [app[name] for name in ("pool", "database", "service", "nothing")]
        value = getattr(container, call)()
        if asyncio.isfuture(value) or asyncio.iscoroutine(value):
            await value
        assert [app[name] for name in ("pool", "database", "service", "nothing")] == before
        assert workshop.opened == ["pool", "database", "service"]
    assert workshop.closed == ["service", "database", "pool"]
    assert not any(provider.overridden for provider in container.providers.values())


@pytest.mark.parametrize("part", ["pool", "database", "service", "nothing"])
async def test_an_override_by_a_user_while_started_outlives_the_stop(workshop: Workshop, part: str) -> None:
    container = _container(workshop)
    async with Application(container) as app:
        before = app[part]
        getattr(container, part).override(providers.Object("mine"))
        assert getattr(container, part)() == "mine"
        assert app[part] is before
    assert getattr(container, part)() == "mine"
    assert workshop.closed == ["service", "database", "pool"]


@pytest.mark.parametrize("start", ["async", "sync"])
async def test_a_part_that_is_none_is_built_once(start: str) -> None:
    built: list[int] = []

    class Container(containers.DeclarativeContainer):
        nothing = providers.Singleton(built.append, 1)
        again = providers.List(nothing, nothing)

    container = Container()
    app = Application(container)
    if start == "sync":
        with app.sync():
            assert [app["nothing"], container.nothing(), *container.again(), *app["again"]] == [None] * 6
    else:
        async with app:
            assert [app["nothing"], container.nothing(), *container.again(), *app["again"]] == [None] * 6
    assert built == [1]


async def test_a_singleton_class_with_a_type_of_its_own_is_planted(workshop: Workshop) -> None:
    class OnlyMade(providers.Singleton[Any]):
        provided_type = Made  # type: ignore[assignment] # the stub takes it for a special form

    container = workshop.container(part=OnlyMade(Made, providers.Object(workshop), "part", ()))
    async with Application(container) as app:
        assert container.part() is app["part"]
    assert not container.part.overridden


async def test_a_context_local_resource_is_opened_in_each_scope(workshop: Workshop) -> None:
    local = providers.ContextLocalResource(workshop.part("async resource", "local").provides)
    app = Application(workshop.container(local=local, top=workshop.factory("top", local)))
    for _ in range(2):
        async with app, app.scope() as scope:
            assert await local() is await scope.aget("local")
            assert (await scope.aget("top")).needs == (scope["local"],)
        assert not local.initialized
    assert workshop.log == ["+local", "-local"] * 2


async def test_a_context_local_resource_is_closed_by_another_task_too(workshop: Workshop) -> None:
    local = providers.ContextLocalResource(workshop.part("async resource", "local").provides)
    app = Application(workshop.container(local=local))
    await asyncio.create_task(app.start())
    scope = await app.scope().__aenter__()
    await asyncio.create_task(scope.aget("local"))
    await app.stop()
    assert workshop.log == ["+local", "-local"]


def test_an_asynchronous_part_of_a_loop_that_has_ended_is_not_reused(workshop: Workshop) -> None:
    container = _container(workshop)
    app = Application(container)

    async def use() -> Any:
        async with app:
            return app["pool"]

    first, second = asyncio.run(use()), asyncio.run(use())
    assert first is not second
    asyncio.run(app.start())

    async def read() -> Any:
        return app["service"]

    with pytest.raises(ForeignLoopError, match="service belongs to the event loop"):
        asyncio.run(read())
    asyncio.run(app.stop())


async def test_a_start_that_is_cancelled_leaves_no_future_behind(workshop: Workshop) -> None:
    container = _container(workshop)
    is_waiting = asyncio.Event()

    async def wait() -> None:
        is_waiting.set()
        await asyncio.Event().wait()

    workshop.starting["database"] = wait
    starting = asyncio.create_task(Application(container).start())
    await is_waiting.wait()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    workshop.starting.clear()
    async with Application(container) as app:
        assert app["service"] is container.service()


def test_starting_without_a_loop_says_so(workshop: Workshop) -> None:
    with (
        pytest.raises(StartError, match="start it with 'async with'"),
        Application(_container(workshop)).sync(),
    ):
        pytest.fail("started all the same")
