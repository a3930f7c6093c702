"""The parts of a container behind a Selector have paths, and are read, replaced and closed like any others."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import NotStartedError
from iacs.runtime import Application
from iacs.runtime.checks import check

log: list[str] = []


class Database:
    def __init__(self, url: str = "") -> None:
        self.url = url
        log.append(f"open {type(self).__name__}")

    def close(self) -> None:
        log.append(f"close {type(self).__name__}")


class Sqlite(Database): ...


class Postgres(Database): ...


class Fake(Database): ...


class Service:
    def __init__(self, database: Any) -> None:
        self.database = database


class Holder:
    def __init__(self, container: Any) -> None:
        self.container = container


async def open_cache() -> AsyncIterator[dict[str, str]]:
    log.append("open cache")
    yield {}
    log.append("close cache")


class SqliteStorage(containers.DeclarativeContainer):
    database = providers.Singleton(Sqlite)


class PostgresStorage(containers.DeclarativeContainer):
    config = providers.Configuration()
    database = providers.Singleton(Postgres, config.url)
    cache = providers.Resource(open_cache)


class Container(containers.DeclarativeContainer):
    config = providers.Configuration(default={"kind": "sqlite", "url": "localhost"})
    storage = providers.Selector(
        config.kind,
        sqlite=providers.Container(SqliteStorage),
        postgres=providers.Container(PostgresStorage, config=config),
    )
    service = providers.Singleton(Service, storage.provided.database.call())
    holder = providers.Singleton(Holder, storage)


@pytest.fixture(autouse=True)
def fresh_log() -> None:
    log.clear()


def with_kind(kind: str) -> Any:
    container = Container()
    container.config.kind.from_value(kind)
    return container


def test_only_the_chosen_containers_parts_are_started_and_they_are_closed() -> None:
    assert check(Container()) == ()
    with Application(with_kind("sqlite")).sync() as app:
        assert log == ["open Sqlite"]
        assert app["storage.sqlite.database"] is app.get(Service).database is app.get(Database)
        assert app.container.storage().database() is app.get(Service).database
    assert log == ["open Sqlite", "close Sqlite"]


async def test_asynchronous_parts_of_the_chosen_container_are_opened_and_closed() -> None:
    async with Application(with_kind("postgres")) as app:
        assert sorted(log) == ["open Postgres", "open cache"]
        assert app["storage.postgres.cache"] == {}
        assert app.get(Service).database.url == "localhost"
    assert sorted(log[2:]) == ["close Postgres", "close cache"]


def test_a_part_of_the_other_container_says_which_was_chosen() -> None:
    with (
        Application(with_kind("sqlite")).sync() as app,
        pytest.raises(NotStartedError, match=r"storage chose storage\.sqlite"),
    ):
        app["storage.postgres.database"]


@pytest.mark.parametrize("is_started", [True, False])
def test_an_overlay_replaces_a_part_for_what_reads_it_through_the_selector(is_started: bool) -> None:
    app, fake = Application(with_kind("sqlite")), Fake()
    with app.sync() if is_started else app.overlay({}):
        with app.overlay({"storage.sqlite.database": fake}) as view:
            assert view["service"].database is fake
            assert view["holder"].container.database() is fake
            assert view["holder"].container.declarative_parent is SqliteStorage
        if is_started:
            assert type(app["service"].database) is Sqlite
    assert "close Fake" not in log


def test_a_provider_in_an_overlay_is_closed_with_it() -> None:
    with Application(with_kind("sqlite")).sync() as app:
        with app.overlay({"storage.sqlite.database": providers.Singleton(Fake)}) as view:
            assert type(view["service"].database) is Fake
        assert log == ["open Sqlite", "open Fake", "close Fake"]


def test_reports_name_the_parts_by_their_paths() -> None:
    with Application(with_kind("sqlite")).sync() as app:
        paths = {node.path: node.started for node in app.graph().nodes}
        assert (paths["storage.sqlite.database"], paths["storage.postgres.database"]) == (True, False)
        assert app.explain("storage.sqlite.database").started
        assert next(step.path for step in app.timeline) == "storage.sqlite.database"


def test_a_container_that_is_injected_is_started_before_what_receives_it() -> None:
    class Around(containers.DeclarativeContainer):
        inner = providers.Container(SqliteStorage)
        holder = providers.Singleton(Holder, inner)

    with Application(Around()).sync() as app:
        assert [step.path for step in app.timeline] == ["inner.database", "holder"]
        assert app["holder"].container.database() is app["inner.database"]


async def test_an_overlays_own_provider_may_be_given_a_whole_container() -> None:
    class Database: ...

    class Inner(containers.DeclarativeContainer):
        database = providers.Singleton(Database)

    class Container(containers.DeclarativeContainer):
        inner = providers.Container(Inner)
        service = providers.Singleton(object)

    async with Application(Container()) as app:
        for _ in range(2):
            database = Database()
            given = providers.Singleton(lambda inner: inner.database(), app.container.inner)
            async with app.overlay({"service": given, "inner.database": database}) as view:
                assert view["service"] is database
        assert type(app["inner.database"]) is Database
        assert not app.plan.graph.nodes[app.plan.graph.paths["inner"]].inputs
