"""Arguments that no constructor accepts are reported."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from dependency_injector import providers

from iacs.runtime.checks import check
from tests.runtime.counted import Clock, Service, container_of, only

pytestmark = pytest.mark.usefixtures("nothing_is_built")


def two(first: int, second: int) -> int:
    return first + second


def keyword(*, only: int) -> int:
    return only


def positional(first: int, /) -> int:
    return first


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        (providers.Singleton(two), "without 'first', 'second'"),
        (providers.Singleton(two, 1), "without 'second'"),
        (providers.Singleton(two, 1, 2, 3), "takes 2 positional arguments but gets 3"),
        (providers.Singleton(two, 1, first=1), "'first' by position and by name"),
        (providers.Singleton(two, 1, secund=1), "did you mean 'second'?"),
        (providers.Singleton(two, 1, 2, more=1), "no parameter 'more'"),
        (providers.Singleton(keyword, 1, only=1), "takes no positional argument but gets 1"),
        (providers.Singleton(positional, first=1), "no parameter 'first'"),
        (providers.Singleton(partial(two, 1)), "two() is called without 'second'"),
        (providers.Singleton(Clock, 1), "Clock() takes no positional argument"),
        (providers.Singleton(Service), "Service() is called without 'database'"),
        (providers.Resource(two), "without 'first', 'second'"),
        (providers.Factory(two, 1, 2, 3), "takes 2 positional arguments"),
        (providers.Factory(two, thrid=3), "no parameter 'thrid'"),
        (providers.Callable(two, thrid=3), "no parameter 'thrid'"),
        (providers.DelegatedFactory(two, thrid=3), "no parameter 'thrid'"),
        (providers.ThreadLocalSingleton(two, thrid=3), "no parameter 'thrid'"),
    ],
)
def test_arguments_that_do_not_fit_the_constructor_are_reported(
    provider: providers.Provider[Any], words: str
) -> None:
    findings = check(container_of(part=provider))
    assert {(finding.path, finding.kind) for finding in findings} == {("part", "arity")}
    assert words in " ".join(finding.message for finding in findings)


@pytest.mark.parametrize(
    "kind",
    [providers.Factory, providers.Callable, providers.DelegatedFactory, providers.ThreadLocalSingleton],
)
def test_arguments_that_may_come_with_the_call_are_no_defect(kind: Callable[..., Any]) -> None:
    assert check(container_of(part=kind(two, 1))) == ()


def test_a_factory_that_is_injected_as_its_value_needs_all_arguments() -> None:
    inner = providers.Factory(Service)
    for outer in (
        providers.Singleton(str, inner),
        providers.List(inner),
        providers.Dict(a=inner),
        providers.Singleton(str, providers.Selector(lambda: "a", a=inner)),
        providers.Singleton(str, inner.provided.name),
        providers.Singleton(str, inner.provided.name.upper.call()),
    ):
        finding = only(container_of(inner=inner, outer=outer))
        assert (finding.path, finding.kind) == ("inner", "arity")


def test_a_factory_that_is_injected_as_a_provider_may_be_completed_later() -> None:
    inner = providers.Factory(Service)
    for handed in (inner.provider, providers.Delegate(inner), providers.FactoryAggregate(a=inner)):
        assert check(container_of(inner=inner, outer=providers.Singleton(str, handed))) == ()


def test_a_provider_written_inside_another_is_named_by_the_argument() -> None:
    finding = only(container_of(outer=providers.Singleton(str, providers.Factory(Service))))
    assert (finding.path, finding.kind) == ("outer.0", "arity")
