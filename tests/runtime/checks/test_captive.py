"""Parts that would keep the object of one scope, thread or context are reported."""

from collections.abc import Iterator
from typing import Any

import pytest
from dependency_injector import providers

from iacs.core.exceptions import CheckError
from iacs.runtime import Application, scoped
from iacs.runtime.checks import check
from tests.runtime.counted import Database, Service, container_of, only

pytestmark = pytest.mark.usefixtures("nothing_is_built")


@pytest.mark.parametrize(
    "local",
    [
        providers.ThreadLocalSingleton(Database),
        providers.ContextLocalSingleton(Database),
        providers.ContextLocalResource(Database),
    ],
)
def test_a_part_that_would_keep_one_threads_object_is_reported(local: providers.Provider[Any]) -> None:
    for outer in (
        providers.Singleton(Service, local),
        providers.Resource(Service, local),
        providers.Singleton(Service, database=local),
        providers.Singleton(str, providers.Factory(Service, local)),
        providers.Singleton(str, providers.List(providers.Selector(lambda: "a", a=local))),
    ):
        finding = only(container_of(local=local, outer=outer))
        assert (finding.path, finding.kind) == ("outer", "captive")
        assert "local.provider" in finding.message


def test_of_two_local_objects_only_the_one_that_is_passed_is_reported() -> None:
    inner = providers.ContextLocalSingleton(Database)
    local = providers.ContextLocalSingleton(Service, inner)
    finding = only(container_of(inner=inner, local=local, outer=providers.Singleton(str, local)))
    assert (finding.path, "local.provider" in finding.message) == ("outer", True)


def test_what_is_made_anew_or_asks_later_may_use_a_local_object() -> None:
    local = providers.ContextLocalSingleton(Database)
    for outer in (
        providers.Factory(Service, local),
        providers.ThreadLocalSingleton(Service, local),
        providers.ContextLocalResource(Service, local),
        providers.Singleton(str, local.provider),
        providers.Singleton(str, providers.Factory(Service, local).provider),
    ):
        assert check(container_of(local=local, outer=outer)) == ()


def open_database() -> Iterator[Database]:
    yield Database()


def open_service(database: Database) -> Iterator[Service]:
    yield Service(database)


SCOPED = [
    scoped.value(Database),
    scoped.singleton(Database),
    scoped.resource(open_database),
]


@pytest.mark.parametrize("part", SCOPED)
def test_a_singleton_that_needs_a_scoped_part_names_both_and_the_cure(part: providers.Provider[Any]) -> None:
    for outer in (
        providers.Singleton(Service, part),
        providers.ThreadLocalSingleton(Service, part),
        providers.Singleton(str, part.provided.url),
        providers.Singleton(str, providers.Factory(Service, part)),
        providers.Singleton(str, providers.List(providers.Selector(lambda: "a", a=part))),
    ):
        finding = only(container_of(part=part, outer=outer))
        assert (finding.path, finding.kind) == ("outer", "captive")
        assert "the part of the first one" in finding.message
        assert "declare it with scoped.singleton, or pass the part to the methods" in finding.message


def test_the_cure_for_a_resource_that_needs_a_scoped_part_is_a_scoped_resource() -> None:
    part = scoped.singleton(Database)
    finding = only(container_of(part=part, outer=providers.Resource(Service, part)))
    assert "declare it with scoped.resource" in finding.message


def test_an_application_with_a_captive_part_is_refused_before_anything_is_built() -> None:
    part = scoped.value(Database)
    with pytest.raises(CheckError, match="outer: Service") as refused:
        Application(container_of(part=part, outer=providers.Singleton(Service, part)))
    assert [finding.kind for finding in refused.value.findings] == ["captive"]


def test_of_a_chain_of_scoped_parts_only_the_last_is_captive() -> None:
    part = scoped.value(Database)
    middle = scoped.singleton(Service, part)
    finding = only(container_of(part=part, middle=middle, outer=providers.Singleton(str, middle)))
    assert (finding.path, "(middle)" in finding.message) == ("outer", True)


@pytest.mark.parametrize("part", SCOPED)
def test_what_is_scoped_or_made_anew_may_use_a_scoped_part(part: providers.Provider[Any]) -> None:
    for outer in (
        scoped.singleton(Service, part),
        scoped.resource(open_service, part),
        providers.Factory(Service, part),
        providers.ContextLocalSingleton(Service, part),
        providers.Singleton(str, part.provider),
    ):
        assert check(container_of(part=part, outer=outer)) == ()


def test_a_scoped_part_is_checked_as_any_other() -> None:
    finding = only(container_of(part=scoped.singleton(Service)))
    assert (finding.path, finding.kind) == ("part", "arity")
    finding = only(container_of(part=scoped.singleton(Service, "sqlite://")))
    assert (finding.path, finding.kind) == ("part", "type")
    finding = only(container_of(part=scoped.value(str), outer=scoped.singleton(Service, scoped.value(str))))
    assert (finding.path, finding.kind) == ("outer", "type")
