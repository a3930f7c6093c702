"""What is built here is closed here; what was handed in stays open."""

import sqlite3
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import StartError
from iacs.runtime import Application, keep_open
from tests.fixtures.workshop import AsyncClosable, Closable, Workshop


def _first(*given: Any) -> Any:
    return given[0]


def _kept(*, part: Any) -> Any:
    return part


def _inside(given: Any) -> Any:
    return next(iter(given))


class Taking(containers.DeclarativeContainer):
    database: Any = providers.Dependency()
    modules = providers.DependenciesContainer()
    service = providers.Singleton(_first, database)


def _handing_on(workshop: Workshop, handed: Any) -> dict[str, Any]:
    given = providers.Object(handed)
    around = providers.Object(SimpleNamespace(part=handed))
    return {
        "object": {"part": given},
        "singleton": {"part": providers.Singleton(_first, given)},
        "list": {"part": providers.Singleton(_inside, providers.List(given))},
        "selector": {"part": providers.Singleton(_first, providers.Selector(providers.Object("a"), a=given))},
        "attribute": {"part": providers.Singleton(_first, around.provided.part)},
        "keyword": {"part": providers.Singleton(_kept, part=given)},
        "chain": {"part": providers.Singleton(_first, providers.Singleton(_first, given))},
    }


@pytest.mark.parametrize("way", _handing_on(Workshop(), None))
async def test_what_was_handed_in_stays_open_however_it_is_handed_on(workshop: Workshop, way: str) -> None:
    handed = Closable(workshop, "handed", ())
    container = workshop.container(**_handing_on(workshop, handed)[way])
    async with Application(container) as app:
        assert app["part"] is handed
    with Application(container).sync() as app:
        assert app["part"] is handed
    assert workshop.closed == []


@pytest.mark.parametrize("way", ["value", "singleton", "another application's"])
async def test_a_dependency_given_to_the_container_stays_open(workshop: Workshop, way: str) -> None:
    outside = workshop.container(database=workshop.singleton("database"))
    given = {"value": providers.Object(Closable(workshop, "database", ())), "singleton": outside.database}
    async with Application(outside):
        async with Application(Taking(database=given.get(way, outside.database))) as app:
            assert app["service"] is app["database"]
            if way != "value":
                assert app["database"] is outside.database()
        assert workshop.closed == []


async def test_a_dependency_that_a_module_gets_from_its_application_is_the_application_s(
    workshop: Workshop,
) -> None:
    class Whole(containers.DeclarativeContainer):
        module = providers.Container(Taking, database=workshop.singleton("database"))

    async with Application(Whole()) as app:
        assert app["module.service"] is app["module.database"]
    assert workshop.closed == ["database"]


async def test_modules_given_to_the_container_stay_open(workshop: Workshop) -> None:
    modules = workshop.container(store=workshop.singleton("store"))

    class Whole(containers.DeclarativeContainer):
        modules = providers.DependenciesContainer()
        service = workshop.singleton("service", modules.store)

    async with Application(Whole(modules=modules)):
        pass
    assert workshop.closed == ["service"]


async def test_an_object_that_is_two_parts_is_closed_once(workshop: Workshop) -> None:
    store = workshop.singleton("store")
    container = workshop.container(
        store=store,
        reader=providers.Singleton(_first, store),
        pair=providers.Singleton(_inside, providers.List(store)),
    )
    async with Application(container) as app:
        assert app["store"] is app["reader"] is app["pair"]
    assert workshop.closed == ["store"]


async def test_a_lock_and_a_connection_are_not_entered() -> None:
    class Plain(containers.DeclarativeContainer):
        lock = providers.Singleton(threading.Lock)
        connection = providers.Singleton(sqlite3.connect, ":memory:")

    async with Application(Plain()) as app:
        lock, connection = app["lock"], app["connection"]
        assert lock.acquire(blocking=False)
        assert not connection.in_transaction
        connection.execute("CREATE TABLE t (id INTEGER)")
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


