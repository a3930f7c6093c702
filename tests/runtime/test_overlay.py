"""A second view: what it shows instead, what it builds anew, and what stays the very same."""

from typing import Any

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import (
    ApplicationStateError,
    CheckError,
    NotStartedError,
    StartError,
    UnknownPartError,
)
from iacs.runtime import Application, current_application, wrapping
from tests.fixtures.workshop import Made, Workshop


class Database:
    def query(self) -> str:
        return "real"


class FakeDatabase(Database):
    def query(self) -> str:
        return "fake"


class Repository:
    def __init__(self, database: Database) -> None:
        self.database = database


class Service:
    def __init__(self, repository: Repository, cache: object) -> None:
        self.repository, self.cache = repository, cache


class Module(containers.DeclarativeContainer):
    database = providers.Dependency(instance_of=Database)
    cache: Any = providers.Dependency()
    repository = providers.Singleton(Repository, database)
    service = providers.Singleton(Service, repository, cache)


class Core(containers.DeclarativeContainer):
    database = providers.Singleton(Database)
    cache: Any = providers.Singleton(dict)


class Whole(containers.DeclarativeContainer):
    core = providers.Container(Core)
    account = providers.Container(Module, database=core.database, cache=core.cache)
    mail = providers.Container(Module, database=core.database, cache=core.cache)


PATHS = ("core.database", "core.cache", "account.repository", "account.service", "mail.service")


async def test_exactly_what_depends_on_a_replaced_part_is_built_anew(workshop: Workshop) -> None:
    low = workshop.singleton("low")
    left, right = workshop.singleton("left", low), workshop.singleton("right", low)
    top = workshop.singleton("top", left, workshop.factory("made", right))
    container = workshop.container(low=low, left=left, right=right, top=top)
    async with Application(container) as app:
        before = {name: app[name] for name in container.providers}
        workshop.log.clear()
        with app.overlay(left=Made(workshop, "fake", ())) as view:
            assert workshop.opened == ["top"]
            assert view["top"] is not app["top"]
            assert view["top"].needs[0].name == "fake"
            assert view["top"].needs[1].needs[0] is app["right"]
            assert [view[name] is before[name] for name in ("low", "right")] == [True, True]
        assert workshop.closed == ["top"]
        assert {name: app[name] for name in before} == before
        assert {name: provider() for name, provider in container.providers.items()} == before


@pytest.mark.parametrize("name", ["core.database", "database"])
async def test_a_shared_part_is_named_by_its_path_or_by_its_bare_name(name: str) -> None:
    fake = FakeDatabase()
    async with Application(Whole()) as app:
        with app.overlay({name: fake}) as view:
            assert view["account.service"].repository.database is fake
            assert view["mail.service"].repository.database is fake
            assert view["account.service"].cache is app["core.cache"]
        assert app["account.service"].repository.database is app["core.database"]


async def test_a_module_s_own_name_for_a_part_replaces_it_for_that_module_alone() -> None:
    fake = FakeDatabase()
    async with Application(Whole()) as app:
        with app.overlay({"account.database": fake}) as view:
            assert view["account.service"].repository.database is fake
            assert view["mail.service"] is app["mail.service"]
            assert view["core.database"] is app["core.database"]


async def test_a_bare_name_that_may_be_two_parts_is_a_sentence() -> None:
    async with Application(Whole()) as app:
        with pytest.raises(
            CheckError, match=r"service is ambiguous: account\.service, mail\.service"
        ) as caught:
            app.overlay(service=object())
    assert [(finding.path, finding.kind) for finding in caught.value.findings] == [("service", "overlay")]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"databse": FakeDatabase()}, "the container has no databse; did you mean .*database.*"),
        (
            {"core.databse": FakeDatabase()},
            r"the container has no core\.databse; did you mean core\.database or ",
        ),
        ({"core": FakeDatabase()}, "is a container; name a part of it"),
        ({"database": "postgres://"}, "is replaced by str, which shares no members with Database"),
        ({"database": 5}, "is replaced by int"),
    ],
)
async def test_what_cannot_be_replaced_is_a_finding(parts: dict[str, Any], message: str) -> None:
    app = Application(Whole())
    for _ in range(2):
        with pytest.raises(CheckError, match=message) as caught:
            app.overlay(parts)
        assert [finding.kind for finding in caught.value.findings] == ["overlay"]
        await app.start()
    await app.stop()


