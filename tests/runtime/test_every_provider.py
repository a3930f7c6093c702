"""Every kind of provider gives through an application what it gives by itself."""

import asyncio
import inspect
from functools import reduce
from typing import Any

import pytest
from dependency_injector import containers, providers

from iacs.runtime import Application, check
from iacs.runtime.graph.graph import read_graph
from tests.fixtures.every_provider import Every, Thing

NAMED = [node.path for node in read_graph(Every()).nodes if node.named]
ASKED_BY_NAME = {"aggregate", "factory_aggregate"}
SCOPED = {"resource_local"}
ANEW = {"__self__", "inner", "inner.given"}  # containers: the library gives a copy, or the container itself


def _asked(container: Any, path: str) -> Any:
    return reduce(getattr, path.split("."), container)()


async def _value(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


def _plain(value: Any) -> Any:
    """Return what can be compared: a provider is as good as another that gives the same."""
    if isinstance(value, providers.Provider):
        return type(value)
    return value


def test_the_container_has_every_kind_of_provider_that_the_library_has() -> None:
    kinds = {
        cls
        for cls in vars(providers).values()
        if isinstance(cls, type) and issubclass(cls, providers.Provider)
    }
    used = {type(node.provider) for node in read_graph(Every()).nodes}
    bases = {
        providers.Provider,
        providers.BaseResource,
        providers.BaseSingleton,
        providers.CallableDelegate,
        providers.CoroutineDelegate,
        providers.ExternalDependency,  # what Dependency was called before
        providers.FactoryDelegate,
        providers.SingletonDelegate,
    }
    missing = {cls.__name__ for cls in kinds - used - bases}
    assert missing == set()


def test_the_check_finds_nothing_wrong_with_it() -> None:
    assert check(Every()) == ()


@pytest.mark.parametrize("path", NAMED)
async def test_the_application_gives_what_the_container_gives(path: str) -> None:
    container = Every()
    async with Application(container) as app, app.scope() as scope:
        mine = (scope if path in SCOPED else app)[path]
        its = getattr(container, path) if path in ASKED_BY_NAME else _asked(container, path)
        assert not asyncio.isfuture(mine)
        if inspect.iscoroutine(its) or asyncio.isfuture(its):
            assert inspect.isawaitable(mine)
        mine, its = await _value(mine), await _value(its)
        assert type(mine) is type(its)
        if path not in ANEW:
            assert _plain(mine) == _plain(its)


@pytest.mark.parametrize("path", NAMED)
async def test_what_is_kept_is_the_very_same_object(path: str) -> None:
    container = Every()
    async with Application(container) as app:
        node = app.plan.graph.nodes[app.plan.graph.source(app.plan.graph.paths[path])]
        if node.is_part:
            assert app[path] is app[path] is _asked(container, path)


@pytest.mark.parametrize("path", NAMED)
async def test_an_overlay_of_something_below_gives_the_same_with_that_in_it(path: str) -> None:
    other = Thing("other")
    reference = Every()
    reference.low.override(providers.Object(other))
    async with (
        Application(reference) as expected,
        Application(Every()) as app,
        app.overlay(low=other) as view,
        expected.scope() as expected_scope,
        view.scope() as scope,
    ):
        if path in SCOPED:
            mine, its = scope[path], expected_scope[path]
        else:
            mine, its = await _value(view[path]), await _value(expected[path])
        if path not in ANEW:
            assert _comparable(mine) == _comparable(its)


def _comparable(value: Any) -> Any:
    if isinstance(value, providers.Provider):
        return "a provider"
    if isinstance(value, Thing):
        return (type(value), value.x, _comparable(list(value.given)), _comparable(value.named))
    if isinstance(value, list | tuple):
        return [_comparable(item) for item in value]
    if isinstance(value, dict):
        return {_comparable(key): _comparable(item) for key, item in value.items()}
    return value if isinstance(value, str | int | float | type | None) else type(value)


async def test_a_provider_that_is_called_instead_of_another_gets_its_arguments() -> None:
    low = providers.Singleton(Thing, "low")
    base: Any = providers.Factory(Thing, low, key=1)
    made: dict[str, Any] = {
        "factory": providers.Factory(base, "more", other=2),
        "singleton": providers.Singleton(base, "more", other=2),
        "resource": providers.Resource(base, "more", other=2),
        "callable": providers.Callable(base, "more", key=2),
        "method": providers.Resource(low.provided.method.call("first"), "more"),
        "selector": providers.Factory(providers.Selector(providers.Object("a"), a=base), "more"),
        "attribute": providers.Factory(base.provided.given, "more"),
        "item": providers.Factory(base.provided["k"], "more"),
        "object": providers.Factory(providers.Object(Thing), "more"),
    }
    container = containers.DynamicContainer()
    container.set_providers(low=low, base=base, **made)
    expected = {name: provider() for name, provider in made.items()}
    container.shutdown_resources()
    container.reset_singletons()
    other = Thing("other")
    async with Application(container) as app:
        assert {name: app[name] for name in made} == expected
        with app.overlay(low=other) as view:
            assert view["factory"] == Thing(other, "more", key=1, other=2)
            assert view["attribute"] == (other, "more")
            assert view["method"] == ("first", "more")
