"""Overlays of, and across, providers that are no singletons."""

import threading
from typing import Any

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import MissingDependencyError
from iacs.runtime import Application
from tests.fixtures.workshop import Made, Workshop


def _joined(*parts: Any, **named: Any) -> tuple[Any, ...]:
    return (*parts, *named.values())


class Settings(containers.DeclarativeContainer):
    config = providers.Configuration()
    reader = providers.Singleton(_joined, config.database.url, port=config.database.port.as_int())
    whole = providers.Singleton(_joined, config.database)


LOADED = {"database": {"url": "real", "port": "5432"}, "other": 1}


def _settings() -> Settings:
    container = Settings()
    container.config.from_dict(LOADED)
    return container


async def test_an_option_is_replaced_for_those_who_read_it() -> None:
    async with Application(_settings()) as app:
        with app.overlay({"config.database.url": "fake"}) as view:
            assert view["reader"] == ("fake", 5432)
            assert view["whole"] is app["whole"]
        assert app["reader"] == ("real", 5432)


async def test_a_whole_configuration_is_replaced_by_a_mapping() -> None:
    async with Application(_settings()) as app:
        with app.overlay(config={"database": {"url": "fake", "port": "1"}}) as view:
            assert view["reader"] == ("fake", 1)
            assert view["whole"] == ({"url": "fake", "port": "1"},)
        assert app["reader"] == ("real", 5432)
        assert app["config.database.url"] == "real"


async def test_an_option_that_the_mapping_lacks_is_none_or_an_error_if_required() -> None:
    class Strict(containers.DeclarativeContainer):
        config = providers.Configuration()
        loose = providers.Callable(_joined, config.a.b)
        strict = providers.Callable(_joined, config.a.b.required())

    container = Strict()
    container.config.from_dict({"a": {"b": 1}})
    async with Application(container) as app:
        with app.overlay(config={}) as view:
            assert view["loose"] == (None,)
            with pytest.raises(MissingDependencyError, match="is required"):
                view["strict"]


async def test_a_selector_chooses_again_when_its_key_is_replaced(workshop: Workshop) -> None:
    key = providers.Object("memory")
    store = providers.Selector(key, memory=workshop.resource("memory"), disk=workshop.resource("disk"))
    container = workshop.container(key=key, store=store, top=workshop.singleton("top", store))
    async with Application(container) as app:
        with app.overlay(key="disk") as view:
            assert workshop.opened == ["memory", "top", "disk", "top"]
            assert view["top"].needs == (view["store"],)
        assert workshop.closed == ["top", "disk"]
        neither = Made(workshop, "neither", ())
        with app.overlay(store=neither) as view:
            assert view["top"].needs == (neither,)
        assert app["top"].needs == (app["store"],)


async def test_lists_dicts_and_factories_take_what_the_overlay_gives(workshop: Workshop) -> None:
    low = workshop.singleton("low")
    container = workshop.container(
        low=low,
        listed=providers.List(low, low),
        mapped=providers.Dict({"a": low}),
        made=workshop.factory("made", low),
        named=low.provided.name,
        called=providers.Callable(_joined, low),
        upper=low.provided.name.upper.call(),
    )
    fake = Made(workshop, "fake", ())
    async with Application(container) as app:
        with app.overlay(low=fake) as view:
            assert view["listed"] == [fake, fake]
            assert view["mapped"] == {"a": fake}
            assert view["made"].needs == view["called"] == (fake,)
            assert (view["named"], view["upper"]) == ("fake", "FAKE")
        with app.overlay(listed=["mine"], made=fake, named="name") as view:
            assert (view["listed"], view["made"], view["named"]) == (["mine"], fake, "name")
            assert view["low"] is app["low"]


async def test_what_is_handed_over_as_a_provider_gives_the_overlay_s_parts(workshop: Workshop) -> None:
    low = workshop.singleton("low")
    made: Any = workshop.factory("made", low)
    container = workshop.container(
        low=low,
        made=made,
        delegated=workshop.singleton("delegated", made.provider, low.provider),
        chosen=workshop.singleton("chosen", providers.Aggregate(left=low, right=made)),
    )
    fake = Made(workshop, "fake", ())
    async with Application(container) as app:
        for _ in range(2):
            with app.overlay(low=fake) as view:
                make, give = view["delegated"].needs
                assert give() is fake
                assert make().needs == (fake,)
                assert make("more").needs == (fake, "more")
                assert make() is not make()
                assert view["chosen"].needs[0]("left") is fake
                assert view["chosen"].needs[0]("right").needs == (fake,)
        make, give = app["delegated"].needs
        assert give() is app["low"]
        assert make("more").needs == (app["low"], "more")


async def test_an_abstract_provider_is_replaced(workshop: Workshop) -> None:
    class Whole(containers.DeclarativeContainer):
        store: Any = providers.AbstractFactory(Made)
        top = providers.Factory(_joined, store)

    container = Whole()
    container.store.override(providers.Factory(Made, workshop, "own", providers.Object(())))
    async with Application(container) as app:
        with app.overlay(store=providers.Factory(Made, providers.Object(workshop), "mine", ())) as view:
            assert view["top"][0].name == "mine"
        assert app["top"][0].name == "own"


class Local:
    def __init__(self, low: object) -> None:
        self.low = low


@pytest.mark.parametrize("kind", [providers.ThreadLocalSingleton, providers.ContextLocalSingleton])
async def test_a_local_singleton_is_the_overlay_s_own(workshop: Workshop, kind: Any) -> None:
    low = workshop.singleton("low")
    container = workshop.container(low=low, local=kind(Local, low))
    fake = Made(workshop, "fake", ())
    values: list[Any] = []
    async with Application(container) as app:
        with app.overlay(low=fake) as view:
            assert view["local"].low is fake
            assert view["local"] is view["local"]
            thread = threading.Thread(target=lambda: values.append(view["local"]))
            thread.start()
            thread.join(10)
            assert values[0] is not view["local"]
            assert values[0].low is fake
        assert app["local"].low is app["low"]
        assert app["local"] is container.local()


async def test_a_dependency_is_replaced_by_a_value_or_a_provider(workshop: Workshop) -> None:
    class Inner(containers.DeclarativeContainer):
        low: Any = providers.Dependency(instance_of=Made)
        top = workshop.singleton("top", low)

    class Whole(containers.DeclarativeContainer):
        inner = providers.Container(Inner, low=workshop.singleton("low"))

    fake = Made(workshop, "fake", ())
    async with Application(Whole()) as app:
        with app.overlay({"inner.low": fake}) as view:
            assert view["inner.top"].needs == (fake,)
        with app.overlay({"inner.low": workshop.resource("opened")}) as view:
            assert view["inner.top"].needs[0].name == "opened"
        assert workshop.closed == ["top", "top", "opened"]
