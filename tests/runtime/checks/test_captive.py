"""Parts that would keep one thread's object are reported."""

from typing import Any

import pytest
from dependency_injector import providers

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