async def test_overlays_nest_and_end_in_any_order() -> None:
    first, second, third = FakeDatabase(), FakeDatabase(), {"third": 3}
    async with Application(Whole()) as app:
        before = [app[path] for path in PATHS]
        outer, beside = app.overlay(database=first), app.overlay(database=second)
        outer.__enter__()
        beside.__enter__()
        inner = outer.overlay(cache=third)
        inner.__enter__()
        outer.__exit__(None, None, None)
        assert inner["account.service"].cache is third
        assert inner["account.repository"].database is first
        assert beside["account.service"].repository.database is second
        beside.__exit__(None, None, None)
        assert inner["account.service"].repository.database is first
        inner.__exit__(None, None, None)
        assert [app[path] for path in PATHS] == before


async def test_an_inner_overlay_shares_what_the_outer_one_built() -> None:
    async with Application(Whole()) as app:
        with (
            app.overlay(database=FakeDatabase()) as outer,
            outer.overlay({"account.cache": {"inner": 1}}) as inner,
        ):
            assert inner["account.repository"] is outer["account.repository"]
            assert inner["account.service"] is not outer["account.service"]
            assert inner["mail.service"] is outer["mail.service"] is not app["mail.service"]


async def test_reading_by_class_gives_the_overlay_s_part() -> None:
    fake = FakeDatabase()
    async with Application(Core()) as app:
        with app.overlay(database=fake) as view:
            assert view.get(Database) is fake
            assert view.get(FakeDatabase) is fake
        with pytest.raises(UnknownPartError, match="no part of the container is an instance of FakeDatabase"):
            app.get(FakeDatabase)


async def test_the_overlay_is_the_current_application_inside() -> None:
    async with Application(Core()) as app:
        with app.overlay(database=FakeDatabase()) as outer:
            with outer.overlay(cache={}) as inner:
                assert current_application() is inner
            assert current_application() is outer
        assert current_application() is app


async def test_an_overlay_is_entered_once_at_a_time() -> None:
    async with Application(Core()) as app:
        overlay = app.overlay(database=FakeDatabase())
        with overlay:
            with pytest.raises(ApplicationStateError, match="entered already"):
                overlay.__enter__()
            assert overlay["database"].query() == "fake"
        with overlay:
            assert overlay["database"].query() == "fake"


async def test_an_overlay_that_is_left_gives_nothing_more() -> None:
    async with Application(Core()) as app:
        overlay = app.overlay(database=FakeDatabase())
        with pytest.raises(NotStartedError, match="database was requested"):
            overlay["database"]
        with overlay:
            assert overlay["database"].query() == "fake"
        with pytest.raises(NotStartedError, match="database was requested"):
            overlay["database"]
        with pytest.raises(NotStartedError):
            overlay.__exit__(None, None, None)


async def test_a_wrapper_receives_the_original() -> None:
    async with Application(Whole()) as app:
        with app.overlay({"core.database": wrapping(lambda database: ("traced", database))}) as view:
            assert view["core.database"] == ("traced", app["core.database"])
            assert view["mail.repository"].database == ("traced", app["core.database"])
            with view.overlay({"core.database": wrapping(lambda database: ("twice", database))}) as inner:
                assert inner["account.repository"].database == ("twice", ("traced", app["core.database"]))


async def test_a_wrapper_that_fails_is_a_start_error_and_changes_nothing(workshop: Workshop) -> None:
    low = workshop.singleton("low")
    container = workshop.container(low=low, top=workshop.singleton("top", low))
    async with Application(container) as app:
        with pytest.raises(StartError, match="low: ZeroDivisionError") as caught:
            app.overlay(low=wrapping(lambda _: 1 / 0)).__enter__()
        assert caught.value.path == "low"
        assert workshop.log == ["+low", "+top"]
        assert current_application() is app
