"""Providers inside plain collections are reported."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from dependency_injector import providers

from iacs.runtime.checks import check
from tests.runtime.counted import Database, container_of, only

pytestmark = pytest.mark.usefixtures("nothing_is_built")


@pytest.mark.parametrize(
    ("value", "cure"),
    [
        (lambda p: [p], "providers.List"),
        (lambda p: (p,), "providers.List"),
        (lambda p: {"a": p}, "providers.Dict"),
        (lambda p: {p: 1}, "providers.Dict"),
        (lambda p: {p}, "hidden in the set"),
        (lambda p: frozenset({p}), "hidden in the frozenset"),
        (lambda p: [1, {"a": ({"b": [p]},)}], "providers.List"),
    ],
)
def test_a_provider_inside_a_plain_collection_is_reported(value: Callable[[Any], Any], cure: str) -> None:
    database = providers.Singleton(Database)

    def take(things):  # type: ignore[no-untyped-def]
        return things

    for outer in (
        providers.Singleton(take, value(database)),
        providers.Factory(take, things=value(database)),
        providers.List(value(database)),
        providers.Dict(a=value(database)),
    ):
        finding = only(container_of(database=database, outer=outer))
        assert (finding.path, finding.kind) == ("outer", "hidden")
        assert cure in finding.message


def test_a_provider_inside_a_partial_is_reported() -> None:
    database = providers.Singleton(Database)
    finding = only(container_of(database=database, outer=providers.Singleton(partial(str, database))))
    assert (finding.path, finding.kind) == ("outer", "hidden")


def test_a_delegated_provider_may_stand_in_a_list() -> None:
    def take(things):  # type: ignore[no-untyped-def]
        return things

    outer = providers.Singleton(take, [providers.DelegatedFactory(Database), 1])
    assert check(container_of(outer=outer)) == ()


def test_a_list_that_holds_itself_is_read_once() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert check(container_of(outer=providers.Singleton(str, endless))) == ()
