from typing import Any

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import AmbiguousPartError, NotAContainerError, StartError, UnknownPartError
from iacs.runtime import Application

log: list[str] = []


class Part:
    def __init__(self, name: str, *needs: object) -> None:
        self.name = name
        self.needs = needs


class Store(Part):
    def close(self) -> None:
        log.append(f"close {self.name}")


class Client(Part):
    async def aclose(self) -> None:
        log.append(f"aclose {self.name}")


class Service(Part):
    pass


class Broken(Part):
    def __init__(self, *needs: object) -> None:
        raise ValueError("cannot be built")


class Stuck(Part):
    async def aclose(self) -> None:
        raise OSError("cannot be closed")


class Inner(containers.DeclarativeContainer):
    store = providers.Dependency(instance_of=Store)
    service = providers.Singleton(Service, "service", store)


class Outer(containers.DeclarativeContainer):
    inner = providers.Container(Inner)
    client = providers.Singleton(Client, "client")
    store = providers.Singleton(Store, "store", client)
    given = providers.Object(Store("given"))
    inner.override(providers.Container(Inner, store=store))


@pytest.fixture(autouse=True)
def empty_log() -> None:
    log.clear()


async def test_parts_are_closed_in_the_reverse_of_their_dependencies() -> None:
    async with Application(Outer()):
        pass
    assert log == ["close store", "aclose client"]


async def test_a_part_of_a_module_is_read_by_its_class() -> None:
    container = Outer()
    async with Application(container) as app:
        service = app.get(Service)
        assert service is container.inner().service()
        assert service.needs == (container.store(),)


async def test_what_was_handed_in_stays_open() -> None:
    async with Application(Outer()):
        pass
    assert "close given" not in log


async def test_a_class_that_no_part_has_is_a_sentence() -> None:
    async with Application(Outer()) as app:
        with pytest.raises(UnknownPartError, match="no part of the container is an instance of Stuck"):
            app.get(Stuck)


async def test_a_class_that_two_parts_have_is_a_sentence() -> None:
    class Two(containers.DeclarativeContainer):
        left = providers.Singleton(Store, "left")
        right = providers.Singleton(Store, "right")

    async with Application(Two()) as app:
        with pytest.raises(AmbiguousPartError, match="left, right"):
            app.get(Store)


async def test_when_a_part_cannot_be_built_the_others_are_closed() -> None:
    class Container(containers.DeclarativeContainer):
        store = providers.Singleton(Store, "store")
        broken = providers.Singleton(Broken, store)

    with pytest.raises(StartError, match=r"^broken: ValueError$") as caught:
        async with Application(Container()):
            pytest.fail("started all the same")
    assert log == ["close store"]
    assert caught.value.path == "broken"
    assert isinstance(caught.value.__cause__, ValueError)


async def test_a_part_that_cannot_be_closed_does_not_keep_the_others_open() -> None:
    class Container(containers.DeclarativeContainer):
        store = providers.Singleton(Store, "store")
        stuck = providers.Singleton(Stuck, "stuck", store)

    with pytest.raises(ExceptionGroup) as caught:
        async with Application(Container()):
            pass
    assert [str(error) for error in caught.value.exceptions] == ["cannot be closed"]
    assert log == ["close store"]


async def test_closing_twice_closes_once() -> None:
    async with Application(Outer()) as app:
        await app.stop()
    assert log == ["close store", "aclose client"]


@pytest.mark.parametrize("given", [None, "container", object()])
def test_an_object_that_is_not_a_container_is_one_sentence(given: Any) -> None:
    with pytest.raises(
        NotAContainerError, match="is not a container of dependency_injector\ngive an instance"
    ):
        Application(given)


def test_a_container_class_is_refused_since_its_parts_would_be_shared() -> None:
    with pytest.raises(NotAContainerError, match=r"give an instance, Outer\(\)"):
        Application(Outer)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