async def test_a_connection_that_is_marked_stays_open() -> None:
    class Plain(containers.DeclarativeContainer):
        connection = providers.Singleton(keep_open(sqlite3.connect), ":memory:")

    async with Application(Plain()) as app:
        connection = app["connection"]
    connection.execute("SELECT 1")
    connection.close()


class Both(AsyncClosable):
    def close(self) -> None:
        self.shop.log.append("close")

    async def aclose(self) -> None:
        self.shop.log.append("aclose")


class CloseOnly(Closable):
    async def close(self) -> None:  # type: ignore[override]
        self.shop.log.append("close")


def _closes(**methods: Any) -> type:
    return type("Odd", (), methods)


def _made(cls: Any, workshop: Workshop) -> providers.Singleton[Any]:
    return providers.Singleton(lambda: cls(workshop, "part", ()))


async def test_in_a_loop_aclose_is_preferred(workshop: Workshop) -> None:
    async with Application(workshop.container(part=_made(Both, workshop))):
        pass
    assert workshop.log == ["aclose"]


def test_without_a_loop_close_will_do(workshop: Workshop) -> None:
    with Application(workshop.container(part=_made(Both, workshop))).sync():
        pass
    assert workshop.log == ["close"]


async def test_a_close_that_is_a_coroutine_is_awaited(workshop: Workshop) -> None:
    async with Application(workshop.container(part=_made(CloseOnly, workshop))):
        pass
    assert workshop.log == ["close"]


def test_a_close_that_turns_out_to_be_a_coroutine_is_an_error_without_a_loop(workshop: Workshop) -> None:
    async def close() -> None: ...

    low = workshop.singleton("low")
    odd = providers.Singleton(_closes(__init__=lambda self, low: None, close=lambda self: close()), low)
    with (
        pytest.raises(ExceptionGroup) as caught,
        Application(workshop.container(low=low, part=odd)).sync(),
    ):
        pass
    assert "part is closed asynchronously" in str(caught.value.exceptions[0])
    assert workshop.closed == ["low"]


@pytest.mark.parametrize("odd", [{"close": 101.5}, {"aclose": None}, {"close": property(lambda self: 1 / 0)}])
async def test_an_attribute_that_is_called_close_is_not_called(
    workshop: Workshop, odd: dict[str, Any]
) -> None:
    container = workshop.container(candle=providers.Singleton(_closes(**odd)))
    async with Application(container):
        pass
    with Application(container).sync():
        pass


@pytest.mark.parametrize("style", ["async resource", "coroutine", "async singleton"])
def test_asynchronous_parts_are_refused_by_name_before_anything_is_built(
    workshop: Workshop, style: str
) -> None:
    low = workshop.singleton("low")
    part: Any = workshop.part(style, "part", low)
    if style == "async singleton":
        part = providers.Singleton(
            AsyncClosable, providers.Object(workshop), "part", providers.Callable(tuple, providers.List(low))
        )
    with (
        pytest.raises(StartError, match=r"part is (built|closed) asynchronously\nstart it with 'async with'"),
        Application(workshop.container(low=low, part=part)).sync(),
    ):
        pytest.fail("started all the same")
    assert workshop.log == []


async def test_a_closing_that_requires_arguments_is_never_called() -> None:
    calls: list[str] = []

    class Order:
        def close(self, reason: str) -> None:
            calls.append(reason)

    class Market:
        async def aclose(self, *, at: float) -> None:
            calls.append(str(at))

    class Ordinary:
        def close(self, timeout: float = 1.0) -> None:
            calls.append("ordinary")

    class Container(containers.DeclarativeContainer):
        order = providers.Singleton(Order)
        market = providers.Singleton(Market)
        ordinary = providers.Singleton(Ordinary)

    async with Application(Container()):
        """Closed at the end."""
    assert calls == ["ordinary"]
