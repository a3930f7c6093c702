"""A dependency that nobody provides is reported where it is used."""

from typing import Any

import pytest
from dependency_injector import providers

from iacs.core.exceptions import Finding
from iacs.runtime.checks import check
from tests.runtime.counted import (
    Abstract,
    Database,
    Fillable,
    Module,
    PoolDatabase,
    Service,
    Shape,
    WithoutDatabase,
    WithTypo,
    container_of,
    only,
)

pytestmark = pytest.mark.usefixtures("nothing_is_built")


def test_a_missing_dependency_is_reported_with_its_dependent() -> None:
    assert only(WithoutDatabase()) == Finding(
        "module.database",
        "missing",
        "Dependency(Database) has no value, and Service() of module.service needs it: "
        "pass database=… to the container module, or set a default",
    )


def test_a_missing_dependency_of_the_outermost_container_is_reported_even_if_unused() -> None:
    finding = only(Fillable())
    assert (finding.path, finding.kind) == ("database", "missing")


def test_a_dependency_of_an_inner_container_that_nothing_asks_does_no_harm() -> None:
    assert check(container_of(inner=providers.Container(Fillable))) == ()


def test_a_dependency_that_only_an_overridden_provider_asked_does_no_harm() -> None:
    container = container_of(module=providers.Container(Module))
    container.module().service.override(providers.Singleton(Service, providers.Singleton(Database)))
    assert check(container) == ()


def test_a_wrong_name_on_a_container_of_dependencies_is_reported() -> None:
    finding = only(WithTypo())
    assert (finding.path, finding.kind) == ("module.core.dbb", "missing")
    assert "Service() of module.service" in finding.message


@pytest.mark.parametrize(
    "provider",
    [
        providers.AbstractFactory(Database),
        providers.AbstractSingleton(Database),
        providers.AbstractCallable(Database),
        providers.Factory(),
        providers.Singleton(),
        providers.Callable(),
        providers.Resource(),
        providers.Selector(),
        providers.Factory(Abstract),
        providers.Singleton(Shape),
    ],
)
def test_a_provider_that_cannot_return_anything_is_reported(provider: providers.Provider[Any]) -> None:
    finding = only(container_of(part=provider))
    assert (finding.path, finding.kind) == ("part", "missing")


def test_an_abstract_provider_that_is_overridden_is_sound() -> None:
    abstract = providers.AbstractFactory(Database)
    abstract.override(providers.Factory(PoolDatabase))
    assert check(container_of(database=abstract, service=providers.Singleton(Service, abstract))) == ()
