"""Overlays that replace the same parts share what was worked out for the first, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import CheckError
from iacs.runtime import Application, scoped, wrapping
from iacs.runtime.plan.plan import Plan
from tests.runtime.test_growth import _steps


class Made:
    def __init__(self, *below: Any, **named: Any) -> None:
        self.below = below
        self.named = named


class Container(containers.DeclarativeContainer):
    low = providers.Singleton(Made, "original")
    factory = providers.Factory(Made, "original")
    beside = providers.Singleton(Made)
    middle = providers.Factory(Made, low)
    top = providers.Singleton(Made, middle, factory)
    maker = providers.Singleton(Made, factory.provider)
    chosen = providers.Selector(lambda: "low", low=low, beside=beside)
    request = scoped.singleton(Made, top, factory)


def _text(made: Any) -> Any:
    """Return what a part was made of, with the class of each."""
    if isinstance(made, Made):
        return type(made).__name__, *map(_text, made.below), *sorted(made.named.items())
    return made


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """The plans that have been compiled since."""
    plans = []
    compile_plan = Plan._compile

    def note(plan: Plan) -> None:
        plans.append(plan)
        compile_plan(plan)

    monkeypatch.setattr(Plan, "_compile", note)
    return plans


def _fake(name: str) -> type[Made]:
    return type(name, (Made,), {})


SHAPES: dict[str, Callable[[str], Any]] = {
    "singleton": lambda name: providers.Singleton(_fake(name), name, key=name),
    "singleton of a function": lambda name: providers.Singleton(lambda: _fake(name)(name)),
    "factory": lambda name: providers.Factory(_fake(name), name, key=name),
    "callable": lambda name: providers.Callable(lambda below: _fake(name)(below), below=name),
    "object": lambda name: providers.Object(_fake(name)(name)),
    "of new singletons": lambda name: providers.Singleton(Made, providers.Singleton(_fake(name), name)),
    "of new factories": lambda name: providers.Factory(
        Made, providers.Factory(_fake(name), name), Container.beside
    ),
    "list": lambda name: providers.Singleton(
        Made, providers.List(name, providers.Factory(str, name)).provided[1]
    ),
    "attributes": lambda name: _with_attributes(name),
    "thread local": lambda name: providers.ThreadLocalSingleton(_fake(name), name),
    "selector": lambda name: providers.Selector(lambda: "a", a=providers.Factory(_fake(name), name)),
}


def _with_attributes(name: str) -> Any:
    provider = providers.Factory(_fake(name))
    provider.add_attributes(below=providers.List(name))
    return provider


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("part", ["low", "factory"])
async def test_every_overlay_has_the_providers_that_it_was_given(shape: str, part: str) -> None:
    seen = {}
    async with Application(Container()) as app:
        for name in ("First", "Second", "Third"):
            async with app.overlay({part: SHAPES[shape](name)}) as view:
                seen[name] = [_text(view[path]) for path in ("top", "middle", "chosen", part)]
                async with view.scope() as scope:
                    seen[name].append(_text(scope["request"]))
    for name, texts in seen.items():
        async with Application(Container()) as app, app.overlay({part: SHAPES[shape](name)}) as view:
            alone = [_text(view[path]) for path in ("top", "middle", "chosen", part)]
            async with view.scope() as scope:
                assert texts == [*alone, _text(scope["request"])]


@pytest.mark.parametrize("shape", sorted(SHAPES.keys() - {"thread local", "selector"}))
async def test_a_plan_is_compiled_for_the_first_overlay_of_its_names(
    shape: str, compiled: list[Plan]
) -> None:
    async with Application(Container()) as app:
        compiled.clear()
        for name in ("First", "Second", "Third"):
            async with app.overlay(low=SHAPES[shape](name)):
                """Enter and leave."""
        assert len(compiled) == 1


async def test_an_overlay_of_another_shape_has_a_plan_of_its_own() -> None:
    async def made() -> Made:
        return Made("awaited")

    async with Application(Container()) as app:
        for provider, expected in (
            (providers.Singleton(Made), ("Made",)),
            (providers.Singleton(made), ("Made", "awaited")),
            (providers.Singleton(Made, Container.beside), ("Made", ("Made",))),
            (Container.beside, ("Made",)),
            (providers.Factory(Made), ("Made",)),
            (providers.Singleton(Made), ("Made",)),
        ):
            async with app.overlay(low=provider) as view:
                assert _text(view["top"].below[0].below[0]) == expected


async def test_a_factory_is_called_with_arguments_of_its_caller() -> None:
    async with Application(Container()) as app:
        for name in ("First", "Second"):
            async with app.overlay(factory=providers.Factory(_fake(name), name)) as view:
                assert _text(view["maker"].below[0]("more", key=1)) == (name, name, "more", ("key", 1))


async def test_overlays_that_are_open_side_by_side_do_not_mix() -> None:
    together = asyncio.Barrier(50)

    async def use(app: Application[Container], number: int) -> Any:
        async with app.overlay(low=providers.Factory(Made, number)) as view:
            await together.wait()
            return view["top"].below[0].below[0].below, view["middle"].below[0].below

    async with Application(Container()) as app:
        results = await asyncio.gather(*(use(app, number) for number in range(50)))
    assert results == [((number,), (number,)) for number in range(50)]


async def test_an_overlay_within_an_overlay_keeps_what_that_was_given() -> None:
    async with Application(Container()) as app:
        for name in ("First", "Second"):
            async with (
                app.overlay(low=providers.Factory(_fake(name))) as outer,
                outer.overlay(factory=providers.Factory(_fake(f"{name}Inner"))) as inner,
            ):
                assert _text(inner["top"]) == ("Made", ("Made", (name,)), (f"{name}Inner",))
                assert _text(outer["top"]) == ("Made", ("Made", (name,)), ("Made", "original"))


async def test_the_reports_of_an_overlay_name_its_own_providers() -> None:
    async with Application(Container()) as app:
        for name in ("First", "Second"):
            async with app.overlay(low=providers.Singleton(_fake(name), name)) as view:
                assert f":{name}" in str(view.explain("low.overlay"))


async def test_resources_of_every_overlay_are_opened_and_closed() -> None:
    log: list[str] = []

    def resource(name: str) -> Any:
        async def opened() -> AsyncIterator[Made]:
            log.append(f"open {name}")
            yield Made(name)
            log.append(f"close {name}")

        return opened

    async with Application(Container()) as app:
        for name in ("first", "second"):
            async with app.overlay(low=providers.Resource(resource(name))) as view:
                assert _text(view["middle"]) == ("Made", ("Made", name))
            managed = providers.Resource(asynccontextmanager(resource(f"{name} manager")))
            async with app.overlay(low=managed) as view:
                assert _text(view["middle"]) == ("Made", ("Made", f"{name} manager"))
    assert log == [
        f"{what} {name}"
        for name in ("first", "first manager", "second", "second manager")
        for what in ("open", "close")
    ]


async def test_what_an_overlay_wraps_is_wrapped_by_its_own_function() -> None:
    async with Application(Container(), roots=["beside"]) as app:
        for name in ("First", "Second"):
            async with app.overlay(beside=wrapping(_fake(name))) as view:
                assert _text(view["beside"]) == (name, ("Made",))
            async with app.overlay(
                beside=providers.Singleton(_fake(name)), factory=wrapping(_fake(f"{name}Wrapped"))
            ) as view:
                assert _text(view["beside"]) == (name,)
                assert _text(view["factory"]) == (f"{name}Wrapped", ("Made", "original"))


async def test_a_provider_that_asks_for_what_it_replaces_is_refused_every_time() -> None:
    async with Application(Container()) as app:
        for _ in range(2):
            with pytest.raises(CheckError, match="is replaced by a provider that asks for it"):
                async with app.overlay(low=providers.Singleton(Made, app.container.middle)):
                    """Never entered."""


async def test_a_restarted_application_compiles_anew(compiled: list[Plan]) -> None:
    app = Application(Container())
    for _ in range(2):
        async with app:
            compiled.clear()
            async with app.overlay(low=providers.Singleton(Made)) as view:
                assert view["top"] is not app["top"]
            assert len(compiled) == 1


@pytest.mark.parametrize("replacement", [lambda: providers.Singleton(Made), Made], ids=["provider", "object"])
def test_entering_costs_the_same_in_a_container_of_five_hundred_other_parts(
    replacement: Callable[[], Any],
) -> None:
    def steps(others: int) -> int:
        container = containers.DynamicContainer()
        container.low = providers.Singleton(Made)
        container.top = providers.Singleton(Made, container.low)
        for number in range(others):
            setattr(container, f"other{number}", providers.Singleton(Made))

        def enter() -> None:
            with app.overlay(low=replacement()) as view:
                view["top"]

        with Application(container).sync() as app:
            enter()
            return _steps(enter)

    assert steps(500) <= steps(10) + 50


@pytest.mark.parametrize("kind", [providers.Resource, scoped.resource])
async def test_resources_that_an_overlay_gives_need_not_be_asynchronous(kind: Any) -> None:
    def opened(name: str) -> Iterator[Made]:
        yield Made(name)

    async with Application(Container()) as app:
        for name in ("first", "second"):
            async with app.overlay(request=kind(opened, name)) as view, view.scope() as scope:
                assert _text(scope["request"]) == ("Made", name)
