"""A cycle is reported once, with its path."""

from collections.abc import Callable
from typing import Any

import pytest
from dependency_injector import providers

from iacs.runtime.checks import check
from tests.runtime.counted import Database, Service, circle, container_of

pytestmark = pytest.mark.usefixtures("nothing_is_built")


@pytest.mark.parametrize(
    "kind", [providers.Singleton, providers.Factory, providers.ThreadSafeSingleton, providers.Resource]
)
def test_a_cycle_is_reported_once_with_its_path(kind: Callable[..., Any]) -> None:
    (finding,) = (finding for finding in check(circle(kind, "b", "a", "c")) if finding.kind == "cycle")
    assert finding.path == "a"
    assert "Service() would need itself: a -> c -> b -> a;" in finding.message


def test_a_provider_that_needs_itself_is_a_cycle() -> None:
    (finding,) = (finding for finding in check(circle(providers.Factory, "a")) if finding.kind == "cycle")
    assert "a -> a" in finding.message


def test_two_cycles_are_two_findings() -> None:
    container = circle(providers.Factory, "a", "b")
    for name, provider in circle(providers.Factory, "c", "d").providers.items():
        setattr(container, name, provider)
    assert [finding.path for finding in check(container) if finding.kind == "cycle"] == ["a", "c"]


def test_a_cycle_through_what_is_provided_names_the_parts_alone() -> None:
    a = providers.Singleton(Service)
    b = providers.Singleton(Service, a.provided.database)
    a.add_args(b)
    (finding,) = (finding for finding in check(container_of(a=a, b=b)) if finding.kind == "cycle")
    assert "a -> b -> a" in finding.message


def test_a_circle_that_a_delegate_breaks_is_sound() -> None:
    def make(other):  # type: ignore[no-untyped-def]
        return other

    a = providers.Singleton(make)
    b = providers.Singleton(make, a)
    a.add_args(b.provider)
    assert check(container_of(a=a, b=b)) == ()


def test_overrides_in_a_circle_are_reported() -> None:
    a, b = providers.Singleton(Database), providers.Singleton(Database)
    a.override(b)
    b.override(a)
    assert [finding.kind for finding in check(container_of(a=a, b=b))] == ["cycle"]
