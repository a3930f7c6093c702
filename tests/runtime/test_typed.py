from collections.abc import Iterator
from typing import Any

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import CheckError
from iacs.runtime import Application
from iacs.runtime.typed import factory, given, replacing, resource, singleton


class Database:
    def __init__(self, url: str = "sqlite://") -> None:
        self.url = url


class Lock:
    held = False


class Service:
    def __init__(self, database: Database, *, limit: int = 10) -> None:
        self.database = database
        self.limit = limit


def hold(lock: Lock) -> Iterator[Lock]:
    lock.held = True
    yield lock
    lock.held = False


class Core(containers.DeclarativeContainer):
    database = singleton(Database, "core://")


class Module(containers.DeclarativeContainer):
    database = providers.Dependency(instance_of=Database)
    service = singleton(Service, given(database))


class Shop(containers.DeclarativeContainer):
    core: Any = providers.Container(Core)
    module = providers.Container(Module, database=core.database)
    lock = resource(hold, factory(Lock)())
    service = singleton(Service, given(core.container.database), limit=3)
    request = factory(Service, database=given(core.container.database))


def test_what_is_declared_are_providers_of_dependency_injector() -> None:
    assert type(Shop.service) is providers.Singleton
    assert type(Shop.request) is providers.Factory
    assert type(Shop.lock) is providers.Resource
    assert given(Shop.service) is Shop.service  # type: ignore[comparison-overlap]


def test_a_typed_container_runs() -> None:
    with Application(Shop()).sync() as app:
        service, lock = app["service"], app.get(Lock)
        assert service.database is app.get(Database)
        assert service.limit == 3
        assert lock.held
        request: Service = app["request"]
        assert request is not app["request"]
        assert request.database is service.database
    assert not lock.held


@pytest.mark.parametrize("key", [Core.database, Shop.core.database], ids=["module's class", "class's module"])
def test_a_part_is_replaced_by_the_provider_of_a_class(key: providers.Provider[Database]) -> None:
    fake = Database("fake")
    with Application(Shop()).sync() as app, app.overlay(replacing(key, fake)) as view:
        assert view["core.database"] is view["service"].database is view["module.service"].database is fake
        assert app["service"].database is not fake


def test_a_part_is_replaced_by_the_containers_own_provider() -> None:
    fake = Database("fake")
    with Application(Shop()).sync() as app:
        own = replacing(app.container.core().database, fake)
        with app.overlay(own) as view:
            assert view["service"].database is fake


def test_several_replacements_are_joined() -> None:
    with Application(Shop()).sync() as app:
        both = replacing(Core.database, Database("fake")) | replacing(Shop.service, Service(Database("mine")))
        with app.overlay(both) as view:
            assert (view.get(Database).url, view["service"].database.url) == ("fake", "mine")


def test_a_provider_may_stand_in_for_one() -> None:
    built = {Core.database: singleton(Database, "built")}
    with Application(Shop()).sync() as app, app.overlay(built) as view:
        assert view["service"].database.url == "built"


def test_a_provider_of_no_container_here_is_refused() -> None:
    app = Application(Shop())
    with pytest.raises(CheckError, match=r"the application's container has no .*Database") as caught:
        app.overlay(replacing(singleton(Database), Database()))
    assert [finding.kind for finding in caught.value.findings] == ["overlay"]


def test_a_whole_container_is_refused() -> None:
    with pytest.raises(CheckError, match=r"is a container; name a part of it, such as core\.…"):
        Application(Shop()).overlay({Shop.core: Core()})


def test_a_provider_that_became_two_is_reported() -> None:
    class Twice(containers.DeclarativeContainer):
        left = providers.Container(Core)
        right = providers.Container(Core)

    with pytest.raises(CheckError, match=r"is ambiguous: left\.database, right\.database"):
        Application(Twice()).overlay(replacing(Core.database, Database()))
